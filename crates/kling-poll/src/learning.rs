//! Learns from finished jobs how long jobs of a kind run, for the schedule of a wait and for the time left.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kling_transport::{Job, JobModel, ResultReply};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ExponentialInterval, PollContext, Schedule, TimeLeft};

/// The fewest durations to learn from.
const FEWEST: usize = 5;

/// The most durations that are remembered of each kind of job.
const REMEMBERED: usize = 100;

/// The most kinds of job that are remembered.
const MAX_KINDS: usize = 1000;

/// The first poll of a new job: it shows whether there is a queue.
const FIRST_POLL: Duration = Duration::from_secs(2);

/// No gap between two polls is longer, so that a service that became faster is noticed.
const LONGEST_GAP: Duration = Duration::from_secs(15);

/// The bounds of the fixed interval.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(500);
const LONGEST_INTERVAL: Duration = Duration::from_secs(5);

/// The fixed interval is this share of the median duration.
const INTERVALS_PER_MEDIAN: u32 = 120;

/// The gap between polls of a queued job is this share of the median duration.
const QUEUE_GAPS_PER_MEDIAN: u32 = 8;

/// The longest duration that is learned, in seconds: a day.
const LONGEST_DURATION: f32 = 86_400.0;

/// The largest accepted error of the API's clock.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(1);

/// If the submit was earlier than this when the wait began, the job may have begun to run unseen.
const WATCHED: Duration = Duration::from_secs(30);

/// How long jobs of each kind ran. A kind is a model and the `duration` of the input.
///
/// Clones share one history. It serialises to a map from kinds to seconds, and holds neither ids nor inputs.
///
/// ```
/// use kling_poll::{DurationHistory, WaitOptions};
///
/// let history: DurationHistory = serde_json::from_str(r#"{"maker/model duration=5": [151.2, 148.0]}"#)?;
/// let options = WaitOptions::default().with_history(&history);
/// // After some waits:
/// let kept = serde_json::to_string(&history)?;
/// # let _ = (options, kept);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct DurationHistory(Arc<Mutex<Kinds>>);

type Kinds = BTreeMap<String, Arc<LearnedInterval>>;

impl DurationHistory {
    /// Returns the history that all waits of this process share by default.
    pub fn of_process() -> &'static Self {
        static OF_PROCESS: LazyLock<DurationHistory> = LazyLock::new(DurationHistory::default);
        &OF_PROCESS
    }

    /// Returns the schedule of a job's kind, if its model is known. All jobs of a kind share one schedule.
    ///
    /// A job whose `duration` is unknown has the schedule of all jobs of its model.
    pub fn schedule<M: JobModel>(&self, job: &Job<M>) -> Option<Arc<LearnedInterval>> {
        let model = job.model()?.as_str();
        Some(match job.duration() {
            Some(duration) => self.of_kind(&format!("{model}{DURATION}{duration}")),
            None => self.of_kind(model),
        })
    }

    /// Adds the durations that waits added to `other` since `other` was made or read. Returns how many were added.
    ///
    /// A program that keeps a file reads the file again, adds its own durations and writes the file. Then processes do not
    /// undo each other's work.
    pub fn add_learned(&self, other: &Self) -> usize {
        let learned: Vec<_> =
            other.lock().iter().map(|(kind, known)| (kind.clone(), known.learned())).collect();
        let mut added = 0;
        for (kind, seconds) in learned {
            let known = self.of_kind(&kind);
            added += seconds.into_iter().filter(|seconds| known.lock().push(*seconds)).count();
        }
        added
    }

    fn of_kind(&self, kind: &str) -> Arc<LearnedInterval> {
        let mut kinds = self.lock();
        let model = kind.rsplit_once(DURATION).map(|(model, _)| entry(&mut kinds, model, None));
        entry(&mut kinds, kind, model)
    }

    /// Ignores poison, since no panic interrupts a change of the map.
    fn lock(&self) -> MutexGuard<'_, Kinds> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Separates the model from the duration in the name of a kind.
const DURATION: &str = " duration=";

