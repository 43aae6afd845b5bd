//! Waits for one job: drives a [`JobMachine`] with a client and its clock.

use std::time::SystemTime;

use kling_transport::{Client, GetResult, GetStatus, Job, JobModel, PostCancel, RequestId, Span};

#[cfg(feature = "async")]
use crate::cancel::CancelOnDrop;
use crate::{Action, CompletedJob, Event, JobMachine, Update, WaitError, WaitOptions};

/// Waits until a job is over, and returns its result. Makes no paid call.
///
/// `on_update` is called on each change, and on each error that is retried. After a drop of the
/// future the job keeps running. [`WaitOptions::with_cancel_on_drop`] cancels the job instead.
///
/// # Errors
/// [`WaitError`], with the id, the last state and, if the job failed, the API's reason.
pub fn wait<M: JobModel>(
    client: &Client,
    job: &Job<M>,
    options: &WaitOptions,
    on_update: impl FnMut(&Update),
) -> impl Future<Output = Result<CompletedJob<M>, WaitError>> {
    // Made before the first poll, so that a future that is dropped unpolled cancels as well.
    #[cfg(feature = "async")]
    let mut guard = CancelOnDrop::new(client, job.id(), options);
    async move {
        #[cfg(feature = "async")]
        guard.start();
        let outcome = drive(client, job, options, on_update).await;
        #[cfg(feature = "async")]
        guard.disarm();
        outcome
    }
}

async fn drive<M: JobModel>(
    client: &Client,
    job: &Job<M>,
    options: &WaitOptions,
    mut on_update: impl FnMut(&Update),
) -> Result<CompletedJob<M>, WaitError> {
    let (runtime, options) = (client.runtime(), &options.for_job(job));
    let started = runtime.now();
    let elapsed = || runtime.now().saturating_duration_since(started);
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
                runtime.sleep(due.saturating_sub(elapsed())).await;
                Event::Due
            }
            Action::Done(outcome) => return machine.conclude(job, elapsed(), *outcome),
            call => span.around(send(client, job.id(), &call)).await,
        };
    }
}

/// Makes the call of an action, once.
pub(crate) async fn send(client: &Client, id: &RequestId, action: &Action) -> Event {
    match *action {
        Action::SendResult { timeout } => {
            Event::Result(client.call_without_retry(&GetResult(id), timeout).await)
        }
        Action::SendCancel { timeout } => {
            Event::Cancel(client.call_without_retry(&PostCancel(id), timeout).await)
        }
        Action::SendStatus { timeout } => {
            Event::Status(client.call_without_retry(&GetStatus(id), timeout).await)
        }
        Action::WaitUntil(_) | Action::Done(_) => Event::Due,
    }
}
