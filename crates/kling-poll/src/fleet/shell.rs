//! The async shell of a fleet: a client and tokio's clock under the machine, and nothing else.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use kling_transport::{Client, DynModel, JobModel, Reqwest, Transport};
use tokio::time::{Instant, Sleep};

use super::callers::Callers;
use super::{Account, JobSetEvent, JobSetMachine, JobSetStats, RateLimit, Shared, Turn};

/// Waits for any number of jobs at once, asynchronously; needs tokio. `blocking::JobSet` is its twin.
///
/// One scheduler and a bounded number of calls serve all jobs; a job that waits costs about 140 bytes and no task. The fleet
/// moves while [`JobSet::next`] is awaited, or the stream polled: a reader that is slow slows the asking, and nothing piles up.
/// Dropping it leaves all jobs alone; they can be added to another by their ids.
///
/// ```no_run
/// use kling_poll::{JobSet, JobSetUpdate, RateLimit, WaitOptions};
/// use kling_transport::{Client, Job};
///
/// # async fn run(jobs: Vec<Job>) -> Result<(), kling_transport::Error> {
/// let mut fleet = JobSet::new();
/// let account = fleet.account(Client::from_env()?, RateLimit::default());
/// for job in &jobs {
///     account.add(job, &WaitOptions::default());
/// }
/// while let Some(event) = fleet.next().await {
///     match event.news {
///         JobSetUpdate::Done(Ok(done)) => println!("{}: {}", event.request_id, done.output()),
///         JobSetUpdate::Done(Err(error)) => println!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a fleet moves while it is awaited"]
pub struct JobSet<M: JobModel = DynModel, T = Reqwest> {
    shared: Arc<Shared>,
    epoch: Instant,
    callers: Callers<T>,
    sleep: Option<Pin<Box<Sleep>>>,
    makes: PhantomData<fn() -> M>,
}

impl<M: JobModel, T: Transport + 'static> JobSet<M, T> {
    /// A fleet that ends with its last job. More jobs can be added afterwards, and it goes on.
    pub fn new() -> Self {
        Self::with(false)
    }

    /// A fleet that waits for further jobs while there is an [`Account`] by which they can come.
    pub fn open() -> Self {
        Self::with(true)
    }

    fn with(stays_open: bool) -> Self {
        let epoch = Instant::now();
        let shared = Arc::new(Shared::new(stays_open, move || epoch.elapsed()));
        Self { callers: Callers::new(&shared), shared, epoch, sleep: None, makes: PhantomData }
    }

    /// Adds an account, asked by a client of its own at a pace of its own.
    pub fn account(&mut self, client: Client<T>, pace: RateLimit) -> Account<M> {
        let account = Account::new(&self.shared, client.settings().base(), pace);
        self.callers.add_client(account.lane(), client);
        account
    }

    /// The next news of any job; `None` once no job is left.
    ///
    /// It is safe to drop the future: no news is lost. Answers to calls that are out lead to further calls until there is news.
    pub async fn next(&mut self) -> Option<JobSetEvent<M>> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// The figures.
    #[must_use]
    pub fn stats(&self) -> JobSetStats {
        self.shared.read(JobSetMachine::stats)
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<JobSetEvent<M>>> {
        loop {
            match self.shared.turn(context.waker()) {
                Turn::Tell(event) => return Poll::Ready(Some(JobSetEvent::typed(*event))),
                Turn::Ask(question) => self.callers.ask(question),
                Turn::Wait(due) => ready!(self.poll_moment(due, context)),
                Turn::Rest => return Poll::Ready(None),
            }
        }
    }

    /// Ready when the moment has come. An answer wakes the task where it matters before.
    fn poll_moment(&mut self, due: Option<Duration>, context: &mut Context<'_>) -> Poll<()> {
        let Some(due) = due.and_then(|due| self.epoch.checked_add(due)) else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(due)));
        if sleep.deadline() != due {
            sleep.as_mut().reset(due);
        }
        sleep.as_mut().poll(context)
    }
}

impl<M: JobModel, T: Transport + 'static> Stream for JobSet<M, T> {
    type Item = JobSetEvent<M>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<JobSetEvent<M>>> {
        self.poll_event(context)
    }
}

impl<M: JobModel, T: Transport + 'static> Default for JobSet<M, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: JobModel, T> fmt::Debug for JobSet<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobSet").field("shared", &self.shared).finish_non_exhaustive()
    }
}
