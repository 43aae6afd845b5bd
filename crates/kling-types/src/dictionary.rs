//! Objects with any names, whose values are of one type.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::check;
use crate::{Pointer, Validate, Violation, Violations};

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

impl<T> Dictionary<T> {
    /// Takes values that are valid each.
    #[must_use]
    pub const fn new(values: BTreeMap<String, T>) -> Self {
        Self(values)
    }

    /// The values by name.
    #[must_use]
    pub const fn as_map(&self) -> &BTreeMap<String, T> {
        &self.0
    }

    /// The values by name, by value.
    #[must_use]
    pub fn into_map(self) -> BTreeMap<String, T> {
        self.0
    }

    /// Converts every value, and reports every violation at once. Of two values with one name the last one counts.
    fn convert<K: Into<String>, V>(values: impl Iterator<Item = (K, V)>) -> Result<Self, Violations>
    where
        V: TryInto<T, Error: Into<Violations>>,
    {
        let (at, mut violations, mut converted) = (Pointer::ROOT, Violations::new(), BTreeMap::new());
        for (name, value) in values {
            let name = name.into();
            match value.try_into() {
                Ok(value) => drop(converted.insert(name, value)),
                Err(more) => {
                    let more: Violations = more.into();
                    violations.extend(more.into_iter().map(|one: Violation| one.within(at.key(&name))));
                }
            }
        }
        violations.into_result().map(|()| Self(converted))
    }
}

impl<T, K: Into<String>, V> TryFrom<Vec<(K, V)>> for Dictionary<T>
where
    V: TryInto<T, Error: Into<Violations>>,
{
    type Error = Violations;

    fn try_from(values: Vec<(K, V)>) -> Result<Self, Violations> {
        Self::convert(values.into_iter())
    }
}

impl<T, K: Into<String>, V, const N: usize> TryFrom<[(K, V); N]> for Dictionary<T>
where
    V: TryInto<T, Error: Into<Violations>>,
{
    type Error = Violations;

    fn try_from(values: [(K, V); N]) -> Result<Self, Violations> {
        Self::convert(values.into_iter())
    }
}

impl<T, V> TryFrom<BTreeMap<String, V>> for Dictionary<T>
where
    V: TryInto<T, Error: Into<Violations>>,
{
    type Error = Violations;

    fn try_from(values: BTreeMap<String, V>) -> Result<Self, Violations> {
        Self::convert(values.into_iter())
    }
}

impl<T: Validate> Validate for Dictionary<T> {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        if check::object(value, at, out).is_some() {
            check::additional::<&str>(value, &[], at, out, T::check_json);
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Dictionary<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::deserialize(deserializer).map(Self)
    }
}
