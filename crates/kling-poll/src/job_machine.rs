//! The wait for one job as a state machine: no clock, no socket, and small enough for a hundred thousand of them.

use std::time::Duration;

use kling_transport::{
    CancelOutcome, CancelReply, Error, ErrorKind, Job, JobModel, JobOutcome, Phase, RequestId, ResultReply,
    Span, State, StatusReply, TransportError, TransportErrorKind,
};

use crate::cancel::{self, Next};
use crate::learning::observed_duration;
use crate::{CompletedJob, OnDeadline, PollContext, TimeLeft, WaitError, WaitOptions};

/// A request id that was just given out may not be known everywhere yet: for so long after the submit, "not found" is
/// forgiven.
const NOT_FOUND_GRACE: Duration = Duration::from_secs(30);

/// The longest pause that a server may ask for between two questions.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(300);

/// The wait for one job.
///
/// [`JobMachine::step`] takes what happened and the time since the beginning of the wait, and says what to do next. The
/// rules: an unknown word means that the job goes on; a word on `/status` that is terminal, or sounds so, is never believed
/// but leads to `/result`, which decides by its content and then by its word; a bad answer costs one of the errors in a row that [`WaitOptions`] forgive; only the API's own
/// words on token, account and id end the wait at once, told by its error codes: a gateway's JSON says nothing of the job.
/// A certificate or a proxy that is not accepted ends a wait that has never had an answer.
///
/// The options are passed in, not held, so that any number of machines share them.
#[derive(Clone, Debug)]
pub struct JobMachine {
    /// The age at the beginning of the wait, if it is known.
    age: Option<Duration>,
    state: Option<State>,
    queue_position: Option<u32>,
    /// When the job began to run, as a time of the wait, if that was seen.
    running_since: Option<Duration>,
    /// When the job was last known to be unfinished, as a time of the wait.
    alive_at: Duration,
    polls: u32,
    errors: u16,
    last_error: Option<Error>,
    stage: Stage,
}

impl JobMachine {
    /// A machine for a job of this age. A known age means that the job was just submitted: the first poll waits for the
    /// schedule. Without an age the first poll is immediate.
    #[must_use]
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

    /// Takes what happened at `now`, the time since the beginning of the wait. `random` is drawn from `0.0..1.0`.
    #[must_use]
    pub fn step(&mut self, options: &WaitOptions, now: Duration, random: f64, event: Event) -> Step {
        let mut step = self.take(options, now, random, event);
        if let Some(update) = &mut step.update {
            update.time_left = update.run_time.and_then(|run_time| options.time_left(run_time));
        }
        self.record(now, &step);
        step
    }

    /// What a wait for this job brings, once the machine is done.
    ///
    /// # Errors
    /// [`WaitError`] for every ending but success.
    pub fn conclude<M: JobModel>(
        &self,
        job: &Job<M>,
        elapsed: Duration,
        ending: WaitOutcome,
    ) -> Result<CompletedJob<M>, WaitError> {
        WaitError::conclude(job.id(), self, elapsed, ending).map(CompletedJob::new)
    }

    /// How often the status was asked for.
    #[must_use]
    pub const fn polls(&self) -> u32 {
        self.polls
    }

    /// What was seen of the job so far: what schedules go by.
    #[must_use]
    pub fn seen(&self, now: Duration) -> PollContext {
        let since = |moment: Duration| now.saturating_sub(moment);
        PollContext {
            elapsed: now,
            age: self.age_at(now),
            running: self.running_since.map(since),
            in_queue: matches!(self.state(), Some(State::InQueue)),
            queue_position: self.queue_position,
            polls: self.polls,
            silence: since(self.alive_at),
        }
    }

