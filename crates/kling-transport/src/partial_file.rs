//! A download to a file: its options, its checks, and the file in progress.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::content::HEAD_BYTES;
use crate::http_reply::RangeRequest;
use crate::part_file::{PartFile, ResumeInfo};
use crate::{Error, ErrorKind, ExpectedContent, HttpHead, RetryPolicy, TransportError, sanitize};

/// The options of a download.
///
/// By default a download fetches media of at most 2 GiB and never overwrites a file. The allowed hosts are `https`
/// hosts below `runcomfy.net` and `runcomfy.com`. An API on loopback is an allowed host too.
#[derive(Clone, Debug)]
#[must_use]
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
    /// Sets the most bytes. Default: 2 GiB.
    pub fn with_max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// Sets whether an existing file is replaced. Default: no.
    pub fn with_overwrite(self, overwrite: bool) -> Self {
        Self { overwrite, ..self }
    }

    /// Allows one more `https` host by its exact name, or with a leading dot every host below it.
    pub fn with_allowed_host(mut self, host: impl Into<String>) -> Self {
        self.allowed_hosts.push(host.into());
        self
    }

    /// Sets the expected content. Default: [`ExpectedContent::Media`].
    pub fn with_content(self, content: ExpectedContent) -> Self {
        Self { content, ..self }
    }

    /// Returns the expected content.
    pub const fn content(&self) -> ExpectedContent {
        self.content
    }

    /// Sets the idle timeout, the longest pause between chunks. Default: 60 s.
    pub fn with_idle_timeout(self, idle_timeout: Duration) -> Self {
        Self { idle_timeout, ..self }
    }

    /// Sets the lowest rate in bytes a second, over each stretch as long as the idle timeout. Default: 1000. 0 means
    /// none.
    ///
    /// A slower attempt is ended and counts as one without progress. Its bytes are kept.
    pub fn with_min_rate(self, min_rate: u64) -> Self {
        Self { min_rate, ..self }
    }

    /// Sets the retries. Default: 5 attempts in a row without progress, within an hour. A missing file (HTTP 404) is
    /// tried 4 times, since it may appear shortly after the job ends.
    ///
    /// An attempt resumes the last one if the server names the version of the file by a strong `ETag` or a
    /// `Last-Modified`. So does a later download of the same URL to the same file, even by another process. The query
    /// of the URL does not count. The bytes are kept in a hidden file `.kling-….part` beside the target.
    pub fn with_retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Checks that a download with these options can write its file, before the job is paid for. Blocks on the disk.
    ///
    /// Creates empty files under the names of a download, renames one to `path`, and removes it.
    ///
    /// # Errors
    /// [`Error::is_file`] if the file exists, its folder does not, or a name cannot be written.
    pub fn check_path(&self, path: impl AsRef<Path>) -> Result<(), Error> {
        let path = path.as_ref();
        if !self.overwrite && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        PartFile::rehearse(path, self.overwrite).map_err(|error| not_created(path, &error))
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

/// The progress of a download.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// The bytes received.
    pub received: u64,
    /// The size of the file, if the server named it.
    pub total: Option<u64>,
}

/// A complete download.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Downloaded {
    /// The path of the file.
    pub path: PathBuf,
    /// The size of the file.
    pub bytes: u64,
}

impl Downloaded {
    /// Returns a file that was downloaded earlier.
    ///
    /// # Errors
    /// If the file cannot be found.
    pub fn at(path: PathBuf) -> io::Result<Self> {
        let bytes = path.metadata()?.len();
        Ok(Self { path, bytes })
    }
}

/// A file in progress, under a hidden name beside its target. It is kept for a later attempt if it can be resumed.
#[derive(Debug)]
pub(crate) struct PartialFile {
    part: PartFile,
    path: PathBuf,
    options: DownloadOptions,
    received: u64,
    /// The bytes before this attempt.
    before: u64,
    total: Option<u64>,
    version: Option<String>,
    /// Whether the head of the file was checked in this attempt.
    is_checked: bool,
    /// Whether an earlier download completed the file.
    is_complete: bool,
    rate: TransferRate,
}

