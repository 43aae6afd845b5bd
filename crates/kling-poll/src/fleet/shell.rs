//! The async shell of a fleet: a client and tokio's clock under the machine, and nothing else.

use std::fmt;
use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_core::Stream;
use kling_transport::{AnyModel, Client, Makes, Reqwest, Transport};
use tokio::time::{Instant, Sleep};

use super::callers::Callers;
use super::{Account, FleetEvent, FleetMachine, FleetStats, Pace, Shared, Turn};

/// Waits for any number of jobs at once, asynchronously; needs tokio. `blocking::Fleet` is its twin.
///
/// One scheduler and a bounded number of calls serve all jobs; a job that waits costs about 140 bytes and no task. The fleet
/// moves while [`Fleet::next`] is awaited, or the stream polled: a reader that is slow slows the asking, and nothing piles up.
/// Dropping it leaves all jobs alone; they can be added to another by their ids.
///
/// ```no_run
/// use kling_poll::{Fleet, FleetNews, Pace, WaitOptions};
/// use kling_transport::{Client, Job};
///
/// # async fn run(jobs: Vec<Job>) -> Result<(), kling_transport::Error> {
/// let mut fleet = Fleet::new();
/// let account = fleet.account(Client::from_env()?, Pace::default());
/// for job in &jobs {
///     account.add(job, &WaitOptions::default());
/// }
/// while let Some(event) = fleet.next().await {
///     match event.news {
///         FleetNews::Done(Ok(done)) => println!("{}: {}", event.request_id, done.output()),
///         FleetNews::Done(Err(error)) => println!("{error}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a fleet moves while it is awaited"]
pub struct Fleet<M: Makes = AnyModel, T = Reqwest> {
    shared: Arc<Shared>,
    epoch: Instant,
    callers: Callers<T>,
    sleep: Option<Pin<Box<Sleep>>>,
    makes: PhantomData<fn() -> M>,
}

impl<M: Makes, T: Transport + 'static> Fleet<M, T> {
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
    pub fn account(&mut self, client: Client<T>, pace: Pace) -> Account<M> {
        let account = Account::new(&self.shared, client.settings().base(), pace);
        self.callers.add_client(account.lane(), client);
        account
    }

    /// The next news of any job; `None` once no job is left.
    ///
    /// It is safe to drop the future: no news is lost. Answers to calls that are out lead to further calls until there is news.
    pub async fn next(&mut self) -> Option<FleetEvent<M>> {
        poll_fn(|context| self.poll_event(context)).await
    }

    /// The figures.
    #[must_use]
    pub fn stats(&self) -> FleetStats {
        self.shared.read(FleetMachine::stats)
    }

    fn poll_event(&mut self, context: &mut Context<'_>) -> Poll<Option<FleetEvent<M>>> {
        loop {
            match self.shared.turn(context.waker()) {
                Turn::Tell(event) => return Poll::Ready(Some(FleetEvent::typed(*event))),
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

impl<M: Makes, T: Transport + 'static> Stream for Fleet<M, T> {
    type Item = FleetEvent<M>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<FleetEvent<M>>> {
        self.poll_event(context)
    }
}

impl<M: Makes, T: Transport + 'static> Default for Fleet<M, T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: Makes, T> fmt::Debug for Fleet<M, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fleet").field("shared", &self.shared).finish_non_exhaustive()
    }
}
