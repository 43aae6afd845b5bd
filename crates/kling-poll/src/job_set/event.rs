//! The reports of a job set: the events of its jobs, and its figures.

use kling_transport::{CancelReply, DynModel, Error, JobModel, RequestId};
use serde::Serialize;

use crate::{CompletedJob, Update, WaitError};

slotmap::new_key_type! {
    /// A job's place in a set. The set gives each key out once.
    ///
    /// The key of a job that is over or detached, or of another set, is harmless: no job is found by it.
    pub struct JobKey;
}

/// An event of one job of a set.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobSetEvent<M: JobModel = DynModel> {
    /// The job's place in the set.
    pub key: JobKey,
    /// The job's request id.
    pub request_id: RequestId,
    /// The content of the event.
    pub update: JobSetUpdate<M>,
}

/// The content of an event.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum JobSetUpdate<M: JobModel = DynModel> {
    /// The state or the place in the queue changed, or an error is being retried.
    Update(Update),
    /// The outcome of a cancel that [`Account::cancel`](crate::Account::cancel) asked for. An error means that the outcome is
    /// unknown. The wait continues to the end of the job.
    Cancelling(Result<CancelReply, Error>),
    /// The wait is over. No further event of this job follows.
    Done(Result<CompletedJob<M>, WaitError>),
}

impl<M: JobModel> JobSetEvent<M> {
    /// Returns the event of a set with a typed output.
    pub(super) fn typed(event: JobSetEvent) -> Self {
        let update = match event.update {
            JobSetUpdate::Update(update) => JobSetUpdate::Update(update),
            JobSetUpdate::Cancelling(outcome) => JobSetUpdate::Cancelling(outcome),
            JobSetUpdate::Done(outcome) => {
                JobSetUpdate::Done(outcome.map(|done| CompletedJob::new(done.reply)))
            }
        };
        Self { key: event.key, request_id: event.request_id, update }
    }
}

/// The figures of a job set, for metrics and for a summary at the end.
///
/// Reading them locks the set and visits each job, so read them on a timer and not on each event.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct JobSetStats {
    /// Jobs in the set.
    pub waiting: usize,
    /// Jobs that are due but wait for their account's turn. A growing number means that the rate limit is too low.
    pub behind: usize,
    /// Calls in flight.
    pub in_flight: usize,
    /// Status polls so far.
    pub polls: u64,
    /// Calls for a result so far.
    pub results: u64,
    /// Cancels so far.
    pub cancels: u64,
    /// Calls that failed so far, retried or not.
    pub errors: u64,
    /// Jobs that succeeded.
    pub succeeded: u64,
    /// Jobs that failed or were cancelled.
    pub failed: u64,
    /// Jobs whose wait ended without an outcome: at a deadline, after too many errors, or refused by the API. They may still
    /// run.
    pub given_up: u64,
}
