//! Optional properties on the wire: absent or there, and never null.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes a property that is there; absent ones are skipped before this is called.
///
/// # Errors
/// That of the value.
pub fn serialize<T: Serialize, S: Serializer>(value: &Option<T>, serializer: S) -> Result<S::Ok, S::Error> {
    value.serialize(serializer)
}

/// Reads a property that is there, where serde alone would take null for an absent one.
///
/// # Errors
/// That of the value.
pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}
