//! Holds the two outcomes of a wait: the result of a job that worked, and the error of a wait without an output.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use kling_transport::{
    CancelOutcome, CancelReply, DynModel, Error, ErrorKind, JobModel, RequestId, ResultReply, State,
};
use serde_json::Value;

use crate::{JobMachine, WaitOutcome};

/// The result of a job that worked, with its output typed by the model where that is known.
pub struct CompletedJob<M: JobModel = DynModel> {
    reply: ResultReply,
    makes: PhantomData<fn() -> M>,
}

impl<M: JobModel> CompletedJob<M> {
    pub(crate) const fn new(reply: ResultReply) -> Self {
        Self { reply, makes: PhantomData }
    }

    /// The request.
    #[must_use]
    pub const fn request_id(&self) -> &RequestId {
        &self.reply.request_id
    }

    /// The output: typed for a model that is known by type, else raw JSON, which is null if the API sent none.
    #[must_use]
    pub fn output(&self) -> M::Output {
        M::read(self.reply.output.clone().unwrap_or(Value::Null))
    }

    /// What was billed in USD, where the API says so.
    #[must_use]
    pub const fn cost_usd(&self) -> Option<f64> {
        self.reply.cost_usd
    }

    /// The whole reply.
    #[must_use]
    pub const fn reply(&self) -> &ResultReply {
        &self.reply
    }

    /// The whole reply.
    #[must_use]
    pub fn into_reply(self) -> ResultReply {
        self.reply
    }
}

impl<M: JobModel> Clone for CompletedJob<M> {
    fn clone(&self) -> Self {
        Self::new(self.reply.clone())
    }
}

impl<M: JobModel> fmt::Debug for CompletedJob<M> {
    /// Without the output: its URLs carry an account's id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletedJob")
            .field("request_id", &self.reply.request_id)
            .field("cost_usd", &self.reply.cost_usd)
            .finish_non_exhaustive()
    }
}

/// A wait that ended without an output. Whatever the reason, it carries the id: the job can be waited for again.
///
/// # Troubleshooting
/// After [`WaitError::is_deadline`] and [`WaitError::is_exhausted`] the job may still run, and be billed. Wait again by
/// [`WaitError::request_id`], or cancel it.
#[derive(Clone)]
pub struct WaitError(Box<Inner>);

#[derive(Clone)]
struct Inner {
    id: RequestId,
    reason: Reason,
    state: Option<State>,
    polls: u32,
    elapsed: Duration,
}

#[derive(Clone)]
enum Reason {
    Failed(ResultReply),
    Cancelled(Option<ResultReply>),
    Deadline { error: Option<Error>, cancel: Option<Result<CancelReply, Error>> },
    Exhausted(Error),
    Refused(Error),
}

