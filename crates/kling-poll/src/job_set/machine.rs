//! The job set as a machine: a [`JobMachine`] for each job and one heap of due times, without clock or socket.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use kling_transport::{ApiBase, CancelReply, Client, Error, Job, RequestId, Span};
use slotmap::{SecondaryMap, SlotMap};

use super::account_queue::{AccountQueue, AccountQueues};
use super::{AccountKey, JobKey, JobSetEvent, JobSetStats, JobSetUpdate, RateLimit};
use crate::cancel::{self, Next};
use crate::job_machine::bounded_retry_after;
use crate::{Action, Event, JobMachine, WaitOptions, WaitOutcome};

/// Fewer stale entries than this are not worth a search.
const STALE: usize = 64;

/// Waits for any number of jobs: a [`JobMachine`] for each, and one order of calls for all.
///
/// The caller makes the calls and returns each reply by [`JobSetMachine::respond`]. All times count from one moment.
#[derive(Debug, Default)]
pub(super) struct JobSetMachine {
    jobs: SlotMap<JobKey, Slot>,
    /// When idle jobs are due, and the deadline of each job. An entry that no longer fits its job is skipped.
    due: BinaryHeap<Reverse<(Duration, JobKey)>>,
    accounts: AccountQueues,
    events: VecDeque<JobSetEvent>,
    stats: JobSetStats,
}

/// The next step of a job set.
#[derive(Debug)]
pub(super) enum NextStep<C = CallRequest> {
    /// Report this event.
    Emit(Box<JobSetEvent>),
    /// Make this call.
    Send(C),
    /// Wait until this moment if there is one, or until a reply comes or a job is added.
    Sleep(Option<Duration>),
    /// Stop: no job is left.
    Finish,
}

/// A call for the caller to make, once. Its reply goes to [`JobSetMachine::respond`].
#[derive(Debug)]
pub(super) struct CallRequest {
    pub(super) account: AccountKey,
    key: JobKey,
    pub(super) request_id: RequestId,
    /// One of the `Send…` actions.
    pub(super) action: Action,
    pub(super) span: Span,
}

impl JobSetMachine {
    /// Adds an account that calls this server at a rate of its own.
    ///
    /// All accounts of a server keep a pause that it asked one of them for. Only the calls at a deadline and those of a cancel
    /// do not.
    pub(super) fn add_account(&mut self, base: &ApiBase, limit: RateLimit) -> AccountKey {
        self.accounts.add(base, limit)
    }

    /// Takes no more jobs for an account. The set forgets it after its last job.
    pub(super) fn close_account(&mut self, account: AccountKey) {
        self.accounts.change(account, |queue| queue.is_closed = true);
    }

    /// Adds a job of this age, if it is known; see [`JobMachine::new`]. Returns `None` if the account is closed or of another
    /// set.
    pub(super) fn add(
        &mut self,
        now: Duration,
        account: AccountKey,
        id: &RequestId,
        age: Option<Duration>,
        options: &WaitOptions,
    ) -> Option<JobKey> {
        if !self.accounts.join(account) {
            return None;
        }
        let (machine, id, options) = (JobMachine::new(age), id.clone(), options.clone());
        let (due, state, cancel) = (now, SlotState::Idle, None);
        let slot = Slot { machine, id, options, started: now, account, due, state, cancel };
        let deadline = slot.deadline();
        let key = self.jobs.insert(slot);
        self.due.extend(deadline.map(|deadline| Reverse((deadline, key))));
        self.step(now, 0.0, key, Event::Started);
        Some(key)
    }

    /// Cancels a job as soon as possible. A cancel without a usable reply is retried, and an unclear one is settled by the
    /// status. Returns whether the job is in the set.
    pub(super) fn cancel(&mut self, key: JobKey) -> bool {
        let Some(slot) = self.jobs.get_mut(key) else { return false };
        // At its deadline the machine cancels the job by itself, and its end reports the outcome.
        if slot.cancel.is_none() && !slot.machine.is_cancelling() {
            slot.cancel = Some(Box::default());
            self.queue(key, Duration::ZERO);
        }
        true
    }

    /// Removes a job, which keeps running. Returns its request id if it was in the set.
    pub(super) fn detach(&mut self, key: JobKey) -> Option<RequestId> {
        self.remove(key).map(|slot| slot.id)
    }

    /// Returns the next step.
    pub(super) fn next(&mut self, now: Duration) -> NextStep {
        if let Some(event) = self.events.pop_front() {
            return NextStep::Emit(event.into());
        }
        self.queue_due(now);
        let accounts = self.accounts.queues.len();
        if let Some(request) = (0..accounts).find_map(|_| self.next_call(now)) {
            return NextStep::Send(request);
        }
        if self.jobs.is_empty() { NextStep::Finish } else { NextStep::Sleep(self.next_moment()) }
    }

