//! The traits below a client: [`Transport`] carries requests, [`Runtime`] is the clock and runs disk work.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::{HttpHead, HttpReply, HttpRequest, Limits, Phase, Settings, TransportError, TransportErrorKind};

/// A boxed future, so that traits with it are object-safe.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Carries HTTP requests: `Reqwest` on tokio, `blocking::Ureq` on the caller's thread.
///
/// An implementation must not follow redirects, retry, or add credentials. It must report the phase of a failed
/// exchange. If it cannot tell, it must name the later phase, since an earlier one allows a retry of a paid request.
///
/// ```
/// use std::future::ready;
/// use kling_transport::{
///     BoxFuture, HttpHead, HttpReply, HttpRequest, Limits, Transport, TransportError,
/// };
///
/// /// Replies to each request with the same status.
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
    /// Sends a request once and reads the whole reply within the limits. Any HTTP status is a reply.
    fn send(&self, request: HttpRequest, limits: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>>;

    /// Sends a request once and reads the head of the reply. `idle_timeout` bounds each pause, not the whole.
    ///
    /// Only downloads use it. By default it returns an error.
    fn open(&self, _request: HttpRequest, _idle_timeout: Duration) -> BoxFuture<'_, OpenResult> {
        let message = "this transport cannot download";
        let error = TransportError::new(Phase::Connect, TransportErrorKind::Broken, message);
        Box::pin(std::future::ready(Err(error)))
    }
}

impl<T: Transport + ?Sized> Transport for Box<T> {
    fn send(&self, request: HttpRequest, limits: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        (**self).send(request, limits)
    }

    fn open(&self, request: HttpRequest, idle_timeout: Duration) -> BoxFuture<'_, OpenResult> {
        (**self).open(request, idle_timeout)
    }
}

/// The head of a reply and its body.
pub type OpenResult = Result<(HttpHead, Box<dyn BodyStream>), TransportError>;

/// A body that arrives in chunks.
pub trait BodyStream: Send {
    /// Returns the next chunk, or `None` at the end.
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>>;
}

/// The clock of a client and the place for blocking work: `TokioRuntime` or `blocking::ThreadRuntime`.
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// Returns the current time of a monotonic clock.
    fn now(&self) -> Instant;

    /// Waits.
    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()>;

    /// Runs work that may block on a disk. The future ends when the work has ended, even by a panic.
    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'_, ()>;
}

impl<R: Runtime + ?Sized> Runtime for Box<R> {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        (**self).sleep(pause)
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'_, ()> {
        (**self).run_blocking(work)
    }
}

/// The settings of a client with its transport and runtime.
pub(crate) struct Connection {
    pub(crate) settings: Settings,
    pub(crate) transport: Box<dyn Transport>,
    pub(crate) runtime: Box<dyn Runtime>,
}

impl Connection {
    /// Returns the time since a moment of the runtime's clock.
    pub(crate) fn since(&self, started: Instant) -> Duration {
        self.runtime.now().saturating_duration_since(started)
    }

    /// Runs work that may block on a disk. Returns `None` if the work panicked or the runtime shut down.
    pub(crate) async fn run_blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        let slot = Arc::new(Mutex::new(None));
        let result = Arc::clone(&slot);
        let work = move || {
            let done = work();
            *result.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
        };
        self.runtime.run_blocking(Box::new(work)).await;
        slot.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}
