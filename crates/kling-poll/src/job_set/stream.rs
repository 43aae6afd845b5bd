//! The async job set: a stream of events.

use std::fmt;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use kling_transport::{Client, DynModel, JobModel, TokioRuntime};
use tokio::task::JoinSet;
use tokio::time::{Instant, Sleep, sleep_until};

use super::shared::{Next, Shared};
use super::{Account, JobSetEvent, JobSetStats, RateLimit};

/// Waits for any number of jobs at once; needs tokio. `blocking::JobSet` is an iterator for code without an async runtime.
///
/// A bounded number of calls serves all jobs: a job that waits needs no task and a few hundred bytes. The set runs while
/// [`JobSet::next`] is awaited or the stream is polled, so a slow reader slows the polls and no events pile up. Dropping the
/// set leaves all jobs running. They can be added to another set by their ids.
///
/// ```no_run
/// use kling_poll::{JobSet, JobSetUpdate, RateLimit, WaitOptions};
/// use kling_transport::{Client, Job};
///
/// # async fn run(jobs: Vec<Job>) -> Result<(), kling_transport::Error> {
/// let mut set = JobSet::new();
/// let account = set.account(Client::from_env()?, RateLimit::default());
/// for job in &jobs {
///     account.add(job, &WaitOptions::default());
/// }
/// while let Some(event) = set.next().await {
///     match event.update {
///         JobSetUpdate::Done(Ok(done)) => println!("{}: {}", event.request_id, done.output()),
///         JobSetUpdate::Done(Err(error)) => println!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a job set runs while it is awaited"]
pub struct JobSet<M: JobModel = DynModel> {
    shared: Arc<Shared>,
    epoch: Instant,
    calls: JoinSet<()>,
    sleep: Option<Pin<Box<Sleep>>>,
    model: PhantomData<fn() -> M>,
}

impl<M: JobModel> JobSet<M> {
    /// A set that ends with its last job. More jobs can be added afterwards, and it continues.
    pub fn new() -> Self {
        Self::with(false)
    }

    /// A set that waits for further jobs while it has an [`Account`].
    pub fn open() -> Self {
        Self::with(true)
    }

    fn with(stays_open: bool) -> Self {
        let shared = Shared::new(TokioRuntime, stays_open);
        Self { shared, epoch: Instant::now(), calls: JoinSet::new(), sleep: None, model: PhantomData }
    }

    /// Adds an account with a client and a rate limit of its own.
    pub fn account(&mut self, client: Client, limit: RateLimit) -> Account<M> {
        Account::new(&self.shared, client, limit)
    }

    /// Returns the next event of any job, or `None` if no job is left.
    ///
    /// Dropping the future loses no event.
    pub async fn next(&mut self) -> Option<JobSetEvent<M>> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// Returns the figures.
    #[must_use]
    pub fn stats(&self) -> JobSetStats {
        self.shared.stats()
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<JobSetEvent<M>>> {
        while self.calls.try_join_next().is_some() {}
        loop {
            match self.shared.next(context.waker()) {
                Next::Emit(event) => return Poll::Ready(Some(JobSetEvent::typed(*event))),
                Next::Send(call) => {
                    self.calls.spawn(call.run());
                }
                Next::Sleep(due) => ready!(self.poll_sleep(due, context)),
                Next::Finish => return Poll::Ready(None),
            }
        }
    }

    /// Sleeps until a moment. Calls and accounts wake the task earlier.
    fn poll_sleep(&mut self, due: Option<Duration>, context: &mut Context<'_>) -> Poll<()> {
        let Some(due) = due.and_then(|due| self.epoch.checked_add(due)) else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(context)
    }
}

impl<M: JobModel> Stream for JobSet<M> {
    type Item = JobSetEvent<M>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<JobSetEvent<M>>> {
        self.poll_event(context)
    }
}

impl<M: JobModel> Default for JobSet<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: JobModel> fmt::Debug for JobSet<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSet").field("shared", &self.shared).finish_non_exhaustive()
    }
}
