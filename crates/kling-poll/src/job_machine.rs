//! The wait for one job as a state machine, without clock or socket.

use std::time::Duration;

use kling_transport::{
    CancelOutcome, CancelReply, Error, ErrorKind, Job, JobModel, JobOutcome, Phase, RequestId, ResultReply,
    Span, State, StatusReply, TransportError, TransportErrorKind,
};

use crate::cancel::{self, Next};
use crate::learning::observed_duration;
use crate::wait_error::Details;
use crate::{CompletedJob, OnDeadline, PollContext, TimeLeft, WaitError, WaitOptions, WaitOutcome};

/// A new request id may be unknown to some replicas. "Not found" is retried for this time after the submit.
const NOT_FOUND_GRACE: Duration = Duration::from_secs(30);

/// The longest pause for a `Retry-After`.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// The wait for one job.
///
/// [`JobMachine::step`] takes an event and the time since the wait began, and returns the next action. The rules:
/// - An unknown state means that the job runs.
/// - A final state on `/status` leads to `/result`. The result decides, by its content and then by its state.
/// - A bad reply costs one of the consecutive errors that [`WaitOptions`] allow.
/// - Only the API's own error codes on token, account and id end the wait at once. Gateways send 403 and 404 too.
/// - A rejected certificate or proxy ends a wait that never had a reply.
///
/// The options are passed in, so that any number of machines share them.
#[derive(Clone, Debug)]
pub struct JobMachine {
    /// The age when the wait began, if it is known.
    age: Option<Duration>,
    state: Option<State>,
    queue_position: Option<u32>,
    /// When the job began to run, since the wait began, if the wait saw it.
    running_since: Option<Duration>,
    /// When a reply last said that the job is unfinished, since the wait began.
    alive_at: Duration,
    polls: u32,
    errors: u16,
    last_error: Option<Error>,
    stage: Stage,
}

impl JobMachine {
    /// A machine for a job of this age. If the age is short, the schedule decides the first poll. If it is long or unknown,
    /// the first poll is immediate.
    pub const fn new(age: Option<Duration>) -> Self {
        Self {
            age,
            state: None,
            queue_position: None,
            running_since: None,
            alive_at: Duration::ZERO,
            polls: 0,
            errors: 0,
            last_error: None,
            stage: Stage::Status,
        }
    }

    /// Takes an event at `now`, the time since the wait began. `random` is drawn from `0.0..1.0`.
    pub fn step(&mut self, options: &WaitOptions, now: Duration, random: f64, event: Event) -> Step {
        let mut step = self.handle(options, now, random, event);
        if let Some(update) = &mut step.update {
            update.time_left = update.run_time.and_then(|run_time| options.time_left(run_time));
        }
        self.record(now, &step);
        step
    }

    /// Returns the result of the wait, from the outcome of [`Action::Done`].
    ///
    /// # Errors
    /// [`WaitError`] for every outcome but success.
    pub fn conclude<M: JobModel>(
        &self,
        job: &Job<M>,
        elapsed: Duration,
        outcome: WaitOutcome,
    ) -> Result<CompletedJob<M>, WaitError> {
        if let WaitOutcome::Succeeded(reply) = outcome {
            return Ok(CompletedJob::new(reply));
        }
        let (id, state, polls) = (job.id().clone(), self.state.clone(), self.polls);
        let last_error = self.last_error.clone();
        Err(WaitError(Details { id, outcome, last_error, state, polls, elapsed }.into()))
    }

    /// Returns the number of status polls.
    pub const fn polls(&self) -> u32 {
        self.polls
    }

    /// Returns the context for the schedule.
    fn seen(&self, now: Duration) -> PollContext {
        let since = |moment: Duration| now.saturating_sub(moment);
        PollContext {
            elapsed: now,
            age: self.age_at(now),
            running: self.running_since.map(since),
            in_queue: matches!(self.state, Some(State::InQueue)),
            queue_position: self.queue_position,
            polls: self.polls,
            silence: since(self.alive_at),
        }
    }

    /// Whether the deadline has passed and the machine is cancelling the job.
    pub(crate) const fn is_cancelling(&self) -> bool {
        matches!(self.stage, Stage::Cancel | Stage::Settle)
    }

