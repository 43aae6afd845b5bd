//! The answers of the free calls, read with tolerance for every form known.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::envelope::{self, Object};
use crate::error_kind::Kind;
use crate::{Error, RequestId, State};

/// What `/status` says of a job.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StatusReply {
    /// The state; never a proof of success.
    pub state: State,
    /// The place in the queue, which comes with `in_queue` only, and not always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u64>,
    /// The pause that the server asked for before the next question.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
}

impl StatusReply {
    pub(crate) fn read(object: &Object, retry_after: Option<Duration>) -> Result<Self, Error> {
        let queue_position = object.get("queue_position").and_then(whole_number);
        Ok(Self { state: state(object)?, queue_position, retry_after })
    }
}

/// What `/result` says of a job: the one place where its outcome is decided.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResultReply {
    /// The request asked about.
    pub request_id: RequestId,
    /// The state in the API's words; see [`ResultReply::verdict`].
    #[serde(rename = "status")]
    pub state: State,
    /// The output, raw: an object, a URL, an array of URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// What the API says of a failure, raw: text or an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// What was billed in USD; may be missing even when asked for.
    #[serde(default, rename = "cost", skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// When the job was made, as the API writes it: ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// When it ended, as the API writes it: ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
}

/// What a [`ResultReply`] means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// It worked.
    Succeeded,
    /// It ended without working.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// It goes on, or its outcome has not arrived here yet.
    Unfinished,
}

impl ResultReply {
    /// What the reply means. The bare word `completed`, which was met here too, means success where an output came with it
    /// and failure where an error did; with neither, nothing is decided yet.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        match self.state {
            State::Succeeded => Verdict::Succeeded,
            State::Failed => Verdict::Failed,
            State::Cancelled => Verdict::Cancelled,
            State::Completed if self.error.is_some() => Verdict::Failed,
            State::Completed if self.output.is_some() => Verdict::Succeeded,
            _ => Verdict::Unfinished,
        }
    }

    /// The API's words on a failure, as one line; `None` where it gave none.
    #[must_use]
    pub fn error_text(&self) -> Option<String> {
        self.error.as_ref().map(envelope::words).filter(|text| !text.is_empty())
    }

    pub(crate) fn read(id: &RequestId, mut object: Object) -> Result<Self, Error> {
        let state = state(&object)?;
        let output = object.remove("output").filter(|output| !output.is_null());
        let failed = matches!(state, State::Failed);
        let error = object.get("error").filter(|error| !error.is_null()).cloned().or_else(|| {
            // A failure may come in the form of the other errors.
            let text = envelope::message(&object);
            (failed && !text.is_empty()).then_some(Value::String(text))
        });
        Ok(Self {
            request_id: id.clone(),
            state,
            output,
            error,
            cost_usd: object.get("cost").and_then(number),
            created_at: text(&object, "created_at"),
            finished_at: text(&object, "finished_at"),
        })
    }
}

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

    pub(crate) fn read(object: &Object) -> Self {
        let state = object.get("status").and_then(Value::as_str).map(State::from);
        let over = state.as_ref().is_some_and(State::is_over);
        let outcome = match object.get("outcome").and_then(Value::as_str).map(str::trim) {
            Some("cancelled" | "canceled") => CancelOutcome::Cancelled,
            _ if matches!(state, Some(State::Cancelled)) => CancelOutcome::Cancelled,
            Some("not_cancellable") if !over => CancelOutcome::NotCancellable,
            _ if over => CancelOutcome::AlreadyOver,
            _ => CancelOutcome::NotConfirmed,
        };
        Self { outcome, state }
    }
}

/// The account's balance; it may be zero or negative.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Balance {
    /// In USD.
    #[serde(rename = "balance_usd")]
    pub usd: f64,
    /// In millionths of a dollar, exact, where it was sent.
    #[serde(default, rename = "balance_microdollars", skip_serializing_if = "Option::is_none")]
    pub microdollars: Option<i64>,
    /// The currency's code, where it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

impl Balance {
    pub(crate) fn read(object: &Object) -> Result<Self, Error> {
        let microdollars = object.get("balance_microdollars").and_then(number).map(|exact| exact as i64);
        let usd = object.get("balance_usd").and_then(number).or_else(|| Some(microdollars? as f64 / 1e6));
        let usd = usd.ok_or_else(|| Error::new(Kind::Protocol, "no balance_usd stands in it"))?;
        Ok(Self { usd, microdollars, currency: text(object, "currency") })
    }
}

fn state(object: &Object) -> Result<State, Error> {
    let word = object.get("status").and_then(Value::as_str).filter(|word| !word.trim().is_empty());
    word.map(State::from).ok_or_else(|| Error::new(Kind::Protocol, "no status stands in it"))
}

fn text(object: &Object, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// A finite number, or one in text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    fn result(value: Value) -> ResultReply {
        ResultReply::read(&"id".parse().unwrap(), object(value)).unwrap()
    }

    #[test]
    fn queue_positions_may_be_absent_null_or_text() {
        let cases = [
            (json!({"status": "in_queue", "queue_position": 3}), Some(3)),
            (json!({"status": "in_queue", "queue_position": "3"}), Some(3)),
            (json!({"status": "in_queue", "queue_position": null}), None),
            (json!({"status": "in_queue", "queue_position": -1}), None),
            (json!({"status": "in_queue"}), None),
        ];
        for (value, expected) in cases {
            assert_eq!(StatusReply::read(&object(value), None).unwrap().queue_position, expected);
        }
        for value in [json!({}), json!({"status": null}), json!({"status": " "}), json!({"status": 7})] {
            assert!(StatusReply::read(&object(value), None).unwrap_err().is_protocol());
        }
    }

    #[test]
    fn only_the_result_decides_success() {
        let url = "https://x.runcomfy.net/o.mp4";
        let cases = [
            (json!({"status": "succeeded", "output": {"video": url}}), Verdict::Succeeded),
            (json!({"status": "completed", "output": url}), Verdict::Succeeded),
            (json!({"status": "completed", "output": url, "error": "no"}), Verdict::Failed),
            (json!({"status": "completed", "output": null}), Verdict::Unfinished),
            (json!({"status": "failed", "error": {"message": "no"}}), Verdict::Failed),
            (json!({"status": "canceled"}), Verdict::Cancelled),
            (json!({"status": "in_progress"}), Verdict::Unfinished),
            (json!({"status": "thinking", "output": url}), Verdict::Unfinished),
        ];
        for (value, verdict) in cases {
            assert_eq!(result(value.clone()).verdict(), verdict, "{value}");
        }
    }

    #[test]
    fn costs_and_errors_are_read_in_every_form() {
        assert_eq!(result(json!({"status": "succeeded", "cost": "0.35"})).cost_usd, Some(0.35));
        assert_eq!(result(json!({"status": "succeeded", "cost": null})).cost_usd, None);
        let failed = result(json!({"status": "failed", "error_code": 500_001, "error_message": "no GPU"}));
        assert_eq!(failed.error_text().as_deref(), Some("no GPU"));
        let failed = result(json!({"status": "failed", "error": {"code": 1}}));
        assert_eq!(failed.error_text().as_deref(), Some(r#"{"code":1}"#));
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

    #[test]
    fn a_balance_may_be_negative_and_may_come_in_microdollars_alone() {
        let balance = Balance::read(&object(json!({"balance_microdollars": -1_500_000}))).unwrap();
        assert_eq!((balance.usd, balance.microdollars), (-1.5, Some(-1_500_000)));
        assert!(Balance::read(&object(json!({"currency": "USD"}))).unwrap_err().is_protocol());
    }
}
