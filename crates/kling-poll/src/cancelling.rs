//! What became of a cancel, told from its answer and, where that is not clear, from the status.

use kling_transport::{CancelOutcome, CancelReply, Error, State, StatusReply};

use crate::refusal;

/// How often a cancel is sent again whose answer is lost.
const REPEATS: u16 = 2;

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

/// Whether an error of a cancel may be gone the next moment; who says that there are too many calls means it.
fn may_help_at_once(error: &Error) -> bool {
    (error.is_transient() || error.error_code().is_none()) && !error.is_rate_limited()
}

/// Whether the answer to the cancel says all that can be known.
pub(crate) fn is_settled(outcome: &Result<CancelReply, Error>) -> bool {
    match outcome {
        Ok(reply) => reply.outcome != CancelOutcome::NotConfirmed,
        Err(error) => error.is_config() || refusal::is_final(error),
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
