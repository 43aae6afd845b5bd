//! What goes into the job machine, and what comes out.

use std::time::Duration;

use kling_transport::{CancelReply, Error, RequestId, ResultReply, Span, StatusReply};

use crate::Update;

/// What happened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The wait begins.
    Started,
    /// The moment of [`Action::WaitUntil`] has come.
    Due,
    /// The status was asked for, and this came of it.
    Status(Result<StatusReply, Error>),
    /// The result was asked for, and this came of it.
    Result(Result<ResultReply, Error>),
    /// The job was asked to be cancelled, and this came of it.
    Cancel(Result<CancelReply, Error>),
}

/// What to do next. Times count from the beginning of the wait.
///
/// Who drives a machine has to do each of these, so a further one would be a change that breaks.
#[derive(Clone, Debug)]
pub enum Action {
    /// Wait until this moment, then say [`Event::Due`].
    WaitUntil(Duration),
    /// Ask for the status.
    SendStatus {
        /// How long the call may take.
        timeout: Duration,
    },
    /// Ask for the result.
    SendResult {
        /// How long the call may take.
        timeout: Duration,
    },
    /// Ask for the job to be cancelled: the deadline has passed, and the options say so.
    SendCancel {
        /// How long the call may take.
        timeout: Duration,
    },
    /// The wait is over.
    Done(Box<Ending>),
}

impl Action {
    /// The span of a call, if it is one.
    #[cfg_attr(
        not(any(feature = "async", feature = "blocking")),
        allow(dead_code, reason = "shells enter it")
    )]
    pub(crate) fn span(&self, id: &RequestId) -> Span {
        match self {
            Self::SendStatus { .. } => Span::poll(id),
            Self::SendResult { .. } => Span::result(id),
            Self::SendCancel { .. } => Span::cancel(id),
            Self::Done(_) | Self::WaitUntil(_) => Span::none(),
        }
    }
}

/// How a wait ends.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Ending {
    /// The job worked.
    Succeeded(ResultReply),
    /// The job did not work.
    Failed(ResultReply),
    /// The job was cancelled; the result is missing where the API has none for such jobs.
    Cancelled(Option<ResultReply>),
    /// The deadline passed, with what came of cancelling the job where the options say that it is; else it may go on.
    Deadline(Option<Result<CancelReply, Error>>),
    /// Too many errors in a row, this being the last; the job may go on.
    Exhausted(Error),
    /// The API said in words that asking further is of no use.
    Refused(Error),
}

impl Ending {
    /// The error that ended the wait, if one did.
    pub(crate) const fn error(&self) -> Option<&Error> {
        match self {
            Self::Exhausted(error) | Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// One step of the machine.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Step {
    /// What to do next.
    pub action: Action,
    /// What to tell, if there is news.
    pub update: Option<Update>,
}

impl From<Action> for Step {
    fn from(action: Action) -> Self {
        Self { action, update: None }
    }
}