    /// The last state seen.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        self.state.as_ref()
    }

    /// The last error that was forgiven, if nothing good came since.
    #[must_use]
    pub fn last_error(&self) -> Option<&Error> {
        self.last_error.as_ref()
    }

    /// Whether the deadline has passed and the job is being cancelled, as the options say.
    #[must_use]
    pub const fn is_cancelling(&self) -> bool {
        matches!(self.stage, Stage::Cancel | Stage::Settle)
    }

    fn take(&mut self, options: &WaitOptions, now: Duration, random: f64, event: Event) -> Step {
        match event {
            Event::Started if self.is_young(Duration::ZERO) => {
                let since_submit = options.schedule().next_delay(&self.seen(now));
                let age = self.age.unwrap_or_default();
                self.wait(options, now, since_submit.saturating_sub(age)).into()
            }
            Event::Started => Action::WaitUntil(now).into(),
            Event::Due => self.ask(options, now).into(),
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

    /// Completes the span of the call whose answer was taken, which the shells have entered.
    fn record(&self, now: Duration, step: &Step) {
        let span = Span::current();
        span.number("attempt", self.polls.into());
        if let Some(state) = self.state() {
            span.text("state", state);
        }
        if let Action::WaitUntil(due) = step.action {
            span.delay(due.saturating_sub(now));
        }
        let ending = if let Action::Done(ending) = &step.action { ending.error() } else { None };
        if let Some(error) = ending.or_else(|| self.last_error()) {
            span.text("error", error);
        }
    }

    fn ask(&mut self, options: &WaitOptions, now: Duration) -> Action {
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
        // A result that is asked for too early costs nothing.
        let is_over = reply.state.is_over() || reply.state.sounds_over();
        if is_over {
            self.stage = Stage::Result;
        } else {
            self.goes_on(now, &reply.state);
        }
        let queue_position = reply.queue_position.map(|place| u32::try_from(place).unwrap_or(u32::MAX));
        let update = self.see(now, reply.state, queue_position);
        let action =
            if is_over { self.ask(options, now) } else { self.pause(options, now, reply.retry_after) };
        Step { action, update }
    }

    /// The result decides, also against the status.
    fn on_result(&mut self, options: &WaitOptions, now: Duration, reply: ResultReply) -> Step {
        self.stage = Stage::Status;
        let update = self.see(now, reply.state.clone(), None);
        let action = match reply.final_outcome() {
            JobOutcome::Succeeded => {
                self.teach(options, now, &reply);
                done(WaitOutcome::Succeeded(reply))
            }
            JobOutcome::Failed => done(WaitOutcome::Failed(reply)),
            JobOutcome::Cancelled => done(WaitOutcome::Cancelled(Some(reply))),
            JobOutcome::Unfinished => self.pause(options, now, None),
        };
        Step { action, update }
    }

    /// Tells the schedule how long the job ran, where its beginning was seen.
    fn teach(&self, options: &WaitOptions, now: Duration, reply: &ResultReply) {
        if let Some(run_time) = observed_duration(&self.seen(now), reply) {
            options.schedule().learn(run_time);
        }
    }

    /// A job that is over may lag behind; one that was cancelled never gets a result.
    fn on_not_ready(&mut self, options: &WaitOptions, now: Duration) -> Action {
        if matches!(self.state(), Some(State::Cancelled)) {
            return done(WaitOutcome::Cancelled(None));
        }
        self.stage = Stage::Status;
        self.good();
        self.pause(options, now, None)
    }

    fn on_error(&mut self, options: &WaitOptions, now: Duration, random: f64, error: Error) -> Step {
        if self.is_final(&error, now) || self.is_cut_off(&error) {
            return done(WaitOutcome::Refused(error)).into();
        }
        self.errors = self.errors.saturating_add(1);
        if self.errors > options.max_errors() {
            return done(WaitOutcome::Exhausted(error)).into();
        }
        let pause = options
            .backoff()
            .pause(u32::from(self.errors), random)
            .max(bounded_retry_after(error.retry_after()));
        let update = Some(Update { error: Some(error.clone()), ..self.news(now) });
        self.last_error = Some(error);
        Step { action: self.wait(options, now, pause), update }
    }

    /// Whether the API itself said that asking further is of no use.
    fn is_final(&self, error: &Error, now: Duration) -> bool {
        cancel::is_final(error) && !(cancel::is_unknown(error) && self.is_young(now))
    }

    /// Whether no call can get through: a connection is not accepted, and none was before. A job that was just submitted
    /// proves that there was one.
    fn is_cut_off(&self, error: &Error) -> bool {
        let is_lasting = error.is_connect() && !error.is_transient();
        is_lasting && !self.is_young(Duration::ZERO) && self.state().is_none()
    }

    fn is_young(&self, now: Duration) -> bool {
        self.age_at(now).is_some_and(|age| age < NOT_FOUND_GRACE)
    }

    fn age_at(&self, now: Duration) -> Option<Duration> {
        self.age.map(|age| now.saturating_add(age))
    }

    /// The pause of the schedule, or the server's wish if that is longer.
    fn pause(&mut self, options: &WaitOptions, now: Duration, wished: Option<Duration>) -> Action {
        self.wait(
            options,
            now,
            options.schedule().next_delay(&self.seen(now)).max(bounded_retry_after(wished)),
        )
    }

    /// No pause goes past the deadline, and none begins after it.
    fn wait(&mut self, options: &WaitOptions, now: Duration, pause: Duration) -> Action {
        if options.is_past(now) {
            return self.part(options, now);
        }
        Action::WaitUntil(options.clip(now.saturating_add(pause)))
    }

    /// The deadline has passed, its last poll made.
    fn part(&mut self, options: &WaitOptions, now: Duration) -> Action {
        match options.at_deadline() {
            OnDeadline::Detach => done(WaitOutcome::Deadline(None)),
            OnDeadline::Cancel => {
                (self.stage, self.errors) = (Stage::Cancel, 0);
                self.ask(options, now)
            }
        }
    }

    /// Takes what came of the cancel. Where no usable answer came it is sent again, without a pause, since the deadline has passed;
    /// where it is still not clear, the status is asked for once.
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
                return self.ask(options, now);
            }
            Next::Settle => {}
        }
        self.last_error = None;
        match outcome {
            Ok(reply) => self.state = reply.state.or_else(|| self.state.take()),
            Err(error) => self.last_error = Some(error),
        }
        self.stage = Stage::Settle;
        self.ask(options, now)
    }

    /// Ends with all that can be known of the cancel.
    fn settle(&mut self, status: Result<StatusReply, Error>) -> Action {
        let unclear = || CancelReply::new(CancelOutcome::NotConfirmed, self.state().cloned());
        let outcome = self.last_error().cloned().map_or_else(|| Ok(unclear()), Err);
        done(WaitOutcome::Deadline(Some(cancel::settle(outcome, status))))
    }

    /// Takes note of a good answer; news if it tells anything new.
    fn see(&mut self, now: Duration, state: State, queue_position: Option<u32>) -> Option<Update> {
        self.good();
        let changed = self.state() != Some(&state) || self.queue_position != queue_position;
        (self.state, self.queue_position) = (Some(state), queue_position);
        changed.then(|| self.news(now))
    }

    fn goes_on(&mut self, now: Duration, state: &State) {
        let queued_before = matches!(self.state(), Some(State::InQueue));
        if queued_before && matches!(state, State::InProgress) {
            let began = (self.alive_at + now) / 2;
            self.running_since = self.running_since.or(Some(began));
        }
        self.alive_at = now;
    }

    fn good(&mut self) {
        (self.errors, self.last_error) = (0, None);
    }

    fn news(&self, now: Duration) -> Update {
        Update {
            state: self.state().cloned(),
            queue_position: self.queue_position,
            elapsed: now,
            polls: self.polls,
            run_time: self.seen(now).run_time().filter(|_| matches!(self.state(), Some(State::InProgress))),
            time_left: None,
            error: None,
        }
    }
}

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The wait begins.
    Started,
    /// The moment of [`Action::WaitUntil`] has come.
    Due,
    /// The status was asked for, and this came of it.
    Status(Result<StatusReply, Error>),
    /// The result was asked for, and this came of it.
    Result(Result<ResultReply, Error>),
    /// The job was asked to be cancelled, and this came of it.
    Cancel(Result<CancelReply, Error>),
}

