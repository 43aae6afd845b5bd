//! Checks of JSON values, shared by generated validators and by validation at run time.
//!
//! Each check adds its violations to a list. A value of the wrong type is checked no further.

use serde_json::{Map, Number, Value};

use crate::bounds::{self, IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use crate::violation::{Message, one_of};
use crate::{Keyword, Pointer, Violation, Violations};

/// A type that can check raw JSON.
pub trait Validate {
    /// Adds every violation of `value` to `out`.
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations);
}

impl Validate for String {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        text(value, TextBounds::default(), at, out);
    }
}

impl Validate for bool {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        boolean(value, at, out);
    }
}

impl Validate for i64 {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        integer(value, IntegerBounds::default(), at, out);
    }
}

impl<T: Validate> Validate for Vec<T> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        items(value, ItemBounds::default(), at, out, T::check_json);
    }
}

impl Validate for Value {
    fn check_json(_: &Value, _: &Pointer<'_>, _: &mut Violations) {}
}

impl Validate for Map<String, Value> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        object(value, at, out);
    }
}

/// Runs one check over a whole document.
///
/// # Errors
/// Every violation that the check found.
pub fn document(
    value: &Value,
    check: impl FnOnce(&Value, &Pointer<'_>, &mut Violations),
) -> Result<(), Violations> {
    let mut out = Violations::new();
    check(value, &Pointer::ROOT, &mut out);
    out.into_result()
}

/// Checks a string against bounds.
#[inline]
pub fn text(value: &Value, bounds: TextBounds, at: &Pointer<'_>, out: &mut Violations) {
    match value {
        Value::String(text) => report(bounds.check(text), at, out),
        other => wrong_type(other, "a string", at, out),
    }
}

/// Checks that a string is one of a list.
pub fn text_enum<S: AsRef<str>>(value: &Value, allowed: &[S], at: &Pointer<'_>, out: &mut Violations) {
    match value {
        Value::String(text) if allowed.iter().any(|one| one.as_ref() == text) => {}
        Value::String(text) => out.push(bounds::not_in_texts(text, allowed).at(at)),
        other => wrong_type(other, bounds::texts(allowed), at, out),
    }
}

/// Checks an integer against bounds; `5.0` is the integer 5, as JSON Schema reads it.
#[inline]
pub fn integer(value: &Value, bounds: IntegerBounds, at: &Pointer<'_>, out: &mut Violations) {
    match value.as_number().and_then(whole) {
        // The number itself is named: beyond 128 bits the integer is only the nearest one.
        Some(whole) => {
            report(bounds.check(whole).map_err(|broken| broken.with_found(described(value))), at, out);
        }
        None => wrong_type(value, "an integer", at, out),
    }
}

/// Checks that an integer is one of a list.
#[inline]
pub fn integer_enum(value: &Value, allowed: &[i64], at: &Pointer<'_>, out: &mut Violations) {
    match value.as_number().and_then(whole) {
        Some(whole) if i64::try_from(whole).is_ok_and(|integer| allowed.contains(&integer)) => {}
        Some(whole) => out.push(bounds::not_in_integers(whole, allowed).at(at)),
        None => wrong_type(value, one_of(allowed), at, out),
    }
}

/// Checks a finite number against bounds.
#[inline]
pub fn number(value: &Value, bounds: NumberBounds, at: &Pointer<'_>, out: &mut Violations) {
    match value {
        Value::Number(number) => report(bounds.check(float(number)), at, out),
        other => wrong_type(other, "a number", at, out),
    }
}

/// Checks that a number is one of a list.
pub fn number_enum(value: &Value, allowed: &[f64], at: &Pointer<'_>, out: &mut Violations) {
    match value.as_number().map(float) {
        Some(number) if allowed.contains(&number) => {}
        Some(number) => out.push(bounds::not_in_numbers(number, allowed).at(at)),
        None => wrong_type(value, one_of(allowed), at, out),
    }
}

/// Checks that a value is `true` or `false`.
#[inline]
pub fn boolean(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
    if !value.is_boolean() {
        wrong_type(value, "true or false", at, out);
    }
}

/// Checks an array against bounds, and each element by `item`.
pub fn items(
    value: &Value,
    bounds: ItemBounds,
    at: &Pointer<'_>,
    out: &mut Violations,
    mut item: impl FnMut(&Value, &Pointer<'_>, &mut Violations),
) {
    let Value::Array(elements) = value else { return wrong_type(value, "an array", at, out) };
    report(bounds.check(elements.len()), at, out);
    for (index, element) in elements.iter().enumerate() {
        item(element, &at.index(index), out);
    }
}

/// Finds the properties of an object by `position`, and returns the value of each in the order of the schema.
///
/// If `known` is given, a property that `position` does not know is a violation.
pub fn properties<'v, const N: usize>(
    value: &'v Value,
    position: impl Fn(&str) -> Option<usize>,
    known: Option<&[&str]>,
    at: &Pointer<'_>,
    out: &mut Violations,
) -> Option<[Option<&'v Value>; N]> {
    let object = object(value, at, out)?;
    let mut found = [None; N];
    let mut has_unknown = false;
    for (key, value) in object {
        match position(key).and_then(|index| found.get_mut(index)) {
            Some(slot) => *slot = Some(value),
            None => has_unknown = true,
        }
    }
    if let (Some(known), true) = (known, has_unknown) {
        unknown_properties(object, known, at, out);
    }
    Some(found)
}

/// Checks an optional property. Its key has a slash before it, as in [`Pointer::property`].
#[inline]
pub fn optional(
    value: Option<&Value>,
    slash_key: &'static str,
    at: &Pointer<'_>,
    out: &mut Violations,
    check: impl FnOnce(&Value, &Pointer<'_>, &mut Violations),
) {
    if let Some(value) = value {
        check(value, &at.property(slash_key), out);
    }
}

/// Checks a required property. Its key has a slash before it, as in [`Pointer::property`].
#[inline]
pub fn required(
    value: Option<&Value>,
    slash_key: &'static str,
    at: &Pointer<'_>,
    out: &mut Violations,
    check: impl FnOnce(&Value, &Pointer<'_>, &mut Violations),
) {
    match value {
        Some(value) => check(value, &at.property(slash_key), out),
        None => missing(&at.property(slash_key), out),
    }
}

/// Checks that a value is an object.
pub fn object<'v>(
    value: &'v Value,
    at: &Pointer<'_>,
    out: &mut Violations,
) -> Option<&'v Map<String, Value>> {
    let object = value.as_object();
    if object.is_none() {
        wrong_type(value, "an object", at, out);
    }
    object
}

/// Reports every property of `object` that is not in `known`, with the nearest known name. Violations are sorted by name, since
/// the order of a JSON object depends on its reader.
pub fn unknown_properties<S: AsRef<str>>(
    object: &Map<String, Value>,
    known: &[S],
    at: &Pointer<'_>,
    out: &mut Violations,
) {
    let names = || known.iter().map(S::as_ref);
    let accepted = match known {
        [] => "no properties".to_owned(),
        _ => names().collect::<Vec<_>>().join(", "),
    };
    for key in unknown_names(object, known) {
        let violation = Violation::of(Keyword::AdditionalProperties, "an unknown property", accepted.clone());
        out.push(violation.with_nearest(key, names()).at(&at.key(key)));
    }
}

/// Checks every property of an object that is not in `known`, sorted by name. A value that is no object passes.
pub fn additional<S: AsRef<str>>(
    value: &Value,
    known: &[S],
    at: &Pointer<'_>,
    out: &mut Violations,
    mut check: impl FnMut(&Value, &Pointer<'_>, &mut Violations),
) {
    let Value::Object(object) = value else { return };
    for key in unknown_names(object, known) {
        check(&object[key], &at.key(key), out);
    }
}

/// The names of properties that are not in `known`, sorted.
fn unknown_names<'v, S: AsRef<str>>(object: &'v Map<String, Value>, known: &[S]) -> Vec<&'v str> {
    let is_known = |key: &str| known.iter().any(|name| name.as_ref() == key);
    let mut names: Vec<&str> = object.keys().map(String::as_str).filter(|key| !is_known(key)).collect();
    names.sort_unstable();
    names
}

