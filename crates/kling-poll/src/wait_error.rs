//! The outcomes of a wait: the result of a job that succeeded, and the error of any other wait.

use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use kling_transport::{
    CancelOutcome, CancelReply, DynModel, Error, ErrorKind, JobModel, RequestId, ResultReply, State,
};
use serde_json::Value;

/// The outcome of a wait.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum WaitOutcome {
    /// The job succeeded.
    Succeeded(ResultReply),
    /// The job failed.
    Failed(ResultReply),
    /// The job was cancelled. The API may have no result for such jobs.
    Cancelled(Option<ResultReply>),
    /// The deadline passed. Holds the outcome of the cancel if the options ask for one; otherwise the job may still run.
    Deadline(Option<Result<CancelReply, Error>>),
    /// Too many consecutive errors, with the last one. The job may still run.
    Exhausted(Error),
    /// The API refused further polls.
    Refused(Error),
}

impl WaitOutcome {
    /// Returns the error that ended the wait, if one did.
    pub(crate) const fn error(&self) -> Option<&Error> {
        match self {
            Self::Exhausted(error) | Self::Refused(error) => Some(error),
            _ => None,
        }
    }
}

/// The result of a job that succeeded. Its output is typed if the model is known by type.
#[derive(Clone)]
pub struct CompletedJob<M: JobModel = DynModel> {
    pub(crate) reply: ResultReply,
    model: PhantomData<fn() -> M>,
}

impl<M: JobModel> CompletedJob<M> {
    pub(crate) const fn new(reply: ResultReply) -> Self {
        Self { reply, model: PhantomData }
    }

    /// Returns the request id.
    pub const fn request_id(&self) -> &RequestId {
        &self.reply.request_id
    }

    /// Returns the output. A model that is not known by type has raw JSON, which is null if the API sent none.
    pub fn output(&self) -> M::Output {
        M::read(self.reply.output.clone().unwrap_or(Value::Null))
    }

    /// Returns the cost in USD, if the API reported it.
    pub const fn cost_usd(&self) -> Option<f64> {
        self.reply.cost_usd
    }

    /// Returns the whole reply.
    pub const fn reply(&self) -> &ResultReply {
        &self.reply
    }
}

impl<M: JobModel> fmt::Debug for CompletedJob<M> {
    /// Omits the output, since its URLs contain an account id.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CompletedJob")
            .field("request_id", &self.reply.request_id)
            .field("cost_usd", &self.reply.cost_usd)
            .finish_non_exhaustive()
    }
}

/// A wait that ended without an output.
///
/// # Troubleshooting
/// After [`WaitError::is_deadline`] and [`WaitError::is_exhausted`] the job may still run, and be billed. Wait again by
/// [`WaitError::request_id`], or cancel the job.
#[derive(Clone)]
pub struct WaitError(pub(crate) Box<Details>);

#[derive(Clone)]
pub(crate) struct Details {
    pub(crate) id: RequestId,
    /// Any outcome but success.
    pub(crate) outcome: WaitOutcome,
    pub(crate) last_error: Option<Error>,
    pub(crate) state: Option<State>,
    pub(crate) polls: u32,
    pub(crate) elapsed: Duration,
}

