//! The checks of objects: which properties are there, and which should not be.

use serde_json::{Map, Value};

use super::wrong_type;
use crate::wording::{advise, listed};
use crate::{Keyword, Pointer, PropertyName, Validate, Violation, Violations, fault};

/// An object whose properties are found by `position`: returns the value of each, in the order of the schema.
///
/// Properties that `position` does not know are refused where `known` is given, each with the nearest of those names.
pub fn properties<'v, const N: usize>(
    value: &'v Value,
    position: impl Fn(&str) -> Option<usize>,
    known: Option<&[&str]>,
    at: &Pointer<'_>,
    out: &mut Violations,
) -> Option<[Option<&'v Value>; N]> {
    let object = object(value, at, out)?;
    let mut found = [None; N];
    let mut strangers = 0_usize;
    for (key, value) in object {
        match position(key).and_then(|index| found.get_mut(index)) {
            Some(slot) => *slot = Some(value),
            None => strangers += 1,
        }
    }
    if let (Some(known), true) = (known, strangers > 0) {
        unknown_properties(object, known, at, out);
    }
    Some(found)
}

/// Checks a property that may be left out.
#[inline]
pub fn optional<T: Validate>(
    value: Option<&Value>,
    name: PropertyName,
    at: &Pointer<'_>,
    out: &mut Violations,
) {
    optional_by(value, name, at, out, T::check_json);
}

/// Checks a property that has to be there.
#[inline]
pub fn required<T: Validate>(
    value: Option<&Value>,
    name: PropertyName,
    at: &Pointer<'_>,
    out: &mut Violations,
) {
    required_by(value, name, at, out, T::check_json);
}

/// Checks a property that may be left out, by a check that no type stands for.
#[inline]
pub fn optional_by(
    value: Option<&Value>,
    name: PropertyName,
    at: &Pointer<'_>,
    out: &mut Violations,
    check: impl FnOnce(&Value, &Pointer<'_>, &mut Violations),
) {
    if let Some(value) = value {
        check(value, &at.property(name), out);
    }
}

/// Checks a property that has to be there, by a check that no type stands for.
#[inline]
pub fn required_by(
    value: Option<&Value>,
    name: PropertyName,
    at: &Pointer<'_>,
    out: &mut Violations,
    check: impl FnOnce(&Value, &Pointer<'_>, &mut Violations),
) {
    match value {
        Some(value) => check(value, &at.property(name), out),
        None => missing(&at.property(name), out),
    }
}

/// An object, whatever is in it.
pub fn object<'v>(
    value: &'v Value,
    at: &Pointer<'_>,
    out: &mut Violations,
) -> Option<&'v Map<String, Value>> {
    match value {
        Value::Object(object) => Some(object),
        other => {
            wrong_type(other, "an object", at, out);
            None
        }
    }
}

/// Refuses every property of `object` that is not in `known`, with the nearest name that is; sorted by name, since the
/// order of a JSON object depends on how it was read.
pub fn unknown_properties<S: AsRef<str>>(
    object: &Map<String, Value>,
    known: &[S],
    at: &Pointer<'_>,
    out: &mut Violations,
) {
    for key in strangers(object, known) {
        let names = known.iter().map(S::as_ref);
        let allowed = listed("the properties ", names.clone(), "and");
        let found = "a property that the model does not have";
        let violation = Violation::placed(&at.key(key), Keyword::AdditionalProperties, found, allowed);
        out.push(advise(violation, key, names));
    }
}

/// Checks every property of an object that is not in `known`, sorted by name as strangers are; anything but an object passes.
pub fn additional<S: AsRef<str>>(
    value: &Value,
    known: &[S],
    at: &Pointer<'_>,
    out: &mut Violations,
    mut check: impl FnMut(&Value, &Pointer<'_>, &mut Violations),
) {
    let Value::Object(object) = value else { return };
    for key in strangers(object, known) {
        check(&object[key], &at.key(key), out);
    }
}

/// The names of properties that are not in `known`, sorted.
fn strangers<'v, S: AsRef<str>>(object: &'v Map<String, Value>, known: &[S]) -> Vec<&'v str> {
    let is_known = |key: &str| known.iter().any(|name| name.as_ref() == key);
    let mut strangers: Vec<&str> = object.keys().map(String::as_str).filter(|key| !is_known(key)).collect();
    strangers.sort_unstable();
    strangers
}

/// Says that a property is missing.
pub fn missing(at: &Pointer<'_>, out: &mut Violations) {
    out.push(fault::missing().at(at));
}
