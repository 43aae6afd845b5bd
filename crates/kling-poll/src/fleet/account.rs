//! One account's way into a fleet.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::SystemTime;

use kling_transport::{
    ApiBase, DynModel, Error, Job, JobModel, Phase, RequestId, TransportError, TransportErrorKind,
};

use super::{JobKey, JobSetMachine, JobSetStats, LaneId, RateLimit, Shared};
use crate::WaitOptions;

/// A handle by which the jobs of one account enter and leave a fleet, from any thread, while the fleet runs.
///
/// It is cheap to clone. A fleet that was made to stay open ends when the last handle is gone.
pub struct Account<M: JobModel = DynModel> {
    door: Arc<Door>,
    makes: PhantomData<fn() -> M>,
}

/// What all handles of an account share; the last one closes it.
#[derive(Debug)]
struct Door {
    shared: Arc<Shared>,
    lane: LaneId,
}

impl<M: JobModel> Account<M> {
    pub(crate) fn new(shared: &Arc<Shared>, base: &ApiBase, pace: RateLimit) -> Self {
        let lane = shared.change(|machine, _| machine.add_lane(base, pace));
        shared.enter();
        Self { door: Arc::new(Door { shared: Arc::clone(shared), lane }), makes: PhantomData }
    }

    pub(crate) fn lane(&self) -> LaneId {
        self.door.lane
    }

    /// Waits for a job from now on: one just submitted, or one taken up again by its id. Nothing is submitted.
    ///
    /// A fleet has room for 65,536 accounts at a time, an account being there until its handles and its jobs are gone. The jobs
    /// of one beyond them are not waited for, which their first and last news says.
    pub fn add(&self, job: &Job<M>, options: &WaitOptions) -> JobKey {
        let age = job.age(SystemTime::now());
        self.door.shared.change(|machine, now| {
            let ticket = machine.add(now, self.door.lane, job.id(), age, options);
            ticket.unwrap_or_else(|| machine.refuse(job.id(), options, no_room()))
        })
    }

    /// Wants a job cancelled, at once and by up to three calls where answers are lost; once it is clear what comes of it that is
    /// told as news, and the wait for the job goes on to its end. False where the job is not in the fleet, or no longer.
    pub fn cancel(&self, ticket: JobKey) -> bool {
        self.door.shared.change(|machine, _| machine.cancel(ticket))
    }

    /// Ends the wait for a job and leaves the job alone; its id, by which it can be added again. `None` where it is not in
    /// the fleet, or no longer.
    pub fn detach(&self, ticket: JobKey) -> Option<RequestId> {
        self.door.shared.change(|machine, _| machine.detach(ticket))
    }

    /// The figures of the whole fleet.
    #[must_use]
    pub fn stats(&self) -> JobSetStats {
        self.door.shared.read(JobSetMachine::stats)
    }
}

fn no_room() -> Error {
    let message = "a fleet has room for 65,536 accounts at a time";
    TransportError::new(Phase::Connect, TransportErrorKind::Broken, message).into()
}

impl<M: JobModel> Clone for Account<M> {
    fn clone(&self) -> Self {
        Self { door: Arc::clone(&self.door), makes: PhantomData }
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.shared.leave(self.lane);
    }
}

impl<M: JobModel> fmt::Debug for Account<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("lane", &self.door.lane).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;
    use std::time::Duration;

    use super::super::Turn;
    use super::*;
    use crate::JobSetUpdate;

    fn shared() -> Arc<Shared> {
        Arc::new(Shared::new(true, || Duration::ZERO))
    }

    fn enter(shared: &Arc<Shared>) -> Account {
        Account::new(shared, &ApiBase::default(), RateLimit::default())
    }

    fn job() -> Job {
        Job::from_id("id-1".parse().unwrap())
    }

    #[test]
    fn an_account_that_is_gone_with_its_jobs_leaves_its_place_to_another() {
        let shared = shared();
        let (stays, leaves) = (enter(&shared), enter(&shared));
        let other = leaves.clone();
        let ticket = leaves.add(&job(), &WaitOptions::default());
        drop(leaves);
        assert_eq!(enter(&shared).lane().index(), 2, "a handle is left, and a job");
        drop(other);
        let third = enter(&shared);
        assert_eq!(third.lane().index(), 2, "the third was taken and left; the second has a job");
        assert!(stays.detach(ticket).is_some());
        assert_eq!(enter(&shared).lane().index(), 1);
        for _ in 0..100_000 {
            assert_eq!(enter(&shared).lane().index(), 1);
        }
    }

    #[test]
    fn a_job_of_an_account_beyond_the_last_is_told_of_and_not_forgotten() {
        let shared = shared();
        let accounts: Vec<_> = (0..65_537).map(|_| enter(&shared)).collect();
        let refused = accounts[65_536].add(&job(), &WaitOptions::default());
        let Turn::Tell(event) = shared.turn(Waker::noop()) else { panic!("there is news") };
        assert_eq!((event.ticket, event.request_id), (refused, job().id().clone()));
        let JobSetUpdate::Done(Err(error)) = event.news else { panic!("it is not waited for") };
        assert!(error.is_exhausted() && error.to_string().contains("65,536"), "{error}");
        let accepted = accounts[65_535].add(&job(), &WaitOptions::default());
        assert!(matches!(shared.turn(Waker::noop()), Turn::Ask(question) if question.ticket == accepted));
    }
}
