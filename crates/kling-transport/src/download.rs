//! A download: its attempts, redirects and allowed hosts.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use data_url::DataUrl;
use url::Url;

use crate::allowed_hosts::AllowedHosts;
use crate::error::ErrorParts;
use crate::partial_file::{AttemptError, PartialFile, exists, too_large};
use crate::transport::Connection;
use crate::{
    DownloadOptions, Downloaded, Error, ErrorKind, ExpectedContent, HttpHead, HttpRequest, Progress, Retry,
    Settings, Span, sanitize,
};

const MAX_REDIRECTS: u32 = 5;
/// The attempts for a missing file, which may appear a moment after its job has ended.
const MAX_MISSING: u32 = 4;

/// Downloads an output to a file: see [`Client::download`](crate::Client::download).
pub(crate) async fn run(
    connection: &Connection,
    url: &str,
    path: &Path,
    options: &DownloadOptions,
    mut progress: impl FnMut(Progress),
) -> Result<Downloaded, Error> {
    if is_inline(url) {
        let (url, path, options) = (url.to_owned(), path.to_owned(), options.clone());
        return on_disk(connection, move || save_inline(&url, &path, &options)).await;
    }
    let started = connection.runtime.now();
    let mut download = Download::new(url, path, options, &connection.settings)?;
    // An earlier download may have completed the file but failed to rename it.
    if let Some(complete) = download.partial.take_if(|partial| partial.is_complete()) {
        return on_disk(connection, move || complete.finish()).await;
    }
    loop {
        let span = download.span.clone();
        let error = match span.around(fetch(connection, &mut download, started, &mut progress)).await {
            Ok(partial) => {
                download.span.attempted(download.attempts + 1, None);
                download.span.number("bytes", partial.progress().received);
                return on_disk(connection, move || partial.finish()).await;
            }
            Err(error) => error,
        };
        match download.next(error, connection.since(started), fastrand::f64()) {
            ControlFlow::Break(error) => return Err(error),
            ControlFlow::Continue(pause) => connection.runtime.sleep(pause).await,
        }
    }
}

/// Makes one attempt.
async fn fetch(
    connection: &Connection,
    download: &mut Download,
    started: Instant,
    progress: &mut impl FnMut(Progress),
) -> Result<PartialFile, AttemptError> {
    let (head, mut body) =
        connection.transport.open(download.request(), download.options.idle_timeout).await?;
    let mut partial = download.begin(&head)?;
    loop {
        partial = match body.chunk().await {
            Ok(Some(chunk)) => {
                let now = connection.since(started);
                on_disk(connection, move || partial.append(&chunk, now)).await?
            }
            Ok(None) => return on_disk(connection, move || partial.complete()).await,
            Err(error) => return Err(AttemptError::Broken(error.into(), partial.into())),
        };
        progress(partial.progress());
    }
}

/// Runs disk work.
async fn on_disk<R: Send + 'static, E: From<Error> + Send + 'static>(
    connection: &Connection,
    work: impl FnOnce() -> Result<R, E> + Send + 'static,
) -> Result<R, E> {
    let done = connection.run_blocking(work).await;
    done.unwrap_or_else(|| Err(Error::new(ErrorKind::File, "writing was interrupted").into()))
}

/// The state of a download between its attempts.
#[derive(Debug)]
struct Download {
    /// The URL of the first request. A redirect may serve one attempt only.
    source: Url,
    url: Url,
    path: PathBuf,
    options: DownloadOptions,
    allowed_hosts: AllowedHosts,
    redirects: u32,
    attempts: u32,
    /// The file of an earlier attempt, if it can be resumed.
    partial: Option<PartialFile>,
    span: Span,
}

impl Download {
    fn new(url: &str, path: &Path, options: &DownloadOptions, settings: &Settings) -> Result<Self, Error> {
        let allowed_hosts = AllowedHosts::new(&settings.base, &options.allowed_hosts);
        let url =
            Url::parse(url.trim()).map_err(|_| Error::host_not_allowed("the output URL is invalid", None))?;
        allowed_hosts.check(&url)?;
        if !options.overwrite && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let partial = Some(PartialFile::open(path, &url, options)?);
        let (path, options, source) = (path.to_owned(), options.clone(), url.clone());
        let span = Span::download(url.host_str().unwrap_or_default());
        Ok(Self { source, url, path, options, allowed_hosts, redirects: 0, attempts: 0, partial, span })
    }

    fn request(&self) -> HttpRequest {
        let range = self.partial.as_ref().and_then(PartialFile::range);
        HttpRequest::get(self.url.clone(), None).with_range(range)
    }

    /// Opens the file for a body, or resumes the file at hand, if the head of the reply allows it.
    fn begin(&mut self, head: &HttpHead) -> Result<PartialFile, AttemptError> {
        if let (301 | 302 | 303 | 307 | 308, Some(location)) = (head.status, &head.location) {
            return Err(AttemptError::Moved(location.clone()));
        }
        match head.status {
            200 => {
                self.check(head)?;
                let partial = match self.partial.take() {
                    Some(partial) => partial,
                    None => PartialFile::open(&self.path, &self.source, &self.options)?,
                };
                Ok(partial.restart(head)?)
            }
            206 | 416 => self.resume(head),
            _ => Err(self.rejected(head)),
        }
    }

