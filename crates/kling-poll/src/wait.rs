//! The async shell: carries the machine's wishes to a client and to tokio's clock, and knows nothing else.

use std::time::SystemTime;

use kling_transport::{
    CancelReply, Client, Error, GetResult, GetStatus, Job, Makes, PostCancel, RequestId, Span, Transport,
};
use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use crate::{Action, Event, Finished, JobMachine, OnDrop, Update, WaitError, WaitOptions, cancelling};

/// Waits until a job is over, and brings its result. Submits nothing; free of charge.
///
/// `on_update` hears of every change, and of every error that was forgiven. Dropping the future leaves the job running: it
/// can be waited for again, by the same handle or by its id. [`WaitOptions::with_cancel_on_drop`] cancels it instead.
///
/// # Errors
/// [`WaitError`], which carries the id, the last state and, where the job failed, the API's words.
pub async fn wait<T: Transport + 'static, M: Makes>(
    client: &Client<T>,
    job: &Job<M>,
    options: &WaitOptions,
    mut on_update: impl FnMut(&Update) + Send,
) -> Result<Finished<M>, WaitError> {
    let mut parting = Parting::new(client, job.id(), options);
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
                Event::Status(span.around(client.call_once(&GetStatus(job.id()), timeout)).await)
            }
            Action::SendResult { timeout } => {
                Event::Result(span.around(client.call_once(&GetResult(job.id()), timeout)).await)
            }
            Action::SendCancel { timeout } => {
                Event::Cancel(span.around(client.call_once(&PostCancel(job.id()), timeout)).await)
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
    runtime: Handle,
}

impl<T: Transport + 'static> Parting<T> {
    fn new(client: &Client<T>, id: &RequestId, options: &WaitOptions) -> Self {
        // The wait sleeps by tokio's clock, so there is a runtime.
        let runtime = Handle::current();
        Self { tell: options.on_drop().cloned(), client: client.clone(), id: id.clone(), runtime }
    }
}

impl<T: Transport + 'static> Drop for Parting<T> {
    fn drop(&mut self) {
        let Some(tell) = self.tell.take() else { return };
        let (client, id) = (self.client.clone(), self.id.clone());
        self.runtime.spawn(async move { tell.tell(&id, &cancel(&client, &id).await) });
    }
}