impl WaitError {
    /// Returns the kind. After too many errors or a refusal, it is the kind of [`WaitError::error`].
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match &self.0.outcome {
            WaitOutcome::Failed(_) => ErrorKind::JobFailed,
            WaitOutcome::Cancelled(_) => ErrorKind::JobCancelled,
            WaitOutcome::Exhausted(error) | WaitOutcome::Refused(error) => error.kind(),
            WaitOutcome::Succeeded(_) | WaitOutcome::Deadline(_) => ErrorKind::Deadline,
        }
    }

    /// Whether the job failed. [`WaitError::result`] has the API's reason.
    pub fn is_failed(&self) -> bool {
        matches!(self.0.outcome, WaitOutcome::Failed(_))
    }

    /// Whether the job was cancelled.
    pub fn is_cancelled(&self) -> bool {
        matches!(self.0.outcome, WaitOutcome::Cancelled(_))
    }

    /// Whether the deadline passed. The job may still run, unless [`WaitError::cancelling`] says otherwise.
    pub fn is_deadline(&self) -> bool {
        matches!(self.0.outcome, WaitOutcome::Deadline(_))
    }

    /// Whether too many consecutive errors came. [`WaitError::error`] is the last. The job may still run.
    pub fn is_exhausted(&self) -> bool {
        matches!(self.0.outcome, WaitOutcome::Exhausted(_))
    }

    /// Whether the token was not accepted. The job may still run.
    pub fn is_auth(&self) -> bool {
        self.is_refused(ErrorKind::Auth)
    }

    /// Whether the request belongs to another account, by the API's own code (403001).
    pub fn is_permission(&self) -> bool {
        self.is_refused(ErrorKind::Permission)
    }

    /// Whether the request is unknown or expired, by the API's own code (404001).
    pub fn is_not_found(&self) -> bool {
        self.is_refused(ErrorKind::NotFound)
    }

    /// Returns the request id.
    pub fn request_id(&self) -> &RequestId {
        &self.0.id
    }

    /// Returns the last state seen.
    pub fn state(&self) -> Option<&State> {
        self.0.state.as_ref()
    }

    /// Returns the number of status polls.
    pub fn polls(&self) -> u32 {
        self.0.polls
    }

    /// Returns the duration of the wait.
    pub fn elapsed(&self) -> Duration {
        self.0.elapsed
    }

    /// Returns the result of a job that failed or was cancelled.
    pub fn result(&self) -> Option<&ResultReply> {
        match &self.0.outcome {
            WaitOutcome::Failed(reply) => Some(reply),
            WaitOutcome::Cancelled(reply) => reply.as_ref(),
            _ => None,
        }
    }

    /// Returns the error that ended the wait, or the last error before the deadline.
    pub fn error(&self) -> Option<&Error> {
        self.0.outcome.error().or_else(|| self.0.last_error.as_ref().filter(|_| self.is_deadline()))
    }

    /// Returns the outcome of the cancel at the deadline, if [`WaitOptions::with_at_deadline`] asks for one. An error means
    /// that the outcome is unknown.
    ///
    /// [`WaitOptions::with_at_deadline`]: crate::WaitOptions::with_at_deadline
    pub fn cancelling(&self) -> Option<&Result<CancelReply, Error>> {
        match &self.0.outcome {
            WaitOutcome::Deadline(cancel) => cancel.as_ref(),
            _ => None,
        }
    }

    fn is_refused(&self, kind: ErrorKind) -> bool {
        matches!(&self.0.outcome, WaitOutcome::Refused(error) if error.kind() == kind)
    }
}

impl fmt::Display for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { id, outcome, last_error, state, polls, elapsed } = &*self.0;
        let state = state.as_ref().map_or("no state seen", State::as_str);
        let progress = format!("{state}, {polls} poll{}", if *polls == 1 { "" } else { "s" });
        let elapsed = match elapsed.as_secs() {
            0 => format!("{}ms", elapsed.as_millis()),
            seconds => format!("{seconds}s"),
        };
        match outcome {
            WaitOutcome::Succeeded(_) => write!(f, "request {id} succeeded"),
            WaitOutcome::Failed(reply) => {
                let reason = reply.error_text().unwrap_or_else(|| "the API gave no reason".to_owned());
                write!(f, "request {id} failed: {reason}")
            }
            WaitOutcome::Cancelled(_) => write!(f, "request {id} was cancelled"),
            WaitOutcome::Deadline(cancel) => {
                write!(f, "request {id} timed out after {elapsed} ({progress}")?;
                if let Some(error) = last_error {
                    write!(f, ", last error: {error}")?;
                }
                match cancel {
                    None => f.write_str("); the job is still running and may be billed"),
                    Some(Err(error)) => {
                        write!(f, "); the cancel failed: {error}; the job is still running and may be billed")
                    }
                    Some(Ok(reply)) => write!(f, "); {}", cancel_text(reply.outcome)),
                }
            }
            WaitOutcome::Exhausted(error) => write!(
                f,
                "too many errors while waiting for request {id}, after {elapsed} ({progress}), last error: {error}; the job \
                 is still running and may be billed"
            ),
            WaitOutcome::Refused(error) if self.is_not_found() => write!(f, "request {id} {error}"),
            WaitOutcome::Refused(error) => write!(f, "request {id}: {error}"),
        }
    }
}

/// Describes a job after a cancel at its deadline.
const fn cancel_text(outcome: CancelOutcome) -> &'static str {
    match outcome {
        CancelOutcome::Cancelled => "the job was cancelled",
        CancelOutcome::NotCancellable => "too late to cancel: the job is still running and may be billed",
        CancelOutcome::AlreadyOver => {
            "the job finished before it could be cancelled; wait again for its result"
        }
        CancelOutcome::NotConfirmed => {
            "cancellation requested but not confirmed; the job may still be running and may be billed"
        }
    }
}

impl fmt::Debug for WaitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WaitError({self})")
    }
}

impl std::error::Error for WaitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        // `Display` includes the error itself.
        self.error()?.source()
    }
}