impl PartialFile {
    /// Opens and locks the file of an earlier attempt, or a new one.
    pub(crate) fn open(path: &Path, source: &Url, options: &DownloadOptions) -> Result<Self, Error> {
        let (part, found) = PartFile::open(path, source).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => locked(path),
            _ => unwritable(path, &error),
        })?;
        let mut file = Self {
            part,
            path: path.to_owned(),
            options: options.clone(),
            received: 0,
            before: 0,
            total: None,
            version: None,
            is_checked: false,
            is_complete: false,
            rate: TransferRate::default(),
        };
        let Some((note, length)) = found else { return Ok(file) };
        file.total = note.total;
        if note.is_whole && note.total == Some(length) {
            (file.received, file.is_complete) = (length, true);
            return Ok(file);
        }
        // At least one byte is requested again, so that the server confirms the version.
        file.received = note.total.map_or(length, |total| length.min(total.saturating_sub(1)));
        file.part.resume(file.received).map_err(|error| unwritable(path, &error))?;
        (file.before, file.version) = (file.received, note.version);
        Ok(file)
    }

    /// Restarts the file as a reply announces it, unless it exceeds the limit.
    pub(crate) fn restart(mut self, head: &HttpHead) -> Result<Self, Error> {
        let (total, most) = (head.content_length, self.options.max_bytes);
        if let Some(total) = total.filter(|total| *total > most) {
            return Err(too_large(total, most));
        }
        let version = head.version().map(str::to_owned);
        let note = version.is_some().then(|| ResumeInfo { version: version.clone(), total, is_whole: false });
        self.part.restart(note.as_ref()).map_err(|error| unwritable(&self.path, &error))?;
        Ok(Self { received: 0, before: 0, total, version, ..self.new_attempt() })
    }

    /// Resumes the file, if the reply continues it.
    pub(crate) fn resume(self, head: &HttpHead) -> Result<Self, AttemptError> {
        let fits = self.range().is_some_and(|range| range.is_continued_by(head, self.total));
        if !fits {
            self.discard();
            return Err(Error::new(ErrorKind::Protocol, "the reply does not continue the file").into());
        }
        let total = self.total.or_else(|| head.content_range?.total);
        Ok(Self { before: self.received, total, ..self.new_attempt() })
    }

    /// Resets the checks of an attempt.
    fn new_attempt(self) -> Self {
        Self { is_checked: false, is_complete: false, rate: TransferRate::default(), ..self }
    }

    /// Removes the file.
    pub(crate) fn discard(mut self) {
        // A note that stays is found outdated by its version.
        let _ = self.part.discard_note();
    }

    /// Whether an earlier download completed the file but could not rename it.
    pub(crate) const fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// Returns the request for the missing bytes, if the file can be resumed.
    pub(crate) fn range(&self) -> Option<RangeRequest> {
        RangeRequest::new(self.received, self.version.as_deref())
    }

    /// Whether this attempt brought any bytes.
    pub(crate) fn has_grown(&self) -> bool {
        self.received > self.before
    }

    /// Appends a chunk that arrived at `now`, a time since a fixed moment.
    pub(crate) fn append(mut self, chunk: &[u8], now: Duration) -> Result<Self, AttemptError> {
        self.received += chunk.len() as u64;
        if self.received > self.options.max_bytes {
            let error = too_large(self.received, self.options.max_bytes);
            self.discard();
            return Err(error.into());
        }
        self.part.append(chunk).map_err(|error| unwritable(&self.path, &error))?;
        if !self.is_checked && self.received >= HEAD_BYTES as u64 {
            self = self.checked()?;
        }
        match self.rate.note(chunk.len() as u64, now, &self.options) {
            Ok(()) => Ok(self),
            Err(error) => Err(AttemptError::Slow(error, self.into())),
        }
    }

    /// Checks the head of the file against the expected content.
    fn checked(mut self) -> Result<Self, AttemptError> {
        let head = self.part.head(HEAD_BYTES).map_err(|error| unwritable(&self.path, &error))?;
        match self.options.content.check(&head) {
            Ok(()) => Ok(Self { is_checked: true, ..self }),
            Err(finding) => {
                self.discard();
                Err(Error::new(ErrorKind::Content, finding).into())
            }
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress { received: self.received, total: self.total }
    }

    /// Checks that the file is complete.
    pub(crate) fn complete(self) -> Result<Self, AttemptError> {
        match self.total {
            Some(total) if total != self.received => {
                let message = format!("got {} of {total} bytes", self.received);
                Err(AttemptError::Broken(Error::new(ErrorKind::Interrupted, message), self.into()))
            }
            _ if self.is_checked => Ok(self),
            _ => self.checked(),
        }
    }

    /// Renames the file to its target.
    pub(crate) fn finish(self) -> Result<Downloaded, Error> {
        let Self { part, path, options, received, .. } = self;
        let kept = std::path::absolute(part.path()).unwrap_or_else(|_| part.path().to_owned());
        match part.finish(options.overwrite) {
            Ok(()) => Ok(Downloaded { path, bytes: received }),
            Err(error) => {
                let error = not_created(&path, &error);
                if kept.symlink_metadata().is_ok_and(|facts| facts.len() == received) {
                    return Err(error.and(&format!("the complete output is in {}", kept.display())));
                }
                Err(error)
            }
        }
    }
}

