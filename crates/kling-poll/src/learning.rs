//! Schedules that learn: how long jobs of a kind run, told from those that were waited for.

mod fit;

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Display;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kling_transport::{ModelId, ResultReply};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use self::fit::Fit;
use crate::{DEFAULT_JOB_DURATION, ExponentialInterval, PollContext, Schedule};

/// The first question about a job just submitted: it shows whether there is a queue.
const FIRST: Duration = Duration::from_secs(2);

/// No two questions about a job are closer.
const SHORTEST: Duration = Duration::from_millis(250);

/// In the queue, this part of the usual duration passes between questions.
const QUEUE_PART: f64 = 8.0;

/// How many jobs are remembered: enough to tell their spread within a tenth, few enough to forget in a hundred jobs.
const REMEMBERED: usize = 100;

/// So many of the last jobs have to be strange before all that was before them is forgotten.
const STRANGE: usize = 3;
const AMONG_LAST: usize = 4;

/// How far the API's clock may be off before what it reports is not believed.
const SLACK: Duration = Duration::from_secs(1);

/// A job whose submit is longer ago than this when a wait for it begins may have begun to run unseen.
const WATCHED: Duration = Duration::from_secs(30);

/// How long jobs of each kind ran; a kind is a model with the options that matter for its duration.
///
/// It serialises to a map from kinds to seconds, at most a hundred of them each, which can be kept anywhere and merged by
/// hand. It holds no ids and no inputs.
///
/// ```
/// use kling_poll::{Aim, Experience, WaitOptions};
///
/// let experience = Experience::default(); // or from serde
/// let model = "kling/kling-1-6/pro/image-to-video".parse()?;
/// let schedule = experience.schedule(&model, [("duration", 10)], Aim::default());
/// let options = WaitOptions::default().with_schedule(schedule); // for every job of ten seconds
/// # let _ = options;
/// # Ok::<(), kling_transport::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Experience(Mutex<BTreeMap<String, Arc<Record>>>);

impl Experience {
    /// The schedule for one kind of job. All schedules of one kind share its record.
    #[must_use]
    pub fn schedule<N: Display, V: Display>(
        &self,
        model: &ModelId,
        options: impl IntoIterator<Item = (N, V)>,
        aim: Aim,
    ) -> Learned {
        Learned::new(self.record(model, options), aim)
    }

    /// The record of one kind of job.
    #[must_use]
    pub fn record<N: Display, V: Display>(
        &self,
        model: &ModelId,
        options: impl IntoIterator<Item = (N, V)>,
    ) -> Arc<Record> {
        let mut kind = model.as_str().to_owned();
        for (name, value) in options {
            kind.push_str(&format!(" {name}={value}"));
        }
        Arc::clone(self.lock().entry(kind).or_default())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Record>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Serialize for Experience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.lock().iter().map(|(kind, record)| (kind, record.seconds())))
    }
}

impl<'de> Deserialize<'de> for Experience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let kept = BTreeMap::<String, Vec<f32>>::deserialize(deserializer)?;
        let records = kept.into_iter().map(|(kind, seconds)| (kind, Arc::new(Record::from_seconds(seconds))));
        Ok(Self(Mutex::new(records.collect())))
    }
}

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
/// Until it has seen a few it is [`ExponentialInterval::default`]. A job in the queue is asked about seldom; the count begins when it is
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

    fn learned_pause(&self, fit: &Fit, seen: &PollContext) -> Duration {
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
    fn next_delay(&self, seen: &PollContext) -> Duration {
        match self.record.fit() {
            None => ExponentialInterval::default().next_delay(seen).min(self.longest),
            Some(fit) if seen.polls == 0 => FIRST.min(self.learned_pause(&fit, seen)),
            Some(fit) => self.learned_pause(&fit, seen),
        }
    }

    fn worth(&self, seen: &PollContext) -> f64 {
        let (age, silence) = (running(seen), seen.silence.as_secs_f64());
        match self.record.fit() {
            None => silence * silence / (2.0 * DEFAULT_JOB_DURATION.as_secs_f64()),
            Some(fit) if seen.in_queue => silence * silence / (2.0 * QUEUE_PART * fit.median()),
            Some(fit) => fit.gathered(age - silence, age),
        }
    }

    fn learn(&self, ran: Duration) {
        self.record.add(ran);
    }
}

/// How long the last jobs of one kind ran: a model with the options that matter. Shared by every schedule that learns from it.
#[derive(Debug, Default)]
pub struct Record(Mutex<Memory>);

impl Record {
    /// Takes up a record that was kept, the last job's duration last, in seconds. What is no duration is left out.
    #[must_use]
    pub fn from_seconds(seconds: impl IntoIterator<Item = f32>) -> Self {
        let mut ran: VecDeque<_> = seconds.into_iter().filter(|ran| is_usable(*ran)).collect();
        ran.drain(..ran.len().saturating_sub(REMEMBERED));
        let fit = Fit::of(ran.make_contiguous()).map(Arc::new);
        Self(Mutex::new(Memory { ran, fit }))
    }

