//! Single fields of an answer, read with tolerance: a number may come as text.

use serde_json::Value;

use crate::envelope::Object;
use crate::error_kind::Kind;
use crate::{Error, State};

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