    fn handle(&mut self, options: &WaitOptions, now: Duration, random: f64, event: Event) -> Step {
        match event {
            Event::Started if self.is_young(Duration::ZERO) => {
                let since_submit = options.0.schedule.next_delay(&self.seen(now));
                let age = self.age.unwrap_or_default();
                self.wait(options, now, since_submit.saturating_sub(age)).into()
            }
            Event::Started => Action::WaitUntil(now).into(),
            Event::Due => self.call(options, now).into(),
            Event::Cancel(outcome) => self.on_cancel(options, now, outcome).into(),
            Event::Status(outcome) if self.stage == Stage::Settle => self.settle(outcome).into(),
            Event::Status(Ok(reply)) => self.on_status(options, now, reply),
            Event::Result(Ok(reply)) => self.on_result(options, now, reply),
            Event::Result(Err(error)) if error.kind() == ErrorKind::NotReady => {
                self.on_not_ready(options, now).into()
            }
            Event::Status(Err(error)) | Event::Result(Err(error)) => {
                self.on_error(options, now, random, error)
            }
        }
    }

    /// Records the step in the span of its call, which the caller has entered.
    fn record(&self, now: Duration, step: &Step) {
        let span = Span::current();
        span.number("attempt", self.polls.into());
        if let Some(state) = &self.state {
            span.text("state", state);
        }
        let error = match &step.action {
            Action::WaitUntil(due) => {
                span.delay(due.saturating_sub(now));
                None
            }
            Action::Done(outcome) => outcome.error(),
            _ => None,
        };
        if let Some(error) = error.or(self.last_error.as_ref()) {
            span.text("error", error);
        }
    }

    /// Returns the call of the current stage.
    fn call(&mut self, options: &WaitOptions, now: Duration) -> Action {
        let timeout = options.timeout_at(now);
        match self.stage {
            Stage::Result => return Action::SendResult { timeout },
            Stage::Cancel => return Action::SendCancel { timeout },
            Stage::Settle => {}
            Stage::Status => self.polls = self.polls.saturating_add(1),
        }
        Action::SendStatus { timeout }
    }

    fn on_status(&mut self, options: &WaitOptions, now: Duration, reply: StatusReply) -> Step {
        // An early call for the result is free.
        let is_over = reply.state.is_over() || reply.state.sounds_over();
        if is_over {
            self.stage = Stage::Result;
        } else {
            self.on_unfinished(now, &reply.state);
        }
        let queue_position = reply.queue_position.map(|place| u32::try_from(place).unwrap_or(u32::MAX));
        let update = self.update_state(now, reply.state, queue_position);
        let action =
            if is_over { self.call(options, now) } else { self.pause(options, now, reply.retry_after) };
        Step { action, update }
    }

    /// Takes a result, which overrides the status.
    fn on_result(&mut self, options: &WaitOptions, now: Duration, reply: ResultReply) -> Step {
        self.stage = Stage::Status;
        let update = self.update_state(now, reply.state.clone(), None);
        let action = match reply.final_outcome() {
            JobOutcome::Succeeded => {
                if let Some(run_time) = observed_duration(&self.seen(now), &reply) {
                    options.0.schedule.learn(run_time);
                }
                done(WaitOutcome::Succeeded(reply))
            }
            JobOutcome::Failed => done(WaitOutcome::Failed(reply)),
            JobOutcome::Cancelled => done(WaitOutcome::Cancelled(Some(reply))),
            JobOutcome::Unfinished => self.pause(options, now, None),
        };
        Step { action, update }
    }

    /// A result may come later than the final status. A cancelled job may never get a result.
    fn on_not_ready(&mut self, options: &WaitOptions, now: Duration) -> Action {
        if matches!(self.state, Some(State::Cancelled)) {
            return done(WaitOutcome::Cancelled(None));
        }
        self.stage = Stage::Status;
        self.reset_errors();
        self.pause(options, now, None)
    }

