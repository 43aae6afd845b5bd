//! What is wrong with a value of the right type: the bounds of the schema, each stated and checked once.
//!
//! Leaf types call these when they are made, and the checks of raw JSON when they have found the right type, so the two
//! paths cannot disagree. Every violation made here has an empty pointer: the caller knows the place.

use std::borrow::Cow;

use crate::wording::{advise, one_of, quoted};
use crate::words::{Bound, Message, Unit};
use crate::{Keyword, Violation};

/// How long a string may be, in Unicode scalar values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextBounds {
    /// `minLength`
    pub min: Option<u64>,
    /// `maxLength`
    pub max: Option<u64>,
}

/// Where an integer may lie; wider than 64 bits, since schemas state bounds that are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntegerBounds {
    /// `minimum`
    pub min: Option<i128>,
    /// `maximum`
    pub max: Option<i128>,
}

/// Where a number may lie; it is always finite.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct NumberBounds {
    /// `minimum`
    pub min: Option<f64>,
    /// `maximum`
    pub max: Option<f64>,
    /// `exclusiveMinimum`
    pub above: Option<f64>,
    /// `exclusiveMaximum`
    pub below: Option<f64>,
}

impl IntegerBounds {
    /// Whether 64 bits hold every integer within the bounds, and more on either side: what is wider shows as lying outside.
    #[must_use]
    pub fn fits_i64(&self) -> bool {
        let is_within = |bound: i128| i128::from(i64::MIN) < bound && bound < i128::from(i64::MAX);
        self.min.is_some_and(is_within) && self.max.is_some_and(is_within)
    }
}

impl NumberBounds {
    /// Any finite number.
    pub const NONE: Self = Self { min: None, max: None, above: None, below: None };
}

/// How many elements an array may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemBounds {
    /// `minItems`
    pub min: Option<u64>,
    /// `maxItems`
    pub max: Option<u64>,
}

/// The violation of a missing property.
#[must_use]
pub fn missing() -> Violation {
    Violation::of(Keyword::Required, "nothing", "a value, since the model requires it")
}

/// What is wrong with the length of a text.
#[inline]
#[must_use]
pub fn text(text: &str, bounds: TextBounds) -> Option<Violation> {
    // A text has no more characters than bytes, and at least a quarter as many: most texts need no counting.
    let bytes = text.len() as u64;
    if bounds.max.is_none_or(|max| bytes <= max) && bounds.min.is_none_or(|min| bytes.div_ceil(4) >= min) {
        return None;
    }
    counted_text(text, bounds)
}

fn counted_text(text: &str, bounds: TextBounds) -> Option<Violation> {
    let chars = bytecount::num_chars(text.as_bytes()) as u64;
    size_fault(chars, bounds.min, bounds.max, Unit::Character, [Keyword::MinLength, Keyword::MaxLength])
}

/// What is wrong with the length of an array.
#[inline]
#[must_use]
pub fn items(len: usize, bounds: ItemBounds) -> Option<Violation> {
    size_fault(len as u64, bounds.min, bounds.max, Unit::Element, [Keyword::MinItems, Keyword::MaxItems])
}

/// What is wrong with an integer.
#[inline]
#[must_use]
pub fn integer(integer: i128, bounds: IntegerBounds) -> Option<Violation> {
    let fault = |keyword, bound, limit| {
        let found = Message::integer(Bound::Exactly, integer);
        Violation::of(keyword, found, Message::integer(bound, limit))
    };
    match bounds {
        IntegerBounds { min: Some(min), .. } if integer < min => {
            Some(fault(Keyword::Minimum, Bound::AtLeast, min))
        }
        IntegerBounds { max: Some(max), .. } if integer > max => {
            Some(fault(Keyword::Maximum, Bound::AtMost, max))
        }
        _ => None,
    }
}

/// Integers of which one is allowed: those of a schema that was compiled in are not copied, when one of them is missed.
pub trait Integers: AsRef<[i64]> {
    /// The same integers, for as long as a violation is kept.
    fn kept(self) -> Cow<'static, [i64]>;
}

