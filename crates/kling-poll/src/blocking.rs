//! The blocking shell: the same machine on the client's clock and the caller's thread.

mod fleet;
mod workers;

use std::time::SystemTime;

use kling_transport::blocking::{Client, Transport};
use kling_transport::{CancelReply, Error, GetResult, GetStatus, Job, JobModel, PostCancel, RequestId, Span};

use crate::{Action, CompletedJob, Event, JobMachine, Update, WaitError, WaitOptions, cancelling};

pub use self::fleet::JobSet;

/// Waits until a job is over, and brings its result. Submits nothing; free of charge. No thread is started.
///
/// `on_update` hears of every change, and of every error that was forgiven.
///
/// # Errors
/// [`WaitError`], which carries the id, the last state and, where the job failed, the API's words.
pub fn wait<T: Transport, M: JobModel>(
    client: &Client<T>,
    job: &Job<M>,
    options: &WaitOptions,
    mut on_update: impl FnMut(&Update),
) -> Result<CompletedJob<M>, WaitError> {
    let clock = client.clock();
    let started = clock.now();
    let elapsed = || clock.now().saturating_sub(started);
    let mut machine = JobMachine::new(job.age(SystemTime::now()));
    let (mut event, mut span) = (Event::Started, Span::none());
    loop {
        let step = span.within(|| machine.step(options, elapsed(), fastrand::f64(), event));
        span = step.action.span(job.id());
        if let Some(update) = &step.update {
            on_update(update);
        }
        event = match step.action {
            Action::WaitUntil(due) => {
                clock.sleep(due.saturating_sub(elapsed()));
                Event::Due
            }
            Action::SendStatus { timeout } => {
                Event::Status(span.within(|| client.call_without_retry(&GetStatus(job.id()), timeout)))
            }
            Action::SendResult { timeout } => {
                Event::Result(span.within(|| client.call_without_retry(&GetResult(job.id()), timeout)))
            }
            Action::SendCancel { timeout } => {
                Event::Cancel(span.within(|| client.call_without_retry(&PostCancel(job.id()), timeout)))
            }
            Action::Done(ending) => return machine.conclude(job, elapsed(), *ending),
        };
    }
}

/// Cancels a job and finds out what became of it: where the answer to the cancel is lost or says nothing clear, the status is
/// asked for once.
///
/// # Errors
/// Where neither call told anything, or the API refused in words.
pub fn cancel<T: Transport>(client: &Client<T>, id: &RequestId) -> Result<CancelReply, Error> {
    let outcome = client.cancel(id);
    if cancelling::is_settled(&outcome) {
        return outcome;
    }
    cancelling::settle(outcome, client.status(id))
}