    /// How long the jobs remembered ran, in seconds, the last job's duration last.
    #[must_use]
    pub fn seconds(&self) -> Vec<f32> {
        self.lock().ran.iter().copied().collect()
    }

    /// Takes note of one more job.
    ///
    /// Where most of the last few ran much longer or much shorter than those before had let expect, all those before are
    /// forgotten: the service became slower or faster.
    pub fn add(&self, ran: Duration) {
        let ran = ran.as_secs_f32();
        if !is_usable(ran) {
            return;
        }
        let mut memory = self.lock();
        memory.ran.push_back(ran);
        memory.forget();
        memory.fit = Fit::of(memory.ran.make_contiguous()).map(Arc::new);
    }

    /// What these jobs let expect of the next; `None` while there are fewer than [`Fit::FEWEST`].
    #[must_use]
    pub fn fit(&self) -> Option<Arc<Fit>> {
        self.lock().fit.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Memory {
    /// Seconds, the last job's last.
    ran: VecDeque<f32>,
    fit: Option<Arc<Fit>>,
}

impl Memory {
    fn forget(&mut self) {
        let before = self.ran.len().saturating_sub(AMONG_LAST);
        let known = Fit::of(&self.ran.make_contiguous()[..before]);
        if let Some(known) = known {
            let strange = |side: i8| {
                self.ran.iter().skip(before).filter(|ran| known.strangeness(**ran) == side).count()
            };
            if strange(-1).max(strange(1)) >= STRANGE {
                self.ran.drain(..before);
            }
        }
        self.ran.drain(..self.ran.len().saturating_sub(REMEMBERED));
    }
}

fn is_usable(ran: f32) -> bool {
    ran.is_finite() && ran > 0.0
}

/// How long a job ran that is seen to be over now, if it was watched from its beginning.
///
/// It ended since the last answer that said it goes on. Reported times tell the moment within that span; where they point
/// outside it, what was seen teaches.
pub(crate) fn told(seen: &PollContext, reply: &ResultReply) -> Option<Duration> {
    let watched = seen.age.filter(|age| age.saturating_sub(seen.elapsed) < WATCHED);
    let latest = seen.running.or(watched)?;
    let earliest = latest.saturating_sub(seen.silence);
    let reported = watched.and_then(|age| {
        let before_running = age.saturating_sub(latest);
        total(reply)?.checked_sub(before_running)
    });
    let believed = reported.filter(|ran| *ran + SLACK >= earliest && *ran <= latest + SLACK);
    Some(believed.unwrap_or((earliest + latest) / 2))
}

/// The time from `created_at` to `finished_at`.
fn total(reply: &ResultReply) -> Option<Duration> {
    let moment = |text: &Option<String>| text.as_deref()?.parse::<Timestamp>().ok();
    let (created, finished) = (moment(&reply.created_at)?, moment(&reply.finished_at)?);
    finished.duration_since(created).try_into().ok()
}

/// How long a job runs as far as can be told, in seconds.
fn running(seen: &PollContext) -> f64 {
    seen.running.or(seen.age).unwrap_or(seen.elapsed).as_secs_f64()
}

#[cfg(test)]
mod tests {
    use kling_transport::{Call, GetResult, HttpHead, HttpReply};
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// A record of jobs around 200 s.
    fn record() -> Arc<Record> {
        Arc::new(Record::from_seconds(
            (0..60).map(|job| 200.0 * (0.75 + 0.5 * (job * 37 % 60) as f32 / 60.0)),
        ))
    }

    fn at(age: u32, polls: u32) -> PollContext {
        PollContext { elapsed: SECOND * age, age: Some(SECOND * age), polls, ..PollContext::default() }
    }

    fn after(seconds: impl IntoIterator<Item = u64>) -> Record {
        let record = Record::default();
        seconds.into_iter().for_each(|seconds| record.add(Duration::from_secs(seconds)));
        record
    }

    fn seen() -> PollContext {
        PollContext {
            elapsed: SECOND * 100,
            age: Some(SECOND * 100),
            silence: SECOND * 10,
            ..PollContext::default()
        }
    }

    fn reported(finished_at: &str) -> ResultReply {
        let body = format!(
            r#"{{"status":"succeeded","created_at":"2025-12-07T00:00:00.5+00:00","finished_at":"{finished_at}"}}"#
        );
        let head = HttpHead::new(200, |_| None, std::time::SystemTime::UNIX_EPOCH);
        GetResult(&"id".parse().unwrap()).read(&HttpReply::new(head, body.into())).unwrap()
    }

    #[test]
    fn kinds_are_kept_apart_and_come_back() {
        let experience = Experience::default();
        let model: ModelId = "maker/model".parse().unwrap();
        for duration in [5u64, 10] {
            experience
                .schedule(&model, [("duration", duration)], Aim::default())
                .learn(Duration::from_secs(duration * 30));
        }
        let kept = serde_json::to_string(&experience).unwrap();
        assert_eq!(kept, r#"{"maker/model duration=10":[300.0],"maker/model duration=5":[150.0]}"#);
        let again: Experience = serde_json::from_str(&kept).unwrap();
        assert_eq!(again.record(&model, [("duration", 5)]).seconds(), [150.0]);
        assert_eq!(serde_json::to_string(&again).unwrap(), kept);
    }

    #[test]
    fn a_cold_start_grows_and_learns_from_each_job() {
        let learned = Learned::new(Arc::default(), Aim::default());
        assert_eq!(learned.next_delay(&at(0, 0)), SECOND);
        assert_eq!(learned.next_delay(&at(500, 90)), SECOND * 10);
        for _ in 0..5 {
            learned.learn(SECOND * 500);
        }
        assert_eq!(learned.next_delay(&at(20, 5)), SECOND * 15);
        assert_eq!(learned.next_delay(&at(500, 90)), SECOND * 2);
    }

    #[test]
    fn the_first_question_comes_soon_and_then_silence_until_the_first_could_be_over() {
        let steady = Learned::new(record(), Aim::Steady(SECOND * 2));
        assert_eq!(steady.next_delay(&at(0, 0)), FIRST);
        assert_eq!(steady.next_delay(&at(2, 1)), SECOND * 15);
        assert_eq!(steady.next_delay(&at(200, 9)), SECOND * 2);
    }

    #[test]
    fn jobs_in_the_queue_are_asked_about_seldom() {
        let learned = Learned::new(record(), Aim::Delay(SECOND));
        let queued = PollContext { in_queue: true, ..at(200, 9) };
        assert!(learned.next_delay(&queued) > SECOND * 20);
        assert!(learned.next_delay(&at(200, 9)) < SECOND * 5);
        assert!(
            learned.worth(&PollContext { silence: SECOND * 5, ..queued })
                < learned.worth(&PollContext { silence: SECOND * 5, ..at(200, 9) })
        );
    }

    #[test]
    fn more_delay_or_fewer_polls_mean_longer_gaps() {
        let gap = |aim| Learned::new(record(), aim).next_delay(&at(200, 9));
        assert!(gap(Aim::Delay(SECOND)) < gap(Aim::Delay(SECOND * 3)));
        assert!(gap(Aim::Polls(100)) < gap(Aim::Polls(20)));
    }

    #[test]
    fn an_answer_is_worth_more_the_longer_it_is_missing_and_the_likelier_the_end() {
        let learned = Learned::new(record(), Aim::default());
        let worth =
            |age, silence: u32| learned.worth(&PollContext { silence: SECOND * silence, ..at(age, 9) });
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
                let pause = Learned::new(record.clone(), aim).next_delay(&at(age, polls));
                prop_assert!(pause >= SHORTEST && pause <= aim.longest_gap());
            }
        }
    }

    #[test]
    fn the_last_hundred_jobs_are_remembered() {
        let record = after((0..250).map(|job| 100 + job % 7));
        assert_eq!(record.seconds().len(), REMEMBERED);
        assert_eq!(Record::from_seconds(record.seconds()).seconds(), record.seconds());
    }

    #[test]
    fn a_service_that_became_faster_or_slower_is_believed_after_a_few_jobs() {
        let usual = || (0..60).map(|job| 180 + job % 40);
        assert_eq!(after(usual().chain([60, 62, 58])).seconds(), [199.0, 60.0, 62.0, 58.0]);
        assert_eq!(after(usual().chain([900, 950, 870])).seconds().len(), 4);
        assert_eq!(
            after(usual().chain([900, 190, 180, 910])).seconds().len(),
            64,
            "two strange ones are chance"
        );
        assert_eq!(after(usual().chain([900, 60, 910, 70])).seconds().len(), 64, "no one side");
    }

    #[test]
    fn what_is_no_duration_is_left_out() {
        let record = Record::from_seconds([1.0, f32::NAN, -3.0, f32::INFINITY, 0.0, 2.0]);
        assert_eq!(record.seconds(), [1.0, 2.0]);
        record.add(Duration::ZERO);
        assert_eq!(record.seconds().len(), 2);
    }

    #[test]
    fn reported_times_teach_where_they_fit_what_was_seen() {
        assert_eq!(told(&seen(), &reported("2025-12-07T00:01:33.5Z")), Some(SECOND * 93));
        let queued = PollContext { running: Some(SECOND * 40), ..seen() };
        assert_eq!(told(&queued, &reported("2025-12-07T01:01:33.5+01:00")), Some(SECOND * 33));
    }

    #[test]
    fn where_they_do_not_fit_or_are_missing_what_was_seen_teaches() {
        for finished_at in ["2025-12-07T00:00:20Z", "2025-12-06T00:00:00Z", "2030-01-01T00:00:00Z", "soon"] {
            assert_eq!(told(&seen(), &reported(finished_at)), Some(SECOND * 95), "{finished_at}");
        }
    }

    #[test]
    fn a_job_whose_beginning_was_not_seen_teaches_nothing() {
        let reply = reported("2025-12-07T00:01:33Z");
        assert_eq!(told(&PollContext { age: None, ..seen() }, &reply), None);
        assert_eq!(told(&PollContext { age: Some(SECOND * 1000), ..seen() }, &reply), None);
    }
}