    /// Takes the reply to a call. `random` is drawn from `0.0..1.0`.
    pub(super) fn respond(&mut self, now: Duration, random: f64, request: &CallRequest, event: Event) {
        self.accounts.change(request.account, |queue| queue.in_flight = queue.in_flight.saturating_sub(1));
        if let Some(error) = event.error() {
            self.stats.errors += 1;
            self.accounts.pause(request.account, now + bounded_retry_after(error.retry_after()));
        }
        let Some(slot) = self.jobs.get_mut(request.key) else { return };
        slot.state = SlotState::Idle;
        match slot.cancel.as_mut() {
            Some(cancel) if cancel.is_reply(&event) => {
                if let Some(outcome) = cancel.respond(event) {
                    slot.cancel = None;
                    self.emit(request.key, JobSetUpdate::Cancelling(outcome));
                }
                self.queue(request.key, now);
            }
            _ => self.step(now, random, request.key, event),
        }
    }

    /// Returns the figures.
    pub(super) fn stats(&self) -> JobSetStats {
        JobSetStats {
            waiting: self.jobs.len(),
            behind: self.jobs.values().filter(|slot| slot.state == SlotState::Queued).count(),
            in_flight: self.in_flight(),
            ..self.stats
        }
    }

    /// Returns the number of calls in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.accounts.queues.values().map(|queue| queue.in_flight).sum()
    }

    /// Removes the clients of accounts that are closed and have neither job nor call.
    pub(super) fn retain_clients(&self, clients: &mut SecondaryMap<AccountKey, Client>) {
        if clients.len() > self.accounts.queues.len() {
            clients.retain(|key, _| self.accounts.queues.contains_key(key));
        }
    }

    /// Queues the jobs that are due, and again as urgent the queued jobs that are at their deadline.
    fn queue_due(&mut self, now: Duration) {
        while let Some(&Reverse((at, key))) = self.due.peek().filter(|entry| entry.0.0 <= now) {
            self.due.pop();
            let Some(slot) = self.jobs.get(key) else { continue };
            match slot.state {
                SlotState::Idle if slot.due == at => self.enqueue(key, now, |queue| &mut queue.due),
                SlotState::Queued if slot.deadline() == Some(at) => self.queue(key, now),
                _ => {}
            }
        }
    }

    /// Queues a job before the jobs that are merely due, unless a call of it is in flight.
    fn queue(&mut self, key: JobKey, now: Duration) {
        self.enqueue(key, now, |queue| &mut queue.continued);
    }

    /// Queues a job, as urgent if it is to be cancelled or at its deadline.
    fn enqueue(&mut self, key: JobKey, now: Duration, line: fn(&mut AccountQueue) -> &mut VecDeque<JobKey>) {
        let Some(slot) = self.jobs.get_mut(key).filter(|slot| slot.state != SlotState::InFlight) else {
            return;
        };
        slot.state = SlotState::Queued;
        let is_urgent = slot.cancel.is_some() || slot.deadline().is_some_and(|deadline| deadline <= now);
        if let Some(queue) = self.accounts.queues.get_mut(slot.account) {
            if is_urgent { &mut queue.urgent } else { line(queue) }.push_back(key);
        }
    }

    /// Returns when the next step may be due if no reply comes before.
    fn next_moment(&self) -> Option<Duration> {
        let due = self.due.peek().map(|entry| entry.0.0);
        self.accounts.next_moment().into_iter().chain(due).min()
    }

    /// Returns the next call of the account whose turn it is, if it may make one.
    fn next_call(&mut self, now: Duration) -> Option<CallRequest> {
        let account = self.accounts.next_turn()?;
        let queue = self.accounts.queues.get_mut(account)?;
        loop {
            let key = queue.pop(now)?;
            let Some(slot) = self.jobs.get_mut(key).filter(|slot| slot.state == SlotState::Queued) else {
                continue;
            };
            queue.call(now);
            let action = slot.call(now);
            match action {
                Action::SendResult { .. } => self.stats.results += 1,
                Action::SendCancel { .. } => self.stats.cancels += 1,
                _ => self.stats.polls += 1,
            }
            let (span, request_id) = (action.span(&slot.id), slot.id.clone());
            return Some(CallRequest { account, key, request_id, action, span });
        }
    }

    fn step(&mut self, now: Duration, random: f64, key: JobKey, event: Event) {
        let Some(slot) = self.jobs.get_mut(key) else { return };
        let step = slot.machine.step(&slot.options, slot.elapsed(now), random, event);
        match step.action {
            Action::WaitUntil(due) => {
                slot.due = slot.started.saturating_add(due);
                self.due.push(Reverse((slot.due, key)));
                if slot.cancel.is_some() {
                    self.queue(key, now);
                }
            }
            Action::SendStatus { .. } | Action::SendResult { .. } | Action::SendCancel { .. } => {
                self.queue(key, now);
            }
            Action::Done(outcome) => return self.finish(now, key, *outcome),
        }
        if let Some(update) = step.update {
            self.emit(key, JobSetUpdate::Update(update));
        }
    }

    fn emit(&mut self, key: JobKey, update: JobSetUpdate) {
        if let Some(slot) = self.jobs.get(key) {
            self.events.push_back(JobSetEvent { key, request_id: slot.id.clone(), update });
        }
    }

    fn finish(&mut self, now: Duration, key: JobKey, outcome: WaitOutcome) {
        match outcome {
            WaitOutcome::Succeeded(_) => self.stats.succeeded += 1,
            WaitOutcome::Failed(_) | WaitOutcome::Cancelled(_) => self.stats.failed += 1,
            WaitOutcome::Deadline(_) | WaitOutcome::Exhausted(_) | WaitOutcome::Refused(_) => {
                self.stats.given_up += 1;
            }
        }
        if let Some(slot) = self.remove(key) {
            let outcome = slot.machine.conclude(&Job::from_id(slot.id.clone()), slot.elapsed(now), outcome);
            let update = JobSetUpdate::Done(outcome);
            self.events.push_back(JobSetEvent { key, request_id: slot.id, update });
        }
    }

    fn remove(&mut self, key: JobKey) -> Option<Slot> {
        let slot = self.jobs.remove(key)?;
        self.accounts.change(slot.account, |queue| queue.jobs -= 1);
        self.sweep();
        Some(slot)
    }

    /// Removes stale entries from the heap and the queues once they are the majority. Otherwise they would pile up while no
    /// call may be made.
    fn sweep(&mut self) {
        let (jobs, room) = (&self.jobs, 2 * self.jobs.len() + STALE);
        if self.due.len() > room {
            self.due.retain(|Reverse((at, key))| {
                jobs.get(*key).is_some_and(|slot| slot.due == *at || slot.deadline() == Some(*at))
            });
        }
        for queue in self.accounts.queues.values_mut().filter(|queue| queue.len() > room) {
            queue.retain(|key| jobs.get(key).is_some_and(|slot| slot.state == SlotState::Queued));
        }
    }
}

