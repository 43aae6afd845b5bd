//! Inputs and outputs: the macros that generated code calls, the builder, the reader and extra properties.
//!
//! The macros are not meant to be called by hand.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    Keyword, MediaFacts, MediaField, MediaKind, Pointer, Validate, Violation, Violations, bounds, check,
};

/// An input object with its builder, its reader, its check of raw JSON and its JSON Schema.
#[doc(hidden)]
#[macro_export]
macro_rules! input {
    ($(#[$docs:meta])* $name:ident, $builder:ident, media: $media:ident $(below $prefix:literal)?, open: $open:literal $(, extra: $extra:ident)?, {
        $($(#[$doc:meta])* $position:literal $presence:ident $field:ident: $ty:ty = $wire:literal $(, default $default:literal)?;)*
    }) => {
        $(#[$docs])*
        #[derive(Clone, Debug, PartialEq)]
        #[non_exhaustive]
        pub struct $name {
            $($(#[$doc])* pub $field: $crate::__field!($presence $ty),)*
            $($extra: $crate::Extra,)?
        }

        #[doc = concat!("Builds [`", stringify!($name), "`].")]
        ///
        /// A setter takes any value that converts into the type of the property. A media property also takes an image, whose
        /// facts are checked by the media rules. An `Option` of such a value is taken too: `None` sets nothing.
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct $builder {
            errors: $crate::object::BuildErrors,
            $($field: ::std::option::Option<$ty>,)*
            $($extra: $crate::Extra,)?
        }

        // A block of its own, for everything that has no name to call.
        const _: () = {
            #[allow(dead_code, reason = "there may be no property")]
            const PREFIX: &str = concat!($($prefix)?);

            impl $name {
                /// The names of the properties, in the provider's order.
                pub const PROPERTIES: &[&str] = &[$($wire),*];

                /// Starts a builder. Its `build` reports every violation at once.
                pub fn builder() -> $builder {
                    <$builder as ::std::default::Default>::default()
                }

                /// Reads JSON.
                /// Fails with every violation at once, each with its JSON pointer, in the order of the schema.
                pub fn from_json(value: &$crate::export::Value) -> ::std::result::Result<Self, $crate::Violations> {
                    $crate::object::from_json(value)
                }

                $(
                    /// The properties that are sent beyond the schema.
                    pub const fn $extra(&self) -> &$crate::Extra {
                        &self.$extra
                    }
                )?
            }

            impl $builder {
                $(
                    $(#[$doc])*
                    pub fn $field<__Form>(mut self, value: impl $crate::object::IntoField<$ty, __Form>) -> Self {
                        let rules = $crate::object::PropertyRules::new($media, PREFIX, $wire);
                        self.errors.accept(&mut self.$field, $position, rules, value);
                        self
                    }
                )*

                $(
                    /// Sends a property that the schema does not have. A name of the schema is a violation.
                    pub fn $extra(
                        mut self,
                        key: impl ::std::convert::Into<::std::string::String>,
                        value: impl ::std::convert::Into<$crate::export::Value>,
                    ) -> Self {
                        if let Err(violation) = self.$extra.insert($name::PROPERTIES, key, value) {
                            self.errors.push_extra(violation);
                        }
                        self
                    }
                )?

                /// Builds the object.
                ///
                /// # Errors
                /// Every violation at once, each with its JSON pointer, in the order of the schema.
                #[allow(unused_mut, reason = "nothing may be required")]
                pub fn build(mut self) -> ::std::result::Result<$name, $crate::Violations> {
                    $($crate::__require!($presence, self.errors, $position, $wire, self.$field);)*
                    match self {
                        Self { errors, $($field: $crate::__set!($presence $field),)* $($extra,)? }
                            if errors.is_empty() => Ok($name { $($field,)* $($extra,)? }),
                        Self { errors, .. } => Err(errors.into_violations()),
                    }
                }
            }

            impl ::std::convert::TryFrom<$builder> for $name {
                type Error = $crate::Violations;

                fn try_from(builder: $builder) -> ::std::result::Result<Self, $crate::Violations> {
                    builder.build()
                }
            }

            impl $crate::object::ReadObject for $name {
                fn read_object<'de, __A: $crate::export::serde::de::MapAccess<'de>>(mut properties: __A) -> ::std::result::Result<Self, __A::Error> {
                    $(let mut $field: ::std::option::Option<$ty> = None;)*
                    $(let mut $extra = <$crate::Extra as ::std::default::Default>::default();)?
                    let mut unknown = ::std::string::String::new();
                    while let Some(position) = properties.next_key_seed($crate::object::Name(|name: &str| match name {
                        $($wire => $position,)*
                        other => {
                            other.clone_into(&mut unknown);
                            usize::MAX
                        }
                    }))? {
                        match position {
                            $($position => $crate::object::fill(&mut $field, $wire, &mut properties)?,)*
                            $(_ if $open => $extra.keep(::std::mem::take(&mut unknown), properties.next_value()?),)?
                            _ => {
                                return Err(<__A::Error as $crate::export::serde::de::Error>::unknown_field(&unknown, Self::PROPERTIES));
                            }
                        }
                    }
                    Ok(Self { $($field: $crate::object::$presence($field, $wire)?,)* $($extra,)? })
                }
            }

            impl $crate::export::Serialize for $name {
                fn serialize<__S: $crate::export::Serializer>(&self, serializer: __S) -> ::std::result::Result<__S::Ok, __S::Error> {
                    #[allow(unused_mut, reason = "there may be no property")]
                    let mut properties = serializer.serialize_map(None)?;
                    $($crate::object::write::$presence(&mut properties, $wire, &self.$field)?;)*
                    $($crate::object::write::extra(&mut properties, &self.$extra)?;)?
                    $crate::export::serde::ser::SerializeMap::end(properties)
                }
            }

            impl<'de> $crate::export::Deserialize<'de> for $name {
                fn deserialize<__D: $crate::export::Deserializer<'de>>(deserializer: __D) -> ::std::result::Result<Self, __D::Error> {
                    $crate::object::deserialize(deserializer)
                }
            }

            impl $crate::Validate for $name {
                fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                    let position = |key: &str| match key { $($wire => Some($position),)* _ => None };
                    let known = if $open { None } else { Some(Self::PROPERTIES) };
                    let Some([$($field),*]) = $crate::check::properties(value, position, known, at, out) else { return };
                    $($crate::check::$presence($field, concat!("/", $wire), at, out, <$ty as $crate::Validate>::check_json);)*
                }
            }
        };

        $crate::__object_schema!($name, media: $media, below: concat!($($prefix)?), open: $open, {
            $($presence $wire: $ty $(, default $default)?;)*
        });
    };
}

/// An output with its reader of every form, its URLs and its JSON Schema.
#[doc(hidden)]
#[macro_export]
macro_rules! output {
    ($name:ident, $kind:ident, open: $open:literal, {
        $($(#[$doc:meta])* $presence:ident $field:ident: $ty:ty = $wire:literal;)*
    }) => {
        /// The output of the model. Reading it never fails: a value that fits no property is kept in `extra`.
        #[derive(Clone, Debug, Default, PartialEq, $crate::export::Serialize)]
        #[serde(crate = "::kling_types::export::serde")]
        #[non_exhaustive]
        pub struct $name {
            $(
                $(#[$doc])*
                #[serde(rename = $wire, skip_serializing_if = "::kling_types::output::OutputField::is_absent")]
                pub $field: $ty,
            )*
            /// Other properties of the reply, and values of another type than the schema states.
            #[serde(flatten)]
            pub extra: $crate::export::Map<::std::string::String, $crate::export::Value>,
        }

        impl $name {
            /// Every file in it, without duplicates, in the order of the schema.
            pub fn urls(&self) -> ::std::vec::Vec<&str> {
                $crate::output::urls(&[$(&self.$field,)* &self.extra])
            }
        }

        impl $crate::ModelOutput for $name {
            fn from_json(value: $crate::export::Value) -> Self {
                #[allow(unused_mut, reason = "there may be no property")]
                let mut extra = $crate::output::object(value, $crate::OutputKind::$kind);
                Self { $($field: $crate::output::take(&mut extra, $wire),)* extra }
            }

            fn urls(&self) -> ::std::vec::Vec<&str> {
                Self::urls(self)
            }
        }

        impl<'de> $crate::export::Deserialize<'de> for $name {
            fn deserialize<__D: $crate::export::Deserializer<'de>>(deserializer: __D) -> ::std::result::Result<Self, __D::Error> {
                $crate::export::Value::deserialize(deserializer).map(<Self as $crate::ModelOutput>::from_json)
            }
        }

        $crate::__object_schema!($name, media: &[], below: "", open: $open, {
            $($presence $wire: <$ty as $crate::output::OutputField>::Value;)*
        });
    };
}

/// Reports a required property that is missing.
#[doc(hidden)]
#[macro_export]
macro_rules! __require {
    (required, $faults:expr, $position:expr, $wire:literal, $value:expr) => {
        $faults.require($position, $wire, $value.is_some())
    };
    (optional, $($ignored:tt)*) => {};
}

/// The pattern of a property in a builder that is complete: a required property has a value.
#[doc(hidden)]
#[macro_export]
macro_rules! __set {
    (required $field:ident) => {
        Some($field)
    };
    (optional $field:ident) => {
        $field
    };
}

/// The type of a field.
#[doc(hidden)]
#[macro_export]
macro_rules! __field {
    (required $ty:ty) => {
        $ty
    };
    (optional $ty:ty) => {
        ::std::option::Option<$ty>
    };
}

/// A value that a setter takes for a property of type `T`: a value that converts into `T`, an image if `T` holds media, or an
/// `Option` of either.
///
/// `Form` is the kind of the value. The compiler finds it.
#[diagnostic::on_unimplemented(
    message = "a property of type `{T}` cannot be set to `{Self}`",
    note = "a setter takes a value that converts into the type, an image for media, or an `Option` of either"
)]
pub trait IntoField<T, Form = Plain> {
    /// Converts the value. `None` sets nothing: the property keeps an earlier value.
    /// Fails with violations with pointers that start below the property.
    fn into_field(self, rules: PropertyRules) -> Result<Option<T>, Violations>;
}

/// The form of a value that converts by itself.
#[derive(Debug)]
pub enum Plain {}

/// The form of an `Option` of a value of another form.
#[derive(Debug)]
pub struct Optional<Form>(PhantomData<Form>);

impl<T, V: TryInto<T, Error: Into<Violations>>> IntoField<T, Plain> for V {
    fn into_field(self, _: PropertyRules) -> Result<Option<T>, Violations> {
        self.try_into().map(Some).map_err(Into::into)
    }
}

impl<T, Form, V: IntoField<T, Form>> IntoField<T, Optional<Form>> for Option<V> {
    fn into_field(self, rules: PropertyRules) -> Result<Option<T>, Violations> {
        self.map_or(Ok(None), |value| value.into_field(rules))
    }
}

/// The place of a property in the media rules of its model.
#[derive(Clone, Copy, Debug)]
pub struct PropertyRules {
    fields: &'static [MediaField],
    prefix: &'static str,
    name: &'static str,
}

impl PropertyRules {
    /// The place of the property `name` of the object below `prefix`.
    pub const fn new(fields: &'static [MediaField], prefix: &'static str, name: &'static str) -> Self {
        Self { fields, prefix, name }
    }

    /// Checks an image by the rules of the property. The pointers of the violations are empty.
    pub fn check(&self, facts: &MediaFacts) -> Violations {
        let is_here = |field: &&MediaField| {
            field.kind == MediaKind::Image && field.name.strip_prefix(self.prefix) == Some(self.name)
        };
        let field = self.fields.iter().find(is_here);
        field.map(|field| field.check("", facts).violations).unwrap_or_default()
    }
}

/// The violations that a builder has met, each with the position of its property in the schema.
#[derive(Clone, Debug, Default)]
pub struct BuildErrors(Vec<(usize, Violation)>);

impl BuildErrors {
    /// Sets a property to a converted value, and forgets an earlier value and its violations. `None` changes nothing.
    pub fn accept<T, Form>(
        &mut self,
        property: &mut Option<T>,
        position: usize,
        rules: PropertyRules,
        value: impl IntoField<T, Form>,
    ) {
        let (value, violations) = match value.into_field(rules) {
            Ok(None) => return,
            Ok(value) => (value, Violations::new()),
            Err(violations) => (None, violations),
        };
        *property = value;
        self.0.retain(|(other, _)| *other != position);
        let violations = violations.into_iter().map(|one| one.within(Pointer::ROOT.key(rules.name)));
        self.0.extend(violations.map(|violation| (position, violation)));
    }

    /// Reports that the property `name` is missing, unless its value has violations already.
    pub fn require(&mut self, position: usize, name: &'static str, is_set: bool) {
        if !is_set && self.0.iter().all(|(other, _)| *other != position) {
            self.0.push((position, bounds::missing().at(&Pointer::ROOT.key(name))));
        }
    }

    /// Adds a violation of a property that the schema does not have.
    pub fn push_extra(&mut self, violation: Violation) {
        self.0.push((usize::MAX, violation));
    }

    /// Whether there are no violations.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The violations in the order of the schema.
    pub fn into_violations(mut self) -> Violations {
        self.0.sort_by_key(|(position, _)| *position);
        self.0.into_iter().map(|(_, violation)| violation).collect()
    }
}

/// Input properties that the schema does not have, but the provider may accept.
///
/// They are merged into the input when it is serialised. Reading an input fills them only if the schema leaves the object open.
/// Otherwise an unknown property is an error.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Extra(Map<String, Value>);

impl Extra {
    /// Adds a property that is not in `known`, the names of the schema.
    ///
    /// # Errors
    /// A violation if the schema has the name. Such a property has a method of its own, which checks it.
    pub fn insert(
        &mut self,
        known: &[&str],
        key: impl Into<String>,
        value: impl Into<Value>,
    ) -> Result<(), Violation> {
        let key = key.into();
        if known.contains(&key.as_str()) {
            let (found, allowed) =
                ("already a property of the schema", "a name that the schema does not have");
            let violation = Violation::new(Pointer::ROOT.key(&key), Keyword::Extra, found, allowed);
            return Err(violation.with_advice("set it by its own method"));
        }
        self.0.insert(key, value.into());
        Ok(())
    }

    /// Keeps a property of an open object that was read.
    #[doc(hidden)]
    pub fn keep(&mut self, key: String, value: Value) {
        self.0.insert(key, value);
    }

    /// The properties.
    pub const fn as_map(&self) -> &Map<String, Value> {
        &self.0
    }
}

/// A struct that is read from the properties of an object.
pub trait ReadObject: Sized {
    /// Reads all properties.
    fn read_object<'de, A: MapAccess<'de>>(properties: A) -> Result<Self, A::Error>;
}

/// Reads a struct from an object. A derived reader of serde would also accept an array of values.
///
/// # Errors
/// That of [`ReadObject::read_object`], and an error for any value but an object.
pub fn deserialize<'de, T: ReadObject, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
    deserializer.deserialize_map(Object(PhantomData))
}

/// Checks JSON, and reads the struct from it.
pub fn from_json<T: Validate + DeserializeOwned>(value: &Value) -> Result<T, Violations> {
    check::document(value, T::check_json)?;
    // The checks find every error of a reader. A reader that disagrees must not panic all the same.
    T::deserialize(value)
        .map_err(|error| Violation::new("", Keyword::Json, error.to_string(), "an input").into())
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

/// Reads the name of a property, and returns the result of a function of it.
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

/// Reads the value of a property. The value is null only if the type accepts null.
///
/// # Errors
/// That of the value, and an error for a duplicate property.
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

/// The value of a required property.
/// Fails with an error if the property is missing.
pub fn required<T, E: Error>(property: Option<T>, name: &'static str) -> Result<T, E> {
    property.ok_or_else(|| E::missing_field(name))
}

/// The value of an optional property.
pub const fn optional<T, E>(property: Option<T>, _: &'static str) -> Result<Option<T>, E> {
    Ok(property)
}

/// Writes the properties of an object.
pub mod write {
    use serde::Serialize;
    use serde::ser::SerializeMap;

    use crate::Extra;

    /// Writes a required property.
    pub fn required<M: SerializeMap>(
        properties: &mut M,
        name: &'static str,
        value: &impl Serialize,
    ) -> Result<(), M::Error> {
        properties.serialize_entry(name, value)
    }

    /// Writes an optional property if it is set.
    pub fn optional<M: SerializeMap>(
        properties: &mut M,
        name: &'static str,
        value: &Option<impl Serialize>,
    ) -> Result<(), M::Error> {
        value.as_ref().map_or(Ok(()), |value| properties.serialize_entry(name, value))
    }

    /// Writes extra properties.
    pub fn extra<M: SerializeMap>(properties: &mut M, extra: &Extra) -> Result<(), M::Error> {
        extra.as_map().iter().try_for_each(|(name, value)| properties.serialize_entry(name, value))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value, json};

    use crate::fixtures::{made_up_empty as empty, made_up_nothing as nothing, made_up_words as words};
    use crate::{ModelInput, ModelOutput};

    /// The files of macros for generated code.
    const MACROS: [&str; 6] = [
        include_str!("any_of.rs"),
        include_str!("json_schema.rs"),
        include_str!("leaf.rs"),
        include_str!("media_field.rs"),
        include_str!("model.rs"),
        include_str!("object.rs"),
    ];

    /// The words of all macros in snake case, and every letter.
    fn words_of_macros() -> BTreeSet<String> {
        let bodies = MACROS.iter().filter_map(|file| file.split("#[cfg(test)]").next());
        let bodies = bodies.flat_map(|file| file.split("\nmacro_rules!").skip(1));
        let bodies = bodies.filter_map(|body| body.split_once("\n}\n"));
        let lines = bodies.flat_map(|(body, _)| body.lines()).filter(|line| !line.trim().starts_with("//"));
        let words = lines
            .flat_map(|line| line.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_'));
        let words = words.map(|word| word.trim_matches('_')).filter(|word| !word.is_empty());
        let words = words.filter(|word| !word.starts_with(|first: char| first.is_ascii_digit())).map(snake);
        words.chain(('a'..='z').map(String::from)).collect()
    }

    fn snake(word: &str) -> String {
        let is_start = |at: usize| word[at..].starts_with(|letter: char| letter.is_ascii_uppercase());
        let is_new = |at: usize| at > 0 && is_start(at) && !is_start(at - 1);
        let letters = word.char_indices().flat_map(|(at, letter)| {
            is_new(at).then_some('_').into_iter().chain([letter.to_ascii_lowercase()])
        });
        letters.collect()
    }

    /// Any value that the shape of a property takes.
    fn value(property: &Value) -> Value {
        match (&property["enum"][0], property["type"].as_str()) {
            (listed, _) if !listed.is_null() => listed.clone(),
            (_, Some("integer")) => json!(7),
            (_, Some("number")) => json!(0.5),
            (_, Some("array")) => json!(["x"]),
            (_, Some("object")) => json!({"name": "x", "a": "y", "other": true}),
            _ => json!("x"),
        }
    }

    #[test]
    fn every_word_of_the_macros_is_a_property_that_is_read_and_sent() {
        let named: BTreeSet<String> = words::Input::PROPERTIES.iter().map(|&name| name.to_owned()).collect();
        let missing: Vec<_> = words_of_macros().difference(&named).cloned().collect();
        assert!(
            missing.is_empty(),
            "add to fixtures/made-up/words, then run `cargo xtask codegen`: {missing:?}"
        );
        let schema: Value =
            serde_json::from_str(include_str!("../fixtures/made-up/words/input.json")).unwrap();
        let properties = schema["properties"].as_object().unwrap();
        let whole: Map<String, Value> =
            properties.iter().map(|(name, one)| (name.clone(), value(one))).collect();
        let whole = Value::Object(whole);
        assert_eq!(words::Input::validate_json(&whole), Ok(()));
        let read: words::Input = serde_json::from_value(whole.clone()).unwrap();
        assert_eq!(serde_json::to_value(&read).unwrap(), whole);
        assert_eq!(words::Input::from_json(&whole), Ok(read.clone()));
        assert_eq!(serde_json::to_value(&read.name).unwrap(), whole["name"]);
        let violations = words::Input::validate_json(&json!({})).unwrap_err();
        assert_eq!(violations.len(), schema["required"].as_array().unwrap().len());
        assert_eq!(words::Input::builder().build().unwrap_err(), violations);
        assert_eq!(words::Input::from_json(&json!({})), Err(violations));
    }

    #[test]
    fn every_word_is_a_property_of_an_output_too() {
        let whole = json!({"name": "x", "a": "y", "extra": [1], "ends_": 5, "other": "z"});
        let output = words::Output::from_json(whole.clone());
        assert_eq!(serde_json::to_value(&output).unwrap(), whole);
    }

    #[test]
    fn objects_without_properties_are_read_and_built_and_refuse_others() {
        let input = nothing::Input::builder().extra("a", 1).build().unwrap();
        assert_eq!(serde_json::to_value(&input).unwrap(), json!({"a": 1}));
        assert_eq!(serde_json::from_value::<nothing::Input>(json!({"a": 1})).unwrap(), input);
        let closed = empty::Closed::builder().build().unwrap();
        let built = empty::Input::builder().closed(closed).open(Map::new()).build().unwrap();
        assert_eq!(serde_json::to_value(&built).unwrap(), json!({"closed": {}, "open": {}}));
        assert!(empty::Input::validate_json(&json!({"closed": {"a": 1}})).is_err());
        assert!(serde_json::from_value::<empty::Closed>(json!({"a": 1})).is_err());
    }
}
