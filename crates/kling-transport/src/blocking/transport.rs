//! The seam under the blocking client.

use std::io::Read;
use std::time::Duration;

use crate::{Failure, HttpHead, HttpReply, HttpRequest, Limits};

/// Carries requests, and blocks while it does. [`Ureq`](super::Ureq) is the one that comes with this crate.
///
/// An implementation follows no redirect, sends nothing twice, adds no credentials, and reports how far a failed exchange
/// got: where it cannot tell, it names the later phase, because an earlier one lets a paid request be sent again.
pub trait Transport: Send + Sync {
    /// Sends one request once, and reads the whole answer within the limits. Any HTTP status is an answer.
    ///
    /// # Errors
    /// Where no whole answer came.
    fn send(&self, request: HttpRequest, limits: Limits) -> Result<HttpReply, Failure>;
}

/// A transport that can also hand over an answer piece by piece, for downloads.
pub trait Streaming: Transport {
    /// The rest of an answer.
    type Body: Read;

    /// Sends one request once, and reads the start of the answer. `patience` bounds each pause in it, not the whole.
    ///
    /// # Errors
    /// Where no answer began.
    fn open(&self, request: HttpRequest, patience: Duration) -> Result<(HttpHead, Self::Body), Failure>;
}
