//! The answer to a call about a job, as far as it can be read: the one reading that submit, status, result and cancel share.

use kling_types::output::urls;
use serde_json::Value;

use crate::envelope::{self, Object};
use crate::lenient::{self, Damage};
use crate::{HttpReply, Span, State, excerpt, fields};

/// An answer that was paid for: an object, and what was wrong with it.
///
/// The answer to a paid request may be the only one that names the job or its output. Broken JSON is repaired, members of a
/// torn answer are salvaged, and [`Answer::warning`] says so to the caller and to `tracing`.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) object: Object,
    damage: Option<Damage>,
    /// What was wrong with the answer, as one line.
    pub(crate) warning: Option<Box<str>>,
}

impl Answer {
    /// Reads an answer; nothing if it holds no object of the API.
    pub(crate) fn read(reply: &HttpReply) -> Option<Self> {
        let reading = lenient::read(&reply.body)?;
        let warning = warning(reply, reading.damage.as_ref());
        if let Some(warning) = &warning {
            Span::current().text("warning", warning);
        }
        Some(Self { object: reading.object, damage: reading.damage, warning })
    }

    /// Whether the answer is known to hold all its members, so that a missing one proves something.
    pub(crate) fn is_whole(&self) -> bool {
        self.damage.as_ref().is_none_or(|damage| !damage.may_lack_members())
    }

    /// Whether the answer ends too early.
    pub(crate) fn is_cut(&self) -> bool {
        self.damage.as_ref().is_some_and(|damage| damage.is_cut)
    }

    /// The `status`, if there is one.
    pub(crate) fn state(&self) -> Option<State> {
        fields::state(&self.object).ok()
    }

    /// Whether the output names a file.
    pub(crate) fn has_output_url(&self) -> bool {
        self.object.get("output").is_some_and(|output| !urls(&[output]).is_empty())
    }

    /// Whether the answer names an error.
    pub(crate) fn complains(&self) -> bool {
        envelope::code(&self.object).is_some() || !envelope::message(&self.object).is_empty()
    }

    /// Whether the answer is a part of another text, such as a page.
    pub(crate) fn is_embedded(&self) -> bool {
        self.damage.as_ref().is_some_and(|damage| damage.is_embedded)
    }
}

/// What was wrong with an answer, in one line.
fn warning(reply: &HttpReply, damage: Option<&Damage>) -> Option<Box<str>> {
    let coding = reply.head.content_encoding.as_deref().map(str::trim);
    let coding = coding.filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"));
    let faults = [
        coding.map(|coding| format!("it was compressed ({coding}), which was not asked for")),
        reply.broken_off.as_deref().map(|cause| format!("it broke off: {cause}")),
        damage.map(|damage| format!("it is no valid JSON: {}", damage.note)),
    ];
    let faults: Vec<String> = faults.into_iter().flatten().collect();
    (!faults.is_empty()).then(|| excerpt::of(&format!("the answer is broken: {}", faults.join("; "))).into())
}

/// Whether a value says anything: no null, no blank text, no number 0, no `false`, and no collection of such.
pub(crate) fn has_content(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(elements) => elements.iter().any(has_content),
        Value::Object(members) => members.values().any(has_content),
    }
}
