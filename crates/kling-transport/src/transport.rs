//! The two seams under a client: [`Transport`] carries requests, [`Runtime`] is the clock and runs work on disks.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{HttpHead, HttpReply, HttpRequest, Limits, Phase, TransportError, TransportErrorKind};

/// A future without a type parameter, so that a trait with it can be an object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries HTTP requests. `Reqwest` does so on tokio, `blocking::Ureq` on the caller's thread.
///
/// An implementation follows no redirect, sends nothing twice, adds no credentials, and reports how far a failed exchange
/// got. If it cannot tell, it names the later phase, since an earlier one lets a paid request be sent again.
///
/// ```
/// use std::future::ready;
/// use kling_transport::{
///     BoxFuture, HttpHead, HttpReply, HttpRequest, Limits, Transport, TransportError,
/// };
///
/// /// Answers each request with the same status.
/// struct AlwaysRunning;
///
/// impl Transport for AlwaysRunning {
///     fn send(&self, _: HttpRequest, _: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
///         let head = HttpHead::new(200, |_| None, std::time::SystemTime::now());
///         let reply = HttpReply::new(head, r#"{"status": "in_progress"}"#.into());
///         Box::pin(ready(Ok(reply)))
///     }
/// }
/// ```
pub trait Transport: Send + Sync + 'static {
    /// Sends one request once, and reads the whole reply within the limits. Any HTTP status is a reply.
    fn send(&self, request: HttpRequest, limits: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>>;

    /// Sends one request once, and reads the head of the reply. `idle_timeout` bounds each pause, not the whole.
    ///
    /// Only downloads need it; the default refuses.
    fn open(&self, _request: HttpRequest, _idle_timeout: Duration) -> BoxFuture<'_, OpenResult> {
        let message = "this transport cannot download";
        let error = TransportError::new(Phase::Connect, TransportErrorKind::Broken, message);
        Box::pin(std::future::ready(Err(error)))
    }
}

/// The head of a reply and the stream of its body.
pub type OpenResult = Result<(HttpHead, Box<dyn BodyStream>), TransportError>;

/// A body that arrives in chunks.
pub trait BodyStream: Send {
    /// Returns the next chunk, or `None` at the end.
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>>;
}

/// The clock of a client, and the place for work that blocks. `TokioRuntime` is the async one, `blocking::ThreadRuntime` the
/// other.
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// Returns the present moment, on a clock that never goes back.
    fn now(&self) -> Instant;

    /// Waits.
    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()>;

    /// Runs work that may block on a disk. The future ends when the work has ended, also by a panic.
    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'_, ()>;
}
