//! When to try again: full jitter, the server's wish, one budget of time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::Error;

/// Growing pauses with full jitter: each is drawn evenly from nothing up to twice the last bound.
///
/// Jitter is for errors, where many clients fail together; polls that go well need none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Backoff {
    /// The bound of the first pause.
    pub first: Duration,
    /// The bound of every later one.
    pub cap: Duration,
}

impl Backoff {
    /// The pause after `failures` failures in a row, the first being 1; `random` is drawn from `0.0..1.0`.
    #[must_use]
    pub fn pause(&self, failures: u32, random: f64) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        let bound = self.first.saturating_mul(1 << doublings).min(self.cap);
        bound.mul_f64(random.clamp(0.0, 1.0))
    }
}

impl Default for Backoff {
    /// From half a second up to 20 s.
    fn default() -> Self {
        Self { first: Duration::from_millis(500), cap: Duration::from_secs(20) }
    }
}

/// How long, and how often, something that may be tried again is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// The time from the first attempt after which no further one begins.
    pub budget: Duration,
    /// The most attempts, with the first.
    pub max_attempts: u32,
    /// The pauses between them.
    pub backoff: Backoff,
}

impl RetryPolicy {
    /// A budget of time, with the default pauses and no bound on attempts but the budget.
    #[must_use]
    pub fn new(budget: Duration) -> Self {
        Self { budget, max_attempts: u32::MAX, backoff: Backoff::default() }
    }

    /// One attempt and no more.
    #[must_use]
    pub fn never() -> Self {
        Self::new(Duration::ZERO).with_max_attempts(1)
    }

    /// The most attempts, with the first.
    #[must_use]
    pub const fn with_max_attempts(self, max_attempts: u32) -> Self {
        Self { max_attempts, ..self }
    }

    /// The pauses between attempts.
    #[must_use]
    pub const fn with_backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// What to do after `attempts` attempts that may be repeated. The pause is never shorter than the server's wish: where
    /// that does not fit into the budget, it is given up.
    #[must_use]
    pub fn next(&self, attempts: u32, wish: Option<Duration>, elapsed: Duration, random: f64) -> Retry {
        let pause = self.backoff.pause(attempts, random).max(wish.unwrap_or_default());
        if attempts < self.max_attempts && elapsed.saturating_add(pause) < self.budget {
            Retry::After(pause)
        } else {
            Retry::GiveUp
        }
    }
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// After this pause.
    After(Duration),
    /// No more.
    GiveUp,
}

/// An attempt failed, nothing was made of it, and there will be another: see
/// [`Settings::with_on_retry`](crate::Settings::with_on_retry).
///
/// Its `Display` is one line, such as `cannot connect: connection refused; retrying in 8 s`.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RetryNotice<'a> {
    /// Why the attempt failed.
    pub error: &'a Error,
    /// The pause before the next attempt.
    pub delay: Duration,
    /// How many attempts there were, with this one.
    pub attempts: u32,
}

impl<'a> RetryNotice<'a> {
    pub(crate) const fn new(error: &'a Error, delay: Duration, attempts: u32) -> Self {
        Self { error, delay, attempts }
    }
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

/// Who is notified of a retry, if anybody.
#[derive(Clone, Default)]
pub(crate) struct OnRetry(Option<Arc<Notify>>);

impl OnRetry {
    pub(crate) fn new(notify: impl Fn(&RetryNotice<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(notify)))
    }

    pub(crate) fn notify(&self, notice: &RetryNotice<'_>) {
        if let Some(notify) = &self.0 {
            notify(notice);
        }
    }
}

impl fmt::Debug for OnRetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "OnRetry(set)" } else { "OnRetry(none)" })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Phase, TransportError, TransportErrorKind};

    proptest! {
        #[test]
        fn a_pause_is_never_shorter_than_asked_nor_past_the_budget(
            attempts in 1u32..1000, wish in 0u64..100, elapsed in 0u64..100, random in 0.0f64..1.0,
        ) {
            let (wish, elapsed) = (Duration::from_secs(wish), Duration::from_secs(elapsed));
            let policy = RetryPolicy::new(Duration::from_secs(60));
            if let Retry::After(pause) = policy.next(attempts, Some(wish), elapsed, random) {
                prop_assert!(pause >= wish);
                prop_assert!(elapsed + pause < policy.budget);
            }
        }

        #[test]
        fn pauses_stay_below_a_bound_that_doubles_up_to_the_cap(failures in 0u32..10_000, random in 0.0f64..1.0) {
            let backoff = Backoff::default();
            let bound = backoff.first.mul_f64(2f64.powi(failures.saturating_sub(1).min(30) as i32)).min(backoff.cap);
            prop_assert!(backoff.pause(failures, random) <= bound);
        }
    }

    #[test]
    fn a_notice_says_why_and_when() {
        let failure = TransportError::new(Phase::Connect, TransportErrorKind::Broken, "connection refused");
        let error = Error::from(failure);
        let shown = |millis| RetryNotice::new(&error, Duration::from_millis(millis), 1).to_string();
        assert_eq!(shown(7_600), "cannot connect: connection refused; retrying in 8 s");
        assert_eq!(shown(312), "cannot connect: connection refused; retrying in 312 ms");
    }

    #[test]
    fn a_wish_beyond_the_budget_is_not_cut_short_but_given_up() {
        let policy = RetryPolicy::new(Duration::from_secs(60));
        assert_eq!(policy.next(1, Some(Duration::from_secs(3600)), Duration::ZERO, 0.5), Retry::GiveUp);
        assert_eq!(RetryPolicy::never().next(1, None, Duration::ZERO, 0.0), Retry::GiveUp);
    }
}
