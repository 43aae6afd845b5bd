//! The blocking shell of a fleet: an iterator on the caller's thread, with threads only for calls made at once.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender};
use std::task::{Wake, Waker};
use std::time::Duration;

use kling_transport::blocking::{Client, Clock, SystemClock, Transport, Ureq};
use kling_transport::{DynModel, JobModel};

use super::workers::{Workers, carry};
use crate::fleet::{Shared, Turn};
use crate::{Account, CallRequest, CallResponse, JobSetEvent, JobSetMachine, JobSetStats, RateLimit};

/// Waits for any number of jobs at once; an iterator over their news. `kling_poll::JobSet` is its async twin.
///
/// One scheduler serves all jobs; a job that waits costs about 140 bytes and no thread. Calls made at once need a thread
/// each, which is started when it is first needed: as many as the paces of all accounts allow in flight. Where that is one,
/// there is no thread but the caller's, and no deadline is kept while the one call is out, which has its own time limit. The
/// fleet moves while the iterator is asked.
///
/// ```no_run
/// use kling_poll::{JobSetUpdate, RateLimit, WaitOptions, blocking::JobSet};
/// use kling_transport::{Job, blocking::Client};
///
/// # fn run(jobs: Vec<Job>) -> Result<(), kling_transport::Error> {
/// let mut fleet = JobSet::new();
/// let account = fleet.account(Client::from_env()?, RateLimit::new(8));
/// for job in &jobs {
///     account.add(job, &WaitOptions::default());
/// }
/// for event in &mut fleet {
///     if let JobSetUpdate::Done(Ok(done)) = event.news {
///         println!("{}: {}", event.request_id, done.output());
///     }
/// }
/// println!("{:?}", fleet.stats());
/// # Ok(())
/// # }
/// ```
#[must_use = "a fleet moves while it is iterated"]
pub struct JobSet<M: JobModel = DynModel, T = Ureq> {
    shared: Arc<Shared>,
    clock: Arc<dyn Clock>,
    clients: Vec<Arc<Client<T>>>,
    /// The most calls at once, over all accounts.
    in_flight: usize,
    workers: Workers<T>,
    signals: Receiver<Signal>,
    waker: Waker,
    makes: PhantomData<fn() -> M>,
}

/// What ends a pause early: an answer, or a change made by an account.
pub(super) type Signal = Option<(CallRequest, CallResponse)>;

struct Bell(Sender<Signal>);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // Nobody listens any more where the fleet is gone.
        let _ = self.0.send(None);
    }
}

impl<M: JobModel, T: Transport + 'static> JobSet<M, T> {
    /// A fleet that ends with its last job. More jobs can be added afterwards, and it goes on.
    pub fn new() -> Self {
        Self::with(false, Arc::new(SystemClock::default()))
    }

    /// A fleet that waits for further jobs while there is an [`Account`] by which they can come, from another thread.
    pub fn open() -> Self {
        Self::with(true, Arc::new(SystemClock::default()))
    }

    /// A fleet by another clock, which lets pauses pass in which nothing but time can change anything: while no call is out
    /// and no account left by which jobs could come or go. In other pauses this thread listens in real time.
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self::with(false, clock)
    }

    fn with(stays_open: bool, clock: Arc<dyn Clock>) -> Self {
        let (sender, signals) = mpsc::channel();
        let (epoch, told) = (clock.now(), Arc::clone(&clock));
        let shared = Shared::new(stays_open, move || told.now().saturating_sub(epoch));
        Self {
            shared: Arc::new(shared),
            clock,
            clients: Vec::new(),
            in_flight: 0,
            waker: Arc::new(Bell(sender.clone())).into(),
            workers: Workers::new(sender),
            signals,
            makes: PhantomData,
        }
    }

    /// Adds an account, asked by a client of its own at a pace of its own.
    pub fn account(&mut self, client: Client<T>, pace: RateLimit) -> Account<M> {
        let account = Account::new(&self.shared, client.settings().base(), pace);
        let client = Arc::new(client);
        match self.clients.get_mut(account.lane().index()) {
            // The account that had the place is gone.
            Some(place) => *place = client,
            None => self.clients.push(client),
        }
        self.in_flight = self.in_flight.saturating_add(pace.in_flight.max(1));
        account
    }

    /// The figures.
    #[must_use]
    pub fn stats(&self) -> JobSetStats {
        self.shared.read(JobSetMachine::stats)
    }

    fn ask(&mut self, question: CallRequest) {
        let client = Arc::clone(&self.clients[question.lane.index()]);
        let left =
            if self.in_flight > 1 { self.workers.send(client, question) } else { Some((client, question)) };
        if let Some((client, question)) = left {
            let answer = carry(&client, &question);
            self.shared.answer(&question, answer);
        }
    }

    fn wait(&mut self, due: Option<Duration>) {
        let pause = due.map(|due| due.saturating_sub(self.shared.now()));
        let signal = match pause {
            Some(pause) if self.workers.busy() == 0 && !self.shared.has_accounts() => {
                return self.clock.sleep(pause);
            }
            Some(pause) => self.signals.recv_timeout(pause).ok(),
            None => self.signals.recv().ok(),
        };
        if let Some(Some((question, answer))) = signal {
            self.workers.returned();
            self.shared.answer(&question, answer);
        }
    }
}

impl<M: JobModel, T: Transport + 'static> Iterator for JobSet<M, T> {
    type Item = JobSetEvent<M>;

    fn next(&mut self) -> Option<JobSetEvent<M>> {
        loop {
            match self.shared.turn(&self.waker) {
                Turn::Tell(event) => return Some(JobSetEvent::typed(*event)),
                Turn::Ask(question) => self.ask(question),
                Turn::Wait(due) => self.wait(due),
                Turn::Rest => return None,
            }
        }
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
