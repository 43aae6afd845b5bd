//! The replies about a job and about an account.

use std::time::Duration;

use kling_types::output::urls;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api_reply::{self, ApiReply, Object, has_content};
use crate::{Error, ErrorKind, HttpReply, RequestId, State};

/// The reply of `/result`. It alone decides the outcome of a job.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResultReply {
    /// The request id of the job.
    pub request_id: RequestId,
    /// The state as the API names it. See [`ResultReply::outcome`].
    #[serde(rename = "status")]
    pub state: State,
    /// The output, raw: an object, a URL, an array of URLs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// The error, raw: text or an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Value>,
    /// The billed amount in USD, which may be missing.
    #[serde(default, rename = "cost", skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The time of the submit, as the API writes it: ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// The time of the end, as the API writes it: ISO 8601.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// The damage of the reply as one line, if the reply was damaged but readable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Box<str>>,
}

/// The outcome in a [`ResultReply`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum JobOutcome {
    /// The job succeeded.
    Succeeded,
    /// The job failed.
    Failed,
    /// The job was cancelled.
    Cancelled,
    /// The job still runs, or the reply does not hold its outcome yet.
    Unfinished,
}

impl ResultReply {
    /// Returns the outcome by this reply alone. It is undecided if the state is unknown or of a running job: see
    /// [`ResultReply::final_outcome`].
    pub fn outcome(&self) -> JobOutcome {
        if self.state.is_over() || self.state.sounds_over() {
            self.final_outcome()
        } else {
            JobOutcome::Unfinished
        }
    }

    /// Returns the outcome if `/status` said that the job is over.
    ///
    /// Content decides before the state does. An output with a URL is a success, even beside an error. An error without
    /// an output is a failure. Otherwise the state decides. If the state is `completed`, unknown, or of a running job,
    /// the outcome has not arrived yet.
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

    /// Returns the URLs in the output, each once. A `data:` URL holds the file itself and may be long.
    pub fn output_urls(&self) -> Vec<&str> {
        self.output.as_ref().map(|output| urls(&[output])).unwrap_or_default()
    }

    /// Returns the API's error as one line, if there is one.
    pub fn error_text(&self) -> Option<String> {
        self.error.as_ref().map(api_reply::one_line).filter(|text| !text.is_empty())
    }

    pub(crate) fn read(id: &RequestId, reply: ApiReply) -> Result<Self, Error> {
        let (is_cut, is_whole) = (reply.damage.is_cut, reply.is_whole());
        let ApiReply { mut object, mut warning, .. } = reply;
        let state = api_reply::state(&object);
        let output = object.remove("output").filter(|output| !output.is_null());
        let names_file = output.as_ref().is_some_and(|output| !urls(&[output]).is_empty());
        let state = match state {
            Err(_) if names_file => {
                warning.get_or_insert_with(|| "damaged reply: no status".into());
                State::Completed
            }
            state => state?,
        };
        let failed = matches!(state, State::Failed);
        let error = object.get("error").filter(|error| has_content(error)).cloned().or_else(|| {
            // A failed job may use the members of an API error.
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
        // The missing part may hold the output, so only present members prove anything.
        let is_proven = match reply.final_outcome() {
            JobOutcome::Succeeded => reply.output.as_ref().is_some_and(has_content),
            JobOutcome::Failed => reply.error.is_some() && !is_cut,
            JobOutcome::Cancelled => false,
            JobOutcome::Unfinished => !reply.state.is_over() && !reply.state.sounds_over(),
        };
        if is_whole || is_proven {
            return Ok(reply);
        }
        let found = reply.warning.as_deref().unwrap_or("damaged reply");
        Err(Error::new(ErrorKind::Protocol, format!("{found}; the outcome is missing")))
    }
}

/// The reply of `/status`.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct StatusReply {
    /// The state, which never proves success.
    pub state: State,
    /// The position in the queue, sent with `in_queue` only, and not always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue_position: Option<u64>,
    /// The pause that the server asked for before the next poll.
    #[serde(skip)]
    pub retry_after: Option<Duration>,
    /// The damage of the reply as one line, if the reply was damaged but readable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Box<str>>,
}

/// The members of a plain status reply. It borrows, so a text with an escape does not fit.
#[derive(Deserialize)]
struct PlainStatus<'a> {
    #[serde(borrow)]
    request_id: Option<&'a str>,
    status: &'a str,
    queue_position: Option<u64>,
    error_code: Option<IgnoredAny>,
}

