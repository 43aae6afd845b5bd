//! When to ask again while all goes well.

use std::fmt;
use std::time::Duration;

/// Decides the pause before the next question about a job.
///
/// A schedule holds no state of a job, so that one serves any number of them; what it may go by is in [`PollContext`]. It decides
/// nothing about errors, which have a backoff with jitter of their own, nor about the deadline.
pub trait Schedule: fmt::Debug + Send + Sync {
    /// The pause from now, or from the submit if nothing was asked yet.
    fn next_delay(&self, seen: &PollContext) -> Duration;

    /// What an answer about this job is worth now: the delay, in seconds, that has gathered on average since it was last
    /// known to go on. A set that may not make all the calls it wants makes those that are worth most.
    ///
    /// What comes with the trait takes jobs to end at any moment alike, once in [`DEFAULT_JOB_DURATION`] on average.
    fn worth(&self, seen: &PollContext) -> f64 {
        let silence = seen.silence.as_secs_f64();
        silence * silence / (2.0 * DEFAULT_JOB_DURATION.as_secs_f64())
    }

    /// Takes note of a job that worked and of how long it ran, by the same count as [`PollContext::running`], or from its submit if
    /// it was never seen in the queue. What comes with the trait forgets it.
    fn learn(&self, _ran: Duration) {}
}

/// How long a job takes of which nothing is known.
pub const DEFAULT_JOB_DURATION: Duration = Duration::from_secs(240);

/// What was seen of a job so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct PollContext {
    /// How long the wait lasts already.
    pub elapsed: Duration,
    /// How long ago the job was submitted, where that is known.
    pub age: Option<Duration>,
    /// How long it runs, where it was seen in the queue before: counted from midway between the two answers. A job that was
    /// never seen in the queue is taken to run since its submit.
    pub running: Option<Duration>,
    /// Whether it was in the queue when last asked about.
    pub in_queue: bool,
    /// Its place in the queue, where the API tells it.
    pub queue_position: Option<u32>,
    /// How often its status was asked for.
    pub polls: u32,
    /// How long ago it was last known to go on: since the last good answer, or the beginning of the wait.
    pub silence: Duration,
}

/// The same pause each time.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FixedInterval(pub Duration);

impl Schedule for FixedInterval {
    fn next_delay(&self, _: &PollContext) -> Duration {
        self.0
    }
}

/// Pauses that grow by a factor up to a cap: quick for short jobs, calm for long ones.
///
/// There is no jitter in it, because jobs are submitted at different times anyway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialInterval {
    /// The first pause.
    pub first: Duration,
    /// By how much each pause is longer than the one before; 1 or more.
    pub factor: f64,
    /// The longest pause.
    pub cap: Duration,
}

impl Default for ExponentialInterval {
    /// From 1 s by a quarter each time to 10 s, which it reaches at the twelfth question.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), factor: 1.25, cap: Duration::from_secs(10) }
    }
}

impl Schedule for ExponentialInterval {
    fn next_delay(&self, seen: &PollContext) -> Duration {
        let cap = self.cap.as_secs_f64();
        let grown = self.first.as_secs_f64() * self.factor.max(1.0).powi(seen.polls.min(1000) as i32);
        Duration::from_secs_f64(grown.min(cap))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn after(polls: u32) -> Duration {
        ExponentialInterval::default().next_delay(&PollContext { polls, ..PollContext::default() })
    }

    #[test]
    fn the_first_pause_is_short_and_the_cap_is_reached() {
        assert!(after(0) <= Duration::from_secs(2));
        assert!(after(10) < Duration::from_secs(10));
        assert_eq!(after(11), Duration::from_secs(10));
        assert_eq!(after(u32::MAX), Duration::from_secs(10));
    }

    proptest! {
        #[test]
        fn pauses_never_shrink(polls in 0u32..100) {
            prop_assert!(after(polls) <= after(polls + 1));
        }
    }
}
