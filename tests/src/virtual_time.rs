//! Clients over a scripted server, on clocks that move only when a client sleeps.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kling_transport::{
    BoxFuture, Client, HttpReply, HttpRequest, Limits, Runtime, Settings, Transport, TransportError, blocking,
};
use tokio::runtime::Builder;

/// A server without sockets.
pub trait Server: Send + Sync + 'static {
    /// Returns the reply to a request. `now` counts from the start of the client.
    ///
    /// # Errors
    /// If no reply comes.
    fn reply(
        &self,
        request: &HttpRequest,
        limits: Limits,
        now: Duration,
    ) -> Result<HttpReply, TransportError>;
}

/// Returns an async client of a server, with tokio's clock.
pub fn async_client<W: Server>(settings: Settings, server: &Arc<W>) -> Client {
    let started = tokio::time::Instant::now();
    Client::with_transport(
        settings,
        ServerTransport { server: Arc::clone(server), now: move || started.elapsed() },
    )
}

/// Returns a blocking client of a server, with a virtual clock.
pub fn blocking_client<W: Server>(
    settings: Settings,
    server: &Arc<W>,
    clock: &VirtualClock,
) -> blocking::Client {
    let own = clock.clone();
    let transport = ServerTransport { server: Arc::clone(server), now: move || own.elapsed() };
    blocking::Client::from_parts(settings, transport, clock.clone())
}

struct ServerTransport<W, N> {
    server: Arc<W>,
    now: N,
}

impl<W: Server, N: Fn() -> Duration + Send + Sync + 'static> Transport for ServerTransport<W, N> {
    fn send(&self, request: HttpRequest, limits: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        Box::pin(async move { self.server.reply(&request, limits, (self.now)()) })
    }
}

/// A clock that moves only when a client sleeps. Clones share the time.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    start: Instant,
    elapsed: Arc<Mutex<Duration>>,
}

impl VirtualClock {
    /// A clock at a time.
    #[must_use]
    pub fn at(elapsed: Duration) -> Self {
        Self { start: Instant::now(), elapsed: Arc::new(Mutex::new(elapsed)) }
    }

    /// Returns the time of the clock.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock.
    pub fn advance(&self, pause: Duration) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        // Rounds up to milliseconds, as tokio's clock does.
        let until = *elapsed + pause;
        *elapsed = Duration::from_millis(until.as_micros().div_ceil(1000) as u64);
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::at(Duration::ZERO)
    }
}

impl Runtime for VirtualClock {
    fn now(&self) -> Instant {
        self.start + self.elapsed()
    }

    fn sleep(&self, pause: Duration) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.advance(pause) })
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'_, ()> {
        work();
        Box::pin(ready(()))
    }
}

/// A runtime whose clock is virtual.
///
/// # Panics
/// If the runtime cannot be built.
#[must_use]
pub fn paused() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime without sockets")
}
