//! What the API says of a job and of an account: the answers to `/result`, `/status`, `/cancel` and the balance.

use std::time::Duration;

use kling_types::output::urls;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api_reply::{self, ApiReply, Object, has_content};
use crate::{Error, ErrorKind, HttpReply, RequestId, State};

/// What `/result` says of a job: the one place where its outcome is decided.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResultReply {
    /// The request asked about.
    pub request_id: RequestId,
    /// The state in the API's words; see [`ResultReply::outcome`].
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
    /// What was wrong with the answer, if it was broken and could be read all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Box<str>>,
}

/// What a [`ResultReply`] means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JobOutcome {
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
    /// What the reply means by itself. While its word says that the job goes on, or is a word never seen before, nothing is
    /// decided; see [`ResultReply::final_outcome`] otherwise.
    #[must_use]
    pub fn outcome(&self) -> JobOutcome {
        if self.state.is_over() || self.state.sounds_over() {
            self.final_outcome()
        } else {
            JobOutcome::Unfinished
        }
    }

    /// What the reply means once `/status` has said that the job is over.
    ///
    /// Content decides before words. An output with a URL is a success, also beside an error, whose text
    /// [`ResultReply::error_text`] has. An error without an output is a failure. Only without either the word decides; the
    /// words of a job that goes on, `completed` and unknown ones then mean that the outcome has not arrived yet.
    #[must_use]
    pub fn final_outcome(&self) -> JobOutcome {
        let has_output = self.output.as_ref().is_some_and(has_content);
        match self.state {
            _ if !self.output_urls().is_empty() => JobOutcome::Succeeded,
            State::Succeeded if self.error.is_none() || has_output => JobOutcome::Succeeded,
            State::Cancelled => JobOutcome::Cancelled,
            _ if self.error.is_some() => JobOutcome::Failed,
            State::Failed => JobOutcome::Failed,
            State::Completed if has_output => JobOutcome::Succeeded,
            _ if has_output && self.state.sounds_successful() => JobOutcome::Succeeded,
            _ => JobOutcome::Unfinished,
        }
    }

    /// The URLs in the output, whatever its form, each once. A `data:` URL holds the file itself, so it may be very long.
    #[must_use]
    pub fn output_urls(&self) -> Vec<&str> {
        self.output.as_ref().map(|output| urls(&[output])).unwrap_or_default()
    }

    /// The API's words on a failure, as one line; `None` where it gave none.
    #[must_use]
    pub fn error_text(&self) -> Option<String> {
        self.error.as_ref().map(api_reply::words).filter(|text| !text.is_empty())
    }

    pub(crate) fn read(id: &RequestId, answer: ApiReply) -> Result<Self, Error> {
        let (is_cut, is_whole) = (answer.is_cut(), answer.is_whole());
        let ApiReply { mut object, mut warning, .. } = answer;
        let state = api_reply::state(&object);
        let output = object.remove("output").filter(|output| !output.is_null());
        let names_file = output.as_ref().is_some_and(|output| !urls(&[output]).is_empty());
        let state = match state {
            Err(_) if names_file => {
                warning.get_or_insert_with(|| "the answer is broken: no status stands in it".into());
                State::Completed
            }
            state => state?,
        };
        let failed = matches!(state, State::Failed);
        let error = object.get("error").filter(|error| has_content(error)).cloned().or_else(|| {
            // A failure may come in the form of the other errors.
            let text = api_reply::message(&object);
            (failed && !text.is_empty()).then_some(Value::String(text))
        });
        let reply = Self {
            request_id: id.clone(),
            state,
            output,
            error,
            cost_usd: api_reply::number(&object, "cost"),
            created_at: api_reply::text(&object, "created_at"),
            finished_at: api_reply::text(&object, "finished_at"),
            warning,
        };
        // The output may be in the part that is missing, so that only what is there proves anything.
        let is_proven = match reply.final_outcome() {
            JobOutcome::Succeeded => reply.output.as_ref().is_some_and(has_content),
            JobOutcome::Failed => reply.error.is_some() && !is_cut,
            JobOutcome::Cancelled => false,
            JobOutcome::Unfinished => !reply.state.is_over() && !reply.state.sounds_over(),
        };
        if is_whole || is_proven {
            return Ok(reply);
        }
        let found = reply.warning.as_deref().unwrap_or("the answer is broken");
        Err(Error::new(ErrorKind::Protocol, format!("{found}; its outcome is missing")))
    }
}

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
    /// What was wrong with the answer, if it was broken and could be read all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Box<str>>,
}