impl Event {
    /// The event of a call whose task or thread ended early.
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

/// What to do next. Times count from the beginning of the wait.
///
/// Who drives a machine has to do each of these, so a further one would be a change that breaks.
#[derive(Clone, Debug)]
pub enum Action {
    /// Wait until this moment, then say [`Event::Due`].
    WaitUntil(Duration),
    /// Ask for the status.
    SendStatus {
        /// How long the call may take.
        timeout: Duration,
    },
    /// Ask for the result.
    SendResult {
        /// How long the call may take.
        timeout: Duration,
    },
    /// Ask for the job to be cancelled: the deadline has passed, and the options say so.
    SendCancel {
        /// How long the call may take.
        timeout: Duration,
    },
    /// The wait is over.
    Done(Box<WaitOutcome>),
}

impl Action {
    /// The span of a call, if it is one.
    pub(crate) fn span(&self, id: &RequestId) -> Span {
        match self {
            Self::SendStatus { .. } => Span::poll(id),
            Self::SendResult { .. } => Span::result(id),
            Self::SendCancel { .. } => Span::cancel(id),
            Self::Done(_) | Self::WaitUntil(_) => Span::none(),
        }
    }
}

/// One step of the machine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// What to do next.
    pub action: Action,
    /// What to tell, if there is news.
    pub update: Option<Update>,
}

