//! What a download may do: hosts, sizes, content, times.

use std::path::Path;
use std::time::Duration;

use crate::part::Part;
use crate::partial_file::{exists, refused};
use crate::{Error, ExpectedContent, RetryPolicy};

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
    pub(crate) patience: Duration,
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
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
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
            patience: Duration::from_secs(60),
            min_rate: 1000,
            retry: RetryPolicy::new(Duration::from_secs(3600)).with_max_attempts(5),
        }
    }
}
