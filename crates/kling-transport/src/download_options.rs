//! What a download may do: hosts, sizes, patience.

use std::time::Duration;

use crate::RetryPolicy;

/// What a download may do.
///
/// By default it fetches from `https` hosts below `runcomfy.net` and `runcomfy.com`, and from the API's own origin where
/// that is on loopback; at most 2 GiB; and never over a file that exists.
#[derive(Clone, Debug)]
pub struct DownloadOptions {
    pub(crate) max_bytes: u64,
    pub(crate) overwrite: bool,
    pub(crate) allowed_hosts: Vec<String>,
    pub(crate) patience: Duration,
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

    /// The longest pause in what arrives; 60 s.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// How it is tried again; up to 5 attempts in a row that bring nothing further, within an hour.
    ///
    /// Where the server names the version of the file, by a strong `ETag` or a `Last-Modified`, an attempt goes on where the last
    /// one broke off, else from the beginning. So does a later download of the same URL, its query aside, to the same file, also
    /// by another process after a crash: what was received waits beside it under a hidden name, `.kling-….part`.
    #[must_use]
    pub fn with_retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }
}

impl Default for DownloadOptions {
    fn default() -> Self {
        Self {
            max_bytes: 2 * 1024 * 1024 * 1024,
            overwrite: false,
            allowed_hosts: Vec::new(),
            patience: Duration::from_secs(60),
            retry: RetryPolicy::new(Duration::from_secs(3600)).with_max_attempts(5),
        }
    }
}
