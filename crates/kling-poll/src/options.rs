//! The options of a wait: deadline, retries, schedule, and the fate of an unfinished job.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use kling_transport::{Backoff, CancelReply, Error, Job, JobModel, RequestId};

use crate::{DurationHistory, ExponentialInterval, Schedule, TimeLeft};

/// The shortest time limit of a call near the deadline.
const MIN_CALL_TIMEOUT: Duration = Duration::from_secs(5);

/// The options of a wait. Clones share one allocation.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct WaitOptions(pub(crate) Arc<Values>);

impl WaitOptions {
    /// Sets the deadline, counted from the beginning of the wait. The default is an hour. `None` waits forever.
    ///
    /// One last poll is made at the deadline. Calls near the deadline have a time limit of at least 5 s.
    pub fn with_deadline(self, deadline: impl Into<Option<Duration>>) -> Self {
        self.with(|values| values.deadline = deadline.into())
    }

    /// Sets the time limit of a call. The default is 30 s.
    pub fn with_call_timeout(self, call_timeout: Duration) -> Self {
        self.with(|values| values.call_timeout = call_timeout)
    }

    /// Sets how many consecutive errors are retried. The default is 20. A good reply resets the count.
    pub fn with_max_errors(self, max_errors: u16) -> Self {
        self.with(|values| values.max_errors = max_errors)
    }

    /// Sets the pauses after errors. The default has full jitter, at most 1 s after the first error and at most 30 s later.
    pub fn with_backoff(self, backoff: Backoff) -> Self {
        self.with(|values| values.backoff = backoff)
    }

    /// Sets the schedule of every job. By default each kind of job has the
    /// [`LearnedInterval`](crate::LearnedInterval) of [`DurationHistory::of_process`].
    pub fn with_schedule(self, schedule: impl Schedule + 'static) -> Self {
        self.with(|values| (values.history, values.schedule) = (None, Arc::new(schedule)))
    }

    /// Sets the history from which each kind of job gets its schedule.
    pub fn with_history(self, history: &DurationHistory) -> Self {
        self.with(|values| {
            values.history = Some(history.clone());
            values.schedule = Arc::new(ExponentialInterval::default());
        })
    }

    /// Returns the options for one job, with the schedule of its kind. A loop of your own around a
    /// [`JobMachine`](crate::JobMachine) should call this; waits and job sets do.
    pub fn for_job<M: JobModel>(&self, job: &Job<M>) -> Self {
        match self.0.history.as_ref().and_then(|history| history.schedule(job)) {
            Some(learned) => self.clone().with(|values| values.schedule = learned),
            None => self.clone(),
        }
    }

    /// Returns how long a job may still run that has run for this time, by the schedule.
    pub fn time_left(&self, run_time: Duration) -> Option<TimeLeft> {
        self.0.schedule.time_left(run_time)
    }

    /// Sets whether the deadline detaches or cancels the job. By default the job is detached.
    ///
    /// A cancel takes one call of at most 5 s. It is retried twice if replies are lost, and the status settles an unclear
    /// reply. [`WaitError::cancelling`](crate::WaitError::cancelling) returns the outcome.
    pub fn with_at_deadline(self, at_deadline: OnDeadline) -> Self {
        self.with(|values| values.at_deadline = at_deadline)
    }

    /// Cancels the job if the future of an async wait is dropped before its end. By default the job keeps running.
    ///
    /// A task on the runtime of the wait sends the cancel, and passes the outcome to `notify`. Dropping a job set cancels no
    /// job.
    pub fn with_cancel_on_drop(
        self,
        notify: impl Fn(&RequestId, &Result<CancelReply, Error>) + Send + Sync + 'static,
    ) -> Self {
        self.with(|values| values.on_drop = Some(OnDrop(Arc::new(notify))))
    }

    /// Returns the callback of [`WaitOptions::with_cancel_on_drop`], if it was set.
    pub fn on_drop(&self) -> Option<&OnDrop> {
        self.0.on_drop.as_ref()
    }

    /// Returns whether the deadline detaches or cancels the job.
    pub fn at_deadline(&self) -> OnDeadline {
        self.0.at_deadline
    }

    /// Returns the deadline, counted from the beginning of the wait.
    pub fn deadline(&self) -> Option<Duration> {
        self.0.deadline
    }

    fn with(mut self, change: impl FnOnce(&mut Values)) -> Self {
        change(Arc::make_mut(&mut self.0));
        self
    }

    pub(crate) fn is_past(&self, now: Duration) -> bool {
        self.0.deadline.is_some_and(|deadline| now >= deadline)
    }

    /// Returns a moment, or the deadline if that is earlier.
    pub(crate) fn clip(&self, due: Duration) -> Duration {
        self.0.deadline.map_or(due, |deadline| due.min(deadline))
    }

    pub(crate) fn timeout_at(&self, now: Duration) -> Duration {
        let left = self.0.deadline.map(|deadline| deadline.saturating_sub(now).max(MIN_CALL_TIMEOUT));
        left.map_or(self.0.call_timeout, |left| left.min(self.0.call_timeout))
    }
}

/// The fate of a job that is unfinished at the deadline of its wait.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnDeadline {
    /// The job keeps running, and may be billed. Wait for it again by its id.
    #[default]
    Detach,
    /// Cancel the job. Only jobs in the queue can be cancelled.
    Cancel,
}

/// A callback for the outcome of a cancel after a drop; see [`WaitOptions::with_cancel_on_drop`].
#[derive(Clone)]
pub struct OnDrop(Arc<Notify>);

type Notify = dyn Fn(&RequestId, &Result<CancelReply, Error>) + Send + Sync;

impl OnDrop {
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
pub(crate) struct Values {
    deadline: Option<Duration>,
    call_timeout: Duration,
    pub(crate) max_errors: u16,
    pub(crate) backoff: Backoff,
    pub(crate) schedule: Arc<dyn Schedule>,
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
