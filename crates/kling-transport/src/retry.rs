//! Retries: full jitter, the server's `Retry-After`, one budget of time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;

/// Growing pauses with full jitter: each is drawn evenly from zero up to a bound that doubles.
///
/// Jitter spreads retries when many clients fail together. Polls need none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backoff {
    /// The bound of the first pause.
    pub first: Duration,
    /// The highest bound.
    pub cap: Duration,
}

impl Backoff {
    /// Returns the pause after `failures` failures in a row, the first being 1. `random` is drawn from `0.0..1.0`.
    pub fn pause(&self, failures: u32, random: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let bound = self.first.saturating_mul(1 << doublings).min(self.cap);
        bound.mul_f64(random.clamp(0.0, 1.0))
    }
}

impl Default for Backoff {
    /// Bounds from 0.5 s to 20 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(500), cap: Duration::from_secs(20) }
    }
}

/// The bounds of retries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
#[must_use]
pub struct RetryPolicy {
    /// The time from the first attempt, after which no further attempt begins.
    pub budget: Duration,
    /// The most attempts, with the first.
    pub max_attempts: u32,
    /// The pauses between attempts.
    pub backoff: Backoff,
}

impl RetryPolicy {
    /// Returns a budget of time, with default pauses and no bound on attempts.
    pub fn new(budget: Duration) -> Self {
        Self { budget, max_attempts: u32::MAX, backoff: Backoff::default() }
    }

    /// Returns a policy of a single attempt.
    pub fn never() -> Self {
        Self::new(Duration::ZERO).with_max_attempts(1)
    }

    /// Sets the most attempts, with the first.
    pub const fn with_max_attempts(self, max_attempts: u32) -> Self {
        Self { max_attempts, ..self }
    }

    /// Sets the pauses between attempts.
    pub const fn with_backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// Returns the pause before the next attempt, or `None` after the last of `attempts` failed ones. The pause is never
    /// shorter than `retry_after`.
    pub(crate) fn next(
        &self,
        attempts: u32,
        retry_after: Option<Duration>,
        elapsed: Duration,
        random: f64,
    ) -> Option<Duration> {
        let pause = self.backoff.pause(attempts, random).max(retry_after.unwrap_or_default());
        let is_allowed = attempts < self.max_attempts && elapsed.saturating_add(pause) < self.budget;
        is_allowed.then_some(pause)
    }
}

/// The notice of a retry: see [`Settings::with_on_retry`](crate::Settings::with_on_retry).
///
/// `Display` is one line, such as `cannot connect: connection refused; retrying in 8 s`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RetryNotice<'a> {
    /// The error of the attempt.
    pub error: &'a Error,
    /// The pause before the next attempt.
    pub delay: Duration,
    /// The number of attempts so far.
    pub attempts: u32,
}

impl fmt::Display for RetryNotice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.write_finding(f)?;
        match self.delay.as_millis() {
            0 => f.write_str("; retrying at once"),
            millis @ ..1000 => write!(f, "; retrying in {millis} ms"),
            millis => write!(f, "; retrying in {} s", millis.div_ceil(1000)),
        }
    }
}

type Notify = dyn Fn(&RetryNotice<'_>) + Send + Sync;

/// The callback for retries.
#[derive(Clone)]
pub(crate) struct OnRetry(pub(crate) Arc<Notify>);

impl fmt::Debug for OnRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRetry(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Phase, TransportError, TransportErrorKind};

    proptest! {
        #[test]
        fn a_pause_respects_retry_after_and_the_budget(
            attempts in 1u32..1000, retry_after in 0u64..100, elapsed in 0u64..100, random in 0.0f64..1.0,
        ) {
            let (retry_after, elapsed) = (Duration::from_secs(retry_after), Duration::from_secs(elapsed));
            let policy = RetryPolicy::new(Duration::from_secs(60));
            if let Some(pause) = policy.next(attempts, Some(retry_after), elapsed, random) {
                prop_assert!(pause >= retry_after);
                prop_assert!(elapsed + pause < policy.budget);
            }
        }

        #[test]
        fn pauses_stay_below_a_doubling_bound(failures in 0u32..10_000, random in 0.0f64..1.0) {
            let backoff = Backoff::default();
            let bound = backoff.first.mul_f64(2f64.powi(failures.saturating_sub(1).min(30) as i32)).min(backoff.cap);
            prop_assert!(backoff.pause(failures, random) <= bound);
        }
    }

    #[test]
    fn a_retry_notice_has_the_error_and_the_pause() {
        let error = TransportError::new(Phase::Connect, TransportErrorKind::Broken, "connection refused");
        let error = Error::from(error);
        let shown = |millis| {
            RetryNotice { error: &error, delay: Duration::from_millis(millis), attempts: 1 }.to_string()
        };
        assert_eq!(shown(7_600), "cannot connect: connection refused; retrying in 8 s");
        assert_eq!(shown(312), "cannot connect: connection refused; retrying in 312 ms");
    }

    #[test]
    fn a_retry_after_beyond_the_budget_ends_the_retries() {
        let policy = RetryPolicy::new(Duration::from_secs(60));
        assert_eq!(policy.next(1, Some(Duration::from_secs(3600)), Duration::ZERO, 0.5), None);
        assert_eq!(RetryPolicy::never().next(1, None, Duration::ZERO, 0.0), None);
    }
}
