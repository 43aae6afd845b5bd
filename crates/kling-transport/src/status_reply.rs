//! The answer of `/status`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::envelope::Object;
use crate::{Error, State, fields};

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
        let queue_position = fields::whole_number(object, "queue_position");
        Ok(Self { state: fields::state(object)?, queue_position, retry_after })
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
}