/// What stands in nearly every answer. It borrows, so that a text with an escape in it is not taken.
#[derive(Deserialize)]
struct Usual<'a> {
    #[serde(borrow)]
    request_id: Option<&'a str>,
    status: &'a str,
    queue_position: Option<u64>,
    error_code: Option<IgnoredAny>,
}

impl StatusReply {
    /// Reads an answer that is just as expected, at a third of the cost of reading any JSON; nothing where it is not, which
    /// says nothing against it.
    pub(crate) fn usual(reply: &HttpReply, asked: &RequestId) -> Option<Self> {
        if reply.broken_off.is_some() || reply.head.content_encoding.is_some() {
            return None;
        }
        let text = str::from_utf8(&reply.body).ok()?;
        // An array would be read too, item by item.
        if !reply.head.is_success() || !text.trim_start().starts_with('{') {
            return None;
        }
        let Usual { request_id, status, queue_position, error_code } = serde_json::from_str(text).ok()?;
        let is_usual = error_code.is_none()
            && request_id.is_none_or(|id| id == asked.as_str())
            && !status.trim().is_empty();
        let retry_after = reply.head.retry_after;
        is_usual.then(|| Self { state: status.into(), queue_position, retry_after, warning: None })
    }

    pub(crate) fn read(answer: ApiReply, retry_after: Option<Duration>) -> Result<Self, Error> {
        let ApiReply { object, warning, .. } = answer;
        let queue_position = api_reply::whole_number(&object, "queue_position");
        Ok(Self { state: api_reply::state(&object)?, queue_position, retry_after, warning })
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

    /// Reads an answer. One that lost a part and names neither outcome nor state says nothing.
    pub(crate) fn of_answer(answer: &ApiReply) -> Result<Self, Error> {
        if !answer.is_whole() && answer.state().is_none() && !answer.object.contains_key("outcome") {
            return Err(Error::new(ErrorKind::Protocol, answer.warning.as_deref().unwrap_or_default()));
        }
        Ok(Self::read(&answer.object))
    }

    fn read(object: &Object) -> Self {
        let state = api_reply::state(object).ok();
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
        let microdollars = api_reply::number(object, "balance_microdollars").map(|exact| exact as i64);
        let usd = api_reply::number(object, "balance_usd").or_else(|| Some(microdollars? as f64 / 1e6));
        let usd = usd.ok_or_else(|| Error::new(ErrorKind::Protocol, "no balance_usd stands in it"))?;
        Ok(Self { usd, microdollars, currency: api_reply::text(object, "currency") })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Call, GetResult, HttpHead};

    fn result(value: Value) -> ResultReply {
        let head = HttpHead { status: 200, ..HttpHead::default() };
        let reply = HttpReply::new(head, value.to_string().into());
        GetResult(&"id".parse().unwrap()).read(&reply).unwrap()
    }

    /// Each body with its verdict alone, and once the status is known to be terminal.
    #[test]
    fn content_decides_before_words() {
        use JobOutcome::{Cancelled, Failed, Succeeded, Unfinished};
        let url = "https://x.runcomfy.net/o.mp4";
        let cases = [
            (json!({"status": "succeeded", "output": {"video": url}}), Succeeded, Succeeded),
            (json!({"status": "succeeded"}), Succeeded, Succeeded),
            (json!({"status": "succeeded", "error": "no", "output": {}}), Failed, Failed),
            (json!({"status": "succeeded", "error": "no", "output": "some text"}), Succeeded, Succeeded),
            (json!({"status": "completed", "output": url}), Succeeded, Succeeded),
            (json!({"status": "completed", "output": url, "error": ""}), Succeeded, Succeeded),
            (
                json!({"status": "completed", "output": url, "error": {"message": " ", "code": 0}}),
                Succeeded,
                Succeeded,
            ),
            (
                json!({"status": "completed", "output": url, "error": "upscaling failed"}),
                Succeeded,
                Succeeded,
            ),
            (json!({"status": "completed", "output": "some text"}), Succeeded, Succeeded),
            (json!({"status": "completed", "output": {"video": ""}, "error": "no"}), Failed, Failed),
            (json!({"status": "completed", "output": null}), Unfinished, Unfinished),
            (json!({"status": "completed", "output": {}, "error": {}}), Unfinished, Unfinished),
            (json!({"status": "failed", "error": {"message": "no"}}), Failed, Failed),
            (json!({"status": "failed", "error": ""}), Failed, Failed),
            (json!({"status": "failed", "output": [url]}), Succeeded, Succeeded),
            (json!({"status": "canceled"}), Cancelled, Cancelled),
            (json!({"status": "canceled", "error": "by the user"}), Cancelled, Cancelled),
            (json!({"status": "success", "output": url}), Succeeded, Succeeded),
            (json!({"status": "error", "error": "no face"}), Failed, Failed),
            (json!({"status": "success", "output": "some text"}), Succeeded, Succeeded),
            (json!({"status": "error", "output": "no face"}), Unfinished, Unfinished),
            (json!({"status": "error"}), Unfinished, Unfinished),
            (json!({"status": "in_progress"}), Unfinished, Unfinished),
            (json!({"status": "in_progress", "output": url}), Unfinished, Succeeded),
            (json!({"status": "thinking", "output": url}), Unfinished, Succeeded),
            (json!({"status": "kaput", "error": "no face"}), Unfinished, Failed),
            (json!({"output": {"video": url}}), Succeeded, Succeeded),
        ];
        for (value, alone, at_last) in cases {
            let reply = result(value.clone());
            assert_eq!((reply.outcome(), reply.final_outcome()), (alone, at_last), "{value}");
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

    fn patient(reply: &HttpReply, id: &RequestId) -> Result<StatusReply, Error> {
        StatusReply::read(api_reply::of_job(reply, id)?, reply.head.retry_after)
    }

    fn read(value: &Value) -> Result<StatusReply, Error> {
        let head = HttpHead { status: 200, ..HttpHead::default() };
        patient(&HttpReply::new(head, value.to_string().into()), &"id-1".parse().unwrap())
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
            assert_eq!(read(&value).unwrap().queue_position, expected);
        }
        for value in [json!({}), json!({"status": null}), json!({"status": " "}), json!({"status": 7})] {
            assert!(read(&value).unwrap_err().kind() == ErrorKind::Protocol);
        }
    }

    #[test]
    fn the_usual_reading_tells_what_the_patient_one_tells_or_nothing() {
        let id = "id-1".parse().unwrap();
        let bodies = [
            (true, r#"{"status":"in_queue","queue_position":3,"status_url":"u\n","x":{"y":[1.5,null]}}"#),
            (true, r#" {"request_id":"id-1","status":"Completed","error_code":null,"queue_position":null}"#),
            (true, r#"{"request_id":null,"status":"some word"}"#),
            (false, r#"{"status":"in_queue","queue_position":"3"}"#),
            (false, r#"{"status":"in_queue","queue_position":-1}"#),
            (false, r#"{"status":"in_queue","queue_position":2.0}"#),
            (false, r#"{"status":"in\u005fqueue"}"#),
            (false, r#"{"status":"in_queue","status":"completed"}"#),
            (false, r#"{"status":"failed","error_code":500001}"#),
            (false, r#"{"status":"in_queue","error_code":500001}"#),
            (false, r#"{"status":"in_queue","error_code":0}"#),
            (false, r#"{"request_id":"id-2","status":"in_queue"}"#),
            (false, r#"{"request_id":7,"status":"in_queue"}"#),
            (false, r#"["id-1","in_queue",3,null]"#),
            (false, r#"{"status":" "}"#),
            (false, r#"{"status":7}"#),
            (false, "{}"),
            (false, ""),
            (false, r#"{"status":"in_queue""#),
        ];
        for (is_usual, body) in bodies {
            let head =
                HttpHead { status: 200, retry_after: Some(Duration::from_secs(1)), ..HttpHead::default() };
            let reply = HttpReply::new(head, body.into());
            let usual = StatusReply::usual(&reply, &id);
            assert_eq!(usual.is_some(), is_usual, "{body}");
            assert!(usual.is_none() || usual == patient(&reply, &id).ok(), "{body}");
            let refused = HttpReply { head: HttpHead { status: 500, ..HttpHead::default() }, ..reply };
            assert_eq!(StatusReply::usual(&refused, &id), None);
        }
    }

    fn object(value: Value) -> Object {
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

    #[test]
    fn a_balance_may_be_negative_and_may_come_in_microdollars_alone() {
        let balance = Balance::read(&object(json!({"balance_microdollars": -1_500_000}))).unwrap();
        assert_eq!((balance.usd, balance.microdollars), (-1.5, Some(-1_500_000)));
        assert!(
            Balance::read(&object(json!({"currency": "USD"}))).unwrap_err().kind() == ErrorKind::Protocol
        );
    }
}
