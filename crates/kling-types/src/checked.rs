//! Types that check raw JSON for themselves.

use serde_json::{Map, Value};

use crate::fault::{IntegerBounds, ItemBounds, TextBounds};
use crate::{Pointer, Violations, check};

/// A type that knows how to check raw JSON for itself.
pub trait Validate {
    /// Adds everything that is wrong with `value` to `out`.
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations);
}

impl Validate for String {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::text(value, TextBounds::default(), at, out);
    }
}

impl Validate for bool {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::boolean(value, at, out);
    }
}

impl Validate for i64 {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::integer(value, IntegerBounds::default(), at, out);
    }
}

impl<T: Validate> Validate for Vec<T> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::items(value, ItemBounds::default(), at, out, T::check_json);
    }
}

impl Validate for Value {
    fn check_json(_: &Value, _: &Pointer<'_>, _: &mut Violations) {}
}

impl Validate for Map<String, Value> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::object(value, at, out);
    }
}
