//! Arrays that are as long as the schema allows.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::check;
use crate::fault::{self, ItemBounds};
use crate::{Pointer, Validate, Violation, Violations};

/// The `MAX` of a [`List`] that has no upper bound.
pub const UNBOUNDED: u64 = u64::MAX;

/// An array of `MIN` to `MAX` elements, each of them valid.
///
/// ```
/// use kling_types::{List, MediaRef};
/// let images: List<MediaRef, 1, 2> = ["https://example.com/a.jpg"].try_into()?;
/// assert_eq!(images.as_slice().len(), 1);
/// let broken = List::<MediaRef, 1, 2>::try_from(["https://example.com/a.jpg", "b.jpg", "c.jpg"]).unwrap_err();
/// let pointers: Vec<_> = broken.iter().map(|violation| violation.pointer()).collect();
/// assert_eq!(pointers, ["", "/1", "/2"]);
/// # Ok::<(), kling_types::Violations>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct List<T, const MIN: u64, const MAX: u64>(Vec<T>);

impl<T, const MIN: u64, const MAX: u64> List<T, MIN, MAX> {
    /// How many elements are allowed.
    pub const BOUNDS: ItemBounds = ItemBounds {
        min: if MIN == 0 { None } else { Some(MIN) },
        max: if MAX == UNBOUNDED { None } else { Some(MAX) },
    };

    /// Takes elements that are valid each.
    ///
    /// # Errors
    /// A violation with an empty pointer when there are too few or too many.
    pub fn new(elements: Vec<T>) -> Result<Self, Violation> {
        match fault::items(elements.len(), Self::BOUNDS) {
            None => Ok(Self(elements)),
            Some(violation) => Err(violation),
        }
    }

    /// The elements.
    #[must_use]
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// The elements, by value.
    #[must_use]
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }

    /// Everything that is wrong at once: with the number of elements, then with each of them.
    fn convert<V>(elements: impl ExactSizeIterator<Item = V>) -> Result<Self, Violations>
    where
        V: TryInto<T, Error: Into<Violations>>,
    {
        let at = Pointer::ROOT;
        let mut violations: Violations = fault::items(elements.len(), Self::BOUNDS).into_iter().collect();
        let mut converted = Vec::with_capacity(elements.len());
        for (index, element) in elements.enumerate() {
            match element.try_into() {
                Ok(element) => converted.push(element),
                Err(more) => {
                    violations
                        .extend(more.into().into_iter().map(|one: Violation| one.within(at.index(index))));
                }
            }
        }
        violations.into_result().map(|()| Self(converted))
    }
}

impl<T, V, const MIN: u64, const MAX: u64> TryFrom<Vec<V>> for List<T, MIN, MAX>
where
    V: TryInto<T, Error: Into<Violations>>,
{
    type Error = Violations;

    fn try_from(elements: Vec<V>) -> Result<Self, Violations> {
        Self::convert(elements.into_iter())
    }
}

impl<T, V, const MIN: u64, const MAX: u64, const N: usize> TryFrom<[V; N]> for List<T, MIN, MAX>
where
    V: TryInto<T, Error: Into<Violations>>,
{
    type Error = Violations;

    fn try_from(elements: [V; N]) -> Result<Self, Violations> {
        Self::convert(elements.into_iter())
    }
}

impl<T: Validate, const MIN: u64, const MAX: u64> Validate for List<T, MIN, MAX> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::items(value, Self::BOUNDS, at, out, T::check_json);
    }
}

impl<'de, T: Deserialize<'de>, const MIN: u64, const MAX: u64> Deserialize<'de> for List<T, MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