/// A job of a set.
#[derive(Debug)]
struct Slot {
    machine: JobMachine,
    id: RequestId,
    options: WaitOptions,
    /// The beginning of the wait.
    started: Duration,
    /// When the job is due, if it is idle.
    due: Duration,
    account: AccountKey,
    state: SlotState,
    /// The cancel that was asked for, until its outcome is reported.
    cancel: Option<Box<Cancel>>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum SlotState {
    /// Not due yet.
    Idle,
    /// In its account's queue.
    Queued,
    /// A call is in flight.
    InFlight,
}

impl Slot {
    fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(self.started)
    }

    fn deadline(&self) -> Option<Duration> {
        self.options.deadline().map(|deadline| self.started.saturating_add(deadline))
    }

    /// Begins the job's next call: that of its cancel, or of its machine.
    fn call(&mut self, now: Duration) -> Action {
        self.state = SlotState::InFlight;
        let elapsed = self.elapsed(now);
        let timeout = self.options.timeout_at(elapsed);
        match self.cancel.as_ref().map(|cancel| cancel.unclear.is_some()) {
            Some(true) => Action::SendStatus { timeout },
            Some(false) => Action::SendCancel { timeout },
            None => self.machine.step(&self.options, elapsed, 0.0, Event::Due).action,
        }
    }
}

/// A cancel that was asked for.
#[derive(Debug, Default)]
struct Cancel {
    retries: u16,
    /// The reply, if it is unclear: the status settles it.
    unclear: Option<Result<CancelReply, Error>>,
}

impl Cancel {
    /// Whether a reply is to this cancel, and not to a call that was in flight before.
    const fn is_reply(&self, event: &Event) -> bool {
        match self.unclear {
            Some(_) => matches!(event, Event::Status(_)),
            None => matches!(event, Event::Cancel(_)),
        }
    }

    /// Takes a reply; returns the outcome once it is settled.
    fn respond(&mut self, event: Event) -> Option<Result<CancelReply, Error>> {
        match event {
            Event::Cancel(outcome) => match cancel::next(&outcome, self.retries) {
                Next::Report => return Some(outcome),
                Next::Retry => self.retries += 1,
                Next::Settle => self.unclear = Some(outcome),
            },
            Event::Status(status) => return Some(cancel::settle(self.unclear.take()?, status)),
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests;