/// The rate of an attempt. An attempt below the lowest rate for as long as the idle timeout fails.
#[derive(Debug, Default)]
struct TransferRate {
    /// The start of the current stretch.
    since: Option<Duration>,
    bytes: u64,
}

impl TransferRate {
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
        let (seconds, rate) = (elapsed.as_secs(), options.min_rate);
        let message = format!("got {arrived} bytes in {seconds} s; expected at least {rate} a second");
        Err(Error::new(ErrorKind::Timeout, message))
    }
}

pub(crate) fn exists(path: &Path) -> Error {
    Error::new(ErrorKind::File, format!("{} already exists; choose another name", path.display()))
}

/// Returns the error of a target that could not be created.
fn not_created(path: &Path, error: &io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AlreadyExists => exists(path),
        _ => unwritable(path, error),
    }
}

fn locked(path: &Path) -> Error {
    let text = format!("{} is being downloaded by another process; wait for it", path.display());
    Error::new(ErrorKind::FileLocked, text)
}

/// Returns the error of a failed write. Another name helps if the folder is missing or closed, but not if the disk is
/// full.
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
    let error = sanitize::text(&error.to_string());
    Error::new(kind, format!("cannot write {}: {error}", path.display()))
}

pub(crate) fn too_large(bytes: u64, limit: u64) -> Error {
    let message = format!("the output has at least {bytes} bytes; the limit is {limit}");
    Error::new(ErrorKind::TooLarge, message)
}

/// The error of an attempt.
#[derive(Debug)]
pub(crate) enum AttemptError {
    /// A redirect to this URL.
    Moved(String),
    /// No byte is kept.
    Failed(Error),
    /// The body ended early.
    Broken(Error, Box<PartialFile>),
    /// The body came too slowly.
    Slow(Error, Box<PartialFile>),
}

impl AttemptError {
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Failed(error) | Self::Broken(error, _) | Self::Slow(error, _) => error,
            Self::Moved(_) => Error::new(ErrorKind::Protocol, "got a redirect instead of a file"),
        }
    }
}

impl From<Error> for AttemptError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<TransportError> for AttemptError {
    fn from(error: TransportError) -> Self {
        Self::Failed(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn disk_name_and_lock_errors_have_different_kinds() {
        let path = Path::new("clip.mp4");
        let kinds = |error: &Error| {
            (error.is_file(), error.kind() == ErrorKind::Disk, error.kind() == ErrorKind::FileLocked)
        };
        for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::WriteZero] {
            assert_eq!(kinds(&unwritable(path, &kind.into())), (true, true, false), "{kind}");
        }
        for kind in [io::ErrorKind::NotFound, io::ErrorKind::PermissionDenied, io::ErrorKind::Unsupported] {
            assert_eq!(kinds(&unwritable(path, &kind.into())), (true, false, false), "{kind}");
        }
        assert_eq!(kinds(&locked(path)), (true, false, true));
        assert!(locked(path).to_string().starts_with("clip.mp4 is being downloaded"));
    }

    #[test]
    fn the_rate_is_measured_over_the_idle_timeout() {
        let options =
            DownloadOptions::default().with_idle_timeout(Duration::from_secs(10)).with_min_rate(100);
        let check = |arrivals: &[(u64, u64)]| {
            let mut rate = TransferRate::default();
            arrivals.iter().try_for_each(|(at, bytes)| rate.note(*bytes, Duration::from_secs(*at), &options))
        };
        assert!(check(&[(0, 1), (9, 1)]).is_ok(), "the time is not over");
        assert!(check(&[(0, 1000), (10, 0), (19, 1)]).is_ok());
        assert!(check(&[(0, 1), (5, 1), (10, 997)]).unwrap_err().is_timeout());
        assert!(check(&[(0, 1000), (10, 0), (20, 999)]).is_err(), "each stretch counts for itself");
        let any = options.clone().with_min_rate(0);
        assert!(TransferRate::default().note(0, Duration::from_secs(99), &any).is_ok());
    }
}