    fn on_error(&mut self, options: &WaitOptions, now: Duration, random: f64, error: Error) -> Step {
        if self.is_final(&error, now) || self.is_cut_off(&error) {
            return done(WaitOutcome::Refused(error)).into();
        }
        self.errors = self.errors.saturating_add(1);
        if self.errors > options.0.max_errors {
            return done(WaitOutcome::Exhausted(error)).into();
        }
        let backoff = options.0.backoff.pause(u32::from(self.errors), random);
        let pause = backoff.max(bounded_retry_after(error.retry_after()));
        let update = Some(Update { error: Some(error.clone()), ..self.update(now) });
        self.last_error = Some(error);
        Step { action: self.wait(options, now, pause), update }
    }

    /// Whether the API itself refuses further polls.
    fn is_final(&self, error: &Error, now: Duration) -> bool {
        cancel::is_final(error) && !(cancel::is_unknown(error) && self.is_young(now))
    }

    /// Whether no connection can be made, and none was made before. A new job proves an earlier connection.
    fn is_cut_off(&self, error: &Error) -> bool {
        let is_permanent = error.is_connect() && !error.is_transient();
        is_permanent && !self.is_young(Duration::ZERO) && self.state.is_none()
    }

    fn is_young(&self, now: Duration) -> bool {
        self.age_at(now).is_some_and(|age| age < NOT_FOUND_GRACE)
    }

    fn age_at(&self, now: Duration) -> Option<Duration> {
        self.age.map(|age| now.saturating_add(age))
    }

    /// Waits for the schedule's pause, or for the server's `Retry-After` if that is longer.
    fn pause(&mut self, options: &WaitOptions, now: Duration, retry_after: Option<Duration>) -> Action {
        let delay = options.0.schedule.next_delay(&self.seen(now));
        self.wait(options, now, delay.max(bounded_retry_after(retry_after)))
    }

    /// Waits, at most until the deadline. After the deadline, detaches or cancels the job.
    fn wait(&mut self, options: &WaitOptions, now: Duration, pause: Duration) -> Action {
        if !options.is_past(now) {
            return Action::WaitUntil(options.clip(now.saturating_add(pause)));
        }
        match options.at_deadline() {
            OnDeadline::Detach => done(WaitOutcome::Deadline(None)),
            OnDeadline::Cancel => {
                (self.stage, self.errors) = (Stage::Cancel, 0);
                self.call(options, now)
            }
        }
    }

    /// Takes the reply to the cancel. A lost reply is retried at once, because the deadline has passed. An unclear reply leads
    /// to one status poll.
    fn on_cancel(
        &mut self,
        options: &WaitOptions,
        now: Duration,
        outcome: Result<CancelReply, Error>,
    ) -> Action {
        match cancel::next(&outcome, self.errors) {
            Next::Report => return done(WaitOutcome::Deadline(Some(outcome))),
            Next::Retry => {
                self.errors += 1;
                return self.call(options, now);
            }
            Next::Settle => {}
        }
        self.last_error = None;
        match outcome {
            Ok(reply) => self.state = reply.state.or_else(|| self.state.take()),
            Err(error) => self.last_error = Some(error),
        }
        self.stage = Stage::Settle;
        self.call(options, now)
    }

    /// Ends the wait with the outcome of the cancel.
    fn settle(&mut self, status: Result<StatusReply, Error>) -> Action {
        let unclear = || CancelReply::new(CancelOutcome::NotConfirmed, self.state.clone());
        let outcome = self.last_error.clone().map_or_else(|| Ok(unclear()), Err);
        done(WaitOutcome::Deadline(Some(cancel::settle(outcome, status))))
    }

    /// Takes the state of a good reply. Returns an update if the reply changed something.
    fn update_state(&mut self, now: Duration, state: State, queue_position: Option<u32>) -> Option<Update> {
        self.reset_errors();
        let changed = self.state.as_ref() != Some(&state) || self.queue_position != queue_position;
        (self.state, self.queue_position) = (Some(state), queue_position);
        changed.then(|| self.update(now))
    }

    /// Records that the job is unfinished. The run began midway between the last poll in the queue and this one.
    fn on_unfinished(&mut self, now: Duration, state: &State) {
        let was_queued = matches!(self.state, Some(State::InQueue));
        if was_queued && matches!(state, State::InProgress) {
            self.running_since = self.running_since.or_else(|| Some((self.alive_at + now) / 2));
        }
        self.alive_at = now;
    }