impl StatusReply {
    /// Reads a reply in the usual form, at a third of the cost of any JSON. Returns `None` for other forms, which
    /// [`StatusReply::read`] reads.
    pub(crate) fn read_plain(reply: &HttpReply, id: &RequestId) -> Option<Self> {
        let is_plain = reply.broken_off.is_none()
            && reply.head.coding().is_none()
            && reply.head.is_success()
            // serde would read an array as well, item by item.
            && reply.body.first() == Some(&b'{');
        if !is_plain {
            return None;
        }
        let plain: PlainStatus<'_> = serde_json::from_slice(&reply.body).ok()?;
        let fits = plain.error_code.is_none()
            && plain.request_id.is_none_or(|named| named == id.as_str())
            && !plain.status.trim().is_empty();
        let (state, queue_position) = (plain.status.into(), plain.queue_position);
        let retry_after = reply.head.retry_after;
        fits.then_some(Self { state, queue_position, retry_after, warning: None })
    }

    pub(crate) fn read(reply: ApiReply, retry_after: Option<Duration>) -> Result<Self, Error> {
        let ApiReply { object, warning, .. } = reply;
        let queue_position = object.get("queue_position");
        let queue_position =
            queue_position.and_then(|value| value.as_u64().or_else(|| value.as_str()?.trim().parse().ok()));
        Ok(Self { state: api_reply::state(&object)?, queue_position, retry_after, warning })
    }
}

/// The reply to a cancel.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CancelReply {
    /// The outcome.
    pub outcome: CancelOutcome,
    /// The state in the reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<State>,
}

/// The outcome of a cancel.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CancelOutcome {
    /// The job is cancelled.
    Cancelled,
    /// The job still runs and may be billed, since only queued jobs can be cancelled.
    NotCancellable,
    /// The job was over before, in any final state.
    AlreadyOver,
    /// The API noted the cancel (`cancellation_requested`), or its reply is unclear. Check the status.
    NotConfirmed,
}

impl CancelReply {
    /// Returns a reply with this outcome and state.
    pub const fn new(outcome: CancelOutcome, state: Option<State>) -> Self {
        Self { outcome, state }
    }

    /// Reads a reply. It is an error if members may be missing, and neither outcome nor state is there.
    pub(crate) fn read(reply: &ApiReply) -> Result<Self, Error> {
        let (state, outcome) = (api_reply::state(&reply.object).ok(), reply.object.get("outcome"));
        if !reply.is_whole() && state.is_none() && outcome.is_none() {
            return Err(Error::new(ErrorKind::Protocol, reply.warning.as_deref().unwrap_or_default()));
        }
        let is_over = state.as_ref().is_some_and(State::is_over);
        let outcome = match outcome.and_then(Value::as_str).map(str::trim) {
            Some("cancelled" | "canceled") => CancelOutcome::Cancelled,
            _ if matches!(state, Some(State::Cancelled)) => CancelOutcome::Cancelled,
            Some("not_cancellable") if !is_over => CancelOutcome::NotCancellable,
            _ if is_over => CancelOutcome::AlreadyOver,
            _ => CancelOutcome::NotConfirmed,
        };
        Ok(Self { outcome, state })
    }
}

/// The account's balance, which may be zero or negative.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Balance {
    /// The balance in USD.
    #[serde(rename = "balance_usd")]
    pub usd: f64,
    /// The exact balance in millionths of a dollar, if it was sent.
    #[serde(default, rename = "balance_microdollars", skip_serializing_if = "Option::is_none")]
    pub microdollars: Option<i64>,
    /// The currency code, if it was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
}

impl Balance {
    pub(crate) fn read(object: &Object) -> Result<Self, Error> {
        let microdollars = api_reply::number(object, "balance_microdollars").map(|exact| exact as i64);
        let usd = api_reply::number(object, "balance_usd").or_else(|| Some(microdollars? as f64 / 1e6));
        let usd = usd.ok_or_else(|| Error::new(ErrorKind::Protocol, "the reply has no balance_usd"))?;
        Ok(Self { usd, microdollars, currency: api_reply::text(object, "currency") })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Call, GetResult, GetStatus, HttpHead, HttpReply, PostCancel};

    fn result(value: Value) -> ResultReply {
        let head = HttpHead { status: 200, ..HttpHead::default() };
        let reply = HttpReply::new(head, value.to_string().into());
        GetResult(&"id".parse().unwrap()).read(&reply).unwrap()
    }

    /// Each body with its outcome alone, and its outcome if the job is known to be over.
    #[test]
    fn content_decides_before_the_state() {
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

    fn status(status: u16, body: &str) -> Result<StatusReply, Error> {
        let head = HttpHead { status, retry_after: Some(Duration::from_secs(1)), ..HttpHead::default() };
        GetStatus(&"id-1".parse().unwrap()).read(&HttpReply::new(head, body.to_owned().into()))
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
            assert_eq!(status(200, &value.to_string()).unwrap().queue_position, expected);
        }
        for value in [json!({}), json!({"status": null}), json!({"status": " "}), json!({"status": 7})] {
            assert!(status(200, &value.to_string()).unwrap_err().kind() == ErrorKind::Protocol);
        }
    }

