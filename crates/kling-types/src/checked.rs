//! Types that check raw JSON for themselves.

use serde_json::{Map, Value};

use crate::fault::{IntegerBounds, ItemBounds, TextBounds};
use crate::{Pointer, Violations, check};

/// A type that knows how to check raw JSON for itself.
pub trait Checked {
    /// Adds everything that is wrong with `value` to `out`.
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations);
}

impl Checked for String {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::text(value, TextBounds::default(), at, out);
    }
}

impl Checked for bool {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::boolean(value, at, out);
    }
}

impl Checked for i64 {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::integer(value, IntegerBounds::default(), at, out);
    }
}

impl<T: Checked> Checked for Vec<T> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::items(value, ItemBounds::default(), at, out, T::check_json);
    }
}

impl Checked for Value {
    fn check_json(_: &Value, _: &Pointer<'_>, _: &mut Violations) {}
}

impl Checked for Map<String, Value> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::object(value, at, out);
    }
}