/// Returns the schedule of a kind. Kinds beyond the limit are not stored.
fn entry(kinds: &mut Kinds, kind: &str, model: Option<Arc<LearnedInterval>>) -> Arc<LearnedInterval> {
    if let Some(known) = kinds.get(kind) {
        return Arc::clone(known);
    }
    let new = Arc::new(LearnedInterval { durations: Mutex::default(), model });
    if kinds.len() < MAX_KINDS {
        kinds.insert(kind.to_owned(), Arc::clone(&new));
    }
    new
}

impl Serialize for DurationHistory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let kinds = self.lock();
        let known = kinds.iter().map(|(kind, known)| (kind, known.lock().seconds.clone()));
        serializer.collect_map(known.filter(|(_, seconds)| !seconds.is_empty()))
    }
}

impl<'de> Deserialize<'de> for DurationHistory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let history = Self::default();
        for (kind, seconds) in BTreeMap::<String, Vec<f32>>::deserialize(deserializer)? {
            let known = history.of_kind(&kind);
            seconds.into_iter().for_each(|seconds| _ = known.lock().push(seconds));
        }
        Ok(history)
    }
}

/// Polls every 15 s until the first job of a kind could be over, and then at a fixed interval of at most 15 s.
///
/// The first could be over at the lowest durations of the last hundred jobs. The interval is 1/120 of their median, within
/// 0.5 s and 5 s. Until five jobs are known, and for a job of unknown age, it is [`ExponentialInterval::default`]. A queued
/// job is polled seldom, and its age counts from the observed start of the run.
#[derive(Debug, Default)]
pub struct LearnedInterval {
    durations: Mutex<Durations>,
    /// The jobs of the same model, whatever their `duration`.
    model: Option<Arc<Self>>,
}

impl LearnedInterval {
    /// Returns the remembered durations in seconds, the oldest first.
    pub fn seconds(&self) -> Vec<f32> {
        self.lock().seconds.iter().copied().collect()
    }

    fn learned(&self) -> Vec<f32> {
        let durations = self.lock();
        let before = durations.seconds.len().saturating_sub(durations.learned);
        durations.seconds.iter().skip(before).copied().collect()
    }

    /// Ignores poison, since no panic interrupts a change of the durations.
    fn lock(&self) -> MutexGuard<'_, Durations> {
        self.durations.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Schedule for LearnedInterval {
    fn next_delay(&self, context: &PollContext) -> Duration {
        let expected = self.lock().expected;
        let Some(expected) = expected.filter(|_| context.in_queue || context.run_time().is_some()) else {
            return ExponentialInterval::default().next_delay(context);
        };
        let gap = expected.gap(context.run_time());
        if context.polls == 0 { gap.min(FIRST_POLL) } else { gap }
    }

    fn learn(&self, run_time: Duration) {
        self.lock().learn(run_time.as_secs_f32());
        if let Some(model) = &self.model {
            model.learn(run_time);
        }
    }

    fn time_left(&self, run_time: Duration) -> Option<TimeLeft> {
        self.lock().time_left(run_time)
    }
}

#[derive(Debug, Default)]
struct Durations {
    /// The oldest first.
    seconds: VecDeque<f32>,
    /// The number of last durations that were learned here, and not read.
    learned: usize,
    expected: Option<Expected>,
}

impl Durations {
    fn learn(&mut self, seconds: f32) {
        if self.push(seconds) {
            self.learned = (self.learned + 1).min(REMEMBERED);
        }
    }

    /// Returns whether it is a duration.
    fn push(&mut self, seconds: f32) -> bool {
        let is_duration = seconds > 0.0 && seconds <= LONGEST_DURATION;
        if is_duration {
            if self.seconds.len() == REMEMBERED {
                self.seconds.pop_front();
            }
            self.seconds.push_back(seconds);
            self.expected = Expected::of(self.sorted(0.0));
        }
        is_duration
    }

    /// Estimates by the median of the jobs that ran longer.
    fn time_left(&self, run_time: Duration) -> Option<TimeLeft> {
        self.expected?;
        let longer = self.sorted(run_time.as_secs_f32());
        if longer.len() * 10 < self.seconds.len() {
            return Some(TimeLeft::Overdue);
        }
        let median = Duration::from_secs_f32(*longer.get(longer.len() / 2)?);
        Some(TimeLeft::About(median.saturating_sub(run_time)))
    }

