//! What a machine remembers of the answers, and tells of it.

use std::num::NonZeroU32;
use std::time::Duration;

use kling_transport::State;

use super::JobMachine;
use crate::{Seen, Update};

impl JobMachine {
    /// How often the status was asked for.
    #[must_use]
    pub const fn polls(&self) -> u32 {
        self.polls
    }

    /// What was seen of the job so far: what schedules go by.
    #[must_use]
    pub fn seen(&self, now: Duration) -> Seen {
        let since = |moment: u32| now.saturating_sub(Duration::from_millis(moment.into()));
        Seen {
            elapsed: now,
            age: self.age_at(now),
            running: self.running_since.map(|moment| since(moment.get())),
            in_queue: matches!(self.state(), Some(State::InQueue)),
            queue_position: self.queue_position(),
            polls: self.polls,
            silence: since(self.alive_at),
        }
    }

    /// Takes note of a good answer; news if it tells anything new.
    pub(super) fn see(&mut self, now: Duration, state: State, queue_position: Option<u32>) -> Option<Update> {
        self.good();
        let queue_place = queue_position.and_then(|place| NonZeroU32::new(place.saturating_add(1)));
        let changed = self.state() != Some(&state) || self.queue_place != queue_place;
        self.set_state(state);
        self.queue_place = queue_place;
        changed.then(|| self.news(now))
    }

    pub(super) fn goes_on(&mut self, now: Duration, state: &State) {
        let queued_before = matches!(self.state(), Some(State::InQueue));
        if queued_before && matches!(state, State::InProgress) {
            let began = Duration::from_millis(self.alive_at.midpoint(millis(now)).into());
            self.running_since = self.running_since.or_else(|| mark(began));
        }
        self.alive_at = millis(now);
    }

    fn queue_position(&self) -> Option<u32> {
        self.queue_place.map(|place| place.get() - 1)
    }

    pub(super) fn good(&mut self) {
        self.errors = 0;
        self.set_last_error(None);
    }

    pub(super) fn news(&self, now: Duration) -> Update {
        Update {
            state: self.state().cloned(),
            queue_position: self.queue_position(),
            elapsed: now,
            polls: self.polls,
            error: None,
        }
    }
}

/// Milliseconds in four bytes, though they may be unknown; the first one counts for nought too.
pub(super) fn mark(time: Duration) -> Option<NonZeroU32> {
    NonZeroU32::new(millis(time).max(1))
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
