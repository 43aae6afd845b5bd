//! A schedule that asks when an answer is likely to be new.

use std::sync::Arc;
use std::time::Duration;

use super::{Fit, Record};
use crate::{Growing, Schedule, Seen};

/// The first question about a job just submitted: it shows whether there is a queue.
const FIRST: Duration = Duration::from_secs(2);

/// No two questions about a job are closer.
const SHORTEST: Duration = Duration::from_millis(250);

/// In the queue, this part of the usual duration passes between questions.
const QUEUE_PART: f64 = 8.0;

/// What a learned schedule strives for.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Aim {
    /// Hardly a question until the first could be over, then one each time this has passed. No job is told of later than by a
    /// fixed interval, but for the one in a hundred that is over sooner than expected.
    Steady(Duration),
    /// This delay on average between the end of a job and the answer that tells it, with as few questions as can be: their
    /// density follows the root of the chance that the job ends now.
    Delay(Duration),
    /// About this many questions a job, spread so that the delay is least on average; each gap cut short adds to them.
    Polls(u32),
}

impl Aim {
    const fn longest_gap(self) -> Duration {
        match self {
            Self::Steady(_) => Duration::from_secs(15),
            Self::Delay(_) | Self::Polls(_) => Duration::from_secs(30),
        }
    }
}

impl Default for Aim {
    /// Steady, at 2 s.
    fn default() -> Self {
        Self::Steady(Duration::from_secs(2))
    }
}

/// A schedule that learns from every job that it serves how long such jobs run.
///
/// Until it has seen a few it is [`Growing::default`]. A job in the queue is asked about seldom; the count begins when it is
/// seen to run. No gap is longer than a bound, so that a service that became faster is noticed.
///
/// ```
/// use std::sync::Arc;
/// use std::time::Duration;
/// use kling_poll::{Aim, Learned, Record, WaitOptions};
///
/// let record = Arc::new(Record::default()); // of all jobs of one kind
/// let learned = Learned::new(record, Aim::Delay(Duration::from_secs(1)));
/// let options = WaitOptions::default().with_schedule(learned);
/// # let _ = options;
/// ```
#[derive(Clone, Debug)]
pub struct Learned {
    record: Arc<Record>,
    aim: Aim,
    longest: Duration,
}

impl Learned {
    /// A schedule that learns from this record, and adds to it.
    #[must_use]
    pub const fn new(record: Arc<Record>, aim: Aim) -> Self {
        Self { record, aim, longest: aim.longest_gap() }
    }

    /// The longest gap between two questions; 15 s where the aim is steady, else 30 s.
    ///
    /// A longer one saves a few questions a job while nothing changes, and costs half of itself in delay where the service
    /// suddenly becomes faster.
    #[must_use]
    pub fn with_longest_gap(self, longest: Duration) -> Self {
        Self { longest, ..self }
    }

    fn learned_pause(&self, fit: &Fit, seen: &Seen) -> Duration {
        let longest = self.longest.as_secs_f64();
        let age = running(seen);
        let gap = match self.aim {
            _ if seen.in_queue => fit.median() / QUEUE_PART,
            Aim::Steady(every) => every.as_secs_f64().max(fit.earliest() - age),
            Aim::Delay(target) => {
                fit.gap(age, fit.effort() / (2.0 * target.as_secs_f64().max(0.001)), longest)
            }
            Aim::Polls(polls) => fit.gap(age, f64::from(polls.max(1)) / fit.effort(), longest),
        };
        Duration::from_secs_f64(gap.clamp(0.0, longest)).max(SHORTEST)
    }
}

impl Schedule for Learned {
    fn pause(&self, seen: &Seen) -> Duration {
        match self.record.fit() {
            None => Growing::default().pause(seen).min(self.longest),
            Some(fit) if seen.polls == 0 => FIRST.min(self.learned_pause(&fit, seen)),
            Some(fit) => self.learned_pause(&fit, seen),
        }
    }