    #[test]
    fn a_status_is_read_in_every_form() {
        let bodies = [
            (
                r#"{"status":"in_queue","queue_position":3,"status_url":"u\n","x":{"y":[1.5,null]}}"#,
                "in_queue",
            ),
            (r#" {"request_id":"id-1","status":"Completed","error_code":null}"#, "completed"),
            (r#"{"request_id":null,"status":"some word"}"#, "some word"),
            (r#"{"status":"in_queue","queue_position":2.0}"#, "in_queue"),
            (r#"{"status":"in\u005fqueue"}"#, "in_queue"),
            (r#"{"status":"in_queue","status":"completed"}"#, "completed"),
            (r#"{"status":"failed","error_code":500001}"#, "failed"),
            (r#"{"status":"in_queue","error_code":500001}"#, ""),
            (r#"{"status":"in_queue","error_code":0}"#, "in_queue"),
            (r#"{"request_id":"id-2","status":"in_queue"}"#, ""),
            (r#"{"request_id":7,"status":"in_queue"}"#, ""),
            (r#"["id-1","in_queue",3,null]"#, ""),
            (r#"{"status":" "}"#, ""),
            (r#"{"status":7}"#, ""),
            ("{}", ""),
            ("", ""),
            (r#"{"status":"in_queue""#, "in_queue"),
        ];
        for (body, expected) in bodies {
            let read = status(200, body);
            let retry_after = Some(Duration::from_secs(1));
            assert!(read.as_ref().is_ok_and(|reply| reply.retry_after == retry_after) || read.is_err());
            assert_eq!(read.map_or(String::new(), |reply| reply.state.to_string()), expected, "{body}");
            assert!(status(500, body).is_err(), "{body}");
        }
    }

    #[test]
    fn the_plain_reading_agrees_with_the_full_one() {
        let id = "id-1".parse().unwrap();
        let bodies = [
            (true, r#"{"status":"in_queue","queue_position":3,"status_url":"u\n","x":{"y":[1.5,null]}}"#),
            (true, r#"{"request_id":"id-1","status":"Completed","error_code":null,"queue_position":null}"#),
            (true, r#"{"request_id":null,"status":"some word"}"#),
            (false, r#" {"status":"in_queue"}"#),
            (false, r#"{"status":"in_queue","queue_position":"3"}"#),
            (false, r#"{"status":"in_queue","queue_position":-1}"#),
            (false, r#"{"status":"in\u005fqueue"}"#),
            (false, r#"{"status":"in_queue","status":"completed"}"#),
            (false, r#"{"status":"in_queue","error_code":0}"#),
            (false, r#"{"request_id":"id-2","status":"in_queue"}"#),
            (false, r#"["id-1","in_queue",3,null]"#),
            (false, r#"{"status":" "}"#),
            (false, r#"{"status":"in_queue""#),
        ];
        for (is_plain, body) in bodies {
            let head = HttpHead { status: 200, ..HttpHead::default() };
            let reply = HttpReply::new(head, body.into());
            let plain = StatusReply::read_plain(&reply, &id);
            assert_eq!(plain.is_some(), is_plain, "{body}");
            if plain.is_some() {
                let full = StatusReply::read(api_reply::of_job(&reply, &id).unwrap(), None);
                assert_eq!(plain, full.ok(), "{body}");
            }
            let refused = HttpReply { head: HttpHead { status: 500, ..HttpHead::default() }, ..reply };
            assert_eq!(StatusReply::read_plain(&refused, &id), None);
        }
    }

    fn object(value: Value) -> Object {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_cancel_has_four_outcomes() {
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
            let head = HttpHead { status: 200, ..HttpHead::default() };
            let reply = HttpReply::new(head, value.to_string().into());
            assert_eq!(PostCancel(&"id".parse().unwrap()).read(&reply).unwrap().outcome, outcome, "{value}");
        }
    }

    #[test]
    fn a_balance_may_be_negative_and_in_microdollars_only() {
        let balance = Balance::read(&object(json!({"balance_microdollars": -1_500_000}))).unwrap();
        assert_eq!((balance.usd, balance.microdollars), (-1.5, Some(-1_500_000)));
        assert!(
            Balance::read(&object(json!({"currency": "USD"}))).unwrap_err().kind() == ErrorKind::Protocol
        );
    }
}
