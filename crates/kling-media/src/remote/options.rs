//! How far a remote check may go.

use std::sync::Arc;
use std::time::Duration;

use super::{Resolve, SystemResolver};

/// The bounds of a remote check, the same for the async and the blocking one.
///
/// ```
/// use std::time::Duration;
/// let options = kling_media::remote::Options::default().with_deadline(Duration::from_secs(3));
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) deadline: Duration,
    pub(crate) max_bytes: u64,
    pub(crate) allow_private: bool,
    pub(crate) resolver: Arc<dyn Resolve>,
}

impl Options {
    /// How long one check may take, all of its requests together; 10 s.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// How many bytes of one file may be read; 4 MiB. An ordinary photo takes 16 KiB, and only servers that do not know
    /// ranges, before files with much metadata, take more than a hundred.
    #[must_use]
    pub fn with_max_bytes(self, max_bytes: u64) -> Self {
        Self { max_bytes, ..self }
    }

    /// Whether the server that the URL names may be on a private, loopback or link-local address, and speak plain `http`;
    /// `false`. A redirect to another server may not lead there in any case.
    #[must_use]
    pub fn with_private_allowed(self, allow_private: bool) -> Self {
        Self { allow_private, ..self }
    }

    /// Who finds the addresses of a name; the operating system.
    #[must_use]
    pub fn with_resolver(self, resolver: Arc<dyn Resolve>) -> Self {
        Self { resolver, ..self }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            max_bytes: 4 << 20,
            allow_private: false,
            resolver: Arc::new(SystemResolver),
        }
    }
}
