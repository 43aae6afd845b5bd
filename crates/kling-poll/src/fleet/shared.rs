//! What a fleet's shell and its accounts share: the machine behind a lock, the clock, and who is to be woken.

use std::any::Any;
use std::fmt;
use std::panic::resume_unwind;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use super::{CallRequest, CallResponse, FleetAction, JobSetEvent, JobSetMachine, LaneId};

/// Tells the time since the fleet began.
type Clock = Box<dyn Fn() -> Duration + Send + Sync>;

pub(crate) struct Shared {
    clock: Clock,
    /// Whether a fleet without jobs waits for more while it has accounts.
    stays_open: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) machine: JobSetMachine,
    pub(super) sleeper: Option<Sleeper>,
    /// What a schedule died of while the shell slept, which dies of it too.
    pub(super) panic: Option<Box<dyn Any + Send>>,
    accounts: usize,
}

/// A shell that waits.
#[derive(Debug)]
pub(super) struct Sleeper {
    pub(super) waker: Waker,
    /// When it wakes by itself.
    #[cfg_attr(
        not(feature = "async"),
        allow(dead_code, reason = "only tasks go on beside a shell that sleeps")
    )]
    pub(super) alarm: Option<Duration>,
}

/// What a shell does next.
#[allow(
    clippy::large_enum_variant,
    reason = "it is matched where it is made; a box would cost an allocation an event"
)]
pub(crate) enum Turn {
    Tell(Box<JobSetEvent>),
    Ask(CallRequest),
    Wait(Option<Duration>),
    /// No job is left, and none is waited for.
    Rest,
}

impl Shared {
    pub(crate) fn new(stays_open: bool, clock: impl Fn() -> Duration + Send + Sync + 'static) -> Self {
        Self { clock: Box::new(clock), stays_open, state: Mutex::default() }
    }

    pub(crate) fn now(&self) -> Duration {
        (self.clock)()
    }

    /// What to do next. `waker` is called where that changes while the shell waits.
    pub(crate) fn turn(&self, waker: &Waker) -> Turn {
        let mut state = self.lock();
        state.sleeper = None;
        if let Some(panic) = state.panic.take() {
            drop(state);
            resume_unwind(panic);
        }
        if let Some(event) = state.machine.news() {
            return Turn::Tell(event.into());
        }
        let now = self.now();
        match state.machine.next(now) {
            FleetAction::Ask(question) => Turn::Ask(question),
            FleetAction::Wait(_) if state.machine.is_empty() && !self.is_open(&state) => Turn::Rest,
            FleetAction::Wait(alarm) => {
                state.sleeper = Some(Sleeper { waker: waker.clone(), alarm });
                Turn::Wait(alarm)
            }
        }
    }

    #[cfg(feature = "blocking")]
    pub(crate) fn answer(&self, question: &CallRequest, answer: CallResponse) {
        self.lock().take(self.now(), question, answer);
    }

    /// Changes the machine from outside its shell, which then looks again.
    pub(super) fn change<R>(&self, change: impl FnOnce(&mut JobSetMachine, Duration) -> R) -> R {
        self.alter(|state| change(&mut state.machine, self.now()))
    }

    /// Counts an account in.
    pub(super) fn enter(&self) {
        self.alter(|state| state.accounts += 1);
    }

    /// Counts an account out.
    pub(super) fn leave(&self, lane: LaneId) {
        self.alter(|state| {
            state.accounts -= 1;
            state.machine.close_lane(lane);
        });
    }

    /// Whether somebody but the shell may change what is to be done.
    #[cfg(feature = "blocking")]
    pub(crate) fn has_accounts(&self) -> bool {
        self.lock().accounts > 0
    }

    pub(crate) fn read<R>(&self, read: impl FnOnce(&JobSetMachine) -> R) -> R {
        read(&self.lock().machine)
    }

    fn is_open(&self, state: &State) -> bool {
        self.stays_open && state.accounts > 0
    }

    fn alter<R>(&self, alter: impl FnOnce(&mut State) -> R) -> R {
        let mut state = self.lock();
        let altered = alter(&mut state);
        let sleeper = state.sleeper.take();
        drop(state);
        if let Some(sleeper) = sleeper {
            sleeper.waker.wake();
        }
        altered
    }

    /// What a panic elsewhere left behind is still whole: no lock is held while foreign code runs, but for schedules.
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(super) fn take(&mut self, now: Duration, question: &CallRequest, answer: CallResponse) {
        question.span.within(|| self.machine.answer(now, fastrand::f64(), question, answer));
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("stats", &self.read(JobSetMachine::stats)).finish_non_exhaustive()
    }
}
