//! The async shell: carries the machine's wishes to a client and to tokio's clock, and knows nothing else.

use std::future::Future;
use std::time::SystemTime;

use kling_transport::{
    CancelReply, Client, Error, GetResult, GetStatus, Job, JobModel, PostCancel, RequestId, Span, Transport,
};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use crate::{Action, CompletedJob, Event, JobMachine, OnDrop, Update, WaitError, WaitOptions, cancelling};

/// Waits until a job is over, and brings its result. Submits nothing; free of charge.
///
/// `on_update` hears of every change, and of every error that was forgiven. Dropping the future leaves the job running: it
/// can be waited for again, by the same handle or by its id. [`WaitOptions::with_cancel_on_drop`] cancels it instead.
///
/// # Errors
/// [`WaitError`], which carries the id, the last state and, where the job failed, the API's words.
pub fn wait<T: Transport + 'static, M: JobModel>(
    client: &Client<T>,
    job: &Job<M>,
    options: &WaitOptions,
    on_update: impl FnMut(&Update) + Send,
) -> impl Future<Output = Result<CompletedJob<M>, WaitError>> {
    // Made here, so that the choice holds from now on, and not only once the future is polled.
    let parting = Parting::new(client, job.id(), options);
    drive(client, job, options, on_update, parting)
}

async fn drive<T: Transport + 'static, M: JobModel>(
    client: &Client<T>,
    job: &Job<M>,
    options: &WaitOptions,
    mut on_update: impl FnMut(&Update) + Send,
    mut parting: Parting<T>,
) -> Result<CompletedJob<M>, WaitError> {
    parting.runtime = Some(Handle::current());
    let started = Instant::now();
    let mut machine = JobMachine::new(job.age(SystemTime::now()));
    let (mut event, mut span) = (Event::Started, Span::none());
    loop {
        let step = span.within(|| machine.step(options, started.elapsed(), fastrand::f64(), event));
        span = step.action.span(job.id());
        if let Some(update) = &step.update {
            on_update(update);
        }
        event = match step.action {
            Action::WaitUntil(due) => {
                sleep_until(started + due).await;
                Event::Due
            }
            Action::SendStatus { timeout } => {
                Event::Status(span.around(client.call_without_retry(&GetStatus(job.id()), timeout)).await)
            }
            Action::SendResult { timeout } => {
                Event::Result(span.around(client.call_without_retry(&GetResult(job.id()), timeout)).await)
            }
            Action::SendCancel { timeout } => {
                Event::Cancel(span.around(client.call_without_retry(&PostCancel(job.id()), timeout)).await)
            }
            Action::Done(ending) => {
                parting.tell = None;
                return machine.conclude(job, started.elapsed(), *ending);
            }
        };
    }
}

/// Cancels a job and finds out what became of it: where the answer to the cancel is lost or says nothing clear, the status is
/// asked for once.
///
/// # Errors
/// Where neither call told anything, or the API refused in words.
pub async fn cancel<T: Transport>(client: &Client<T>, id: &RequestId) -> Result<CancelReply, Error> {
    let outcome = client.cancel(id).await;
    if cancelling::is_settled(&outcome) {
        return outcome;
    }
    cancelling::settle(outcome, client.status(id).await)
}

/// Cancels a job when it is dropped, where that was asked for and the wait did not come to its end.
struct Parting<T: Transport + 'static> {
    tell: Option<OnDrop>,
    client: Client<T>,
    id: RequestId,
    /// None while the future was not polled, where it was made outside of any.
    runtime: Option<Handle>,
}

impl<T: Transport + 'static> Parting<T> {
    fn new(client: &Client<T>, id: &RequestId, options: &WaitOptions) -> Self {
        let runtime = Handle::try_current().ok();
        Self { tell: options.on_drop().cloned(), client: client.clone(), id: id.clone(), runtime }
    }
}

impl<T: Transport + 'static> Drop for Parting<T> {
    fn drop(&mut self) {
        let (Some(tell), Some(runtime)) = (self.tell.take(), &self.runtime) else { return };
        let (client, id) = (self.client.clone(), self.id.clone());
        runtime.spawn(async move { tell.tell(&id, &cancel(&client, &id).await) });
    }
}
