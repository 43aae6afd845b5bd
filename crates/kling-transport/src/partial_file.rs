//! A file that appears whole or not at all: what its download may do, what is told of it, and what keeps it from being whole.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::content::HEAD_BYTES;
use crate::http_reply::RangeRequest;
use crate::part_file::{Part, ResumeInfo};
use crate::{Error, ErrorKind, ExpectedContent, HttpHead, RetryPolicy, TransportError, sanitize};

/// What a download may do.
///
/// By default it fetches from `https` hosts below `runcomfy.net` and `runcomfy.com`, and from the API's own origin where
/// that is on loopback; at most 2 GiB; media only, by its first bytes; and never over a file that exists.
#[derive(Clone, Debug)]
pub struct DownloadOptions {
    pub(crate) max_bytes: u64,
    pub(crate) overwrite: bool,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) content: ExpectedContent,
    pub(crate) idle_timeout: Duration,
    pub(crate) min_rate: u64,
    pub(crate) retry: RetryPolicy,
}

impl DownloadOptions {
    /// The most bytes; 2 GiB.
    #[must_use]
    pub fn with_max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// Whether a file that exists is replaced; no.
    #[must_use]
    pub fn with_overwrite(self, overwrite: bool) -> Self {
        Self { overwrite, ..self }
    }

    /// One more host, by its exact name, or with a leading dot every host below it; only over `https`, as the others.
    #[must_use]
    pub fn with_allowed_host(mut self, host: impl Into<String>) -> Self {
        self.allowed_hosts.push(host.into());
        self
    }

    /// The content that the file must have; [`ExpectedContent::Media`].
    #[must_use]
    pub fn with_content(self, content: ExpectedContent) -> Self {
        Self { content, ..self }
    }

    /// The content that the file must have.
    #[must_use]
    pub const fn content(&self) -> ExpectedContent {
        self.content
    }

    /// The idle limit: the longest pause in what arrives; 60 s.
    #[must_use]
    pub fn with_idle_timeout(self, idle_timeout: Duration) -> Self {
        Self { idle_timeout, ..self }
    }

    /// The lowest rate, in bytes a second, over each stretch of time as long as the idle limit; 1000, and 0 is none.
    ///
    /// A slower attempt is broken off. It counts as one that brought nothing, and what it brought is kept.
    #[must_use]
    pub fn with_min_rate(self, min_rate: u64) -> Self {
        Self { min_rate, ..self }
    }

    /// How it is tried again; up to 5 attempts in a row that bring nothing further, within an hour. A file that is not there
    /// (HTTP 404), as may be right after the job, is asked for up to 4 times.
    ///
    /// Where the server names the version of the file, by a strong `ETag` or a `Last-Modified`, an attempt goes on where the last
    /// one broke off, else from the beginning. So does a later download of the same URL, its query aside, to the same file, also
    /// by another process after a crash: what was received waits beside it under a hidden name, `.kling-….part`.
    #[must_use]
    pub fn with_retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Checks that a download with these options can write a file, before anything is paid for it.
    ///
    /// Empty files are made under the very names that a download uses, moved to `path` and removed. It waits for the disk.
    ///
    /// # Errors
    /// [`Error::is_file`] if the file exists, its folder does not, or one of the names cannot be written.
    pub fn check_path(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        if !self.overwrite && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        Part::rehearse(path, self.overwrite).map_err(|error| refused(path, &error))
    }
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self {
            max_bytes: 2 * 1024 * 1024 * 1024,
            overwrite: false,
            allowed_hosts: Vec::new(),
            content: ExpectedContent::default(),
            idle_timeout: Duration::from_secs(60),
            min_rate: 1000,
            retry: RetryPolicy::new(Duration::from_secs(3600)).with_max_attempts(5),
        }
    }
}

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

/// A file that is being filled, beside its place and under another name; it is left for a later try where it can be continued.
#[derive(Debug)]
pub(crate) struct PartialFile {
    part: Part,
    path: PathBuf,
    options: DownloadOptions,
    received: u64,
    /// What was there when the attempt began.
    before: u64,
    total: Option<u64>,
    version: Option<String>,
    /// Whether the head of the file was judged in this attempt.
    is_judged: bool,
    /// Whether an earlier download left all of it.
    is_whole: bool,
    pace: Pace,
}

