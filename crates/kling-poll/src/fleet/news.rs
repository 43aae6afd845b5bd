//! What a fleet tells.

use kling_transport::{CancelReply, DynModel, Error, JobModel, RequestId};

use super::JobKey;
use crate::{CompletedJob, Update, WaitError};

/// News of one job of a fleet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct JobSetEvent<M: JobModel = DynModel> {
    /// The job's place in the fleet.
    pub ticket: JobKey,
    /// The job's id.
    pub request_id: RequestId,
    /// What is new.
    pub news: JobSetUpdate<M>,
}

/// What is new of a job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum JobSetUpdate<M: JobModel = DynModel> {
    /// Its state or its place in the queue changed, or an error was forgiven.
    Update(Update),
    /// It was asked to be cancelled, and this came of it; an error means that nothing is known. The wait goes on, and ends
    /// with what became of the job.
    Cancelling(Result<CancelReply, Error>),
    /// The wait for it is over. Nothing more comes of this job.
    Done(Result<CompletedJob<M>, WaitError>),
}

impl<M: JobModel> JobSetEvent<M> {
    /// The same news where outputs are typed: what the shells do to the news of a [`JobSetMachine`](crate::JobSetMachine).
    #[must_use]
    pub fn typed(event: JobSetEvent) -> Self {
        let news = match event.news {
            JobSetUpdate::Update(update) => JobSetUpdate::Update(update),
            JobSetUpdate::Cancelling(outcome) => JobSetUpdate::Cancelling(outcome),
            JobSetUpdate::Done(outcome) => {
                JobSetUpdate::Done(outcome.map(|done| CompletedJob::new(done.into_reply())))
            }
        };
        Self { ticket: event.ticket, request_id: event.request_id, news }
    }
}
