//! The answer of `/result`, and what it means.

use kling_types::output::urls;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::answer::{Answer, has_content};
use crate::envelope;
use crate::error_kind::Kind;
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
    /// What was wrong with the answer, if it was broken and could be read all the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<Box<str>>,
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
    /// What the reply means by itself. While its word says that the job goes on, or is a word never seen before, nothing is
    /// decided; see [`ResultReply::final_verdict`] otherwise.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.state.is_over() || self.state.sounds_over() {
            self.final_verdict()
        } else {
            Verdict::Unfinished
        }
    }

    /// What the reply means once `/status` has said that the job is over.
    ///
    /// Content decides before words. An output with a URL is a success, also beside an error, whose text
    /// [`ResultReply::error_text`] has. An error without an output is a failure. Only without either the word decides; the
    /// words of a job that goes on, `completed` and unknown ones then mean that the outcome has not arrived yet.
    #[must_use]
    pub fn final_verdict(&self) -> Verdict {
        let has_output = self.output.as_ref().is_some_and(has_content);
        match self.state {
            _ if !self.output_urls().is_empty() => Verdict::Succeeded,
            State::Succeeded if self.error.is_none() || has_output => Verdict::Succeeded,
            State::Cancelled => Verdict::Cancelled,
            _ if self.error.is_some() => Verdict::Failed,
            State::Failed => Verdict::Failed,
            State::Completed if has_output => Verdict::Succeeded,
            _ if has_output && self.state.sounds_successful() => Verdict::Succeeded,
            _ => Verdict::Unfinished,
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
        self.error.as_ref().map(envelope::words).filter(|text| !text.is_empty())
    }

    pub(crate) fn read(id: &RequestId, answer: Answer) -> Result<Self, Error> {
        let (is_cut, is_whole) = (answer.is_cut(), answer.is_whole());
        let Answer { mut object, mut warning, .. } = answer;
        let state = fields::state(&object);
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
            let text = envelope::message(&object);
            (failed && !text.is_empty()).then_some(Value::String(text))
        });
        let reply = Self {
            request_id: id.clone(),
            state,
            output,
            error,
            cost_usd: fields::number(&object, "cost"),
            created_at: fields::text(&object, "created_at"),
            finished_at: fields::text(&object, "finished_at"),
            warning,
        };
        // The output may be in the part that is missing, so that only what is there proves anything.
        let is_proven = match reply.final_verdict() {
            Verdict::Succeeded => reply.output.as_ref().is_some_and(has_content),
            Verdict::Failed => reply.error.is_some() && !is_cut,
            Verdict::Cancelled => false,
            Verdict::Unfinished => !reply.state.is_over() && !reply.state.sounds_over(),
        };
        if is_whole || is_proven {
            return Ok(reply);
        }
        let found = reply.warning.as_deref().unwrap_or("the answer is broken");
        Err(Error::new(Kind::Protocol, format!("{found}; its outcome is missing")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Call, GetResult, HttpHead, HttpReply};

    fn result(value: Value) -> ResultReply {
        let head = HttpHead { status: 200, ..HttpHead::default() };
        let reply = HttpReply::new(head, value.to_string().into());
        GetResult(&"id".parse().unwrap()).read(&reply).unwrap()
    }

    /// Each body with its verdict alone, and once the status is known to be terminal.
    #[test]
    fn content_decides_before_words() {
        use Verdict::{Cancelled, Failed, Succeeded, Unfinished};
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
            assert_eq!((reply.verdict(), reply.final_verdict()), (alone, at_last), "{value}");
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
