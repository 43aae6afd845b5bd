//! What became of a cancel, told from its answer and, where that is not clear, from the status.

use kling_transport::{CancelOutcome, CancelReply, Error, State, StatusReply};

use crate::refusal;

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
