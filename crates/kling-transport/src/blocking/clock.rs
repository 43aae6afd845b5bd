//! The clock of the blocking client, as a seam: tests replace it and wait for nothing.

use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

/// Tells the time and lets it pass.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time since some fixed moment; it never goes back.
    fn now(&self) -> Duration;

    /// Returns after a pause.
    fn sleep(&self, pause: Duration);
}

/// The machine's own monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place where a thread sleeps")]
    fn sleep(&self, pause: Duration) {
        thread::sleep(pause);
    }
}