    fn worth(&self, seen: &Seen) -> f64 {
        let (age, silence) = (running(seen), seen.silence.as_secs_f64());
        match self.record.fit() {
            None => silence * silence / (2.0 * crate::TYPICAL.as_secs_f64()),
            Some(fit) if seen.in_queue => silence * silence / (2.0 * QUEUE_PART * fit.median()),
            Some(fit) => fit.gathered(age - silence, age),
        }
    }

    fn learn(&self, ran: Duration) {
        self.record.add(ran);
    }
}

/// How long a job runs as far as can be told, in seconds.
fn running(seen: &Seen) -> f64 {
    seen.running.or(seen.age).unwrap_or(seen.elapsed).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A record of jobs around 200 s.
    fn record() -> Arc<Record> {
        Arc::new(Record::from_seconds(
            (0..60).map(|job| 200.0 * (0.75 + 0.5 * (job * 37 % 60) as f32 / 60.0)),
        ))
    }

    fn at(age: u32, polls: u32) -> Seen {
        Seen { elapsed: SECOND * age, age: Some(SECOND * age), polls, ..Seen::default() }
    }

    #[test]
    fn a_cold_start_grows_and_learns_from_each_job() {
        let learned = Learned::new(Arc::default(), Aim::default());
        assert_eq!(learned.pause(&at(0, 0)), SECOND);
        assert_eq!(learned.pause(&at(500, 90)), SECOND * 10);
        for _ in 0..5 {
            learned.learn(SECOND * 500);
        }
        assert_eq!(learned.pause(&at(20, 5)), SECOND * 15);
        assert_eq!(learned.pause(&at(500, 90)), SECOND * 2);
    }

    #[test]
    fn the_first_question_comes_soon_and_then_silence_until_the_first_could_be_over() {
        let steady = Learned::new(record(), Aim::Steady(SECOND * 2));
        assert_eq!(steady.pause(&at(0, 0)), FIRST);
        assert_eq!(steady.pause(&at(2, 1)), SECOND * 15);
        assert_eq!(steady.pause(&at(200, 9)), SECOND * 2);
    }

    #[test]
    fn jobs_in_the_queue_are_asked_about_seldom() {
        let learned = Learned::new(record(), Aim::Delay(SECOND));
        let queued = Seen { in_queue: true, ..at(200, 9) };
        assert!(learned.pause(&queued) > SECOND * 20);
        assert!(learned.pause(&at(200, 9)) < SECOND * 5);
        assert!(
            learned.worth(&Seen { silence: SECOND * 5, ..queued })
                < learned.worth(&Seen { silence: SECOND * 5, ..at(200, 9) })
        );
    }

    #[test]
    fn more_delay_or_fewer_polls_mean_longer_gaps() {
        let gap = |aim| Learned::new(record(), aim).pause(&at(200, 9));
        assert!(gap(Aim::Delay(SECOND)) < gap(Aim::Delay(SECOND * 3)));
        assert!(gap(Aim::Polls(100)) < gap(Aim::Polls(20)));
    }

    #[test]
    fn an_answer_is_worth_more_the_longer_it_is_missing_and_the_likelier_the_end() {
        let learned = Learned::new(record(), Aim::default());
        let worth = |age, silence: u32| learned.worth(&Seen { silence: SECOND * silence, ..at(age, 9) });
        assert!(worth(200, 10) > worth(200, 5));
        assert!(worth(200, 5) > worth(60, 5));
    }

    proptest! {
        #[test]
        fn gaps_are_bounded_whatever_was_learned(
            durations in proptest::collection::vec(0.001f32..1e6, 0..30),
            age in 0u32..1_000_000,
            polls in 0u32..1000,
            millis in 0u64..100_000,
        ) {
            let record = Arc::new(Record::from_seconds(durations));
            for aim in [Aim::Steady(Duration::from_millis(millis)), Aim::Delay(Duration::from_millis(millis)), Aim::Polls(polls)] {
                let pause = Learned::new(record.clone(), aim).pause(&at(age, polls));
                prop_assert!(pause >= SHORTEST && pause <= aim.longest_gap());
            }
        }
    }
}
