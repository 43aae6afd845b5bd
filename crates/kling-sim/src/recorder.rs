//! What came in: one line a call, without the token.

use std::time::Duration;

use crate::Call;

/// One call as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedCall {
    /// Its kind.
    pub call: Call,
    /// The HTTP method.
    pub method: String,
    /// The path as it came over the wire, still percent-encoded.
    pub path: String,
    /// The query as it came over the wire, without the question mark.
    pub query: Option<String>,
    /// Whether it had an `Authorization` header; never what stood in it.
    pub has_auth: bool,
    /// What was done wrong to it, by the name of the [`Fault`](crate::Fault).
    pub fault: Option<String>,
    /// The HTTP status of its answer; nothing while it has none, or where the connection ended instead.
    pub status: Option<u16>,
    /// When it arrived, in simulated time since the start.
    pub at: Duration,
}
