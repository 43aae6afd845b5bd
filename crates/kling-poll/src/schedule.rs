//! Decides when to poll again while no error occurs.

use std::fmt;
use std::time::Duration;

/// Decides the pause before the next poll of a job.
///
/// A schedule holds no state of a job, so one schedule serves any number of jobs. Pauses after errors are decided by the
/// backoff of the wait.
pub trait Schedule: fmt::Debug + Send + Sync {
    /// Returns the pause from now, or from the submit if the job was not polled yet.
    fn next_delay(&self, context: &PollContext) -> Duration;

    /// Learns how long a job ran that succeeded, counted as by [`PollContext::run_time`]. Does nothing by default.
    fn learn(&self, _run_time: Duration) {}

    /// Returns how long a job may still run that has run for this time. Returns `None` if that is unknown, as by default.
    fn time_left(&self, _run_time: Duration) -> Option<TimeLeft> {
        None
    }
}

/// The facts that a wait has seen of its job.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct PollContext {
    /// The time since the wait began.
    pub elapsed: Duration,
    /// The time since the submit, if it is known.
    pub age: Option<Duration>,
    /// The time since the job began to run, if the wait saw it leave the queue. The start is the middle between the two polls.
    pub running: Option<Duration>,
    /// Whether the last poll found the job in the queue.
    pub in_queue: bool,
    /// The place in the queue, if the API reported one.
    pub queue_position: Option<u32>,
    /// The number of status polls.
    pub polls: u32,
    /// The time since the last reply that showed the job unfinished, or since the wait began.
    pub silence: Duration,
}

impl PollContext {
    /// Returns how long the job has run. A job that was never seen in the queue counts from its submit. Returns `None` for a
    /// queued job, and if the age is unknown.
    pub fn run_time(&self) -> Option<Duration> {
        self.running.or(self.age).filter(|_| !self.in_queue)
    }
}

/// How long a job may still run, by the jobs of its kind that finished. The text is rounded: "about 3 min left".
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TimeLeft {
    /// Half of the jobs that ran as long as this one were over within this time.
    About(Duration),
    /// Fewer than one job in ten ran as long as this one.
    Overdue,
}

impl fmt::Display for TimeLeft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::About(left) = self else { return f.write_str("longer than usual") };
        // Rounded as a person would.
        let seconds = left.as_secs_f32();
        let minutes = (seconds / 60.0).round() as u32;
        match (minutes / 60, minutes) {
            _ if seconds < 10.0 => f.write_str("a few seconds left"),
            _ if seconds < 45.0 => write!(f, "about {} s left", (seconds / 10.0).round() * 10.0),
            (0, _) => write!(f, "about {} min left", minutes.max(1)),
            (hours, _) if minutes % 60 < 5 => write!(f, "about {hours} h left"),
            (hours, _) => write!(f, "about {hours} h {} min left", minutes % 60 / 5 * 5),
        }
    }
}

/// A pause of fixed length.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct FixedInterval(pub Duration);

impl Schedule for FixedInterval {
    fn next_delay(&self, _: &PollContext) -> Duration {
        self.0
    }
}

/// Pauses that grow by a factor up to a cap: short for short jobs, long for long ones.
///
/// They have no jitter, because jobs are submitted at different times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialInterval {
    /// The first pause.
    pub first: Duration,
    /// The ratio of each pause to the one before, at least 1.
    pub factor: f64,
    /// The longest pause.
    pub cap: Duration,
}

impl Default for ExponentialInterval {
    /// Grows from 1 s by a quarter each time. The twelfth pause is 10 s, and so are all after it.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), factor: 1.25, cap: Duration::from_secs(10) }
    }
}

impl Schedule for ExponentialInterval {
    fn next_delay(&self, context: &PollContext) -> Duration {
        let cap = self.cap.as_secs_f64();
        let grown = self.first.as_secs_f64() * self.factor.max(1.0).powi(context.polls.min(1000) as i32);
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

    #[test]
    fn the_time_left_is_rounded_as_a_person_would() {
        for (seconds, text) in [
            (0, "a few seconds left"),
            (12, "about 10 s left"),
            (44, "about 40 s left"),
            (45, "about 1 min left"),
            (89, "about 1 min left"),
            (90, "about 2 min left"),
            (185, "about 3 min left"),
            (3500, "about 58 min left"),
            (3600, "about 1 h left"),
            (4500, "about 1 h 15 min left"),
            (7200 + 59 * 60, "about 2 h 55 min left"),
        ] {
            assert_eq!(TimeLeft::About(Duration::from_secs(seconds)).to_string(), text, "{seconds}");
        }
        assert_eq!(TimeLeft::Overdue.to_string(), "longer than usual");
    }

    proptest! {
        #[test]
        fn pauses_never_shrink(polls in 0u32..100) {
            prop_assert!(after(polls) <= after(polls + 1));
        }
    }
}
