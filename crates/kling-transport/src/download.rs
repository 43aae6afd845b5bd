//! The rules of a download, without a socket: hosts, redirects, attempts.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::error_kind::Kind;
use crate::host_gate::HostGate;
use crate::partial_file::{PartialFile, exists};
use crate::{DownloadOptions, Error, Failure, HttpHead, HttpRequest, Retry, Settings, Span};

const MAX_REDIRECTS: u32 = 5;

/// How far a download got.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// Bytes received.
    pub received: u64,
    /// Bytes in all, where the server said so.
    pub total: Option<u64>,
}

/// A file that was downloaded whole.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Downloaded {
    /// Where it is.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

/// A download under way. Both clients send [`Downloading::request`], write the body into the file of
/// [`Downloading::begin`], and bring what hinders them to [`Downloading::next`].
#[derive(Debug)]
pub(crate) struct Downloading {
    /// Where it begins: a redirect's target may be good for one attempt only.
    source: Url,
    url: Url,
    path: PathBuf,
    options: DownloadOptions,
    gate: HostGate,
    redirects: u32,
    attempts: u32,
    /// What an attempt before brought, where that can be continued.
    partial: Option<PartialFile>,
    span: Span,
}

/// What keeps an attempt from ending well.
#[derive(Debug)]
pub(crate) enum Obstacle {
    Moved(String),
    Failed(Error),
    /// The file broke off.
    Broken(Error, Box<PartialFile>),
}

impl Downloading {
    pub(crate) fn new(
        url: &str,
        path: &Path,
        options: &DownloadOptions,
        settings: &Settings,
    ) -> Result<Self, Error> {
        let gate = HostGate::new(&settings.base, &options.allowed_hosts);
        let url =
            Url::parse(url.trim()).map_err(|_| Error::foreign("an output names no usable URL", None))?;
        gate.check(&url)?;
        if !options.overwrite && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let partial = PartialFile::open(path, &url, options.overwrite, options.max_bytes)?;
        let (path, options, source) = (path.to_owned(), options.clone(), url.clone());
        let span = Span::download(url.host_str().unwrap_or_default());
        Ok(Self { source, url, path, options, gate, redirects: 0, attempts: 0, partial: Some(partial), span })
    }

    /// Where the attempts belong.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    pub(crate) fn request(&self) -> HttpRequest {
        let rest = self.partial.as_ref().and_then(PartialFile::rest);
        HttpRequest::get(self.url.clone(), None).with_rest(rest)
    }

    pub(crate) fn patience(&self) -> Duration {
        self.options.patience
    }

    /// Opens the file for a body, or goes on with the one at hand, where the start of the answer promises what it needs.
    pub(crate) fn begin(&mut self, head: &HttpHead) -> Result<PartialFile, Obstacle> {
        if let (301 | 302 | 303 | 307 | 308, Some(location)) = (head.status, &head.location) {
            return Err(Obstacle::Moved(location.clone()));
        }
        match head.status {
            200 => {}
            206 | 416 => return self.go_on(head),
            _ => return Err(self.refused(head)),
        }
        if head.content_encoding.as_deref().is_some_and(|encoding| !encoding.eq_ignore_ascii_case("identity"))
        {
            return Err(unusable("it is compressed, which was not asked for"));
        }
        let is_page = |kind: &String| kind.to_ascii_lowercase().starts_with("text/html");
        if head.content_type.as_ref().is_some_and(is_page) {
            return Err(unusable("it is a page of HTML, and no output"));
        }
        let DownloadOptions { overwrite, max_bytes, .. } = self.options;
        let partial = match self.partial.take() {
            Some(partial) => partial,
            None => PartialFile::open(&self.path, &self.source, overwrite, max_bytes)?,
        };
        Ok(partial.restarted(head)?)
    }

    /// Goes on with the part at hand. A rest that is not to be had is no reason to give the whole up.
    fn go_on(&mut self, head: &HttpHead) -> Result<PartialFile, Obstacle> {
        match self.partial.take() {
            Some(partial) if head.status == 206 => partial.continued(head),
            partial => {
                partial.into_iter().for_each(PartialFile::discard);
                Err(unusable("it is another part than was asked for"))
            }
        }
    }

    fn refused(&self, head: &HttpHead) -> Obstacle {
        let host = self.url.host_str().unwrap_or_default();
        let error = Error::new(Kind::of_status(head.status), format!("{host} does not give the file"));
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
        obstacle: Obstacle,
        elapsed: Duration,
        random: f64,
    ) -> ControlFlow<Error, Duration> {
        let error = match obstacle {
            Obstacle::Moved(location) => return self.follow(&location),
            Obstacle::Failed(error) => error,
            Obstacle::Broken(error, partial) => {
                self.keep(*partial);
                error
            }
        };
        self.attempts += 1;
        self.span.attempted(self.attempts, Some(&error));
        (self.url, self.redirects) = (self.source.clone(), 0);
        if error.is_transient() {
            let wish = error.retry_after();
            if let Retry::After(pause) = self.options.retry.next(self.attempts, wish, elapsed, random) {
                self.span.delay(pause);
                return ControlFlow::Continue(pause);
            }
        }
        ControlFlow::Break(error)
    }

    /// Keeps what came, if it can be continued; an attempt that brought something counts as none.
    fn keep(&mut self, partial: PartialFile) {
        if partial.rest().is_some() {
            if partial.has_grown() {
                self.attempts = 0;
            }
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

/// What comes is not the file.
fn unusable(why: &str) -> Obstacle {
    Error::new(Kind::Protocol, why).into()
}

impl From<Error> for Obstacle {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<Failure> for Obstacle {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure.into())
    }
}
