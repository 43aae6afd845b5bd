//! The part of a job set that its accounts and calls share: the machine behind a lock, the clients, and the clock.

use std::collections::VecDeque;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant, SystemTime};

use kling_transport::{Client, DynModel, Job, JobModel, RequestId, Runtime};
use slotmap::SecondaryMap;

use super::machine::{CallRequest, JobSetMachine, NextStep};
use super::{AccountKey, JobKey, JobSetStats, RateLimit};
use crate::{Event, WaitOptions, wait};

/// A handle to add and remove the jobs of one account, from any thread, while the set runs.
///
/// It is cheap to clone. A set that was made to stay open ends when the last handle is gone.
#[derive(Clone, Debug)]
pub struct Account<M: JobModel = DynModel> {
    handle: Arc<Handle>,
    model: PhantomData<fn() -> M>,
}

/// An account, until its last handle is gone.
#[derive(Debug)]
struct Handle {
    shared: Arc<Shared>,
    key: AccountKey,
}

impl<M: JobModel> Account<M> {
    pub(super) fn new(shared: &Arc<Shared>, client: Client, limit: RateLimit) -> Self {
        let key = shared.change(|state| {
            let key = state.machine.add_account(client.settings().base(), limit);
            state.clients.insert(key, client);
            state.open_accounts += 1;
            key
        });
        Self { handle: Arc::new(Handle { shared: Arc::clone(shared), key }), model: PhantomData }
    }

    /// Adds a job, new or by the id of an earlier submit. Makes no paid call.
    pub fn add(&self, job: &Job<M>, options: &WaitOptions) -> JobKey {
        let (age, options) = (job.age(SystemTime::now()), &options.for_job(job));
        let Handle { shared, key } = &*self.handle;
        // The account is open as long as it has a handle.
        let now = shared.now();
        shared.change(|state| state.machine.add(now, *key, job.id(), age, options)).unwrap_or_default()
    }

    /// Cancels a job as soon as possible. The outcome is reported as an event, and the wait continues to the end of the job.
    /// Returns whether the job is in the set.
    pub fn cancel(&self, key: JobKey) -> bool {
        self.handle.shared.change(|state| state.machine.cancel(key))
    }

    /// Removes a job from the set. The job keeps running. Returns its request id if it was in the set.
    pub fn detach(&self, key: JobKey) -> Option<RequestId> {
        self.handle.shared.change(|state| state.machine.detach(key))
    }

    /// Returns the figures of the whole set.
    pub fn stats(&self) -> JobSetStats {
        self.handle.shared.stats()
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.change(|state| {
            state.machine.close_account(self.key);
            state.open_accounts -= 1;
        });
    }
}

pub(super) struct Shared {
    pub(super) runtime: Box<dyn Runtime>,
    started: Instant,
    /// Whether a set without jobs waits for more while it has accounts.
    stays_open: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    machine: JobSetMachine,
    clients: SecondaryMap<AccountKey, Client>,
    open_accounts: usize,
    /// Replies that the machine has not taken yet. It takes them on the set's own thread or task, so that a schedule that
    /// panics does so there.
    replies: VecDeque<(CallRequest, Event)>,
    /// Wakes the set while it sleeps.
    waker: Option<Waker>,
}

impl Shared {
    pub(super) fn new(runtime: impl Runtime, stays_open: bool) -> Arc<Self> {
        let started = runtime.now();
        Arc::new(Self { runtime: Box::new(runtime), started, stays_open, state: Mutex::default() })
    }

    /// Returns the time since the set was made.
    pub(super) fn now(&self) -> Duration {
        self.runtime.now().saturating_duration_since(self.started)
    }

    pub(super) fn stats(&self) -> JobSetStats {
        self.lock().machine.stats()
    }

    /// Returns the number of accounts with a handle or a job, after the last step.
    #[cfg(all(test, feature = "async"))]
    pub(super) fn accounts(&self) -> usize {
        let State { machine, clients, .. } = &mut *self.lock();
        machine.retain_clients(clients);
        clients.len()
    }

    /// Whether anything but the set itself can change its jobs: an account, or a call in flight.
    #[cfg(feature = "blocking")]
    pub(super) fn has_company(&self) -> bool {
        let state = self.lock();
        state.open_accounts > 0 || state.machine.in_flight() > 0
    }

    /// Returns the next step. `waker` is called when it may change during a sleep.
    pub(super) fn next(self: &Arc<Self>, waker: &Waker) -> NextStep<Call> {
        let (now, mut state) = (self.now(), self.lock());
        state.waker = None;
        // One at a time: if a schedule panics, the other replies stay.
        while let Some((request, event)) = state.replies.pop_front() {
            request.span.within(|| state.machine.respond(now, fastrand::f64(), &request, event));
        }
        match state.machine.next(now) {
            NextStep::Emit(event) => NextStep::Emit(event),
            NextStep::Send(request) => {
                let client = state.clients.get(request.account).cloned();
                NextStep::Send(Call { request: Some(request), client, shared: Arc::clone(self) })
            }
            NextStep::Finish if !self.stays_open || state.open_accounts == 0 => NextStep::Finish,
            step => {
                let State { machine, clients, .. } = &mut *state;
                machine.retain_clients(clients);
                state.waker = Some(waker.clone());
                NextStep::Sleep(if let NextStep::Sleep(due) = step { due } else { None })
            }
        }
    }

    /// Changes the state, and wakes the set.
    fn change<R>(&self, change: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let result = change(&mut state);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
        result
    }

    /// Ignores poison, since a panic of a caller's schedule does not break the machine.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

/// A call, which responds in any case: if its task or thread ends early, it responds with an error.
pub(super) struct Call {
    request: Option<CallRequest>,
    client: Option<Client>,
    shared: Arc<Shared>,
}

impl Call {
    pub(super) async fn run(mut self) {
        if let (Some(request), Some(client)) = (&self.request, &self.client) {
            let call = wait::send(client, &request.request_id, &request.action);
            let event = request.span.around(call).await;
            self.respond(event);
        }
    }

    fn respond(&mut self, event: Event) {
        if let Some(request) = self.request.take() {
            self.shared.change(|state| state.replies.push_back((request, event)));
        }
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if let Some(event) = self.request.as_ref().map(|request| Event::lost(&request.action)) {
            self.respond(event);
        }
    }
}
