//! How far a request got, as far as the library underneath can tell.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The stage at which an exchange ended, in the order in which they come.
///
/// Only the first two prove that nothing left this machine. What cannot be told apart counts as the later stage: for a paid
/// request it is safer to think it sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Looking up the host's address.
    Resolve,
    /// Opening the connection, with the TLS handshake.
    Connect,
    /// The request was leaving.
    Sending,
    /// The request had left; no answer had begun.
    Waiting,
    /// An answer had begun.
    Reading,
}

impl Phase {
    /// Whether an exchange that ended here is proven to have sent nothing.
    #[must_use]
    pub const fn is_before_sending(self) -> bool {
        matches!(self, Self::Resolve | Self::Connect)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up the host",
            Self::Connect => "connecting",
            Self::Sending => "sending the request",
            Self::Waiting => "waiting for the answer",
            Self::Reading => "reading the answer",
        })
    }
}
