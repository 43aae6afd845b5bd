//! How generated inputs are read: from an object and from nothing else, where serde's own derive would also take an array,
//! value by value in the order of the fields.

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

/// A struct that is read from the properties of an object.
pub trait ReadObject: Sized {
    /// Reads all of them.
    ///
    /// # Errors
    /// That of a value, and for a property that is unknown, missing or there twice.
    fn read_object<'de, A: MapAccess<'de>>(properties: A) -> Result<Self, A::Error>;
}

/// Reads a struct from an object.
///
/// # Errors
/// See [`ReadObject::read_object`]; and for anything but an object.
pub fn deserialize<'de, T: ReadObject, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(Object(PhantomData))
}

struct Object<T>(PhantomData<T>);

impl<'de, T: ReadObject> Visitor<'de> for Object<T> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, properties: A) -> Result<T, A::Error> {
        T::read_object(properties)
    }
}

/// The name of a property, read as what a function makes of it.
#[derive(Debug)]
pub struct Name<F>(pub F);

impl<'de, T, F: FnOnce(&str) -> T> DeserializeSeed<'de> for Name<F> {
    type Value = T;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<T, D::Error> {
        deserializer.deserialize_identifier(self)
    }
}

impl<T, F: FnOnce(&str) -> T> Visitor<'_> for Name<F> {
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the name of a property")
    }

    fn visit_str<E>(self, name: &str) -> Result<T, E> {
        Ok((self.0)(name))
    }
}

/// Reads the value of a property that may be there once, and is never null unless its type is.
///
/// # Errors
/// That of the value, and for a second one.
pub fn fill<'de, T: Deserialize<'de>, A: MapAccess<'de>>(
    property: &mut Option<T>,
    name: &'static str,
    properties: &mut A,
) -> Result<(), A::Error> {
    if property.is_some() {
        return Err(A::Error::duplicate_field(name));
    }
    *property = Some(properties.next_value()?);
    Ok(())
}

/// The value of a property that has to be there.
///
/// # Errors
/// Where it is not.
pub fn required<T, E: Error>(property: Option<T>, name: &'static str) -> Result<T, E> {
    property.ok_or_else(|| E::missing_field(name))
}

/// The value of a property that may be left out.
///
/// # Errors
/// None; it stands beside [`required`].
pub const fn optional<T, E>(property: Option<T>, _: &'static str) -> Result<Option<T>, E> {
    Ok(property)
}
