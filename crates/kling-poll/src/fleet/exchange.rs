//! An answer for the next question: what the tasks of an async fleet do by themselves while its shell sleeps.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::shared::{Sleeper, State};
use super::{CallRequest, CallResponse, FleetAction, Shared};

impl Shared {
    /// Takes an answer; the next question, where the shell sleeps and would only wake to ask it.
    pub(super) fn exchange(&self, question: &CallRequest, answer: CallResponse) -> Option<CallRequest> {
        let (now, mut state) = (self.now(), self.lock());
        let exchanged = catch_unwind(AssertUnwindSafe(|| {
            state.take(now, question, answer);
            state.next_beside_shell(now)
        }));
        let (next, woken) = exchanged.unwrap_or_else(|panic| {
            state.panic = Some(panic);
            (None, state.sleeper.take())
        });
        drop(state);
        if let Some(sleeper) = woken {
            sleeper.waker.wake();
        }
        next
    }
}

impl State {
    /// The next question, and the shell where it is to wake: for news, because no job is left, or before its alarm. While it
    /// is awake, it asks by itself.
    fn next_beside_shell(&mut self, now: Duration) -> (Option<CallRequest>, Option<Sleeper>) {
        if self.sleeper.is_none() || self.machine.has_news() {
            return (None, self.sleeper.take());
        }
        let (next, moment) = match self.machine.next(now) {
            FleetAction::Ask(question) => (Some(question), self.machine.next_moment()),
            FleetAction::Wait(moment) => (None, moment),
        };
        let is_over = self.machine.is_empty();
        let is_sooner =
            |alarm: Option<Duration>| moment.is_some_and(|moment| alarm.is_none_or(|alarm| moment < alarm));
        (next, self.sleeper.take_if(|sleeper| is_over || is_sooner(sleeper.alarm)))
    }
}