    /// Returns the durations above a bound.
    fn sorted(&self, above: f32) -> Vec<f32> {
        let mut sorted: Vec<_> = self.seconds.iter().copied().filter(|seconds| *seconds > above).collect();
        sorted.sort_unstable_by(f32::total_cmp);
        sorted
    }
}

/// The expectation for the next job, from the known durations.
#[derive(Clone, Copy, Debug)]
struct Expected {
    first_end: Duration,
    interval: Duration,
    queue_gap: Duration,
}

impl Expected {
    fn of(sorted: Vec<f32>) -> Option<Self> {
        let jobs = sorted.len();
        if jobs < FEWEST {
            return None;
        }
        let median = Duration::from_secs_f32(sorted[jobs / 2]);
        // The fewer jobs are known, the more a next one may be faster than all of them.
        let margin = jobs as f32 / (jobs as f32 + 2.0);
        Some(Self {
            first_end: Duration::from_secs_f32(sorted[jobs / REMEMBERED] * margin),
            interval: (median / INTERVALS_PER_MEDIAN).clamp(SHORTEST_INTERVAL, LONGEST_INTERVAL),
            queue_gap: (median / QUEUE_GAPS_PER_MEDIAN).clamp(SHORTEST_INTERVAL, LONGEST_GAP),
        })
    }

    /// Returns the gap before the next poll; a job without a run time is queued.
    fn gap(&self, run_time: Option<Duration>) -> Duration {
        match run_time {
            Some(run_time) => self.first_end.saturating_sub(run_time).clamp(self.interval, LONGEST_GAP),
            None => self.queue_gap,
        }
    }
}

/// Returns how long a finished job ran, if the wait saw it begin.
///
/// The job ended between the last unfinished reply and this one. The reported times are used if they fit that span, and
/// otherwise the middle of the span.
pub(crate) fn observed_duration(context: &PollContext, reply: &ResultReply) -> Option<Duration> {
    let watched = context.age.filter(|age| age.saturating_sub(context.elapsed) < WATCHED);
    let latest = context.running.or(watched)?;
    let earliest = latest.saturating_sub(context.silence);
    let reported = watched.and_then(|age| {
        let before_running = age.saturating_sub(latest);
        reported_duration(reply)?.checked_sub(before_running)
    });
    let believed =
        reported.filter(|ran| *ran + CLOCK_TOLERANCE >= earliest && *ran <= latest + CLOCK_TOLERANCE);
    Some(believed.unwrap_or((earliest + latest) / 2))
}

/// The time from `created_at` to `finished_at`.
fn reported_duration(reply: &ResultReply) -> Option<Duration> {
    let moment = |text: &Option<String>| text.as_deref()?.parse::<Timestamp>().ok();
    let (created, finished) = (moment(&reply.created_at)?, moment(&reply.finished_at)?);
    finished.duration_since(created).try_into().ok()
}

#[cfg(test)]
mod tests {
    use kling_transport::{Call, GetResult, HttpHead, HttpReply};
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(seconds: impl IntoIterator<Item = u64>) -> LearnedInterval {
        let learned = LearnedInterval::default();
        seconds.into_iter().for_each(|seconds| learned.learn(Duration::from_secs(seconds)));
        learned
    }

    /// Sixty jobs from 150 s to 249 s.
    fn usual() -> LearnedInterval {
        after((0..60).map(|job| 150 + job * 37 % 60 * 100 / 60))
    }

    fn at(age: u32, polls: u32) -> PollContext {
        PollContext { elapsed: SECOND * age, age: Some(SECOND * age), polls, ..PollContext::default() }
    }

    fn seen() -> PollContext {
        PollContext { silence: SECOND * 10, ..at(100, 9) }
    }

    fn reported(finished_at: &str) -> ResultReply {
        let body = format!(
            r#"{{"status":"succeeded","created_at":"2025-12-07T00:00:00.5+00:00","finished_at":"{finished_at}"}}"#
        );
        let head = HttpHead::new(200, |_| None, std::time::SystemTime::UNIX_EPOCH);
        GetResult(&"id".parse().unwrap()).read(&HttpReply::new(head, body.into())).unwrap()
    }

