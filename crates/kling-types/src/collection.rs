//! Arrays and objects whose values are all of one type.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::bounds::ItemBounds;
use crate::check::{self, Validate};
use crate::{Pointer, Violation, Violations};

/// The `MAX` of a [`List`] that has no upper bound.
pub const UNBOUNDED: u64 = u64::MAX;

/// An array of `MIN` to `MAX` valid elements.
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

/// An object that takes properties of any name, each with a valid value.
///
/// ```
/// use kling_types::{Dictionary, MediaRef};
/// let images: Dictionary<MediaRef> = [("front", "https://example.com/a.jpg")].try_into()?;
/// assert_eq!(images.as_map()["front"].as_str(), "https://example.com/a.jpg");
/// let broken = Dictionary::<MediaRef>::try_from([("front", "a.jpg"), ("back", "b.jpg")]).unwrap_err();
/// let pointers: Vec<_> = broken.iter().map(|violation| violation.pointer()).collect();
/// assert_eq!(pointers, ["/front", "/back"]);
/// # Ok::<(), kling_types::Violations>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Dictionary<T>(BTreeMap<String, T>);

impl<T, const MIN: u64, const MAX: u64> List<T, MIN, MAX> {
    /// The allowed number of elements.
    pub const BOUNDS: ItemBounds = ItemBounds {
        min: if MIN == 0 { None } else { Some(MIN) },
        max: if MAX == UNBOUNDED { None } else { Some(MAX) },
    };

    /// Takes valid elements.
    ///
    /// # Errors
    /// A violation with an empty pointer if there are too few or too many elements.
    pub fn new(elements: Vec<T>) -> Result<Self, Violation> {
        Self::BOUNDS.check(elements.len()).map(|()| Self(elements))
    }

    /// The elements.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }

    /// Converts every element, and returns every violation at once: of the number of elements, then of each.
    fn convert<V>(elements: impl ExactSizeIterator<Item = V>) -> Result<Self, Violations>
    where
        V: TryInto<T, Error: Into<Violations>>,
    {
        let mut violations: Violations = Self::BOUNDS.check(elements.len()).err().into_iter().collect();
        let mut converted = Vec::with_capacity(elements.len());
        for (index, element) in elements.enumerate() {
            converted.extend(convert(element, &Pointer::ROOT.index(index), &mut violations));
        }
        violations.into_result().map(|()| Self(converted))
    }
}

impl<T> Dictionary<T> {
    /// Takes valid values.
    pub const fn new(values: BTreeMap<String, T>) -> Self {
        Self(values)
    }

    /// The values by name.
    pub const fn as_map(&self) -> &BTreeMap<String, T> {
        &self.0
    }

    /// Converts every value, and returns every violation at once. The last of several values with one name counts.
    fn convert<K: Into<String>, V>(values: impl Iterator<Item = (K, V)>) -> Result<Self, Violations>
    where
        V: TryInto<T, Error: Into<Violations>>,
    {
        let (mut violations, mut converted) = (Violations::new(), BTreeMap::new());
        for (name, value) in values {
            let name = name.into();
            let value = convert(value, &Pointer::ROOT.key(&name), &mut violations);
            converted.extend(value.map(|value| (name, value)));
        }
        violations.into_result().map(|()| Self(converted))
    }
}

/// Converts one value, or adds its violations at a place.
fn convert<T, V>(value: V, at: &Pointer<'_>, violations: &mut Violations) -> Option<T>
where
    V: TryInto<T, Error: Into<Violations>>,
{
    let broken = |error: V::Error| {
        let more: Violations = error.into();
        violations.extend(more.into_iter().map(|violation| violation.within(at)));
    };
    value.try_into().map_err(broken).ok()
}

macro_rules! try_from {
    ($([$($generics:tt)*] $from:ty => $name:ty;)*) => {
        $(impl<T, V: TryInto<T, Error: Into<Violations>>, $($generics)*> TryFrom<$from> for $name {
            type Error = Violations;

            fn try_from(values: $from) -> Result<Self, Violations> {
                Self::convert(values.into_iter())
            }
        })*
    };
}

try_from! {
    [const MIN: u64, const MAX: u64] Vec<V> => List<T, MIN, MAX>;
    [const MIN: u64, const MAX: u64, const N: usize] [V; N] => List<T, MIN, MAX>;
    [K: Into<String>] Vec<(K, V)> => Dictionary<T>;
    [K: Into<String>, const N: usize] [(K, V); N] => Dictionary<T>;
    [] BTreeMap<String, V> => Dictionary<T>;
}

impl<T: Validate, const MIN: u64, const MAX: u64> Validate for List<T, MIN, MAX> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::items(value, Self::BOUNDS, at, out, T::check_json);
    }
}

impl<T: Validate> Validate for Dictionary<T> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        if check::object(value, at, out).is_some() {
            check::additional::<&str>(value, &[], at, out, T::check_json);
        }
    }
}

impl<'de, T: Deserialize<'de>, const MIN: u64, const MAX: u64> Deserialize<'de> for List<T, MIN, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Dictionary<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self)
    }
}