    /// Resumes the file at hand, or discards it if the reply does not continue it.
    fn resume(&mut self, head: &HttpHead) -> Result<PartialFile, AttemptError> {
        let unusable = || Error::new(ErrorKind::Protocol, "the server sent another range than was requested");
        let Some(partial) = self.partial.take() else { return Err(unusable().into()) };
        let usable = if head.status == 206 { self.check(head) } else { Err(unusable()) };
        match usable {
            Ok(()) => partial.resume(head),
            Err(error) => {
                partial.discard();
                Err(error.into())
            }
        }
    }

    /// Checks the content headers of a reply.
    fn check(&self, head: &HttpHead) -> Result<(), Error> {
        let is_coded = |coding: &&str| !coding.trim().is_empty() && !coding.eq_ignore_ascii_case("identity");
        if let Some(coding) = head.content_encoding.as_deref().filter(is_coded) {
            let message = format!("compressed as {}, which was not requested", sanitize::name(coding));
            return Err(Error::new(ErrorKind::Content, message));
        }
        let is_page = |kind: &String| kind.to_ascii_lowercase().starts_with("text/html");
        if self.options.content != ExpectedContent::Anything
            && head.content_type.as_ref().is_some_and(is_page)
        {
            return Err(Error::new(ErrorKind::Content, "got an HTML page"));
        }
        Ok(())
    }

    /// Returns the error of a host that refused the file. The host does not know the token, the account or the request.
    fn rejected(&self, head: &HttpHead) -> AttemptError {
        let host = self.url.host_str().unwrap_or_default();
        let kind = match ErrorKind::of_status(head.status) {
            kind @ (ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Timeout) => kind,
            _ => ErrorKind::OutputUnavailable,
        };
        let parts = ErrorParts {
            kind,
            message: format!("{host} refused the file"),
            status: Some(head.status),
            retry_after: head.retry_after,
            host: Some(host.to_owned()),
            ..ErrorParts::default()
        };
        Error::from(parts).into()
    }

    /// Decides after an error: continues after a pause, or breaks with the error.
    fn next(&mut self, error: AttemptError, elapsed: Duration, random: f64) -> ControlFlow<Error, Duration> {
        let error = match error {
            AttemptError::Moved(location) => return self.follow(&location),
            AttemptError::Failed(error) => error,
            AttemptError::Broken(error, partial) => {
                if partial.has_grown() && partial.range().is_some() {
                    // An attempt that brought bytes which are kept does not count.
                    self.attempts = 0;
                }
                self.keep(*partial);
                error
            }
            AttemptError::Slow(error, partial) => {
                self.keep(*partial);
                error
            }
        };
        self.attempts += 1;
        self.span.attempted(self.attempts, Some(&error));
        (self.url, self.redirects) = (self.source.clone(), 0);
        let may_appear = error.kind() == ErrorKind::OutputUnavailable && error.status() == Some(404);
        if error.is_transient() || may_appear && self.attempts < MAX_MISSING {
            let retry_after = error.retry_after();
            if let Retry::After(pause) = self.options.retry.next(self.attempts, retry_after, elapsed, random)
            {
                self.span.delay(pause);
                return ControlFlow::Continue(pause);
            }
        }
        ControlFlow::Break(error)
    }

    /// Keeps the file for the next attempt, if it can be resumed.
    fn keep(&mut self, partial: PartialFile) {
        if partial.range().is_some() {
            self.partial = Some(partial);
        }
    }

    /// Follows a redirect to an allowed host.
    fn follow(&mut self, location: &str) -> ControlFlow<Error, Duration> {
        self.redirects += 1;
        if self.redirects > MAX_REDIRECTS {
            let message = format!("more than {MAX_REDIRECTS} redirects");
            return ControlFlow::Break(Error::host_not_allowed(message, self.url.host_str()));
        }
        let target = self.url.join(location);
        let target = target.map_err(|_| Error::host_not_allowed("the URL of a redirect is invalid", None));
        match target.and_then(|url| self.allowed_hosts.check(&url).map(|()| url)) {
            Ok(url) => {
                self.url = url;
                ControlFlow::Continue(Duration::ZERO)
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// Whether a URL holds the output itself.
fn is_inline(url: &str) -> bool {
    let scheme = url.trim_start().split(':').next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("data"))
}

/// Writes the content of a `data:` URL to a file, with the checks of a download.
fn save_inline(url: &str, path: &Path, options: &DownloadOptions) -> Result<Downloaded, Error> {
    let broken = || Error::new(ErrorKind::Content, "the data: URL cannot be decoded");
    if !options.overwrite && path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let source = Url::parse(url.trim()).map_err(|_| broken())?;
    let (bytes, _fragment) =
        DataUrl::process(url.trim()).map_err(|_| broken())?.decode_to_vec().map_err(|_| broken())?;
    let length = bytes.len() as u64;
    if length > options.max_bytes {
        return Err(too_large(length, options.max_bytes));
    }
    let head = HttpHead { content_length: Some(length), ..HttpHead::default() };
    let partial = PartialFile::open(path, &source, options)?.restart(&head)?;
    let complete = partial.append(&bytes, Duration::ZERO).and_then(PartialFile::complete);
    complete.map_err(AttemptError::into_error)?.finish()
}
