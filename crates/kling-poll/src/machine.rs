//! The wait for one job as a state machine: no clock, no socket, and small enough for a hundred thousand of them.

mod memory;
mod parting;
mod rare;

use std::num::NonZeroU32;
use std::time::Duration;

use kling_transport::{Error, Job, Makes, ResultReply, Span, State, StatusReply, Verdict};

use self::memory::mark;
use self::rare::Rare;
use crate::{Action, Ending, Event, Finished, Step, Update, WaitError, WaitOptions};
use crate::{lifetime, refusal};

/// A request id that was just given out may not be known everywhere yet: for so long after the submit, "not found" is
/// forgiven.
const YOUTH: Duration = Duration::from_secs(30);

/// The longest pause that a server may ask for between two questions.
const MAX_WISH: Duration = Duration::from_secs(300);

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

    /// What a wait for this job brings, once the machine is done.
    ///
    /// # Errors
    /// [`WaitError`] for every ending but success.
    pub fn conclude<M: Makes>(
        &self,
        job: &Job<M>,
        elapsed: Duration,
        ending: Ending,
    ) -> Result<Finished<M>, WaitError> {
        WaitError::conclude(job.id(), self, elapsed, ending).map(Finished::new)
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
                done(Ending::Succeeded(reply))
            }
            Verdict::Failed => done(Ending::Failed(reply)),
            Verdict::Cancelled => done(Ending::Cancelled(Some(reply))),
            Verdict::Unfinished => self.pause(options, now, None),
        };
        Step { action, update }
    }

    /// Tells the schedule how long the job ran, where its beginning was seen.
    fn teach(&self, options: &WaitOptions, now: Duration, reply: &ResultReply) {
        if let Some(ran) = lifetime::told(&self.seen(now), reply) {
            options.schedule().learn(ran);
        }
    }

    /// A job that is over may lag behind; one that was cancelled never gets a result.
    fn on_not_ready(&mut self, options: &WaitOptions, now: Duration) -> Action {
        if matches!(self.state(), Some(State::Cancelled)) {
            return done(Ending::Cancelled(None));
        }
        self.stage = Stage::Status;
        self.good();
        self.pause(options, now, None)
    }

    fn on_error(&mut self, options: &WaitOptions, now: Duration, random: f64, error: Error) -> Step {
        if self.is_final(&error, now) || self.is_cut_off(&error) {
            return done(Ending::Refused(error)).into();
        }
        self.errors = self.errors.saturating_add(1);
        if self.errors > options.max_errors() {
            return done(Ending::Exhausted(error)).into();
        }
        let pause = options.backoff().pause(u32::from(self.errors), random).max(wish(error.retry_after()));
        let update = Some(Update { error: Some(error.clone()), ..self.news(now) });
        self.set_last_error(Some(error));
        Step { action: self.wait(options, now, pause), update }
    }

    /// Whether the API itself said that asking further is of no use.
    fn is_final(&self, error: &Error, now: Duration) -> bool {
        refusal::is_final(error) && !(refusal::is_unknown(error) && self.is_young(now))
    }

    /// Whether no call can get through: a connection is not accepted, and none was before. A job that was just submitted
    /// proves that there was one.
    fn is_cut_off(&self, error: &Error) -> bool {
        let is_lasting = error.is_connect() && !error.is_transient();
        is_lasting && self.age.is_none() && self.state().is_none()
    }

    fn is_young(&self, now: Duration) -> bool {
        self.age_at(now).is_some_and(|age| age < YOUTH)
    }

    fn age_at(&self, now: Duration) -> Option<Duration> {
        self.age.map(|age| now.saturating_add(Duration::from_millis(age.get().into())))
    }

    /// The pause of the schedule, or the server's wish if that is longer.
    fn pause(&mut self, options: &WaitOptions, now: Duration, wished: Option<Duration>) -> Action {
        self.wait(options, now, options.schedule().pause(&self.seen(now)).max(wish(wished)))
    }

    /// No pause goes past the deadline, and none begins after it.
    fn wait(&mut self, options: &WaitOptions, now: Duration, pause: Duration) -> Action {
        if options.is_past(now) {
            return self.part(options, now);
        }
        Action::WaitUntil(options.clip(now.saturating_add(pause)))
    }
}

fn done(ending: Ending) -> Action {
    Action::Done(ending.into())
}

/// The pause that a server asked for, within a bound.
pub(crate) fn wish(wished: Option<Duration>) -> Duration {
    wished.unwrap_or_default().min(MAX_WISH)
}

#[cfg(test)]
mod tests;
