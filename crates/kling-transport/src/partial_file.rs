//! A download to a file: its options, its checks, and the file in progress.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::content::HEAD_BYTES;
use crate::http_reply::RangeRequest;
use crate::part_file::{PartFile, ResumeInfo};
use crate::{Error, ErrorKind, ExpectedContent, HttpHead, RetryPolicy, sanitize};

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
    options: DownloadOptions,
    received: u64,
    /// The bytes before this attempt.
    before: u64,
    info: ResumeInfo,
    /// Whether the head of the file was checked in this attempt.
    is_checked: bool,
    rate: TransferRate,
}

impl PartialFile {
    /// Opens and locks the file of an earlier download, or a new one.
    pub(crate) fn open(path: &Path, source: &Url, options: &DownloadOptions) -> Result<Self, Error> {
        if !options.overwrite && path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let (part, found) = PartFile::open(path, source).map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => locked(path),
            _ => unwritable(path, &error),
        })?;
        let (info, received) = found.unwrap_or_default();
        let (options, rate) = (options.clone(), TransferRate::default());
        let mut file = Self { part, options, received, before: received, info, is_checked: false, rate };
        if received > 0 && !file.is_complete() {
            // At least one byte is requested again, so that the server confirms the version.
            file.received = file.info.total.map_or(received, |total| received.min(total.saturating_sub(1)));
            file.part.resume(file.received).map_err(|error| unwritable(path, &error))?;
        }
        Ok(file)
    }

    /// Whether an earlier download completed the file but could not rename it.
    pub(crate) fn is_complete(&self) -> bool {
        self.info.is_whole && self.info.total == Some(self.received)
    }

    /// Begins an attempt. Returns the request for the missing bytes, if the file can be resumed.
    pub(crate) fn begin(&mut self) -> Option<RangeRequest> {
        (self.before, self.is_checked, self.rate) = (self.received, false, TransferRate::default());
        self.range()
    }

    fn range(&self) -> Option<RangeRequest> {
        RangeRequest::new(self.received, self.info.version.as_deref())
    }

    /// Whether this attempt brought any bytes that are kept.
    pub(crate) fn has_grown(&self) -> bool {
        self.received > self.before && self.range().is_some()
    }

    /// Restarts or resumes the file, as the head of the reply says. A file that the reply does not continue is discarded.
    pub(crate) fn start(&mut self, head: &HttpHead) -> Result<(), Error> {
        let checked = self.check_head(head);
        if head.status == 200 {
            return checked.and_then(|()| self.restart(head));
        }
        let resumed = checked.and_then(|()| self.resume(head));
        resumed.inspect_err(|_| self.discard())
    }

    /// Checks the content headers of a reply.
    fn check_head(&self, head: &HttpHead) -> Result<(), Error> {
        if let Some(coding) = head.coding() {
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

    fn restart(&mut self, head: &HttpHead) -> Result<(), Error> {
        let (total, most) = (head.content_length, self.options.max_bytes);
        if let Some(total) = total.filter(|total| *total > most) {
            return Err(too_large(total, most));
        }
        (self.received, self.before) = (0, 0);
        self.info = ResumeInfo { version: head.version().map(str::to_owned), total, is_whole: false };
        let note = Some(&self.info).filter(|info| info.version.is_some());
        self.part.restart(note).map_err(|error| unwritable(&self.part.target, &error))
    }

    fn resume(&mut self, head: &HttpHead) -> Result<(), Error> {
        let total = self.info.total;
        if !self.range().is_some_and(|range| range.is_continued_by(head, total)) {
            return Err(Error::new(ErrorKind::Protocol, "the reply does not continue the file"));
        }
        self.info.total = total.or_else(|| head.content_range?.total);
        Ok(())
    }

    /// Lets nobody resume the file.
    fn discard(&mut self) {
        self.info.version = None;
        // A note that stays is found outdated by its version.
        let _ = self.part.discard_note();
    }

    /// Appends a chunk that arrived at `now`, a time since a fixed moment.
    pub(crate) fn append(&mut self, chunk: &[u8], now: Duration) -> Result<(), Error> {
        self.received += chunk.len() as u64;
        if self.received > self.options.max_bytes {
            self.discard();
            return Err(too_large(self.received, self.options.max_bytes));
        }
        self.part.append(chunk).map_err(|error| unwritable(&self.part.target, &error))?;
        if !self.is_checked && self.received >= HEAD_BYTES as u64 {
            self.check()?;
        }
        // A slow attempt counts as one without progress.
        let checked = self.rate.note(chunk.len() as u64, now, &self.options);
        checked.inspect_err(|_| self.before = self.received)
    }

    /// Checks the head of the file against the expected content.
    fn check(&mut self) -> Result<(), Error> {
        let head = self.part.head(HEAD_BYTES).map_err(|error| unwritable(&self.part.target, &error))?;
        self.is_checked = true;
        self.options.content.check(&head).map_err(|finding| {
            self.discard();
            Error::new(ErrorKind::Content, finding)
        })
    }

    pub(crate) fn progress(&self) -> Progress {
        Progress { received: self.received, total: self.info.total }
    }

    /// Checks that the file is complete.
    pub(crate) fn complete(&mut self) -> Result<(), Error> {
        match self.info.total {
            Some(total) if total != self.received => {
                let message = format!("got {} of {total} bytes", self.received);
                Err(Error::new(ErrorKind::Interrupted, message))
            }
            _ if self.is_checked => Ok(()),
            _ => self.check(),
        }
    }

    /// Renames the file to its target.
    pub(crate) fn finish(self) -> Result<Downloaded, Error> {
        let Self { part, options, received, .. } = self;
        let path = part.target.clone();
        let kept = std::path::absolute(&part.path).unwrap_or_else(|_| part.path.clone());
        if let Err(error) = part.finish(options.overwrite) {
            let error = not_created(&path, &error);
            if kept.symlink_metadata().is_ok_and(|facts| facts.len() == received) {
                return Err(error.and(&format!("the complete output is in {}", kept.display())));
            }
            return Err(error);
        }
        Ok(Downloaded { path, bytes: received })
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

fn exists(path: &Path) -> Error {
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
