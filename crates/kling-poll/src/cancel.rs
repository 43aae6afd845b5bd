//! Cancels a job: when a cancel is retried, when the status settles it, and which errors of the API are final.

use kling_transport::{CancelOutcome, CancelReply, Client, Error, ErrorKind, RequestId, State, StatusReply};
#[cfg(feature = "async")]
use tokio::runtime::Handle;

#[cfg(feature = "async")]
use crate::{OnDrop, WaitOptions};

/// The most retries of a cancel whose reply is lost.
const REPEATS: u16 = 2;

/// The request belongs to another account.
const PERMISSION_DENIED: i64 = 403_001;

/// The request is not known, or expired.
const RESOURCE_NOT_FOUND: i64 = 404_001;

/// Cancels a job and finds out the outcome. If the reply to the cancel is lost or unclear, it gets the status once.
///
/// # Errors
/// If neither call brought a usable reply, or the API refused.
pub async fn cancel(client: &Client, id: &RequestId) -> Result<CancelReply, Error> {
    let outcome = client.cancel(id).await;
    if is_settled(&outcome) {
        return outcome;
    }
    settle(outcome, client.status(id).await)
}

/// The next step of a cancel.
pub(crate) enum Next {
    /// Report the outcome: it is settled.
    Report,
    /// Send the cancel again, without a pause.
    Retry,
    /// Get the status, which settles the outcome.
    Settle,
}

/// Returns the next step after `repeats` retries.
pub(crate) fn next(outcome: &Result<CancelReply, Error>, repeats: u16) -> Next {
    if is_settled(outcome) {
        Next::Report
    } else if repeats < REPEATS && outcome.as_ref().is_err_and(may_help) {
        Next::Retry
    } else {
        Next::Settle
    }
}

/// Whether the reply to the cancel settles its outcome.
pub(crate) fn is_settled(outcome: &Result<CancelReply, Error>) -> bool {
    match outcome {
        Ok(reply) => reply.outcome != CancelOutcome::NotConfirmed,
        Err(error) => error.kind() == ErrorKind::Config || is_final(error),
    }
}

/// Settles the outcome of a cancel by the status. The error of the cancel stays, if the status failed as well or confirms
/// it.
pub(crate) fn settle(
    outcome: Result<CancelReply, Error>,
    status: Result<StatusReply, Error>,
) -> Result<CancelReply, Error> {
    let Ok(StatusReply { state, .. }) = status else {
        return outcome;
    };
    let seen = match state {
        State::Cancelled => CancelOutcome::Cancelled,
        ref over if over.is_over() => CancelOutcome::AlreadyOver,
        _ => match outcome {
            Err(error) if !error.is_transient() => return Err(error),
            _ => CancelOutcome::NotConfirmed,
        },
    };
    Ok(CancelReply::new(seen, Some(state)))
}

/// Whether the API itself refuses the job to this token. Gateways send 403 and 404 too, also in JSON, so only the API's own
/// codes count.
pub(crate) fn is_final(error: &Error) -> bool {
    let is_denied = error.error_code() == Some(PERMISSION_DENIED);
    (error.kind() == ErrorKind::Auth && error.is_api_error()) || is_denied || is_unknown(error)
}

/// Whether the API itself knows no such job.
pub(crate) fn is_unknown(error: &Error) -> bool {
    error.error_code() == Some(RESOURCE_NOT_FOUND)
}

/// Whether an immediate retry of a cancel may help. After "too many calls" it does not.
fn may_help(error: &Error) -> bool {
    (error.is_transient() || error.error_code().is_none()) && error.kind() != ErrorKind::RateLimited
}

/// Cancels a job when a wait is dropped before its end, if the options ask for that.
#[cfg(feature = "async")]
pub(crate) struct CancelOnDrop {
    on_drop: Option<OnDrop>,
    client: Client,
    id: RequestId,
    /// None before the first poll, if the future was made outside of any runtime.
    runtime: Option<Handle>,
}

#[cfg(feature = "async")]
impl CancelOnDrop {
    pub(crate) fn new(client: &Client, id: &RequestId, options: &WaitOptions) -> Self {
        let runtime = Handle::try_current().ok();
        Self { on_drop: options.on_drop().cloned(), client: client.clone(), id: id.clone(), runtime }
    }

    /// Takes the runtime of the first poll.
    pub(crate) fn start(&mut self) {
        self.runtime = Handle::try_current().ok().or_else(|| self.runtime.take());
    }

    pub(crate) fn disarm(&mut self) {
        self.on_drop = None;
    }
}

#[cfg(feature = "async")]
impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        let (Some(on_drop), Some(runtime)) = (self.on_drop.take(), &self.runtime) else { return };
        let (client, id) = (self.client.clone(), self.id.clone());
        runtime.spawn(async move { on_drop.notify(&id, &cancel(&client, &id).await) });
    }
}
