//! The fleet as a machine: any number of job machines behind one heap of due times, with no clock and no socket.

mod ending;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use kling_transport::{ApiBase, RequestId};

use super::cancels::Cancels;
use super::lane::AccountQueue;
use super::lanes::Lanes;
use super::slot::{Place, Slot, micros};
use super::ticket::Ticketed;
use super::{
    CallKind, CallRequest, CallResponse, JobKey, JobSetEvent, JobSetStats, JobSetUpdate, LaneId, RateLimit,
};
use crate::machine::wish;
use crate::{Action, Event, WaitOptions};

/// Waits for any number of jobs: a [`JobMachine`](crate::JobMachine) for each, and one order of calls for all.
///
/// Ask [`JobSetMachine::next`] what to do, make the calls that it wants, bring back each answer by
/// [`JobSetMachine::answer`], and take the news out by [`JobSetMachine::news`] before going on: then nothing in it grows but
/// with the number of jobs. `JobSet` and `blocking::JobSet` do that with a client and a clock; a simulation can do it with
/// neither. All times count from one moment of the caller's choice.
#[derive(Debug, Default)]
pub struct JobSetMachine {
    slots: Ticketed<Slot>,
    /// Due times in microseconds. An entry that its slot no longer names is skipped.
    due: BinaryHeap<Reverse<(u64, JobKey)>>,
    lanes: Lanes,
    cancels: Cancels,
    news: VecDeque<JobSetEvent>,
    stats: JobSetStats,
}

/// What to do next.
#[derive(Clone, Debug)]
pub enum FleetAction {
    /// Make this call, and bring back what comes of it.
    Ask(CallRequest),
    /// Wait until this moment, if there is one, or until an answer comes or a job is added.
    Wait(Option<Duration>),
}

impl JobSetMachine {
    /// A fleet without accounts or jobs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an account that asks this server at a pace of its own. A pause that the server asks any account for is kept by
    /// all those that ask the same server; only the calls at a job's deadline, and those of a cancel that was asked for, wait
    /// for no pause and no pace.
    pub fn add_lane(&mut self, base: &ApiBase, pace: RateLimit) -> LaneId {
        self.lanes.add(base, pace)
    }

    /// Adds a job of this age, where it is known; see [`JobMachine::new`](crate::JobMachine::new). `None` where the lane is of another fleet, or
    /// closed, or one beyond the 65,536 that a fleet has room for at a time.
    pub fn add(
        &mut self,
        now: Duration,
        lane: LaneId,
        id: &RequestId,
        age: Option<Duration>,
        options: &WaitOptions,
    ) -> Option<JobKey> {
        let lane = self.lanes.join(lane)?;
        let ticket = self.slots.insert(Slot::new(now, lane, id, age, options));
        self.step(now, 0.0, ticket, Event::Started);
        Some(ticket)
    }

    /// Takes no more jobs for an account. Once its last job is gone, so is the account, and its number is given out again.
    pub fn close_lane(&mut self, lane: LaneId) {
        self.lanes.close(lane);
    }

    /// Wants a job cancelled, at once: where the answer is lost the cancel is sent again, and where it is not clear the status
    /// is asked for. False where there is no such job.
    pub fn cancel(&mut self, ticket: JobKey) -> bool {
        let Some(slot) = self.slots.get_mut(ticket) else { return false };
        // At its deadline a job is cancelled already, and its end tells what came of that.
        if !slot.machine.is_parting() && self.cancels.begin(ticket) {
            slot.wants_cancel = true;
            self.hurry(ticket, 0);
        }
        true
    }

    /// Forgets a job, which goes on; its id, if it was there.
    pub fn detach(&mut self, ticket: JobKey) -> Option<RequestId> {
        self.remove(ticket).map(|slot| slot.id.unpack())
    }

    /// What to do now. While there is news, take it out first.
    pub fn next(&mut self, now: Duration) -> FleetAction {
        self.queue_what_is_due(now);
        for lane in self.lanes.turns() {
            if let Some(question) = self.question(now, lane) {
                self.lanes.had_turn(lane);
                return FleetAction::Ask(question);
            }
        }
        FleetAction::Wait(self.next_moment())
    }

    /// Takes what came of a question. `random` is drawn from `0.0..1.0`.
    pub fn answer(&mut self, now: Duration, random: f64, question: &CallRequest, answer: CallResponse) {
        self.lanes.answered(question.lane);
        if let Some(error) = answer.error() {
            self.stats.errors += 1;
            self.lanes.keep_quiet(question.lane, now + wish(error.retry_after()));
        }
        let ticket = question.ticket;
        let Some(slot) = self.slots.get_mut(ticket) else { return };
        slot.place = Place::Resting;
        if self.cancels.is_asked(ticket, &answer) {
            return self.take_cancel(now, ticket, answer);
        }
        self.step(now, random, ticket, answer.into_event());
    }

