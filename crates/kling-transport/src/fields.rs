//! Single fields of an answer, read with tolerance: a number may come as text.

use serde_json::Value;

use crate::envelope::Object;
use crate::error_kind::Kind;
use crate::{Error, RequestId, State};

/// The `request_id`: a text, blanks around it aside, or a whole number.
pub(crate) fn request_id(object: &Object) -> Option<RequestId> {
    match object.get("request_id")? {
        Value::String(text) => id(text),
        Value::Number(number) if number.is_u64() => number.to_string().parse().ok(),
        _ => None,
    }
}

/// An id in a text. The words by which languages write an absent value are none.
pub(crate) fn id(text: &str) -> Option<RequestId> {
    let text = text.trim();
    let is_absent = ["null", "none", "nil", "undefined", "true", "false", "nan"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    if is_absent { None } else { text.parse().ok() }
}

/// The `status`, without which an answer says nothing of a job.
pub(crate) fn state(object: &Object) -> Result<State, Error> {
    let word = object.get("status").and_then(Value::as_str).filter(|word| !word.trim().is_empty());
    word.map(State::from).ok_or_else(|| Error::new(Kind::Protocol, "no status stands in it"))
}

/// A text.
pub(crate) fn text(object: &Object, key: &str) -> Option<String> {
    object.get(key).and_then(Value::as_str).map(str::to_owned)
}

/// A finite number, or one in text.
pub(crate) fn number(object: &Object, key: &str) -> Option<f64> {
    let value = object.get(key)?;
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|number| number.is_finite())
}

/// A number that counts, or one in text.
pub(crate) fn whole_number(object: &Object, key: &str) -> Option<u64> {
    let value = object.get(key)?;
    value.as_u64().or_else(|| value.as_str()?.trim().parse().ok())
}