impl WaitError {
    /// The job ended without working; [`WaitError::result`] has the API's words.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        matches!(self.0.reason, Reason::Failed(_))
    }

    /// The job was cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0.reason, Reason::Cancelled(_))
    }

    /// The deadline passed. The job may go on, unless [`WaitError::cancelling`] says otherwise.
    #[must_use]
    pub fn is_deadline(&self) -> bool {
        matches!(self.0.reason, Reason::Deadline { .. })
    }

    /// Too many errors came in a row; [`WaitError::error`] is the last. The job may go on.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        matches!(self.0.reason, Reason::Exhausted(_))
    }

    /// The token was not accepted. The job may go on.
    #[must_use]
    pub fn is_auth(&self) -> bool {
        matches!(&self.0.reason, Reason::Refused(error) if error.kind() == ErrorKind::Auth)
    }

    /// The request belongs to another account, by the API's own code (403001).
    #[must_use]
    pub fn is_permission(&self) -> bool {
        matches!(&self.0.reason, Reason::Refused(error) if error.kind() == ErrorKind::Permission)
    }

    /// The request is not known, or expired, by the API's own code (404001).
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(&self.0.reason, Reason::Refused(error) if error.kind() == ErrorKind::NotFound)
    }

    /// The request waited for.
    #[must_use]
    pub fn request_id(&self) -> &RequestId {
        &self.0.id
    }

    /// The last state seen.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        self.0.state.as_ref()
    }

    /// How often the status was asked for.
    #[must_use]
    pub fn polls(&self) -> u32 {
        self.0.polls
    }

    /// How long the wait lasted.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// The result of a job that failed or was cancelled.
    #[must_use]
    pub fn result(&self) -> Option<&ResultReply> {
        match &self.0.reason {
            Reason::Failed(reply) => Some(reply),
            Reason::Cancelled(reply) => reply.as_ref(),
            _ => None,
        }
    }

    /// The error of the last call, where one ended the wait or stood at its end.
    #[must_use]
    pub fn error(&self) -> Option<&Error> {
        match &self.0.reason {
            Reason::Exhausted(error) | Reason::Refused(error) => Some(error),
            Reason::Deadline { error, .. } => error.as_ref(),
            _ => None,
        }
    }

    /// What came of cancelling the job at the deadline, where [`WaitOptions::with_at_deadline`] asks for it; an error means
    /// that nothing is known of it.
    ///
    /// [`WaitOptions::with_at_deadline`]: crate::WaitOptions::with_at_deadline
    #[must_use]
    pub fn cancelling(&self) -> Option<&Result<CancelReply, Error>> {
        match &self.0.reason {
            Reason::Deadline { cancel, .. } => cancel.as_ref(),
            _ => None,
        }
    }

    /// The result of a job that worked, or why there is none.
    pub(crate) fn conclude(
        id: &RequestId,
        machine: &JobMachine,
        elapsed: Duration,
        ending: WaitOutcome,
    ) -> Result<ResultReply, Self> {
        let reason = match ending {
            WaitOutcome::Succeeded(reply) => return Ok(reply),
            WaitOutcome::Failed(reply) => Reason::Failed(reply),
            WaitOutcome::Cancelled(reply) => Reason::Cancelled(reply),
            WaitOutcome::Deadline(cancel) => {
                Reason::Deadline { error: machine.last_error().cloned(), cancel }
            }
            WaitOutcome::Exhausted(error) => Reason::Exhausted(error),
            WaitOutcome::Refused(error) => Reason::Refused(error),
        };
        let (state, polls) = (machine.state().cloned(), machine.polls());
        Err(Self(Box::new(Inner { id: id.clone(), reason, state, polls, elapsed })))
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { id, reason, state, polls, elapsed } = &*self.0;
        let state = state.as_ref().map_or("no state seen", State::as_str);
        let seconds = elapsed.as_secs();
        match reason {
            Reason::Failed(reply) => {
                let words = reply.error_text().unwrap_or_else(|| "the service gives no reason".to_owned());
                write!(f, "request {id} failed: {words}")
            }
            Reason::Cancelled(_) => write!(f, "request {id} was cancelled"),
            Reason::Deadline { error, cancel } => {
                write!(
                    f,
                    "the wait for request {id} ended at its deadline after {seconds} s ({state}, {polls} polls"
                )?;
                if let Some(error) = error {
                    write!(f, ", last error: {error}")?;
                }
                f.write_str("): ")?;
                parted(cancel.as_ref(), f)
            }
            Reason::Exhausted(error) => write!(
                f,
                "the wait for request {id} ended after {seconds} s of too many errors ({state}, {polls} polls), the last: \
                 {error}; the job may go on and be billed, wait for it again by its id"
            ),
            Reason::Refused(error) => write!(f, "the wait for request {id} was refused ({state}): {error}"),
        }
    }
}

/// What became of the job at the deadline, as far as is known.
fn parted(cancel: Option<&Result<CancelReply, Error>>, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let reply = match cancel {
        None => return f.write_str("the job may go on and be billed, wait for it again by its id"),
        Some(Err(error)) => {
            return write!(f, "the job may go on and be billed, cancelling it failed: {error}");
        }
        Some(Ok(reply)) => reply,
    };
    f.write_str(match reply.outcome {
        CancelOutcome::Cancelled => "the job was cancelled",
        CancelOutcome::NotCancellable => {
            "the job runs on and may be billed, it was too late to cancel it; wait for it again by its id"
        }
        CancelOutcome::AlreadyOver => {
            "the job had ended before it could be cancelled, wait for it again by its id"
        }
        CancelOutcome::NotConfirmed => {
            "the job was asked to be cancelled, which is not confirmed; wait for it again by its id"
        }
    })
}

impl fmt::Debug for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WaitError({self})")
    }
}

impl std::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // `Display` has said what the error says.
        self.error()?.source()
    }
}
