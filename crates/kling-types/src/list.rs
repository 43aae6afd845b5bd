//! Arrays that are as long as the schema allows.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::check;
use crate::fault::{self, ItemBounds};
use crate::{Checked, Pointer, Violation, Violations};

/// The `MAX` of a [`List`] that has no upper bound.
pub const UNBOUNDED: u64 = u64::MAX;

/// An array of `MIN` to `MAX` elements, each of them valid.
///
/// ```
/// use kling_types::{List, MediaRef};
/// let images: List<MediaRef, 1, 2> = ["https://example.com/a.jpg"].try_into()?;
/// assert_eq!(images.as_slice().len(), 1);
/// let broken = List::<MediaRef, 1, 2>::try_from(["https://example.com/a.jpg", "b.jpg"]).unwrap_err();
/// assert_eq!(broken.pointer(), "/1");
/// # Ok::<(), kling_types::Violation>(())
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

    fn convert<V>(elements: impl IntoIterator<Item = V>) -> Result<Self, Violation>
    where
        V: TryInto<T, Error: Into<Violation>>,
    {
        let at = Pointer::ROOT;
        let convert = |(index, element): (usize, V)| {
            element.try_into().map_err(|error| error.into().within(at.index(index)))
        };
        Self::new(elements.into_iter().enumerate().map(convert).collect::<Result<_, _>>()?)
    }
}

impl<T, V, const MIN: u64, const MAX: u64> TryFrom<Vec<V>> for List<T, MIN, MAX>
where
    V: TryInto<T, Error: Into<Violation>>,
{
    type Error = Violation;

    fn try_from(elements: Vec<V>) -> Result<Self, Violation> {
        Self::convert(elements)
    }
}

impl<T, V, const MIN: u64, const MAX: u64, const N: usize> TryFrom<[V; N]> for List<T, MIN, MAX>
where
    V: TryInto<T, Error: Into<Violation>>,
{
    type Error = Violation;

    fn try_from(elements: [V; N]) -> Result<Self, Violation> {
        Self::convert(elements)
    }
}

impl<T: Checked, const MIN: u64, const MAX: u64> Checked for List<T, MIN, MAX> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::items(value, Self::BOUNDS, at, out, T::check_json);
    }
}

impl<'de, T: Deserialize<'de>, const MIN: u64, const MAX: u64> Deserialize<'de> for List<T, MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}
