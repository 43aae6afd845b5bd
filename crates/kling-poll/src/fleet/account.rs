//! One account's way into a fleet.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use kling_transport::{AnyModel, ApiBase, Job, Makes, RequestId};

use super::{FleetMachine, FleetStats, LaneId, Pace, Shared, Ticket};
use crate::WaitOptions;

/// A handle by which the jobs of one account enter and leave a fleet, from any thread, while the fleet runs.
///
/// It is cheap to clone. A fleet that was made to stay open ends when the last handle is gone.
pub struct Account<M: Makes = AnyModel> {
    shared: Arc<Shared>,
    lane: LaneId,
    makes: PhantomData<fn() -> M>,
}

impl<M: Makes> Account<M> {
    pub(crate) fn new(shared: &Arc<Shared>, base: &ApiBase, pace: Pace) -> Self {
        let lane = shared.change(|machine, _| machine.add_lane(base, pace));
        Self::enter(shared, lane)
    }

    /// Waits for a job from now on: one just submitted, or one taken up again by its id. Nothing is submitted.
    pub fn add(&self, job: &Job<M>, options: &WaitOptions) -> Ticket {
        let age = job.age(SystemTime::now());
        let ticket = self.shared.change(|machine, now| machine.add(now, self.lane, job.id(), age, options));
        // The lane is the fleet's own, so there is a ticket.
        ticket.unwrap_or_default()
    }

    /// Wants a job cancelled, at once and by up to three calls where answers are lost; once it is clear what comes of it that is
    /// told as news, and the wait for the job goes on to its end. False where the job is not in the fleet, or no longer.
    pub fn cancel(&self, ticket: Ticket) -> bool {
        self.shared.change(|machine, _| machine.cancel(ticket))
    }

    /// Ends the wait for a job and leaves the job alone; its id, by which it can be added again. `None` where it is not in
    /// the fleet, or no longer.
    pub fn detach(&self, ticket: Ticket) -> Option<RequestId> {
        self.shared.change(|machine, _| machine.detach(ticket))
    }

    /// The figures of the whole fleet.
    #[must_use]
    pub fn stats(&self) -> FleetStats {
        self.shared.read(FleetMachine::stats)
    }

    fn enter(shared: &Arc<Shared>, lane: LaneId) -> Self {
        shared.enter();
        Self { shared: Arc::clone(shared), lane, makes: PhantomData }
    }
}

impl<M: Makes> Clone for Account<M> {
    fn clone(&self) -> Self {
        Self::enter(&self.shared, self.lane)
    }
}

impl<M: Makes> Drop for Account<M> {
    fn drop(&mut self) {
        self.shared.leave();
    }
}

impl<M: Makes> fmt::Debug for Account<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("lane", &self.lane).finish_non_exhaustive()
    }
}
