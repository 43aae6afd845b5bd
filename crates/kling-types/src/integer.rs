//! Integers without an end: as wide as JSON, and exactly what was given.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Number, Value};

use crate::fault::{self, IntegerBounds};
use crate::{Pointer, Validate, Violation, Violations, check};

/// An integer of any size, as JSON Schema reads one: `5.0` is 5, and `1e300` is an integer too.
///
/// It stands where a schema leaves one end open. Typed and raw input agree on every number, and a number beyond 64 bits
/// goes out as it came in; [`as_i64`](Self::as_i64) says whether it fits.
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
pub struct Integer(Number);

impl Integer {
    /// Takes a number that is whole.
    ///
    /// # Errors
    /// A violation with an empty pointer for any other number.
    pub fn new(number: Number) -> Result<Self, Violation> {
        let Some(whole) = check::whole(&number) else {
            return Err(check::not_whole(&number));
        };
        // One spelling for each integer, so that `5.0` equals 5.
        let exact =
            i64::try_from(whole).map(Number::from).or_else(|_| u64::try_from(whole).map(Number::from));
        Ok(Self(exact.unwrap_or(number)))
    }

    /// The integer, where it fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        self.0.as_i64()
    }

    /// The integer as JSON holds it.
    #[must_use]
    pub const fn as_number(&self) -> &Number {
        &self.0
    }

    /// What is wrong with it under these bounds.
    #[doc(hidden)]
    #[must_use]
    pub fn fault(&self, bounds: IntegerBounds) -> Option<Violation> {
        check::whole(&self.0).and_then(|whole| fault::integer(whole, bounds))
    }
}

impl Validate for Integer {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::integer(value, IntegerBounds::default(), at, out);
    }
}

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Number::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

macro_rules! from_integers {
    ($($width:ty)+) => {
        $(impl From<$width> for Integer {
            fn from(value: $width) -> Self {
                Self(value.into())
            }
        })+
    };
}

from_integers!(i8 i16 i32 i64 isize u8 u16 u32 u64 usize);
