//! Sets the patience of a wait, and the fate of a job that the wait leaves unfinished.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kling_transport::{Backoff, CancelReply, Error, Job, JobModel, RequestId};

use crate::{DurationHistory, ExponentialInterval, Schedule, TimeLeft};

/// What a call begun at the deadline's edge is still given: the last poll, and the result that it may call for.
const MIN_CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long, how often and how stubbornly a wait asks: one pointer to clone, shared by any number of waits.
#[derive(Clone, Debug, Default)]
pub struct WaitOptions(Arc<Values>);

impl WaitOptions {
    /// When the wait ends without an outcome, counted from its beginning; an hour. `None` waits for ever.
    ///
    /// No pause goes past it, one last poll is made at it, and each call is bounded by what is left, but for 5 s that calls
    /// at the very edge are given.
    #[must_use]
    pub fn with_deadline(self, deadline: impl Into<Option<Duration>>) -> Self {
        self.with(|values| values.deadline = deadline.into())
    }

    /// How long one call may take; 30 s.
    #[must_use]
    pub fn with_call_timeout(self, call_timeout: Duration) -> Self {
        self.with(|values| values.call_timeout = call_timeout)
    }

    /// How many errors in a row are forgiven; 20. One good answer starts the count anew.
    #[must_use]
    pub fn with_max_errors(self, max_errors: u16) -> Self {
        self.with(|values| values.max_errors = max_errors)
    }

    /// The pauses after errors: with full jitter, from up to 1 s to up to 30 s.
    #[must_use]
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        self.with(|values| values.backoff = backoff)
    }

    /// Sets the schedule of every job. By default each kind of job has the
    /// [`LearnedInterval`](crate::LearnedInterval) of [`DurationHistory::of_process`].
    #[must_use]
    pub fn with_schedule(self, schedule: impl Schedule + 'static) -> Self {
        self.with(|values| (values.history, values.schedule) = (None, Arc::new(schedule)))
    }

    /// Sets the history from which each kind of job gets its schedule.
    #[must_use]
    pub fn with_history(self, history: &DurationHistory) -> Self {
        self.with(|values| {
            values.history = Some(history.clone());
            values.schedule = Arc::new(ExponentialInterval::default());
        })
    }

    /// Returns the options for one job, with the schedule of its kind. Waits and job sets call this themselves; a loop of
    /// your own around a [`JobMachine`](crate::JobMachine) should.
    #[must_use]
    pub fn for_job<M: JobModel>(&self, job: &Job<M>) -> Self {
        match self.0.history.as_ref().and_then(|history| history.schedule(job)) {
            Some(learned) => self.clone().with(|values| values.schedule = learned),
            None => self.clone(),
        }
    }

    /// Returns how long a job may still run that has run for this time, by the schedule.
    #[must_use]
    pub fn time_left(&self, run_time: Duration) -> Option<TimeLeft> {
        self.0.schedule.time_left(run_time)
    }

    /// What becomes of the job when the deadline has passed; it is left.
    ///
    /// Where it is cancelled, that is one call of at most 5 s, up to three where answers are lost, and one more that asks for the
    /// status where it is still not clear; [`WaitError::cancelling`](crate::WaitError::cancelling) tells what came of it.
    #[must_use]
    pub fn with_at_deadline(self, at_deadline: OnDeadline) -> Self {
        self.with(|values| values.at_deadline = at_deadline)
    }

    /// Cancels the job where the future of an async wait is dropped before its end, and tells what came of it; by default the
    /// job is left.
    ///
    /// The cancel is sent by a task of its own on the runtime of the wait, while that lives, for any future that was polled
    /// at least once. A blocking wait cannot be dropped, and a set leaves its jobs when it is: they are cancelled by their
    /// tickets.
    #[must_use]
    pub fn with_cancel_on_drop(
        self,
        notify: impl Fn(&RequestId, &Result<CancelReply, Error>) + Send + Sync + 'static,
    ) -> Self {
        self.with(|values| values.on_drop = Some(OnDrop::new(notify)))
    }

    /// Who is told of the cancel where the wait is dropped, if that is to cancel.
    #[must_use]
    pub fn on_drop(&self) -> Option<&OnDrop> {
        self.0.on_drop.as_ref()
    }

    /// What becomes of the job when the deadline has passed.
    #[must_use]
    pub fn at_deadline(&self) -> OnDeadline {
        self.0.at_deadline
    }

    /// When the wait ends without an outcome.
    #[must_use]
    pub fn deadline(&self) -> Option<Duration> {
        self.0.deadline
    }

    fn with(mut self, change: impl FnOnce(&mut Values)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(crate) fn schedule(&self) -> &dyn Schedule {
        &*self.0.schedule
    }

    pub(crate) fn backoff(&self) -> Backoff {
        self.0.backoff
    }

    pub(crate) fn max_errors(&self) -> u16 {
        self.0.max_errors
    }

    pub(crate) fn is_past(&self, now: Duration) -> bool {
        self.0.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// A moment, or the deadline if that is sooner.
    pub(crate) fn clip(&self, due: Duration) -> Duration {
        self.0.deadline.map_or(due, |deadline| due.min(deadline))
    }

    pub(crate) fn timeout_at(&self, now: Duration) -> Duration {
        let left = self.0.deadline.map(|deadline| deadline.saturating_sub(now).max(MIN_CALL_TIMEOUT));
        left.map_or(self.0.call_timeout, |left| left.min(self.0.call_timeout))
    }
}

/// What becomes of a job whose wait ends before it does.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnDeadline {
    /// It is left alone: it goes on, may be billed, and can be waited for again by its id.
    #[default]
    Detach,
    /// It is asked to be cancelled, which works while it is in the queue; what came of that is told.
    Cancel,
}

/// Hears what came of the cancel that a dropped wait sent: see [`WaitOptions::with_cancel_on_drop`].
#[derive(Clone)]
pub struct OnDrop(Arc<Notify>);

type Notify = dyn Fn(&RequestId, &Result<CancelReply, Error>) + Send + Sync;

impl OnDrop {
    pub(crate) fn new(
        notify: impl Fn(&RequestId, &Result<CancelReply, Error>) + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(notify))
    }

    /// Calls the callback.
    pub fn notify(&self, id: &RequestId, outcome: &Result<CancelReply, Error>) {
        (self.0)(id, outcome);
    }
}

impl fmt::Debug for OnDrop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDrop(..)")
    }
}

#[derive(Clone, Debug)]
struct Values {
    deadline: Option<Duration>,
    call_timeout: Duration,
    max_errors: u16,
    backoff: Backoff,
    schedule: Arc<dyn Schedule>,
    /// None if one schedule serves every job.
    history: Option<DurationHistory>,
    at_deadline: OnDeadline,
    on_drop: Option<OnDrop>,
}

impl Default for Values {
    fn default() -> Self {
        Self {
            deadline: Some(Duration::from_secs(3600)),
            call_timeout: Duration::from_secs(30),
            max_errors: 20,
            backoff: Backoff { first: Duration::from_secs(1), cap: Duration::from_secs(30) },
            schedule: Arc::new(ExponentialInterval::default()),
            history: Some(DurationHistory::of_process().clone()),
            at_deadline: OnDeadline::Detach,
            on_drop: None,
        }
    }
}