impl Integers for &'static [i64] {
    fn kept(self) -> Cow<'static, [i64]> {
        Cow::Borrowed(self)
    }
}

impl<const N: usize> Integers for &'static [i64; N] {
    fn kept(self) -> Cow<'static, [i64]> {
        Cow::Borrowed(self)
    }
}

impl Integers for &Vec<i64> {
    fn kept(self) -> Cow<'static, [i64]> {
        Cow::Owned(self.clone())
    }
}

/// What is wrong with an integer that has to be one of a list.
#[inline]
#[must_use]
pub fn integer_enum(integer: i128, allowed: impl Integers) -> Option<Violation> {
    let is_allowed = i64::try_from(integer).is_ok_and(|integer| allowed.as_ref().contains(&integer));
    (!is_allowed).then(|| not_in_integers(integer, allowed))
}

/// The violation of an integer that is in no list.
#[cold]
#[must_use]
pub fn not_in_integers(integer: i128, allowed: impl Integers) -> Violation {
    let found = Message::integer(Bound::Exactly, integer);
    Violation::of(Keyword::Enum, found, Message::OneOf(allowed.kept()))
}

/// The violation of a text that is in no list, with the nearest that is.
#[must_use]
pub fn not_in_texts<S: AsRef<str>>(text: &str, allowed: &[S]) -> Violation {
    let violation = Violation::new("", Keyword::Enum, quoted(text), texts(allowed));
    advise(violation, text, allowed.iter().map(S::as_ref))
}

/// The texts of a list, as what is allowed.
pub(crate) fn texts<S: AsRef<str>>(allowed: &[S]) -> String {
    one_of(allowed.iter().map(|text| quoted(text.as_ref())))
}

/// What is wrong with a number.
#[inline]
#[must_use]
pub fn number(number: f64, bounds: NumberBounds) -> Option<Violation> {
    let fault = |keyword, bound, limit| {
        Violation::of(keyword, Message::Number(Bound::Exactly, number), Message::Number(bound, limit))
    };
    match bounds {
        _ if number.is_nan() => Some(Violation::new("", Keyword::Type, "not a number", "a finite number")),
        NumberBounds { min: Some(min), .. } if number < min => {
            Some(fault(Keyword::Minimum, Bound::AtLeast, min))
        }
        NumberBounds { max: Some(max), .. } if number > max => {
            Some(fault(Keyword::Maximum, Bound::AtMost, max))
        }
        NumberBounds { above: Some(above), .. } if number <= above => {
            Some(fault(Keyword::ExclusiveMinimum, Bound::Above, above))
        }
        NumberBounds { below: Some(below), .. } if number >= below => {
            Some(fault(Keyword::ExclusiveMaximum, Bound::Below, below))
        }
        _ if number.is_infinite() => Some(Violation::new("", Keyword::Type, "infinity", "a finite number")),
        _ => None,
    }
}

/// What is wrong with a number that has to be one of a list.
#[inline]
#[must_use]
pub fn number_enum(number: f64, allowed: &[f64]) -> Option<Violation> {
    (!allowed.contains(&number)).then(|| not_in_numbers(number, allowed))
}

/// The violation of a number that is in no list.
#[must_use]
pub fn not_in_numbers(number: f64, allowed: &[f64]) -> Violation {
    let found = Message::Number(Bound::Exactly, number);
    Violation::of(Keyword::Enum, found, one_of(allowed.iter()))
}

fn size_fault(
    size: u64,
    min: Option<u64>,
    max: Option<u64>,
    unit: Unit,
    [too_few, too_many]: [Keyword; 2],
) -> Option<Violation> {
    let fault = |keyword, bound, limit| {
        Violation::of(keyword, Message::Size(Bound::Exactly, size, unit), Message::Size(bound, limit, unit))
    };
    match (min, max) {
        (Some(min), _) if size < min => Some(fault(too_few, Bound::AtLeast, min)),
        (_, Some(max)) if size > max => Some(fault(too_many, Bound::AtMost, max)),
        _ => None,
    }
}