impl From<Action> for Step {
    fn from(action: Action) -> Self {
        Self { action, update: None }
    }
}

/// News of a job: its state or its place in the queue changed, or an error was forgiven. Nothing is told twice.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Update {
    /// The last state seen, if any.
    pub state: Option<State>,
    /// The last place in the queue, where the API tells it.
    pub queue_position: Option<u32>,
    /// How long the wait lasts.
    pub elapsed: Duration,
    /// How often the status was asked for.
    pub polls: u32,
    /// How long the job has run, if the last poll found it running and its start is known.
    pub run_time: Option<Duration>,
    /// How long the job may still run, if five jobs of its kind have finished.
    pub time_left: Option<TimeLeft>,
    /// The error that was just forgiven, if that is the news.
    pub error: Option<Error>,
}

/// How a wait ends.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WaitOutcome {
    /// The job worked.
    Succeeded(ResultReply),
    /// The job did not work.
    Failed(ResultReply),
    /// The job was cancelled; the result is missing where the API has none for such jobs.
    Cancelled(Option<ResultReply>),
    /// The deadline passed, with what came of cancelling the job where the options say that it is; else it may go on.
    Deadline(Option<Result<CancelReply, Error>>),
    /// Too many errors in a row, this being the last; the job may go on.
    Exhausted(Error),
    /// The API said in words that asking further is of no use.
    Refused(Error),
}

impl WaitOutcome {
    /// The error that ended the wait, if one did.
    pub(crate) const fn error(&self) -> Option<&Error> {
        match self {
            Self::Exhausted(error) | Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// What is asked for next, or being asked for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Stage {
    Status,
    Result,
    /// The deadline has passed, and the job is to be cancelled.
    Cancel,
    /// The cancel was not clear: the status tells what became of it.
    Settle,
}

fn done(ending: WaitOutcome) -> Action {
    Action::Done(ending.into())
}

/// The pause that a server asked for, within a bound.
pub(crate) fn bounded_retry_after(retry_after: Option<Duration>) -> Duration {
    retry_after.unwrap_or_default().min(MAX_RETRY_AFTER)
}

#[cfg(test)]
mod tests;
