//! The wait for one job as a state machine: no clock, no socket, and small enough for a hundred thousand of them.

use std::num::NonZeroU32;
use std::time::Duration;

use kling_transport::{
    CancelOutcome, CancelReply, Error, Job, JobModel, RequestId, ResultReply, Span, State, StatusReply,
    Verdict,
};

use crate::cancelling::{self, Next};
use crate::{CompletedJob, OnDeadline, PollContext, WaitError, WaitOptions, learning};

/// A request id that was just given out may not be known everywhere yet: for so long after the submit, "not found" is
/// forgiven.
const NOT_FOUND_GRACE: Duration = Duration::from_secs(30);

/// The longest pause that a server may ask for between two questions.
const MAX_WISH: Duration = Duration::from_secs(300);

/// The states known by name; a machine names one by its place here.
static STATES: [State; 7] = [
    State::InQueue,
    State::InProgress,
    State::CancellationRequested,
    State::Completed,
    State::Succeeded,
    State::Failed,
    State::Cancelled,
];

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
    rare: Option<Box<Rare>>,
    /// One more than the last place in the queue, where the API tells it.
    queue_place: Option<NonZeroU32>,
    /// The age at the beginning of the wait, in milliseconds, where it is known.
    age: Option<NonZeroU32>,
    /// When the job began to run, where that was seen, in milliseconds of the wait.
    running_since: Option<NonZeroU32>,
    /// When the job was last known to go on, in milliseconds of the wait.
    alive_at: u32,
    polls: u32,
    errors: u16,
    /// One more than the place of the last state among those with a name; 0 for none of them.
    state: u8,
    stage: Stage,
}

impl JobMachine {
    /// A machine for a job of this age, where it is known: such a job was just submitted, and is given time before the first
    /// question. Of any other job the state is asked for at once.
    #[must_use]
    pub fn new(age: Option<Duration>) -> Self {
        Self {
            rare: None,
            queue_place: None,
            age: age.and_then(mark),
            running_since: None,
            alive_at: 0,
            polls: 0,
            errors: 0,
            state: 0,
            stage: Stage::Status,
        }
    }

    /// Takes what happened at `now`, the time since the beginning of the wait. `random` is drawn from `0.0..1.0`.
    #[must_use]
    pub fn step(&mut self, options: &WaitOptions, now: Duration, random: f64, event: Event) -> Step {
        let step = self.take(options, now, random, event);
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
        let since = |moment: u32| now.saturating_sub(Duration::from_millis(moment.into()));
        PollContext {
            elapsed: now,
            age: self.age_at(now),
            running: self.running_since.map(|moment| since(moment.get())),
            in_queue: matches!(self.state(), Some(State::InQueue)),
            queue_position: self.queue_position(),
            polls: self.polls,
            silence: since(self.alive_at),
        }
    }

