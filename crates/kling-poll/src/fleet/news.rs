//! What a fleet tells.

use kling_transport::{AnyModel, CancelReply, Error, Makes, RequestId};

use super::Ticket;
use crate::{Finished, Update, WaitError};

/// News of one job of a fleet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FleetEvent<M: Makes = AnyModel> {
    /// The job's place in the fleet.
    pub ticket: Ticket,
    /// The job's id.
    pub request_id: RequestId,
    /// What is new.
    pub news: FleetNews<M>,
}

/// What is new of a job.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum FleetNews<M: Makes = AnyModel> {
    /// Its state or its place in the queue changed, or an error was forgiven.
    Update(Update),
    /// It was asked to be cancelled, and this came of it; an error means that nothing is known. The wait goes on, and ends
    /// with what became of the job.
    Cancelling(Result<CancelReply, Error>),
    /// The wait for it is over. Nothing more comes of this job.
    Done(Result<Finished<M>, WaitError>),
}

impl<M: Makes> FleetEvent<M> {
    /// The same news where outputs are typed: what the shells do to the news of a [`FleetMachine`](crate::FleetMachine).
    #[must_use]
    pub fn typed(event: FleetEvent) -> Self {
        let news = match event.news {
            FleetNews::Update(update) => FleetNews::Update(update),
            FleetNews::Cancelling(outcome) => FleetNews::Cancelling(outcome),
            FleetNews::Done(outcome) => FleetNews::Done(outcome.map(|done| Finished::new(done.into_reply()))),
        };
        Self { ticket: event.ticket, request_id: event.request_id, news }
    }
}
