//! Clients over a scripted server, on clocks that move only when a client sleeps.

use std::future::ready;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use kling_transport::{
    BoxFuture, Client, HttpReply, HttpRequest, Limits, Runtime, Settings, Transport, TransportError, blocking,
};
use tokio::runtime::Builder;

/// Answers in place of a server.
pub trait World: Send + Sync + 'static {
    /// Answers a request; `now` counts from the beginning.
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

/// An async client over a world, by tokio's clock.
pub fn async_client<W: World>(settings: Settings, world: &Arc<W>) -> Client {
    let started = tokio::time::Instant::now();
    Client::with_transport(settings, InWorld { world: Arc::clone(world), now: move || started.elapsed() })
}

/// A blocking client over a world, by a virtual clock.
pub fn blocking_client<W: World>(
    settings: Settings,
    world: &Arc<W>,
    clock: &VirtualClock,
) -> blocking::Client {
    let own = clock.clone();
    let transport = InWorld { world: Arc::clone(world), now: move || own.elapsed() };
    blocking::Client::from_parts(settings, transport, clock.clone())
}

struct InWorld<W, N> {
    world: Arc<W>,
    now: N,
}

impl<W: World, N: Fn() -> Duration + Send + Sync + 'static> Transport for InWorld<W, N> {
    fn send(&self, request: HttpRequest, limits: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        Box::pin(async move { self.world.reply(&request, limits, (self.now)()) })
    }
}

/// A clock that moves only when a client sleeps. Clones share the time.
#[derive(Clone, Debug)]
pub struct VirtualClock {
    start: Instant,
    elapsed: Arc<Mutex<Duration>>,
}

impl VirtualClock {
    /// A clock that shows a time.
    #[must_use]
    pub fn at(elapsed: Duration) -> Self {
        Self { start: Instant::now(), elapsed: Arc::new(Mutex::new(elapsed)) }
    }

    /// Returns the time that the clock shows.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Moves the clock.
    pub fn advance(&self, pause: Duration) {
        let mut elapsed = self.elapsed.lock().unwrap_or_else(PoisonError::into_inner);
        // tokio's clock moves in steps of a millisecond, and never stops short of a moment.
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
/// If the system has none to give.
#[must_use]
pub fn paused() -> tokio::runtime::Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime without sockets")
}
