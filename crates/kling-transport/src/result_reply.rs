//! The answer of `/result`, and what it means.

use kling_types::output::urls;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::envelope::{self, Object};
use crate::{Error, RequestId, State, fields};

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

    /// The URLs in the output, whatever its form, each once.
    #[must_use]
    pub fn output_urls(&self) -> Vec<&str> {
        self.output.as_ref().map(|output| urls(&[output])).unwrap_or_default()
    }

    /// The API's words on a failure, as one line; `None` where it gave none.
    #[must_use]
    pub fn error_text(&self) -> Option<String> {
        self.error.as_ref().map(envelope::words).filter(|text| !text.is_empty())
    }

    pub(crate) fn read(id: &RequestId, mut object: Object) -> Result<Self, Error> {
        let state = fields::state(&object)?;
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
            cost_usd: fields::number(&object, "cost"),
            created_at: fields::text(&object, "created_at"),
            finished_at: fields::text(&object, "finished_at"),
        })
    }
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
}
