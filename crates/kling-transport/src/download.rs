//! The rules of a download, without a socket: hosts, redirects, attempts.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use data_url::DataUrl;
use url::Url;

use crate::error_kind::Kind;
use crate::host_gate::AllowedHosts;
use crate::partial_file::{AttemptError, PartialFile, exists, too_large};
use crate::{
    DownloadOptions, Downloaded, Error, ExpectedContent, HttpHead, HttpRequest, Retry, Settings, Span,
    excerpt,
};

const MAX_REDIRECTS: u32 = 5;
/// How often a file is asked for that is not there: it may appear a moment after its job has ended.
const MAX_MISSING: u32 = 4;

/// A download under way. Both clients keep the file of [`Downloading::take_whole`] if there is one. Else they send
/// [`Downloading::request`], write the body into the file of [`Downloading::begin`], and bring what hinders them to
/// [`Downloading::next`].
#[derive(Debug)]
pub(crate) struct Downloading {
    /// Where it begins: a redirect's target may be good for one attempt only.
    source: Url,
    url: Url,
    path: PathBuf,
    options: DownloadOptions,
    gate: AllowedHosts,
    redirects: u32,
    attempts: u32,
    /// What an attempt before brought, where that can be continued.
    partial: Option<PartialFile>,
    span: Span,
}

impl Downloading {
    pub(crate) fn new(
        url: &str,
        path: &Path,
        options: &DownloadOptions,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let gate = AllowedHosts::new(&settings.base, &options.allowed_hosts);
        let url =
            Url::parse(url.trim()).map_err(|_| Error::foreign("an output names no usable URL", None))?;
        gate.check(&url)?;
        if !options.overwrite && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let partial = PartialFile::open(path, &url, options)?;
        let (path, options, source) = (path.to_owned(), options.clone(), url.clone());
        let span = Span::download(url.host_str().unwrap_or_default());
        Ok(Self { source, url, path, options, gate, redirects: 0, attempts: 0, partial: Some(partial), span })
    }

    /// Where the attempts belong.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The file that an earlier download left whole, because its place was taken or could not be written.
    pub(crate) fn take_whole(&mut self) -> Option<PartialFile> {
        self.partial.take_if(|partial| partial.is_whole())
    }

    pub(crate) fn request(&self) -> HttpRequest {
        let rest = self.partial.as_ref().and_then(PartialFile::rest);
        HttpRequest::get(self.url.clone(), None).with_rest(rest)
    }

    pub(crate) fn patience(&self) -> Duration {
        self.options.patience
    }

    /// Opens the file for a body, or goes on with the one at hand, where the start of the answer promises what it needs.
    pub(crate) fn begin(&mut self, head: &HttpHead) -> Result<PartialFile, AttemptError> {
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
                Ok(partial.restarted(head)?)
            }
            206 | 416 => self.go_on(head),
            _ => Err(self.refused(head)),
        }
    }

    /// Goes on with the part at hand. A rest that is not to be had is no reason to give the whole up.
    fn go_on(&mut self, head: &HttpHead) -> Result<PartialFile, AttemptError> {
        let unusable = || Error::new(Kind::Protocol, "it is another part than was asked for");
        let Some(partial) = self.partial.take() else { return Err(unusable().into()) };
        let usable = if head.status == 206 { self.check(head) } else { Err(unusable()) };
        match usable {
            Ok(()) => partial.continued(head),
            Err(error) => {
                partial.discard();
                Err(error.into())
            }
        }
    }

    /// Judges what the head says of the content, of a whole file and of a rest alike.
    fn check(&self, head: &HttpHead) -> Result<(), Error> {
        let is_coded = |coding: &&str| !coding.trim().is_empty() && !coding.eq_ignore_ascii_case("identity");
        if let Some(coding) = head.content_encoding.as_deref().filter(is_coded) {
            let message = format!("it is compressed as {}, which was not asked for", excerpt::short(coding));
            return Err(Error::new(Kind::Content, message));
        }
        let is_page = |kind: &String| kind.to_ascii_lowercase().starts_with("text/html");
        if self.options.content != ExpectedContent::Anything
            && head.content_type.as_ref().is_some_and(is_page)
        {
            return Err(Error::new(Kind::Content, "it is a page of HTML, and no output"));
        }
        Ok(())
    }

    /// The host of an output knows neither the token nor the account nor the request: its refusal is about the file alone.
    fn refused(&self, head: &HttpHead) -> AttemptError {
        let host = self.url.host_str().unwrap_or_default();
        let kind = match Kind::of_status(head.status) {
            kind @ (Kind::RateLimited | Kind::Server | Kind::Timeout) => kind,
            _ => Kind::OutputUnavailable,
        };
        let error = Error::new(kind, format!("{host} does not give the file")).with_host(Some(host));
        error.with_status(head.status).with_retry_after(head.retry_after).into()
    }

    /// Notes that the file is whole.
    pub(crate) fn came(&self, partial: &PartialFile) {
        self.span.attempted(self.attempts + 1, None);
        self.span.number("bytes", partial.progress().received);
    }

    /// What to do about an obstacle: go on after a pause, or give up.
    pub(crate) fn next(
        &mut self,
        obstacle: AttemptError,
        elapsed: Duration,
        random: f64,
    ) -> ControlFlow<Error, Duration> {
        let error = match obstacle {
            AttemptError::Moved(location) => return self.follow(&location),
            AttemptError::Failed(error) => error,
            AttemptError::Broken(error, partial) => {
                if partial.has_grown() && partial.rest().is_some() {
                    // An attempt that brought something which is kept counts as none.
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
        let may_appear = error.is_output_unavailable() && error.status() == Some(404);
        if error.is_transient() || may_appear && self.attempts < MAX_MISSING {
            let wish = error.retry_after();
            if let Retry::After(pause) = self.options.retry.next(self.attempts, wish, elapsed, random) {
                self.span.delay(pause);
                return ControlFlow::Continue(pause);
            }
        }
        ControlFlow::Break(error)
    }

    /// Keeps what came, if it can be continued.
    fn keep(&mut self, partial: PartialFile) {
        if partial.rest().is_some() {
            self.partial = Some(partial);
        }
    }

    /// Goes where a redirect points, if that host is allowed as well.
    fn follow(&mut self, location: &str) -> ControlFlow<Error, Duration> {
        self.redirects += 1;
        if self.redirects > MAX_REDIRECTS {
            let message = format!("the output's host redirects more than {MAX_REDIRECTS} times");
            return ControlFlow::Break(Error::foreign(message, self.url.host_str()));
        }
        let target = self.url.join(location);
        match target.map_err(|_| Error::foreign("a redirect names no usable URL", None)).and_then(|url| {
            self.gate.check(&url)?;
            Ok(url)
        }) {
            Ok(url) => {
                self.url = url;
                ControlFlow::Continue(Duration::ZERO)
            }
            Err(error) => ControlFlow::Break(error),
        }
    }
}

/// Whether an output is not behind its URL but in it.
pub(crate) fn is_inline(url: &str) -> bool {
    let scheme = url.trim_start().split(':').next();
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("data"))
}

/// Writes the content of a `data:` URL to a file, by the rules of a download.
pub(crate) fn save_inline(url: &str, path: &Path, options: &DownloadOptions) -> Result<Downloaded, Error> {
    let broken = || Error::new(Kind::Content, "found a data: URL that cannot be decoded");
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
    let partial = PartialFile::open(path, &source, options)?.restarted(&head)?;
    let whole = partial.append(&bytes, Duration::ZERO).and_then(PartialFile::whole);
    whole.map_err(AttemptError::into_error)?.keep()
}