/// Reports a missing property.
pub fn missing(at: &Pointer<'_>, out: &mut Violations) {
    out.push(bounds::missing().at(at));
}

/// Returns the integer that a JSON number is, if it is whole: `5.0` is 5. Beyond 128 bits the result is the nearest end of
/// `i128`, which is outside every bound that a schema of the provider states.
#[inline]
pub fn whole(number: &Number) -> Option<i128> {
    let exact = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    exact.or_else(|| {
        let float = float(number);
        // A cast from float to integer saturates.
        #[allow(clippy::cast_possible_truncation, reason = "the value is whole, and saturation is wanted")]
        (float.fract() == 0.0).then_some(float as i128)
    })
}

/// The violation of a number that is not whole.
pub(crate) fn not_whole(number: &Number) -> Violation {
    Violation::of(Keyword::Type, described_number(number), "an integer")
}

/// The nearest double of a JSON number. With serde_json's `arbitrary_precision` there may be none.
#[inline]
pub(crate) fn float(number: &Number) -> f64 {
    let infinity = || if number.to_string().starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    number.as_f64().unwrap_or_else(infinity)
}

#[inline]
fn report(result: Result<(), Violation>, at: &Pointer<'_>, out: &mut Violations) {
    if let Err(violation) = result {
        out.push(violation.at(at));
    }
}

#[cold]
pub(crate) fn wrong_type(value: &Value, allowed: impl Into<Message>, at: &Pointer<'_>, out: &mut Violations) {
    out.push(Violation::of(Keyword::Type, described(value), allowed).at(at));
}

/// The kind of a value, or the value itself if it is short and no text.
pub(crate) fn described(value: &Value) -> Message {
    match value {
        Value::Array(_) => "an array".into(),
        Value::Bool(true) => "true".into(),
        Value::Bool(false) => "false".into(),
        Value::Null => "null".into(),
        Value::Number(number) => described_number(number),
        Value::Object(_) => "an object".into(),
        Value::String(_) => "a string".into(),
    }
}

fn described_number(number: &Number) -> Message {
    number
        .as_i64()
        .map_or_else(|| Message::number("", float(number)), |integer| Message::Integer("", integer))
}
