//! The seam under the async client: whatever carries a request value and brings back a reply value.

use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::{Failure, HttpHead, HttpReply, HttpRequest, Limits};

/// Carries requests, asynchronously. [`Reqwest`](crate::Reqwest) is the one that comes with this crate.
///
/// An implementation follows no redirect, sends nothing twice, adds no credentials, and reports how far a failed exchange
/// got: where it cannot tell, it names the later phase, because an earlier one lets a paid request be sent again.
pub trait Transport: Send + Sync {
    /// Sends one request once, and reads the whole answer within the limits. Any HTTP status is an answer.
    fn send(
        &self,
        request: HttpRequest,
        limits: Limits,
    ) -> impl Future<Output = Result<HttpReply, Failure>> + Send;
}

/// A transport that can also hand over an answer piece by piece, for downloads.
pub trait Streaming: Transport {
    /// The rest of an answer.
    type Body: Chunks;

    /// Sends one request once, and reads the start of the answer. `patience` bounds each pause in it, not the whole.
    fn open(
        &self,
        request: HttpRequest,
        patience: Duration,
    ) -> impl Future<Output = Result<(HttpHead, Self::Body), Failure>> + Send;
}

/// A body that arrives in pieces.
pub trait Chunks: Send {
    /// The next piece; nothing at the end.
    fn chunk(&mut self) -> impl Future<Output = Result<Option<Bytes>, Failure>> + Send;
}