impl PartialFile {
    /// Opens what an earlier try left of a file, or begins it. Nobody else can do so meanwhile.
    pub(crate) fn open(path: &Path, source: &Url, options: &DownloadOptions) -> Result<Self, Error> {
        let (part, found) = Part::open(path, source).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => in_other_hands(path),
            _ => unwritable(path, &error),
        })?;
        let nothing = Self {
            part,
            path: path.to_owned(),
            options: options.clone(),
            received: 0,
            before: 0,
            total: None,
            version: None,
            is_judged: false,
            is_whole: false,
            pace: Pace::default(),
        };
        match found {
            Some((note, len)) if note.is_whole && note.total == Some(len) => {
                Ok(Self { received: len, total: Some(len), is_whole: true, ..nothing })
            }
            Some((note, len)) => nothing.resumed(note, len),
            None => Ok(nothing),
        }
    }

    /// One byte at least is asked for again, so that the server tells whether this is still the file.
    fn resumed(mut self, note: ResumeInfo, found: u64) -> Result<Self, Error> {
        let received = note.total.map_or(found, |total| found.min(total.saturating_sub(1)));
        self.part.resume(received).map_err(|error| unwritable(&self.path, &error))?;
        Ok(Self { received, before: received, total: note.total, version: note.version, ..self })
    }

    /// The same file from its beginning, as an answer announces it, unless that is over the bound.
    pub(crate) fn restarted(mut self, head: &HttpHead) -> Result<Self, Error> {
        let (total, most) = (head.content_length, self.options.max_bytes);
        if let Some(total) = total.filter(|total| *total > most) {
            return Err(too_large(total, most));
        }
        let version = head.version().map(str::to_owned);
        let note = version.is_some().then(|| ResumeInfo { version: version.clone(), total, is_whole: false });
        self.part.restart(note.as_ref()).map_err(|error| unwritable(&self.path, &error))?;
        Ok(Self { received: 0, before: 0, total, version, ..self.anew() })
    }

    /// The same file in its next attempt, if the answer begins where it broke off.
    pub(crate) fn continued(self, head: &HttpHead) -> Result<Self, AttemptError> {
        let fits = self.rest().is_some_and(|rest| rest.is_continued_by(head, self.total));
        if !fits {
            self.discard();
            return Err(Error::new(ErrorKind::Protocol, "it does not go on where it broke off").into());
        }
        let total = self.total.or_else(|| head.content_range?.total);
        Ok(Self { before: self.received, total, ..self.anew() })
    }

    /// Each attempt is judged by its own bytes and its own pace.
    fn anew(self) -> Self {
        Self { is_judged: false, is_whole: false, pace: Pace::default(), ..self }
    }

    /// Leaves nothing behind.
    pub(crate) fn discard(mut self) {
        // What cannot be forgotten is found out by its version when it is continued.
        let _ = self.part.forget();
    }

    /// Whether an earlier download left all of it, and could not put it in its place.
    pub(crate) const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// What is missing, where it can be asked for.
    pub(crate) fn rest(&self) -> Option<RangeRequest> {
        RangeRequest::new(self.received, self.version.as_deref())
    }

    /// Whether this attempt brought anything.
    pub(crate) fn has_grown(&self) -> bool {
        self.received > self.before
    }

    /// What broke off, with the reason.
    pub(crate) fn broken(self, failure: TransportError) -> AttemptError {
        AttemptError::Broken(failure.into(), self.into())
    }

    /// Adds a chunk that arrived at `now`, a time since some fixed moment.
    pub(crate) fn append(mut self, chunk: &[u8], now: Duration) -> Result<Self, AttemptError> {
        self.received += chunk.len() as u64;
        if self.received > self.options.max_bytes {
            let error = too_large(self.received, self.options.max_bytes);
            self.discard();
            return Err(error.into());
        }
        self.part.append(chunk).map_err(|error| unwritable(&self.path, &error))?;
        if !self.is_judged && self.received >= HEAD_BYTES as u64 {
            self = self.judged()?;
        }
        match self.pace.note(chunk.len() as u64, now, &self.options) {
            Ok(()) => Ok(self),
            Err(error) => Err(AttemptError::Slow(error, self.into())),
        }
    }

    /// The file, if it begins as the output that was promised.
    fn judged(mut self) -> Result<Self, AttemptError> {
        let head = self.part.head(HEAD_BYTES).map_err(|error| unwritable(&self.path, &error))?;
        match self.options.content.check(&head) {
            Ok(()) => Ok(Self { is_judged: true, ..self }),
            Err(finding) => {
                self.discard();
                Err(Error::new(ErrorKind::Content, finding).into())
            }
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress { received: self.received, total: self.total }
    }

    /// The file, if nothing is missing of it.
    pub(crate) fn whole(self) -> Result<Self, AttemptError> {
        match self.total {
            Some(total) if total != self.received => {
                let message = format!("{} of {total} bytes arrived", self.received);
                Err(AttemptError::Broken(Error::new(ErrorKind::Interrupted, message), self.into()))
            }
            _ if self.is_judged => Ok(self),
            _ => self.judged(),
        }
    }

    /// Puts the file in its place.
    pub(crate) fn keep(self) -> Result<Downloaded, Error> {
        let Self { part, path, options, received, .. } = self;
        let kept = std::path::absolute(part.path()).unwrap_or_else(|_| part.path().to_owned());
        match part.finish(options.overwrite) {
            Ok(()) => Ok(Downloaded { path, bytes: received }),
            Err(error) => {
                let refused = refused(&path, &error);
                if kept.symlink_metadata().is_ok_and(|facts| facts.len() == received) {
                    return Err(refused.and(&format!("the whole output is kept as {}", kept.display())));
                }
                Err(refused)
            }
        }
    }
}

