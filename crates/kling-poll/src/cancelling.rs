//! Decides what became of a cancel, and which errors are the API's own last word on a job.

use kling_transport::{CancelOutcome, CancelReply, Error, State, StatusReply};

/// How often a cancel is sent again whose answer is lost.
const REPEATS: u16 = 2;

/// The request belongs to another account.
const PERMISSION_DENIED: i64 = 403_001;

/// The request is not known, or expired.
const RESOURCE_NOT_FOUND: i64 = 404_001;

/// What to do about a cancel, now that something came of it.
pub(crate) enum Next {
    /// Tell it: nothing more can be known.
    Tell,
    /// Send it again, without a pause.
    Again,
    /// Ask for the status, which tells what became of it.
    Settle,
}

/// What to do about a cancel that was sent again so often.
pub(crate) fn next(outcome: &Result<CancelReply, Error>, repeats: u16) -> Next {
    if is_settled(outcome) {
        Next::Tell
    } else if repeats < REPEATS && outcome.as_ref().is_err_and(may_help_at_once) {
        Next::Again
    } else {
        Next::Settle
    }
}

/// Whether the answer to the cancel says all that can be known.
pub(crate) fn is_settled(outcome: &Result<CancelReply, Error>) -> bool {
    match outcome {
        Ok(reply) => reply.outcome != CancelOutcome::NotConfirmed,
        Err(error) => error.is_config() || is_final(error),
    }
}

/// The answer to the cancel, made clearer by a status asked for afterwards.
///
/// # Errors
/// The error of the cancel, where the status tells nothing either, or shows that a refusal stands.
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

/// Whether the API itself said that the job is not to be had with this token. Gateways say 403 and 404 as well, and in JSON: they
/// know no job, so only the API's own codes count.
pub(crate) fn is_final(error: &Error) -> bool {
    let is_denied = error.error_code() == Some(PERMISSION_DENIED);
    (error.is_auth() && error.is_api_error()) || is_denied || is_unknown(error)
}

/// Whether the API itself said that it knows no such job.
pub(crate) fn is_unknown(error: &Error) -> bool {
    error.error_code() == Some(RESOURCE_NOT_FOUND)
}

/// Whether an error of a cancel may be gone the next moment; who says that there are too many calls means it.
fn may_help_at_once(error: &Error) -> bool {
    (error.is_transient() || error.error_code().is_none()) && !error.is_rate_limited()
}
