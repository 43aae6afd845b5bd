//! The blocking job set: an iterator of events, with a thread for each call in flight.

use std::marker::PhantomData;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use kling_transport::blocking::{Client, ThreadRuntime, block_on, thread_waker};
use kling_transport::{DynModel, JobModel, Runtime};

use super::machine::NextStep;
use super::shared::{Call, Shared};
use super::{Account, JobSetEvent, JobSetStats, RateLimit};

/// Waits for any number of jobs at once; an iterator over their events. `kling_poll::JobSet` is its async twin.
///
/// A bounded number of calls serves all jobs: a job that waits needs no thread and a few hundred bytes. Each call in flight
/// has a thread. If the rate limits allow one call at a time, it is made on the caller's thread, and no deadline is kept
/// during the call, which has a time limit of its own. The set runs while the iterator is advanced.
///
/// ```no_run
/// use kling_poll::{JobSetUpdate, RateLimit, WaitOptions, blocking::JobSet};
/// use kling_transport::{Job, blocking::Client};
///
/// # fn run(jobs: Vec<Job>) -> Result<(), kling_transport::Error> {
/// let mut set = JobSet::new();
/// let account = set.account(Client::from_env()?, RateLimit::new(8));
/// for job in &jobs {
///     account.add(job, &WaitOptions::default());
/// }
/// for event in &mut set {
///     if let JobSetUpdate::Done(Ok(done)) = event.update {
///         println!("{}: {}", event.request_id, done.output());
///     }
/// }
/// println!("{:?}", set.stats());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a job set runs while it is iterated"]
pub struct JobSet<M: JobModel = DynModel> {
    shared: Arc<Shared>,
    /// The most calls at once, over all accounts.
    in_flight: usize,
    model: PhantomData<fn() -> M>,
}

impl<M: JobModel> JobSet<M> {
    /// A set that ends with its last job. More jobs can be added afterwards, and it continues.
    pub fn new() -> Self {
        Self::with_runtime(ThreadRuntime)
    }

    /// A set that waits for further jobs while it has an [`Account`], from another thread.
    pub fn open() -> Self {
        Self::with(ThreadRuntime, true)
    }

    /// A set on another clock. It sleeps by that clock if no call is in flight and no account is left. Other sleeps end
    /// early, so they take real time.
    pub fn with_runtime(runtime: impl Runtime) -> Self {
        Self::with(runtime, false)
    }

    fn with(runtime: impl Runtime, stays_open: bool) -> Self {
        Self { shared: Shared::new(runtime, stays_open), in_flight: 0, model: PhantomData }
    }

    /// Adds an account with a client and a rate limit of its own.
    pub fn account(&mut self, client: Client, limit: RateLimit) -> Account<M> {
        self.in_flight = self.in_flight.saturating_add(limit.in_flight.max(1));
        Account::new(&self.shared, client.as_async().clone(), limit)
    }

    /// Returns the figures.
    pub fn stats(&self) -> JobSetStats {
        self.shared.stats()
    }

    fn send(&self, call: Call) {
        if self.in_flight == 1 {
            return block_on(call.run());
        }
        // If the system has no thread to spare, the call is dropped, and its error retried.
        let _ = thread::Builder::new().name("kling-call".into()).spawn(|| block_on(call.run()));
    }

    fn sleep(&self, due: Option<Duration>) {
        let pause = due.map(|due| due.saturating_sub(self.shared.now()));
        match pause {
            Some(pause) if !self.shared.has_company() => block_on(self.shared.runtime.sleep(pause)),
            Some(pause) => thread::park_timeout(pause),
            None => thread::park(),
        }
    }
}

impl<M: JobModel> Iterator for JobSet<M> {
    type Item = JobSetEvent<M>;

    fn next(&mut self) -> Option<JobSetEvent<M>> {
        let waker = thread_waker();
        loop {
            match self.shared.next(&waker) {
                NextStep::Emit(event) => return Some(JobSetEvent::typed(*event)),
                NextStep::Send(call) => self.send(call),
                NextStep::Sleep(due) => self.sleep(due),
                NextStep::Finish => return None,
            }
        }
    }
}

impl<M: JobModel> Default for JobSet<M> {
    fn default() -> Self {
        Self::new()
    }
}