    fn reset_errors(&mut self) {
        (self.errors, self.last_error) = (0, None);
    }

    fn update(&self, now: Duration) -> Update {
        let is_running = matches!(self.state, Some(State::InProgress));
        Update {
            state: self.state.clone(),
            queue_position: self.queue_position,
            elapsed: now,
            polls: self.polls,
            run_time: self.seen(now).run_time().filter(|_| is_running),
            time_left: None,
            error: None,
        }
    }
}

/// An event of a wait.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The wait begins.
    Started,
    /// The moment of [`Action::WaitUntil`] has come.
    Due,
    /// The reply to [`Action::SendStatus`].
    Status(Result<StatusReply, Error>),
    /// The reply to [`Action::SendResult`].
    Result(Result<ResultReply, Error>),
    /// The reply to [`Action::SendCancel`].
    Cancel(Result<CancelReply, Error>),
}

impl Event {
    /// Returns the event of a call whose task or thread ended early.
    pub(crate) fn lost(action: &Action) -> Self {
        let error =
            TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "the call ended early").into();
        match action {
            Action::SendResult { .. } => Self::Result(Err(error)),
            Action::SendCancel { .. } => Self::Cancel(Err(error)),
            _ => Self::Status(Err(error)),
        }
    }

    pub(crate) const fn error(&self) -> Option<&Error> {
        match self {
            Self::Status(Err(error)) | Self::Result(Err(error)) | Self::Cancel(Err(error)) => Some(error),
            _ => None,
        }
    }
}

/// The next action of a wait. Times count from the beginning of the wait.
///
/// A caller must perform each action, so a new one would be a breaking change.
#[derive(Clone, Debug)]
pub enum Action {
    /// Wait until this moment, then pass [`Event::Due`].
    WaitUntil(Duration),
    /// Get the status.
    SendStatus {
        /// The time limit of the call.
        timeout: Duration,
    },
    /// Get the result.
    SendResult {
        /// The time limit of the call.
        timeout: Duration,
    },
    /// Cancel the job, because the deadline has passed.
    SendCancel {
        /// The time limit of the call.
        timeout: Duration,
    },
    /// The wait is over.
    Done(Box<WaitOutcome>),
}

impl Action {
    /// Returns the span of a call. Other actions have none.
    pub(crate) fn span(&self, id: &RequestId) -> Span {
        match self {
            Self::SendStatus { .. } => Span::poll(id),
            Self::SendResult { .. } => Span::result(id),
            Self::SendCancel { .. } => Span::cancel(id),
            Self::Done(_) | Self::WaitUntil(_) => Span::none(),
        }
    }
}

/// A step of the machine.
#[derive(Clone, Debug)]
#[must_use]
#[non_exhaustive]
pub struct Step {
    /// The next action.
    pub action: Action,
    /// The update to report, if something changed.
    pub update: Option<Update>,
}

impl From<Action> for Step {
    fn from(action: Action) -> Self {
        Self { action, update: None }
    }
}

/// A change of a job's state or place in the queue, or an error that is retried.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Update {
    /// The last state seen, if any.
    pub state: Option<State>,
    /// The last place in the queue, if the API reports one.
    pub queue_position: Option<u32>,
    /// The time since the wait began.
    pub elapsed: Duration,
    /// The number of status polls.
    pub polls: u32,
    /// The run time of the job, if the last poll found it running and its start is known.
    pub run_time: Option<Duration>,
    /// How long the job may still run, if five jobs of its kind have finished.
    pub time_left: Option<TimeLeft>,
    /// The error that is retried, if one caused this update.
    pub error: Option<Error>,
}

/// The call that is next or in flight.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Status,
    Result,
    /// The cancel after the deadline.
    Cancel,
    /// The status poll that settles an unclear cancel.
    Settle,
}

fn done(outcome: WaitOutcome) -> Action {
    Action::Done(outcome.into())
}

/// Returns the pause that a server asked for, within a bound.
pub(crate) fn bounded_retry_after(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)
}

#[cfg(test)]
mod tests;
