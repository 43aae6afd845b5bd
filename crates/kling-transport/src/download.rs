//! A download: its attempts, redirects and allowed hosts.

use std::path::Path;
use std::time::{Duration, Instant};

use data_url::DataUrl;
use url::Url;

use crate::allowed_hosts::AllowedHosts;
use crate::error::ErrorParts;
use crate::http_reply::RangeRequest;
use crate::partial_file::{PartialFile, too_large};
use crate::transport::Connection;
use crate::{
    BodyStream, DownloadOptions, Downloaded, Error, ErrorKind, HttpHead, HttpRequest, Progress, Span,
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
    let mut download = Download::new(connection, url, path, options)?;
    // An earlier download may have completed the file but failed to rename it.
    while !download.file.as_ref().is_some_and(PartialFile::is_complete) {
        let span = download.span.clone();
        match span.around(download.attempt(&mut progress)).await {
            Ok(()) => break,
            Err(error) => {
                let pause = download.next(error, fastrand::f64())?;
                connection.runtime.sleep(pause).await;
            }
        }
    }
    let file = download.file.take().ok_or_else(interrupted)?;
    on_disk(connection, move || file.finish()).await
}

/// Runs disk work.
async fn on_disk<R: Send + 'static>(
    connection: &Connection,
    work: impl FnOnce() -> Result<R, Error> + Send + 'static,
) -> Result<R, Error> {
    connection.run_blocking(work).await.unwrap_or_else(|| Err(interrupted()))
}

/// Returns the error of disk work that panicked, or whose runtime shut down.
fn interrupted() -> Error {
    Error::new(ErrorKind::File, "writing was interrupted")
}

/// A download and its state between attempts.
struct Download<'a> {
    connection: &'a Connection,
    started: Instant,
    url: Url,
    options: &'a DownloadOptions,
    allowed_hosts: AllowedHosts,
    attempts: u32,
    /// The file in progress, unless disk work has it.
    file: Option<PartialFile>,
    span: Span,
}

impl<'a> Download<'a> {
    fn new(
        connection: &'a Connection,
        url: &str,
        path: &Path,
        options: &'a DownloadOptions,
    ) -> Result<Self, Error> {
        let allowed_hosts = AllowedHosts::new(&connection.settings.base, &options.allowed_hosts);
        let url =
            Url::parse(url.trim()).map_err(|_| Error::host_not_allowed("the output URL is invalid", None))?;
        allowed_hosts.check(&url)?;
        let file = Some(PartialFile::open(path, &url, options)?);
        let span = Span::download(url.host_str().unwrap_or_default());
        let started = connection.runtime.now();
        Ok(Self { connection, started, url, options, allowed_hosts, attempts: 0, file, span })
    }

    /// Makes one attempt.
    async fn attempt(&mut self, progress: &mut impl FnMut(Progress)) -> Result<(), Error> {
        let range = self.file.as_mut().and_then(PartialFile::begin);
        let (head, mut body) = self.open(range).await?;
        self.write(move |file| file.start(&head)).await?;
        while let Some(chunk) = body.chunk().await? {
            let now = self.connection.since(self.started);
            self.write(move |file| file.append(&chunk, now)).await?;
            self.file.iter().for_each(|file| progress(file.progress()));
        }
        self.write(PartialFile::complete).await?;
        self.span.attempted(self.attempts + 1, None);
        self.file.iter().for_each(|file| self.span.number("bytes", file.progress().received));
        Ok(())
    }

    /// Sends the request, and follows redirects to allowed hosts.
    async fn open(&self, range: Option<RangeRequest>) -> Result<(HttpHead, Box<dyn BodyStream>), Error> {
        let mut url = self.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let request = HttpRequest::get(url.clone(), None).with_range(range.clone());
            let (head, body) = self.connection.transport.open(request, self.options.idle_timeout).await?;
            match (head.status, &head.location) {
                (301 | 302 | 303 | 307 | 308, Some(location)) => url = self.target(&url, location)?,
                (200 | 206 | 416, _) => return Ok((head, body)),
                _ => return Err(refused(&url, &head)),
            }
        }
        Err(Error::host_not_allowed(format!("more than {MAX_REDIRECTS} redirects"), url.host_str()))
    }

    /// Returns the URL of a redirect.
    fn target(&self, from: &Url, location: &str) -> Result<Url, Error> {
        let url = from.join(location);
        let url = url.map_err(|_| Error::host_not_allowed("the URL of a redirect is invalid", None))?;
        self.allowed_hosts.check(&url).map(|()| url)
    }

    /// Runs disk work on the file.
    async fn write(
        &mut self,
        work: impl FnOnce(&mut PartialFile) -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let mut file = self.file.take().ok_or_else(interrupted)?;
        let work = move || {
            let done = work(&mut file);
            Ok((file, done))
        };
        let (file, done) = on_disk(self.connection, work).await?;
        self.file = Some(file);
        done
    }

    /// Returns the pause before the next attempt, or the error if none follows.
    fn next(&mut self, error: Error, random: f64) -> Result<Duration, Error> {
        if self.file.as_ref().is_some_and(PartialFile::has_grown) {
            // An attempt that brought bytes which are kept does not count.
            self.attempts = 0;
        }
        self.attempts += 1;
        self.span.attempted(self.attempts, Some(&error));
        let is_missing = error.kind() == ErrorKind::OutputUnavailable && error.status() == Some(404);
        if !(error.is_transient() || is_missing && self.attempts < MAX_MISSING) {
            return Err(error);
        }
        let elapsed = self.connection.since(self.started);
        let pause = self.options.retry.next(self.attempts, error.retry_after(), elapsed, random);
        let pause = pause.ok_or(error)?;
        self.span.delay(pause);
        Ok(pause)
    }
}

/// Returns the error of a host that refused the file. The host does not know the token, the account or the request.
fn refused(url: &Url, head: &HttpHead) -> Error {
    let host = url.host_str().unwrap_or_default();
    let kind = match ErrorKind::of_status(head.status) {
        kind @ (ErrorKind::RateLimited | ErrorKind::Server | ErrorKind::Timeout) => kind,
        _ => ErrorKind::OutputUnavailable,
    };
    let parts = ErrorParts {
        kind,
        message: format!("{host} refused the file"),
        host: Some(host.to_owned()),
        ..ErrorParts::default()
    };
    Error(parts.into()).with_head(head)
}

/// Whether a URL holds the output itself.
fn is_inline(url: &str) -> bool {
    url.trim_start().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// Writes the content of a `data:` URL to a file, with the checks of a download.
fn save_inline(url: &str, path: &Path, options: &DownloadOptions) -> Result<Downloaded, Error> {
    let broken = || Error::new(ErrorKind::Content, "the data: URL cannot be decoded");
    let source = Url::parse(url.trim()).map_err(|_| broken())?;
    let (bytes, _fragment) =
        DataUrl::process(url.trim()).map_err(|_| broken())?.decode_to_vec().map_err(|_| broken())?;
    let length = bytes.len() as u64;
    if length > options.max_bytes {
        return Err(too_large(length, options.max_bytes));
    }
    let mut file = PartialFile::open(path, &source, options)?;
    file.start(&HttpHead { status: 200, content_length: Some(length), ..HttpHead::default() })?;
    file.append(&bytes, Duration::ZERO)?;
    file.complete()?;
    file.finish()
}
