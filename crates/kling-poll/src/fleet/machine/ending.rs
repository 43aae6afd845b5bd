//! What a fleet tells, and the end of a wait in it: told, counted, and forgotten.

use std::cmp::Reverse;
use std::time::Duration;

#[cfg(any(feature = "async", feature = "blocking"))]
use kling_transport::{Error, RequestId};

use super::JobSetMachine;
#[cfg(any(feature = "async", feature = "blocking"))]
use crate::WaitOptions;
use crate::fleet::slot::{Place, Slot};
use crate::fleet::{JobKey, JobSetEvent, JobSetUpdate};
use crate::{CompletedJob, WaitError, WaitOutcome};

/// Fewer stale entries than this are not worth looking for.
const SWEPT: usize = 64;

impl JobSetMachine {
    /// Tells at once that a job is not waited for, and why.
    #[cfg(any(feature = "async", feature = "blocking"))]
    pub(in crate::fleet) fn refuse(&mut self, id: &RequestId, options: &WaitOptions, error: Error) -> JobKey {
        let slot = Slot::new(Duration::ZERO, 0, id, None, options);
        let outcome = WaitError::conclude(id, &slot.machine, Duration::ZERO, WaitOutcome::Exhausted(error));
        let (ticket, request_id) = (self.slots.insert(slot), id.clone());
        self.slots.remove(ticket);
        self.stats.given_up += 1;
        self.news.push_back(JobSetEvent {
            ticket,
            request_id,
            news: JobSetUpdate::Done(outcome.map(CompletedJob::new)),
        });
        ticket
    }

    pub(super) fn finish(&mut self, now: Duration, ticket: JobKey, ending: WaitOutcome) {
        match ending {
            WaitOutcome::Succeeded(_) => self.stats.succeeded += 1,
            WaitOutcome::Failed(_) | WaitOutcome::Cancelled(_) => self.stats.failed += 1,
            WaitOutcome::Deadline(_) | WaitOutcome::Exhausted(_) | WaitOutcome::Refused(_) => {
                self.stats.given_up += 1
            }
        }
        if let Some(slot) = self.remove(ticket) {
            let request_id = slot.id.unpack();
            let outcome = WaitError::conclude(&request_id, &slot.machine, slot.elapsed(now), ending);
            let news = JobSetUpdate::Done(outcome.map(CompletedJob::new));
            self.news.push_back(JobSetEvent { ticket, request_id, news });
        }
    }

    pub(super) fn remove(&mut self, ticket: JobKey) -> Option<Slot> {
        let slot = self.slots.remove(ticket)?;
        self.cancels.forget(ticket);
        self.lanes.leave(slot.lane);
        self.sweep();
        Some(slot)
    }

    /// Takes entries of jobs that are gone out of heap and queues, once they are most of what is there: else jobs that come and
    /// go while no call may be made would pile up.
    fn sweep(&mut self) {
        let (slots, room) = (&self.slots, 2 * self.slots.len() + SWEPT);
        if self.due.len() > room {
            self.due.retain(|Reverse((due, ticket))| {
                slots.get(*ticket).is_some_and(|slot| slot.due == *due as u32)
            });
        }
        for lane in self.lanes.iter_mut().filter(|lane| lane.behind() > room) {
            lane.retain(|ticket| slots.get(ticket).is_some_and(|slot| slot.place == Place::Queued));
        }
    }

    pub(super) fn tell(&mut self, ticket: JobKey, news: JobSetUpdate) {
        if let Some(slot) = self.slots.get(ticket) {
            self.news.push_back(JobSetEvent { ticket, request_id: slot.id.unpack(), news });
        }
    }
}
