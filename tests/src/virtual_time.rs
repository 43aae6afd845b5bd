//! Clients over a world that is made up, by clocks that stand still but for those who sleep.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kling_transport::blocking::{self, Clock};
use kling_transport::{HttpReply, HttpRequest, Limits, Transport, TransportError};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// What answers in the place of a server.
pub trait World: Send + Sync + 'static {
    /// Answers a request; `now` counts from the beginning.
    ///
    /// # Errors
    /// Where no answer comes.
    fn reply(
        &self,
        request: &HttpRequest,
        limits: Limits,
        now: Duration,
    ) -> Result<HttpReply, TransportError>;
}

/// The transport of an async client, by tokio's clock.
#[derive(Debug)]
pub struct InAsync<W>(Arc<W>, Instant);

impl<W> InAsync<W> {
    /// A world that begins now.
    pub fn new(world: Arc<W>) -> Self {
        Self(world, Instant::now())
    }
}

impl<W: World> Transport for InAsync<W> {
    async fn send(&self, request: HttpRequest, limits: Limits) -> Result<HttpReply, TransportError> {
        self.0.reply(&request, limits, self.1.elapsed())
    }
}

/// The transport of a blocking client, by a clock that it shares.
#[derive(Debug)]
pub struct InBlocking<W>(pub Arc<W>, pub Arc<VirtualClock>);

impl<W: World> blocking::Transport for InBlocking<W> {
    fn send(&self, request: HttpRequest, limits: Limits) -> Result<HttpReply, TransportError> {
        self.0.reply(&request, limits, self.1.now())
    }
}

/// A clock that goes on where somebody sleeps.
#[derive(Debug, Default)]
pub struct VirtualClock(Mutex<Duration>);

impl VirtualClock {
    /// A clock that shows a moment.
    #[must_use]
    pub const fn at(moment: Duration) -> Self {
        Self(Mutex::new(moment))
    }

    fn lock(&self) -> MutexGuard<'_, Duration> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Duration {
        *self.lock()
    }

    fn sleep(&self, pause: Duration) {
        // tokio's clock goes in steps of a millisecond, and never stops short of a moment.
        let mut now = self.lock();
        let until = *now + pause;
        *now = Duration::from_millis(until.as_micros().div_ceil(1000) as u64);
    }
}

/// A runtime whose clock is virtual.
///
/// # Panics
/// Where the system gives none.
#[must_use]
pub fn paused() -> Runtime {
    Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime without sockets")
}