    /// The last state seen.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        let named = usize::from(self.state).checked_sub(1).and_then(|place| STATES.get(place));
        named.or_else(|| self.rare.as_ref()?.state.as_ref())
    }

    /// The last error that was forgiven, if nothing good came since.
    #[must_use]
    pub fn last_error(&self) -> Option<&Error> {
        self.rare.as_ref()?.error.as_ref()
    }

    /// Whether the deadline has passed and the job is being cancelled, as the options say.
    #[must_use]
    pub const fn is_parting(&self) -> bool {
        matches!(self.stage, Stage::Cancel | Stage::Settle)
    }

    fn take(&mut self, options: &WaitOptions, now: Duration, random: f64, event: Event) -> Step {
        match event {
            Event::Started if self.is_young(Duration::ZERO) => self.pause(options, now, None).into(),
            Event::Started => Action::WaitUntil(now).into(),
            Event::Due => self.ask(options, now).into(),
            Event::Cancel(outcome) => self.on_cancel(options, now, outcome).into(),
            Event::Status(outcome) if self.stage == Stage::Settle => self.settle(outcome).into(),
            Event::Status(Ok(reply)) => self.on_status(options, now, reply),
            Event::Result(Ok(reply)) => self.on_result(options, now, reply),
            Event::Result(Err(error)) if error.is_not_ready() => self.on_not_ready(options, now).into(),
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
        let action = match reply.final_verdict() {
            Verdict::Succeeded => {
                self.teach(options, now, &reply);
                done(WaitOutcome::Succeeded(reply))
            }
            Verdict::Failed => done(WaitOutcome::Failed(reply)),
            Verdict::Cancelled => done(WaitOutcome::Cancelled(Some(reply))),
            Verdict::Unfinished => self.pause(options, now, None),
        };
        Step { action, update }
    }

    /// Tells the schedule how long the job ran, where its beginning was seen.
    fn teach(&self, options: &WaitOptions, now: Duration, reply: &ResultReply) {
        if let Some(ran) = learning::told(&self.seen(now), reply) {
            options.schedule().learn(ran);
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
        let pause = options.backoff().pause(u32::from(self.errors), random).max(wish(error.retry_after()));
        let update = Some(Update { error: Some(error.clone()), ..self.news(now) });
        self.set_last_error(Some(error));
        Step { action: self.wait(options, now, pause), update }
    }

    /// Whether the API itself said that asking further is of no use.
    fn is_final(&self, error: &Error, now: Duration) -> bool {
        cancelling::is_final(error) && !(cancelling::is_unknown(error) && self.is_young(now))
    }

    /// Whether no call can get through: a connection is not accepted, and none was before. A job that was just submitted
    /// proves that there was one.
    fn is_cut_off(&self, error: &Error) -> bool {
        let is_lasting = error.is_connect() && !error.is_transient();
        is_lasting && self.age.is_none() && self.state().is_none()
    }

    fn is_young(&self, now: Duration) -> bool {
        self.age_at(now).is_some_and(|age| age < NOT_FOUND_GRACE)
    }

    fn age_at(&self, now: Duration) -> Option<Duration> {
        self.age.map(|age| now.saturating_add(Duration::from_millis(age.get().into())))
    }

    /// The pause of the schedule, or the server's wish if that is longer.
    fn pause(&mut self, options: &WaitOptions, now: Duration, wished: Option<Duration>) -> Action {
        self.wait(options, now, options.schedule().next_delay(&self.seen(now)).max(wish(wished)))
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
        match cancelling::next(&outcome, self.errors) {
            Next::Tell => return done(WaitOutcome::Deadline(Some(outcome))),
            Next::Again => {
                self.errors += 1;
                return self.ask(options, now);
            }
            Next::Settle => {}
        }
        self.set_last_error(None);
        match outcome {
            Ok(CancelReply { state: Some(state), .. }) => self.set_state(state),
            Ok(_) => {}
            Err(error) => self.set_last_error(Some(error)),
        }
        self.stage = Stage::Settle;
        self.ask(options, now)
    }

    /// Ends with all that can be known of the cancel.
    fn settle(&mut self, status: Result<StatusReply, Error>) -> Action {
        let unclear = || CancelReply::new(CancelOutcome::NotConfirmed, self.state().cloned());
        let outcome = self.last_error().cloned().map_or_else(|| Ok(unclear()), Err);
        done(WaitOutcome::Deadline(Some(cancelling::settle(outcome, status))))
    }

    /// Takes note of a good answer; news if it tells anything new.
    fn see(&mut self, now: Duration, state: State, queue_position: Option<u32>) -> Option<Update> {
        self.good();
        let queue_place = queue_position.and_then(|place| NonZeroU32::new(place.saturating_add(1)));
        let changed = self.state() != Some(&state) || self.queue_place != queue_place;
        self.set_state(state);
        self.queue_place = queue_place;
        changed.then(|| self.news(now))
    }

    fn goes_on(&mut self, now: Duration, state: &State) {
        let queued_before = matches!(self.state(), Some(State::InQueue));
        if queued_before && matches!(state, State::InProgress) {
            let began = Duration::from_millis(self.alive_at.midpoint(millis(now)).into());
            self.running_since = self.running_since.or_else(|| mark(began));
        }
        self.alive_at = millis(now);
    }

    fn queue_position(&self) -> Option<u32> {
        self.queue_place.map(|place| place.get() - 1)
    }

    fn good(&mut self) {
        self.errors = 0;
        self.set_last_error(None);
    }

    fn news(&self, now: Duration) -> Update {
        Update {
            state: self.state().cloned(),
            queue_position: self.queue_position(),
            elapsed: now,
            polls: self.polls,
            error: None,
        }
    }

    fn set_state(&mut self, state: State) {
        let place = STATES.iter().position(|named| *named == state);
        self.state = place.map_or(0, |place| place as u8 + 1);
        let error = self.rare.take().and_then(|rare| rare.error);
        self.set_rare(place.is_none().then_some(state), error);
    }

    fn set_last_error(&mut self, error: Option<Error>) {
        let state = self.rare.take().and_then(|rare| rare.state);
        self.set_rare(state, error);
    }

    fn set_rare(&mut self, state: Option<State>, error: Option<Error>) {
        let any = state.is_some() || error.is_some();
        self.rare = any.then(|| Rare { state, error }.into());
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
    #[cfg_attr(
        not(any(feature = "async", feature = "blocking")),
        allow(dead_code, reason = "shells enter it")
    )]
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

/// What few jobs have, kept out of the way of all others, of which there may be a hundred thousand.
#[derive(Clone, Debug, Default)]
struct Rare {
    /// A last state that has no name.
    state: Option<State>,
    /// The last error that was forgiven, if nothing good came since.
    error: Option<Error>,
}

fn done(ending: WaitOutcome) -> Action {
    Action::Done(ending.into())
}

/// The pause that a server asked for, within a bound.
pub(crate) fn wish(wished: Option<Duration>) -> Duration {
    wished.unwrap_or_default().min(MAX_WISH)
}

/// Milliseconds in four bytes, though they may be unknown; the first one counts for nought too.
fn mark(time: Duration) -> Option<NonZeroU32> {
    NonZeroU32::new(millis(time).max(1))
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