    fn job(kept: &str) -> Job {
        serde_json::from_str(kept).unwrap()
    }

    #[test]
    fn kinds_are_kept_apart_and_come_back() {
        let history = DurationHistory::default();
        for duration in [5, 10] {
            let job = job(&format!(r#"{{"request_id":"a","model":"maker/model","duration":"{duration}"}}"#));
            history.schedule(&job).unwrap().learn(SECOND * duration * 30);
        }
        let kept = serde_json::to_string(&history).unwrap();
        let expected = r#"{"maker/model":[150.0,300.0],"maker/model duration=10":[300.0],"maker/model duration=5":[150.0]}"#;
        assert_eq!(kept, expected);
        let again: DurationHistory = serde_json::from_str(&kept).unwrap();
        let of_five = job(r#"{"request_id":"b","model":"maker/model","duration":"5"}"#);
        assert_eq!(again.schedule(&of_five).unwrap().seconds(), [150.0]);
        let unknown = job(r#"{"request_id":"c","model":"maker/model"}"#);
        assert_eq!(again.schedule(&unknown).unwrap().seconds(), [150.0, 300.0]);
        assert!(again.schedule(&job(r#"{"request_id":"d"}"#)).is_none(), "the model is unknown");
        assert_eq!(serde_json::to_string(&again).unwrap(), kept);
    }

    #[test]
    fn two_processes_add_to_one_file() {
        let job = job(r#"{"request_id":"a","model":"maker/model","duration":"5"}"#);
        let read = || serde_json::from_str::<DurationHistory>(r#"{"maker/model duration=5":[1.0]}"#).unwrap();
        let (file, mine) = (read(), read());
        file.schedule(&job).unwrap().learn(SECOND * 2);
        mine.schedule(&job).unwrap().learn(SECOND * 3);
        file.add_learned(&mine);
        assert_eq!(file.schedule(&job).unwrap().seconds(), [1.0, 2.0, 3.0]);
    }

    #[test]
    fn the_kinds_that_are_kept_are_bounded() {
        let history = DurationHistory::default();
        for model in 0..2 * MAX_KINDS {
            let job = job(&format!(r#"{{"request_id":"a","model":"maker/{model}"}}"#));
            history.schedule(&job).unwrap().learn(SECOND);
        }
        assert_eq!(history.lock().len(), MAX_KINDS);
    }

    #[test]
    fn the_interval_grows_until_five_jobs_are_known() {
        let learned = after([500; 4]);
        assert_eq!(learned.next_delay(&at(0, 0)), SECOND);
        assert_eq!(learned.next_delay(&at(500, 90)), SECOND * 10);
        assert_eq!(learned.time_left(SECOND), None);
        learned.learn(SECOND * 500);
        assert_eq!(learned.next_delay(&at(20, 5)), LONGEST_GAP);
        let interval = learned.next_delay(&at(500, 90));
        assert!(interval > SECOND * 4 && interval < SECOND * 5, "{interval:?}");
        assert_eq!(learned.time_left(SECOND * 100), Some(TimeLeft::About(SECOND * 400)));
    }

    #[test]
    fn the_first_poll_comes_soon_then_none_until_the_first_job_could_be_over() {
        let learned = usual();
        assert_eq!(learned.next_delay(&at(0, 0)), FIRST_POLL);
        assert_eq!(learned.next_delay(&at(2, 1)), LONGEST_GAP);
        let last = learned.next_delay(&at(140, 9));
        assert!(last > SECOND * 3 && last < SECOND * 6, "the fastest of sixty, less a thirtieth: {last:?}");
        let interval = learned.next_delay(&at(200, 12));
        assert!(interval > SECOND && interval < SECOND * 2, "{interval:?}");
    }

    #[test]
    fn queued_jobs_and_jobs_of_unknown_age_are_not_polled_as_running_ones() {
        let learned = usual();
        let queued = PollContext { in_queue: true, ..at(200, 9) };
        assert_eq!(learned.next_delay(&queued), LONGEST_GAP);
        let started = PollContext { running: Some(SECOND * 5), ..at(200, 9) };
        assert_eq!(learned.next_delay(&started), LONGEST_GAP);
        let unknown = PollContext { age: None, ..at(200, 2) };
        assert_eq!(learned.next_delay(&unknown), ExponentialInterval::default().next_delay(&unknown));
    }

    #[test]
    fn short_jobs_are_polled_before_they_could_be_over() {
        let learned = after([1; 20]);
        assert!(learned.next_delay(&at(0, 0)) < SECOND);
        assert_eq!(learned.next_delay(&at(1, 1)), SHORTEST_INTERVAL);
    }

    #[test]
    fn one_job_shows_that_a_service_became_faster() {
        let learned = usual();
        assert_eq!(learned.next_delay(&at(60, 5)), LONGEST_GAP);
        learned.learn(SECOND * 60);
        assert!(learned.next_delay(&at(60, 5)) < SECOND * 2);
    }

    #[test]
    fn ten_jobs_show_that_a_service_became_slower() {
        let learned = usual();
        assert_eq!(learned.time_left(SECOND * 300), Some(TimeLeft::Overdue));
        (0..10).for_each(|_| learned.learn(SECOND * 900));
        assert_eq!(learned.time_left(SECOND * 300), Some(TimeLeft::About(SECOND * 600)));
    }

    #[test]
    fn the_last_hundred_jobs_are_remembered() {
        let learned = after((0..250).map(|job| 100 + job % 7));
        assert_eq!(learned.seconds().len(), REMEMBERED);
        assert_eq!(learned.seconds().last(), Some(&104.0));
    }

    #[test]
    fn values_that_are_no_duration_are_left_out() {
        let history: DurationHistory =
            serde_json::from_str(r#"{"maker/model":[1.0, -3.0, 1e30, 0.0, 2.0]}"#).unwrap();
        let learned = history.schedule(&job(r#"{"request_id":"a","model":"maker/model"}"#)).unwrap();
        assert_eq!(learned.seconds(), [1.0, 2.0]);
        learned.learn(Duration::ZERO);
        learned.learn(Duration::MAX);
        assert_eq!(learned.seconds().len(), 2);
    }

    proptest! {
        #[test]
        fn gaps_and_times_left_are_bounded(
            durations in proptest::collection::vec(0.0f32..1e6, 0..130),
            age in 0u32..1_000_000,
            polls in 0u32..1000,
            in_queue: bool,
        ) {
            let learned = LearnedInterval::default();
            durations.iter().for_each(|seconds| learned.learn(Duration::from_secs_f32(*seconds)));
            let gap = learned.next_delay(&PollContext { in_queue, ..at(age, polls) });
            prop_assert!(gap >= SHORTEST_INTERVAL && gap <= LONGEST_GAP, "{gap:?}");
            if let Some(TimeLeft::About(left)) = learned.time_left(SECOND * age) {
                prop_assert!(left.as_secs_f32() <= LONGEST_DURATION);
            }
        }
    }

    #[test]
    fn reported_times_are_believed_if_they_fit_the_polls() {
        assert_eq!(observed_duration(&seen(), &reported("2025-12-07T00:01:33.5Z")), Some(SECOND * 93));
        let queued = PollContext { running: Some(SECOND * 40), ..seen() };
        let finished = reported("2025-12-07T01:01:33.5+01:00");
        assert_eq!(observed_duration(&queued, &finished), Some(SECOND * 33));
    }

    #[test]
    fn if_reported_times_are_missing_or_do_not_fit_the_polls_decide() {
        for finished_at in ["2025-12-07T00:00:20Z", "2025-12-06T00:00:00Z", "2030-01-01T00:00:00Z", "soon"] {
            let observed = observed_duration(&seen(), &reported(finished_at));
            assert_eq!(observed, Some(SECOND * 95), "{finished_at}");
        }
    }

    #[test]
    fn a_job_whose_start_was_not_seen_teaches_nothing() {
        let reply = reported("2025-12-07T00:01:33Z");
        assert_eq!(observed_duration(&PollContext { age: None, ..seen() }, &reply), None);
        assert_eq!(observed_duration(&PollContext { age: Some(SECOND * 1000), ..seen() }, &reply), None);
    }
}
