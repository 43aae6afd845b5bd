//! What a fleet asks, and what comes back.

use std::time::Duration;

use kling_transport::{
    CancelReply, Error, Failure, FailureKind, Phase, RequestId, ResultReply, Span, StatusReply,
};

use super::Ticket;
use crate::Event;

/// A call that a fleet wants made, once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// The account to ask for.
    pub lane: LaneId,
    /// The job that it is about.
    pub ticket: Ticket,
    /// The job's id.
    pub id: RequestId,
    /// What to ask.
    pub errand: Errand,
    /// How long the call may take.
    pub timeout: Duration,
    #[cfg_attr(
        not(any(feature = "async", feature = "blocking")),
        allow(dead_code, reason = "shells enter it")
    )]
    pub(crate) span: Span,
}

impl Question {
    pub(super) fn new(
        lane: LaneId,
        ticket: Ticket,
        id: RequestId,
        errand: Errand,
        timeout: Duration,
    ) -> Self {
        let span = match errand {
            Errand::Status => Span::poll(&id),
            Errand::Result => Span::result(&id),
            Errand::Cancel => Span::cancel(&id),
        };
        Self { lane, ticket, id, errand, timeout, span }
    }
}

/// What is asked of a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Errand {
    /// Its status.
    Status,
    /// Its result.
    Result,
    /// To be cancelled.
    Cancel,
}

/// What came of a [`Question`].
#[derive(Clone, Debug)]
pub enum Answer {
    /// Of [`Errand::Status`].
    Status(Result<StatusReply, Error>),
    /// Of [`Errand::Result`].
    Result(Result<ResultReply, Error>),
    /// Of [`Errand::Cancel`].
    Cancel(Result<CancelReply, Error>),
}

/// An account in a fleet.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct LaneId(pub(super) usize);

impl LaneId {
    /// The accounts are counted from 0 in the order in which they were added.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

impl Answer {
    /// What to tell of a call that ended without an answer, because its thread or task did.
    #[must_use]
    pub fn lost(errand: Errand) -> Self {
        let error = Failure::new(Phase::Waiting, FailureKind::Broken, "the call was broken off").into();
        match errand {
            Errand::Status => Self::Status(Err(error)),
            Errand::Result => Self::Result(Err(error)),
            Errand::Cancel => Self::Cancel(Err(error)),
        }
    }

    pub(super) const fn error(&self) -> Option<&Error> {
        match self {
            Self::Status(Err(error)) | Self::Result(Err(error)) | Self::Cancel(Err(error)) => Some(error),
            _ => None,
        }
    }

    /// The event for the job's machine.
    pub(super) fn into_event(self) -> Event {
        match self {
            Self::Status(outcome) => Event::Status(outcome),
            Self::Result(outcome) => Event::Result(outcome),
            Self::Cancel(outcome) => Event::Cancel(outcome),
        }
    }
}
