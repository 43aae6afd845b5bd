//! Bounds of the schema, each stated and checked once.
//!
//! Leaf types check them when a value is made. The checks of raw JSON check them once the type is right, so typed and raw input
//! cannot disagree. Every violation made here has an empty pointer, since the caller knows the place.

use std::fmt::Display;

use crate::violation::{Message, Unit, one_of, quoted};
use crate::{Keyword, Violation};

/// The length of a string, in Unicode scalar values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TextBounds {
    /// `minLength`
    pub min: Option<u64>,
    /// `maxLength`
    pub max: Option<u64>,
}

/// The range of an integer. Schemas state bounds beyond 64 bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IntegerBounds {
    /// `minimum`
    pub min: Option<i128>,
    /// `maximum`
    pub max: Option<i128>,
}

/// The range of a finite number.
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

/// The number of elements of an array.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemBounds {
    /// `minItems`
    pub min: Option<u64>,
    /// `maxItems`
    pub max: Option<u64>,
}

impl TextBounds {
    /// Checks the length of a text.
    ///
    /// # Errors
    /// A violation if the text is too short or too long.
    #[inline]
    pub fn check(self, text: &str) -> Result<(), Violation> {
        // A text has no more characters than bytes, and at least a quarter as many: most texts need no counting.
        let bytes = text.len() as u64;
        if self.max.is_none_or(|max| bytes <= max) && self.min.is_none_or(|min| bytes.div_ceil(4) >= min) {
            return Ok(());
        }
        let count = bytecount::num_chars(text.as_bytes()) as u64;
        check_count(count, self.min, self.max, Unit::Character, [Keyword::MinLength, Keyword::MaxLength])
    }
}

impl IntegerBounds {
    /// Checks an integer.
    ///
    /// # Errors
    /// A violation if the integer is out of range.
    #[inline]
    pub fn check(self, integer: i128) -> Result<(), Violation> {
        let broken = |keyword, bound, limit| {
            Err(Violation::of(keyword, Message::integer("", integer), Message::integer(bound, limit)))
        };
        match self {
            Self { min: Some(min), .. } if integer < min => broken(Keyword::Minimum, "at least ", min),
            Self { max: Some(max), .. } if integer > max => broken(Keyword::Maximum, "at most ", max),
            _ => Ok(()),
        }
    }

    /// Whether `i64` holds every integer within the bounds, and one more on either side, so that a saturated integer is out of
    /// range.
    pub fn fits_i64(&self) -> bool {
        let is_within = |bound: i128| i128::from(i64::MIN) < bound && bound < i128::from(i64::MAX);
        self.min.is_some_and(is_within) && self.max.is_some_and(is_within)
    }
}

impl NumberBounds {
    /// Any finite number.
    pub const NONE: Self = Self { min: None, max: None, above: None, below: None };

    /// Checks a number.
    ///
    /// # Errors
    /// A violation if the number is out of range, infinite or NaN.
    #[inline]
    pub fn check(self, number: f64) -> Result<(), Violation> {
        let broken = |keyword, bound, limit| {
            Err(Violation::of(keyword, Message::number("", number), Message::number(bound, limit)))
        };
        let not_finite = |found: &'static str| Err(Violation::of(Keyword::Type, found, "a finite number"));
        match self {
            _ if number.is_nan() => not_finite("NaN"),
            Self { min: Some(min), .. } if number < min => broken(Keyword::Minimum, "at least ", min),
            Self { max: Some(max), .. } if number > max => broken(Keyword::Maximum, "at most ", max),
            Self { above: Some(above), .. } if number <= above => {
                broken(Keyword::ExclusiveMinimum, "more than ", above)
            }
            Self { below: Some(below), .. } if number >= below => {
                broken(Keyword::ExclusiveMaximum, "less than ", below)
            }
            _ if number.is_infinite() => not_finite("infinity"),
            _ => Ok(()),
        }
    }
}

impl ItemBounds {
    /// Checks the length of an array.
    ///
    /// # Errors
    /// A violation if the array is too short or too long.
    #[inline]
    pub fn check(self, length: usize) -> Result<(), Violation> {
        let keywords = [Keyword::MinItems, Keyword::MaxItems];
        check_count(length as u64, self.min, self.max, Unit::Element, keywords)
    }
}

fn check_count(
    count: u64,
    min: Option<u64>,
    max: Option<u64>,
    unit: Unit,
    [too_few, too_many]: [Keyword; 2],
) -> Result<(), Violation> {
    let broken = |keyword, bound, limit| {
        Err(Violation::of(keyword, Message::Count("", count, unit), Message::Count(bound, limit, unit)))
    };
    match (min, max) {
        (Some(min), _) if count < min => broken(too_few, "at least ", min),
        (_, Some(max)) if count > max => broken(too_many, "at most ", max),
        _ => Ok(()),
    }
}

/// The violation of a missing property.
pub fn missing() -> Violation {
    Violation::of(Keyword::Required, "nothing", "a value")
}

/// The violation of an integer outside a list.
pub fn not_in_integers(integer: i128, allowed: &[i64]) -> Violation {
    not_in(Message::integer("", integer), allowed)
}

/// The violation of a number outside a list.
pub fn not_in_numbers(number: f64, allowed: &[f64]) -> Violation {
    not_in(Message::number("", number), allowed)
}

fn not_in(found: Message, allowed: &[impl Display]) -> Violation {
    Violation::of(Keyword::Enum, found, one_of(allowed))
}

/// The violation of a text outside a list, with the nearest text of the list.
pub fn not_in_texts<S: AsRef<str>>(text: &str, allowed: &[S]) -> Violation {
    let violation = Violation::of(Keyword::Enum, quoted(text), texts(allowed));
    violation.with_nearest(text, allowed.iter().map(S::as_ref))
}

/// The texts of a list, as the expected value.
pub(crate) fn texts<S: AsRef<str>>(allowed: &[S]) -> String {
    let quoted: Vec<String> = allowed.iter().map(|text| quoted(text.as_ref())).collect();
    one_of(&quoted)
}
