//! One job in a fleet: what is kept of it while it waits.

use std::time::Duration;

use kling_transport::RequestId;

use super::CallKind;
use super::packed_id::PackedId;
use crate::{Action, Event, JobMachine, WaitOptions};

#[derive(Debug)]
pub(super) struct Slot {
    pub(super) machine: JobMachine,
    pub(super) id: PackedId,
    pub(super) options: WaitOptions,
    /// The beginning of the wait, in microseconds.
    pub(super) started: u64,
    /// The lower half of when it is due, which tells its entry in the heap from older ones.
    pub(super) due: u32,
    pub(super) lane: u16,
    pub(super) place: Place,
    /// Whether a cancel was asked for and is not told of yet.
    pub(super) wants_cancel: bool,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Not due yet.
    Resting,
    /// In its lane's queue.
    Queued,
    /// A call for it is out.
    Asking,
}

impl Slot {
    pub(super) fn new(
        now: Duration,
        lane: u16,
        id: &RequestId,
        age: Option<Duration>,
        options: &WaitOptions,
    ) -> Self {
        Self {
            machine: JobMachine::new(age),
            id: id.into(),
            options: options.clone(),
            started: micros(now),
            due: 0,
            lane,
            place: Place::Resting,
            wants_cancel: false,
        }
    }

    pub(super) fn elapsed(&self, now: Duration) -> Duration {
        now.saturating_sub(Duration::from_micros(self.started))
    }

    /// When its deadline is, in microseconds; the end of time where there is none.
    pub(super) fn deadline(&self) -> u64 {
        self.options.deadline().map_or(u64::MAX, |deadline| self.started.saturating_add(micros(deadline)))
    }

    pub(super) fn worth(&self, now: Duration) -> f64 {
        self.options.schedule().worth(&self.machine.seen(self.elapsed(now)))
    }

    /// What to ask for this job, now that it is its turn: what its cancel wants, or its machine.
    pub(super) fn ask(&mut self, now: Duration, cancel: Option<CallKind>) -> (CallKind, Duration) {
        self.place = Place::Asking;
        let elapsed = self.elapsed(now);
        if let Some(errand) = cancel {
            return (errand, self.options.timeout_at(elapsed));
        }
        match self.machine.step(&self.options, elapsed, 0.0, Event::Due).action {
            Action::SendCancel { timeout } => (CallKind::Cancel, timeout),
            Action::SendResult { timeout } => (CallKind::Result, timeout),
            Action::SendStatus { timeout } => (CallKind::Status, timeout),
            _ => (CallKind::Status, self.options.timeout_at(elapsed)),
        }
    }
}

/// Microseconds fill eight bytes after half a million years.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
