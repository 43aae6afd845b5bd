//! Numbers as JSON Schema reads them: `5.0` is the integer 5, and nothing is infinite.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::check;
use crate::fault::{self, NumberBounds};
use crate::{Pointer, Validate, Violation, Violations};

/// A finite number without further bounds.
///
/// ```
/// use kling_types::Number;
/// assert_eq!(Number::new(2.5)?.value(), 2.5);
/// assert!(Number::new(f64::NAN).is_err());
/// # Ok::<(), kling_types::Violation>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Number(f64);

impl Number {
    /// Takes a finite number.
    ///
    /// # Errors
    /// A violation with an empty pointer for NaN and the infinities.
    pub fn new(value: f64) -> Result<Self, Violation> {
        match fault::number(value, NumberBounds::default()) {
            None => Ok(Self(value)),
            Some(violation) => Err(violation),
        }
    }

    /// The number.
    #[must_use]
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl Validate for Number {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::number(value, NumberBounds::default(), at, out);
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(deserialize_float(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl TryFrom<f64> for Number {
    type Error = Violation;

    fn try_from(value: f64) -> Result<Self, Violation> {
        Self::new(value)
    }
}

impl TryFrom<f32> for Number {
    type Error = Violation;

    fn try_from(value: f32) -> Result<Self, Violation> {
        Self::new(value.into())
    }
}

impl From<i32> for Number {
    fn from(value: i32) -> Self {
        Self(value.into())
    }
}

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self(value.into())
    }
}

/// A 64-bit integer as JSON Schema reads one, so that `5.0` is 5; for leaf types with bounds on both sides.
///
/// Beyond 64 bits it is the nearest end of `i64`, which lies outside the bounds.
///
/// # Errors
/// That of the deserializer, for anything but a whole number.
pub fn deserialize_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    // Through `Number`, since that is the one reader that is right with and without `arbitrary_precision`.
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = check::whole(&number).ok_or_else(|| serde::de::Error::custom(check::not_whole(&number)))?;
    Ok(i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX }))
}

/// A double; for the fields of generated types.
///
/// # Errors
/// That of the deserializer, for anything but a number.
pub fn deserialize_float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    serde_json::Number::deserialize(deserializer).map(|number| check::float(&number))
}
