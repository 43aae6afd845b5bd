//! What a fleet asks, and what comes back.

use std::time::Duration;

use kling_transport::{
    CancelReply, Error, Phase, RequestId, ResultReply, Span, StatusReply, TransportError, TransportErrorKind,
};

use super::JobKey;
use crate::Event;

/// A call that a fleet wants made, once.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CallRequest {
    /// The account to ask for.
    pub lane: LaneId,
    /// The job that it is about.
    pub ticket: JobKey,
    /// The job's id.
    pub id: RequestId,
    /// What to ask.
    pub errand: CallKind,
    /// How long the call may take.
    pub timeout: Duration,
    #[cfg_attr(
        not(any(feature = "async", feature = "blocking")),
        allow(dead_code, reason = "shells enter it")
    )]
    pub(crate) span: Span,
}

impl CallRequest {
    pub(super) fn new(
        lane: LaneId,
        ticket: JobKey,
        id: RequestId,
        errand: CallKind,
        timeout: Duration,
    ) -> Self {
        let span = match errand {
            CallKind::Status => Span::poll(&id),
            CallKind::Result => Span::result(&id),
            CallKind::Cancel => Span::cancel(&id),
        };
        Self { lane, ticket, id, errand, timeout, span }
    }
}

/// What is asked of a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CallKind {
    /// Its status.
    Status,
    /// Its result.
    Result,
    /// To be cancelled.
    Cancel,
}

/// What came of a [`CallRequest`].
#[derive(Clone, Debug)]
pub enum CallResponse {
    /// Of [`CallKind::Status`].
    Status(Result<StatusReply, Error>),
    /// Of [`CallKind::Result`].
    Result(Result<ResultReply, Error>),
    /// Of [`CallKind::Cancel`].
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

impl CallResponse {
    /// What to tell of a call that ended without an answer, because its thread or task did.
    #[must_use]
    pub fn lost(errand: CallKind) -> Self {
        let error =
            TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "the call was broken off").into();
        match errand {
            CallKind::Status => Self::Status(Err(error)),
            CallKind::Result => Self::Result(Err(error)),
            CallKind::Cancel => Self::Cancel(Err(error)),
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
