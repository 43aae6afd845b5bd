//! Simulated time: the real clock times a speed, plus every step taken by hand.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::lock;

/// A clock that starts at zero. Manual time is a speed of nought: only steps move it.
#[derive(Debug)]
pub(crate) struct Clock {
    epoch: Timestamp,
    origin: Instant,
    speed: f64,
    stepped: Mutex<Duration>,
}

impl Clock {
    /// A clock that runs `speed` times as fast as the real one; `speed` is finite and not negative.
    pub(crate) fn new(speed: f64) -> Self {
        Self { epoch: Timestamp::now(), origin: Instant::now(), speed, stepped: Mutex::default() }
    }

    /// Simulated time since the start.
    pub(crate) fn now(&self) -> Duration {
        let run = self.origin.elapsed().as_secs_f64() * self.speed;
        let run = Duration::try_from_secs_f64(run).unwrap_or(Duration::MAX);
        run.saturating_add(*lock(&self.stepped))
    }

    /// Moves the clock forward.
    pub(crate) fn advance(&self, step: Duration) {
        let mut stepped = lock(&self.stepped);
        *stepped = stepped.saturating_add(step);
    }

    /// The date of a simulated moment, as the API prints it: `2025-12-07T00:21:22.331289+00:00`.
    pub(crate) fn date(&self, moment: Duration) -> String {
        let since = SignedDuration::try_from(moment).unwrap_or(SignedDuration::MAX);
        let date = self.epoch.checked_add(since).unwrap_or(Timestamp::MAX);
        date.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_time_moves_by_steps_only() {
        let clock = Clock::new(0.0);
        assert_eq!(clock.now(), Duration::ZERO);
        clock.advance(Duration::from_secs(3));
        clock.advance(Duration::from_millis(500));
        assert_eq!(clock.now(), Duration::from_millis(3500));
    }

    #[test]
    fn steps_add_to_running_time() {
        let clock = Clock::new(1.0);
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now() >= Duration::from_secs(3600));
    }

    #[test]
    fn endless_time_saturates() {
        let clock = Clock::new(f64::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Duration::MAX);
        assert!(clock.date(Duration::MAX).starts_with("9999-"));
    }

    #[test]
    fn dates_have_microseconds_and_an_offset() {
        let mut clock = Clock::new(0.0);
        clock.epoch = Timestamp::from_microsecond(1_765_066_882_331_289).unwrap();
        assert_eq!(clock.date(Duration::ZERO), "2025-12-07T00:21:22.331289+00:00");
        assert_eq!(clock.date(Duration::from_secs(60)), "2025-12-07T00:22:22.331289+00:00");
    }
}
