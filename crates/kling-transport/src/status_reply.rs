//! The answer of `/status`.

use std::time::Duration;

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::answer::Answer;
use crate::{Error, HttpReply, RequestId, State, fields};

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

    pub(crate) fn read(answer: Answer, retry_after: Option<Duration>) -> Result<Self, Error> {
        let Answer { object, warning, .. } = answer;
        let queue_position = fields::whole_number(&object, "queue_position");
        Ok(Self { state: fields::state(&object)?, queue_position, retry_after, warning })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{HttpHead, envelope};

    fn patient(reply: &HttpReply, id: &RequestId) -> Result<StatusReply, Error> {
        StatusReply::read(envelope::of_job(reply, id)?, reply.head.retry_after)
    }

    fn read(value: &serde_json::Value) -> Result<StatusReply, Error> {
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
            assert!(read(&value).unwrap_err().is_protocol());
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
}
