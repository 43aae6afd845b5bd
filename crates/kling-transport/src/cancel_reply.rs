//! The answer to a cancel.

use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::envelope::Object;
use crate::error_kind::Kind;
use crate::{Error, State, fields};

/// What became of a request to cancel.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CancelReply {
    /// The outcome.
    pub outcome: CancelOutcome,
    /// The state that the answer named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

/// The four ends of a request to cancel.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelOutcome {
    /// It is cancelled.
    Cancelled,
    /// It runs on, and may be billed: only jobs in the queue can be cancelled.
    NotCancellable,
    /// It had ended before, whichever way.
    AlreadyOver,
    /// The API took note (`cancellation_requested`), or its answer says nothing clear: ask for the status.
    NotConfirmed,
}

impl CancelReply {
    /// An outcome with the state that it was told from.
    #[must_use]
    pub const fn new(outcome: CancelOutcome, state: Option<State>) -> Self {
        Self { outcome, state }
    }

    /// Reads an answer. One that lost a part and names neither outcome nor state says nothing.
    pub(crate) fn of_answer(answer: &Answer) -> Result<Self, Error> {
        if !answer.is_whole() && answer.state().is_none() && !answer.object.contains_key("outcome") {
            return Err(Error::new(Kind::Protocol, answer.warning.as_deref().unwrap_or_default()));
        }
        Ok(Self::read(&answer.object))
    }

    fn read(object: &Object) -> Self {
        let state = fields::state(object).ok();
        let over = state.as_ref().is_some_and(State::is_over);
        let outcome = match object.get("outcome").and_then(|outcome| outcome.as_str()).map(str::trim) {
            Some("cancelled" | "canceled") => CancelOutcome::Cancelled,
            _ if matches!(state, Some(State::Cancelled)) => CancelOutcome::Cancelled,
            Some("not_cancellable") if !over => CancelOutcome::NotCancellable,
            _ if over => CancelOutcome::AlreadyOver,
            _ => CancelOutcome::NotConfirmed,
        };
        Self { outcome, state }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: serde_json::Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn cancelling_has_four_ends() {
        let cases = [
            (json!({"outcome": "cancelled", "status": "in_queue"}), CancelOutcome::Cancelled),
            (json!({"status": "canceled"}), CancelOutcome::Cancelled),
            (json!({"outcome": "not_cancellable", "status": "in_progress"}), CancelOutcome::NotCancellable),
            (json!({"outcome": "not_cancellable", "status": "completed"}), CancelOutcome::AlreadyOver),
            (json!({"outcome": "cancellation_requested"}), CancelOutcome::NotConfirmed),
            (json!({"status": "cancellation_requested"}), CancelOutcome::NotConfirmed),
            (json!({}), CancelOutcome::NotConfirmed),
        ];
        for (value, outcome) in cases {
            assert_eq!(CancelReply::read(&object(value.clone())).outcome, outcome, "{value}");
        }
    }
}
