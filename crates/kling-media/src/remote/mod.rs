//! Facts of an image behind a URL, from a few kilobytes of it: ranges are asked for until the size is known.
//!
//! [`Checker`] asks by an async client, [`blocking::Checker`] by a blocking one; what is asked next, and when it is
//! enough, is decided by one planner under both, which has neither clock nor socket.
//!
//! # What a check may do
//! It follows redirects by itself, at most five of them, and every one has to lead to an `https` URL. It connects to public
//! addresses only: a name is resolved once, its addresses are judged, and those judged are the ones connected to, so a
//! server cannot answer one address to the judge and another to the connection. [`Options::with_private_allowed`] lifts
//! that for the server that the URL names, never for one that it redirects to. No proxy is used, since it would resolve
//! names where they cannot be judged. Nothing secret is sent: no cookies, no referrer, no credentials.
//!
//! It ends: after the deadline, and after a number of bytes and requests. What ends so is an
//! [unchecked](crate::Error::is_unchecked) image rather than a wrong one.

#[cfg(feature = "remote-blocking")]
pub mod blocking;
#[cfg(feature = "remote")]
mod checker;
mod gate;
mod probe;
mod sparse;

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "remote")]
pub use self::checker::Checker;
pub use self::gate::{Resolve, SystemResolver};

/// What the requests call themselves: some servers refuse those that do not say.
const USER_AGENT: &str = concat!("kling-media/", env!("CARGO_PKG_VERSION"));

/// The bounds of a remote check, the same for the async and the blocking one.
///
/// ```
/// use std::time::Duration;
/// let options = kling_media::remote::Options::default().with_deadline(Duration::from_secs(3));
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    deadline: Duration,
    max_bytes: u64,
    allow_private: bool,
    resolver: Arc<dyn Resolve>,
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
