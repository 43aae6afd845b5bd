//! The checks that generated validators call, and that validation at run time calls too: one implementation of each.
//!
//! Each check looks at one JSON value, and adds what is wrong to a list; a value of the wrong type is judged no further.

mod object;

use serde_json::{Number, Value};

use crate::fault::{self, IntegerBounds, Integers, ItemBounds, NumberBounds, TextBounds};
use crate::wording::one_of;
use crate::words::{Bound, Message};
use crate::{Keyword, Pointer, Violation, Violations, media_ref};

pub use self::object::{
    additional, missing, object, optional, optional_by, properties, required, required_by, unknown_properties,
};

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

/// A string within bounds.
#[inline]
pub fn text(value: &Value, bounds: TextBounds, at: &Pointer<'_>, out: &mut Violations) {
    match value {
        Value::String(text) => report(fault::text(text, bounds), at, out),
        other => wrong_type(other, "a string", at, out),
    }
}

/// A string out of a list.
pub fn text_enum<S: AsRef<str>>(value: &Value, allowed: &[S], at: &Pointer<'_>, out: &mut Violations) {
    match value {
        Value::String(text) if allowed.iter().any(|one| one.as_ref() == text) => {}
        Value::String(text) => out.push(fault::not_in_texts(text, allowed).within(at)),
        other => wrong_type(other, fault::texts(allowed), at, out),
    }
}

/// An integer within bounds; `5.0` is the integer 5, as JSON Schema reads it.
#[inline]
pub fn integer(value: &Value, bounds: IntegerBounds, at: &Pointer<'_>, out: &mut Violations) {
    match value {
        Value::Number(number) => match whole(number) {
            // Named as it stands there: beyond 128 bits the integer is only the nearest one.
            Some(integer) => {
                let fault = fault::integer(integer, bounds);
                report(fault.map(|fault| fault.with_found(described_number(number))), at, out);
            }
            None => wrong_type(value, "an integer", at, out),
        },
        other => wrong_type(other, "an integer", at, out),
    }
}

/// An integer out of a list.
#[inline]
pub fn integer_enum(value: &Value, allowed: impl Integers, at: &Pointer<'_>, out: &mut Violations) {
    let integer = match value {
        Value::Number(number) => whole(number),
        _ => None,
    };
    match integer {
        Some(integer) => report(fault::integer_enum(integer, allowed), at, out),
        None => wrong_type(value, Message::OneOf(allowed.kept()), at, out),
    }
}

/// A finite number within bounds.
#[inline]
pub fn number(value: &Value, bounds: NumberBounds, at: &Pointer<'_>, out: &mut Violations) {
    match value {
        Value::Number(number) => report(fault::number(float(number), bounds), at, out),
        other => wrong_type(other, "a number", at, out),
    }
}

/// A number out of a list.
pub fn number_enum(value: &Value, allowed: &[f64], at: &Pointer<'_>, out: &mut Violations) {
    match value {
        Value::Number(number) => report(fault::number_enum(float(number), allowed), at, out),
        other => wrong_type(other, one_of(allowed.iter()), at, out),
    }
}

/// `true` or `false`.
#[inline]
pub fn boolean(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
    if !value.is_boolean() {
        wrong_type(value, "true or false", at, out);
    }
}

/// A media reference: an `https` URL or a `data:` URI.
#[inline]
pub fn media(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
    match value {
        Value::String(text) => {
            if let Some(found) = media_ref::fault(text) {
                no_reference(found, at, out);
            }
        }
        other => wrong_type(other, media_ref::ALLOWED, at, out),
    }
}

/// An array within bounds, each element checked by `item`.
pub fn items(
    value: &Value,
    bounds: ItemBounds,
    at: &Pointer<'_>,
    out: &mut Violations,
    mut item: impl FnMut(&Value, &Pointer<'_>, &mut Violations),
) {
    let Value::Array(elements) = value else { return wrong_type(value, "an array", at, out) };
    report(fault::items(elements.len(), bounds), at, out);
    for (index, element) in elements.iter().enumerate() {
        item(element, &at.index(index), out);
    }
}

/// The integer that a JSON number is, if it is one: `5.0` is 5. Beyond 128 bits it is the nearest end of `i128`, which
/// lies outside every bound that a schema of the provider states.
#[must_use]
pub fn whole(number: &Number) -> Option<i128> {
    let exact = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from));
    exact.or_else(|| {
        let float = float(number);
        // A cast from float to integer saturates.
        #[allow(clippy::cast_possible_truncation, reason = "the value is whole, and saturation is wanted")]
        (float.fract() == 0.0).then_some(float as i128)
    })
}

/// The violation of a number that is no integer.
pub(crate) fn not_whole(number: &Number) -> Violation {
    Violation::of(Keyword::Type, described_number(number), "an integer")
}

/// The nearest double of a JSON number. With serde_json's `arbitrary_precision` a number may have none.
pub(crate) fn float(number: &Number) -> f64 {
    let infinity = || if number.to_string().starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    number.as_f64().unwrap_or_else(infinity)
}

/// Adds what is wrong, seen from the place where it is.
#[inline]
fn report(fault: Option<Violation>, at: &Pointer<'_>, out: &mut Violations) {
    if let Some(fault) = fault {
        add(fault, at, out);
    }
}

/// Apart from the checks, which are the shorter for it where nothing is wrong.
#[inline(never)]
fn add(fault: Violation, at: &Pointer<'_>, out: &mut Violations) {
    out.push(fault.at(at));
}

#[cold]
fn no_reference(found: &'static str, at: &Pointer<'_>, out: &mut Violations) {
    out.push(Violation::placed(at, Keyword::MediaReference, found, media_ref::ALLOWED));
}

#[cold]
pub(crate) fn wrong_type(value: &Value, allowed: impl Into<Message>, at: &Pointer<'_>, out: &mut Violations) {
    out.push(Violation::placed(at, Keyword::Type, described(value), allowed));
}

#[inline]
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

#[inline]
fn described_number(number: &Number) -> Message {
    let float = || Message::Number(Bound::Exactly, float(number));
    number.as_i64().map_or_else(float, |integer| Message::Integer(Bound::Exactly, integer))
}
