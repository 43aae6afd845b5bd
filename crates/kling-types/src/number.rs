//! Numbers as JSON Schema reads them: `5.0` is the integer 5, and every number is finite.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::bounds::{IntegerBounds, NumberBounds};
use crate::check::{self, described, not_whole};
use crate::{Keyword, Pointer, Validate, Violation, Violations};

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

/// An integer of any size, as JSON Schema reads one: `5.0` is 5, and `1e300` is an integer too.
///
/// The type of a property whose schema leaves one end open. A number beyond 64 bits is sent as it was given.
///
/// ```
/// use kling_types::Integer;
/// assert_eq!(Integer::from(5), serde_json::from_str("5.0")?);
/// let huge: Integer = serde_json::from_str("1e300")?;
/// assert_eq!((huge.as_i64(), huge.as_number().as_f64()), (None, Some(1e300)));
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Integer(serde_json::Number);

impl Number {
    /// Takes a finite number.
    ///
    /// # Errors
    /// A violation with an empty pointer for NaN and infinity.
    pub fn new(value: f64) -> Result<Self, Violation> {
        NumberBounds::NONE.check(value).map(|()| Self(value))
    }

    /// The number.
    pub const fn value(self) -> f64 {
        self.0
    }
}

impl Integer {
    /// Takes a whole number.
    ///
    /// # Errors
    /// A violation with an empty pointer for any other number.
    pub fn new(number: serde_json::Number) -> Result<Self, Violation> {
        let whole = check::whole(&number).ok_or_else(|| not_whole(&number))?;
        // One spelling for each integer, so that `5.0` equals 5.
        let exact = i64::try_from(whole).map(Into::into).or_else(|_| u64::try_from(whole).map(Into::into));
        Ok(Self(exact.unwrap_or(number)))
    }

    /// The integer, if it fits into 64 bits.
    pub fn as_i64(&self) -> Option<i64> {
        self.0.as_i64()
    }

    /// The integer as JSON holds it.
    pub const fn as_number(&self) -> &serde_json::Number {
        &self.0
    }

    /// Checks the integer against bounds.
    #[doc(hidden)]
    pub fn check(&self, bounds: IntegerBounds) -> Result<(), Violation> {
        check::whole(&self.0).map_or(Ok(()), |whole| bounds.check(whole))
    }
}

impl Validate for Number {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::number(value, NumberBounds::NONE, at, out);
    }
}

impl Validate for Integer {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::integer(value, IntegerBounds::default(), at, out);
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(deserialize_float(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(serde_json::Number::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

crate::__try_from!(Number: f64);
crate::__try_from!(Number: f32 => |value| Self::new(value.into()));

macro_rules! from_numbers {
    ($name:ident: $($from:ty)+) => {
        $(impl From<$from> for $name {
            fn from(value: $from) -> Self {
                Self(value.into())
            }
        })+
    };
}

from_numbers!(Number: i32 u32);
from_numbers!(Integer: i8 i16 i32 i64 isize u8 u16 u32 u64 usize);

/// Reads an integer of 64 bits as JSON Schema does, so that `5.0` is 5. Used by leaf types with bounds on both sides.
///
/// An integer beyond 64 bits is read as the nearest end of `i64`, which is out of range.
///
/// # Errors
/// That of the deserializer, for any value but a whole number.
pub fn deserialize_integer<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    // `Number` is the one reader that is right with and without `arbitrary_precision`.
    let number = serde_json::Number::deserialize(deserializer)?;
    let whole = check::whole(&number).ok_or_else(|| serde::de::Error::custom(not_whole(&number)))?;
    Ok(i64::try_from(whole).unwrap_or(if whole < 0 { i64::MIN } else { i64::MAX }))
}

/// Reads a double.
///
/// # Errors
/// That of the deserializer, for any value but a number.
pub fn deserialize_float<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    serde_json::Number::deserialize(deserializer).map(|number| check::float(&number))
}

/// Converts an integer of any width for a leaf type `T`, all of whose values fit into 64 bits.
///
/// # Errors
/// The violation of `T` for a wider integer.
pub fn narrow<T: Validate, N: TryInto<i64> + Into<Value> + Copy>(integer: N) -> Result<i64, Violation> {
    integer.try_into().map_err(|_| {
        let value = integer.into();
        let found = check::document(&value, T::check_json).err().and_then(|found| found.into_iter().next());
        found.unwrap_or_else(|| Violation::of(Keyword::Type, described(&value), "an integer of 64 bits"))
    })
}