/// How much arrives in how long: an attempt that brings less than the lowest rate for as long as the idle limit has failed.
#[derive(Debug, Default)]
struct Pace {
    /// When the bytes below began to be counted.
    since: Option<Duration>,
    bytes: u64,
}

impl Pace {
    fn note(&mut self, bytes: u64, now: Duration, options: &DownloadOptions) -> Result<(), Error> {
        let since = *self.since.get_or_insert(now);
        self.bytes = self.bytes.saturating_add(bytes);
        let elapsed = now.saturating_sub(since);
        if elapsed < options.idle_timeout || elapsed.is_zero() {
            return Ok(());
        }
        let arrived = std::mem::take(&mut self.bytes);
        self.since = Some(now);
        if arrived as f64 >= options.min_rate as f64 * elapsed.as_secs_f64() {
            return Ok(());
        }
        let message = format!(
            "{arrived} bytes arrived in {} s, and at least {} a second are expected",
            elapsed.as_secs(),
            options.min_rate
        );
        Err(Error::new(ErrorKind::Timeout, message))
    }
}

pub(crate) fn exists(path: &Path) -> Error {
    Error::file(format!("{} exists and is not overwritten: choose another name", path.display()))
}

/// Why a target was not taken.
fn refused(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => unwritable(path, error),
    }
}

fn in_other_hands(path: &Path) -> Error {
    let text = format!("{} is being downloaded by somebody else: wait for it", path.display());
    Error::new(ErrorKind::FileLocked, text)
}

/// Where there is no such folder, or it is closed, another name helps; where the disk is full or broken, none does.
fn unwritable(path: &Path, error: &io::Error) -> Error {
    use io::ErrorKind::{
        AlreadyExists, InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound,
        PermissionDenied, ReadOnlyFilesystem, Unsupported,
    };
    let kind = match error.kind() {
        AlreadyExists | InvalidFilename | InvalidInput | IsADirectory | NotADirectory | NotFound
        | PermissionDenied | ReadOnlyFilesystem | Unsupported => ErrorKind::File,
        _ => ErrorKind::Disk,
    };
    let text = format!("{} cannot be written: {}", path.display(), sanitize::text(&error.to_string()));
    Error::new(kind, text)
}

pub(crate) fn too_large(bytes: u64, limit: u64) -> Error {
    let text =
        format!("the output has {bytes} bytes or more, and {limit} are allowed: raise the limit to fetch it");
    Error::new(ErrorKind::TooLarge, text)
}

/// What keeps an attempt from ending well.
#[derive(Debug)]
pub(crate) enum AttemptError {
    Moved(String),
    Failed(Error),
    /// The file broke off.
    Broken(Error, Box<PartialFile>),
    /// The file came too slowly, and was broken off.
    Slow(Error, Box<PartialFile>),
}

impl AttemptError {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Failed(error) | Self::Broken(error, _) | Self::Slow(error, _) => error,
            Self::Moved(_) => Error::new(ErrorKind::Protocol, "a redirect stands in the place of a file"),
        }
    }
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<TransportError> for AttemptError {
    fn from(failure: TransportError) -> Self {
        Self::Failed(failure.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_a_bad_name_and_a_file_in_other_hands_are_told_apart() {
        let path = Path::new("clip.mp4");
        let asked = |error: &Error| {
            (error.is_file(), error.kind() == ErrorKind::Disk, error.kind() == ErrorKind::FileLocked)
        };
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::WriteZero] {
            assert_eq!(asked(&unwritable(path, &kind.into())), (true, true, false), "{kind}");
        }
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied, io::ErrorKind::Unsupported] {
            assert_eq!(asked(&unwritable(path, &kind.into())), (true, false, false), "{kind}");
        }
        assert_eq!(asked(&in_other_hands(path)), (true, false, true));
        assert!(in_other_hands(path).to_string().starts_with("clip.mp4 is being downloaded"));
    }

    #[test]
    fn a_pace_is_judged_over_the_idle_limit_and_not_by_a_single_pause() {
        let options =
            DownloadOptions::default().with_idle_timeout(Duration::from_secs(10)).with_min_rate(100);
        let judge = |arrivals: &[(u64, u64)]| {
            let mut pace = Pace::default();
            arrivals.iter().try_for_each(|(at, bytes)| pace.note(*bytes, Duration::from_secs(*at), &options))
        };
        assert!(judge(&[(0, 1), (9, 1)]).is_ok(), "the time is not over");
        assert!(judge(&[(0, 1000), (10, 0), (19, 1)]).is_ok());
        assert!(judge(&[(0, 1), (5, 1), (10, 997)]).unwrap_err().is_timeout());
        assert!(judge(&[(0, 1000), (10, 0), (20, 999)]).is_err(), "each stretch counts for itself");
        let any = options.clone().with_min_rate(0);
        assert!(Pace::default().note(0, Duration::from_secs(99), &any).is_ok());
    }
}