    fn take_cancel(&mut self, now: Duration, ticket: JobKey, answer: CallResponse) {
        if let Some(outcome) = self.cancels.take(ticket, answer) {
            if let Some(slot) = self.slots.get_mut(ticket) {
                slot.wants_cancel = false;
            }
            self.tell(ticket, JobSetUpdate::Cancelling(outcome));
        }
        self.hurry(ticket, micros(now));
    }

    /// The oldest news that was not taken out yet.
    pub fn news(&mut self) -> Option<JobSetEvent> {
        self.news.pop_front()
    }

    #[cfg(feature = "async")]
    pub(super) fn has_news(&self) -> bool {
        !self.news.is_empty()
    }

    /// Whether no job is waited for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// The figures.
    #[must_use]
    pub fn stats(&self) -> JobSetStats {
        JobSetStats {
            waiting: self.slots.len(),
            // Queues also hold entries of jobs that were hurried or are over; those are passed over in their turn.
            behind: self.slots.values().filter(|slot| slot.place == Place::Queued).count(),
            in_flight: self.lanes.iter().map(AccountQueue::in_flight).sum(),
            ..self.stats
        }
    }

    fn queue_what_is_due(&mut self, now: Duration) {
        let now = micros(now);
        while let Some(&Reverse((due, ticket))) = self.due.peek().filter(|entry| entry.0.0 <= now) {
            self.due.pop();
            let slot = self.slots.get_mut(ticket);
            if let Some(slot) = slot.filter(|slot| slot.place == Place::Resting && slot.due == due as u32) {
                slot.place = Place::Queued;
                let lane = self.lanes.of(slot);
                match slot.deadline() {
                    deadline if deadline <= now => lane.press(ticket),
                    deadline => lane.push(ticket, deadline),
                }
            }
        }
        let slots = &self.slots;
        let deadline =
            |ticket| slots.get(ticket).filter(|slot| slot.place == Place::Queued).map(Slot::deadline);
        self.lanes.iter_mut().for_each(|lane| lane.press_overdue(now, deadline));
    }

    /// When something is to be done next, if no answer comes before.
    pub(super) fn next_moment(&self) -> Option<Duration> {
        let due = self.due.peek().map(|entry| Duration::from_micros(entry.0.0));
        self.lanes.next_moment().into_iter().chain(due).min()
    }

    /// The next question of a lane, if it has one that may be asked.
    fn question(&mut self, now: Duration, id: LaneId) -> Option<CallRequest> {
        let is_open = self.lanes.is_open(now, id);
        let lane = self.lanes.get_mut(id)?;
        loop {
            let worth = |ticket| self.slots.get(ticket).map_or(0.0, |slot| slot.worth(now));
            let ticket = lane.pick(is_open, worth)?;
            // What was queued twice, cancelled or detached meanwhile is passed over.
            let Some(slot) = self.slots.get_mut(ticket).filter(|slot| slot.place == Place::Queued) else {
                continue;
            };
            lane.called(now);
            let (errand, timeout) = slot.ask(now, self.cancels.errand(ticket));
            match errand {
                CallKind::Status => self.stats.polls += 1,
                CallKind::Result => self.stats.results += 1,
                CallKind::Cancel => self.stats.cancels += 1,
            }
            return Some(CallRequest::new(id, ticket, slot.id.unpack(), errand, timeout));
        }
    }

    fn step(&mut self, now: Duration, random: f64, ticket: JobKey, event: Event) {
        let Some(slot) = self.slots.get_mut(ticket) else { return };
        let step = slot.machine.step(&slot.options, slot.elapsed(now), random, event);
        match step.action {
            Action::WaitUntil(due) => {
                let due = slot.started.saturating_add(micros(due));
                slot.due = due as u32;
                self.due.push(Reverse((due, ticket)));
                if slot.wants_cancel {
                    self.hurry(ticket, micros(now));
                }
            }
            Action::SendStatus { .. } | Action::SendResult { .. } | Action::SendCancel { .. } => {
                self.hurry(ticket, micros(now));
            }
            Action::Done(ending) => return self.finish(now, ticket, *ending),
        }
        if let Some(update) = step.update {
            self.tell(ticket, JobSetUpdate::Update(update));
        }
    }

    /// Puts a job before all that are merely due, or before all others where it is past its deadline or to be cancelled, unless
    /// a call for it is out.
    fn hurry(&mut self, ticket: JobKey, now: u64) {
        if let Some(slot) = self.slots.get_mut(ticket).filter(|slot| slot.place != Place::Asking) {
            slot.place = Place::Queued;
            let lane = self.lanes.of(slot);
            match slot.deadline() {
                deadline if slot.wants_cancel || deadline <= now => lane.press(ticket),
                deadline => lane.push_urgent(ticket, deadline),
            }
        }
    }
}

#[cfg(test)]
mod tests;
