//! The macros behind inputs and outputs: each turns a table of properties into what a struct can do.
//!
//! The structs themselves are printed by the generator, with their documentation; how they are built, checked and
//! described stands here once. Generated code calls these; they are not meant to be written by hand.

/// The builder of an input object, its reader, its check of raw JSON, and its derived JSON Schema.
#[doc(hidden)]
#[macro_export]
macro_rules! input {
    ($name:ident, $builder:ident, media: $media:ident $(below $prefix:literal)?, open: $open:literal $(, extra: $extra:ident)?, {
        $($position:literal $presence:ident $field:ident: $ty:ty = $wire:literal $(, default $default:literal)?;)*
    }) => {
        #[doc = concat!("Builds [`", stringify!($name), "`].")]
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct $builder {
            faults: $crate::builder::BuildErrors,
            $($field: ::std::option::Option<$ty>,)*
            $($extra: $crate::Extra,)?
        }

        // A block of its own, to hold all that nobody calls by name.
        const _: () = {
            impl $name {
                /// The names of the properties, in the provider's order.
                pub const PROPERTIES: &[&str] = &[$($wire),*];

                /// Starts one; `build` reports everything that is wrong with it at once.
                pub fn builder() -> $builder {
                    <$builder as ::std::default::Default>::default()
                }

                $(
                    /// The properties that are sent beyond the schema.
                    #[must_use]
                    pub const fn $extra(&self) -> &$crate::Extra {
                        &self.$extra
                    }
                )?
            }

            impl $builder {
                $(
                    #[doc = concat!("Sets `", stringify!($field), "`; [`", stringify!($name), "`] says what it has to be.")]
                    pub fn $field(mut self, value: impl $crate::builder::IntoField<$ty>) -> Self {
                        self.$field = self.faults.accept($position, $wire, value);
                        self
                    }
                )*

                $(
                    /// Sends a property that the schema does not have; a name that it has is a violation.
                    pub fn $extra(
                        mut self,
                        key: impl ::std::convert::Into<::std::string::String>,
                        value: impl ::std::convert::Into<$crate::export::Value>,
                    ) -> Self {
                        if let Err(violation) = self.$extra.insert($name::PROPERTIES, key, value) {
                            self.faults.push_extra(violation);
                        }
                        self
                    }
                )?

                /// Finishes it.
                ///
                /// # Errors
                /// Every violation at once, each with its JSON pointer, in the order of the schema.
                #[allow(unused_mut, reason = "nothing may be required")]
                pub fn build(mut self) -> ::std::result::Result<$name, $crate::Violations> {
                    $($crate::__require!($presence, self.faults, $position, $wire, self.$field);)*
                    match self {
                        Self { faults, $($field: $crate::__set!($presence $field),)* $($extra,)? }
                            if faults.is_empty() => Ok($name { $($field,)* $($extra,)? }),
                        Self { faults, .. } => Err(faults.into_violations()),
                    }
                }
            }

            impl ::std::convert::TryFrom<$builder> for $name {
                type Error = $crate::Violations;

                fn try_from(builder: $builder) -> ::std::result::Result<Self, $crate::Violations> {
                    builder.build()
                }
            }

            impl $crate::object_reader::ReadObject for $name {
                fn read_object<'de, __A: $crate::export::serde::de::MapAccess<'de>>(mut properties: __A) -> ::std::result::Result<Self, __A::Error> {
                    $(let mut $field: ::std::option::Option<$ty> = None;)*
                    $(let mut $extra = <$crate::Extra as ::std::default::Default>::default();)?
                    let mut unknown = ::std::string::String::new();
                    while let Some(position) = properties.next_key_seed($crate::object_reader::Name(|name: &str| match name {
                        $($wire => $position,)*
                        other => {
                            other.clone_into(&mut unknown);
                            usize::MAX
                        }
                    }))? {
                        match position {
                            $($position => $crate::object_reader::fill(&mut $field, $wire, &mut properties)?,)*
                            $(_ if $open => $extra.keep(::std::mem::take(&mut unknown), properties.next_value()?),)?
                            _ => {
                                return Err(<__A::Error as $crate::export::serde::de::Error>::unknown_field(&unknown, Self::PROPERTIES));
                            }
                        }
                    }
                    Ok(Self { $($field: $crate::object_reader::$presence($field, $wire)?,)* $($extra,)? })
                }
            }

            impl<'de> $crate::export::Deserialize<'de> for $name {
                fn deserialize<__D: $crate::export::Deserializer<'de>>(deserializer: __D) -> ::std::result::Result<Self, __D::Error> {
                    $crate::object_reader::deserialize(deserializer)
                }
            }

            impl $crate::Validate for $name {
                fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                    let position = |key: &str| match key { $($wire => Some($position),)* _ => None };
                    let known = if $open { None } else { Some(Self::PROPERTIES) };
                    let Some([$($field),*]) = $crate::check::properties(value, position, known, at, out) else { return };
                    $($crate::check::$presence::<$ty>($field, $crate::__property!($wire), at, out);)*
                }
            }
        };

        $crate::__object_schema!($name, media: $media, below: concat!($($prefix)?), open: $open, {
            $($presence $wire: $ty $(, default $default)?;)*
        });
    };
}

/// How an output is read from every form of it, checked and described, and the URLs in it.
#[doc(hidden)]
#[macro_export]
macro_rules! output {
    ($name:ident, $kind:ident, open: $open:literal, {
        $($position:literal $presence:ident $field:ident: $ty:ty = $wire:literal $(, by $check:expr)?;)*
    }) => {
        impl $name {
            /// Every file in it, without duplicates, in the order of the schema.
            #[must_use]
            pub fn urls(&self) -> ::std::vec::Vec<&str> {
                $crate::output::urls(&[$(&self.$field,)* &self.extra])
            }
        }

        impl $crate::ModelOutput for $name {
            fn from_json(value: $crate::export::Value) -> Self {
                #[allow(unused_mut, reason = "nothing is taken out where there is no property")]
                let mut extra = $crate::output::object(value, $crate::OutputKind::$kind);
                Self { $($field: $crate::output::take(&mut extra, $wire),)* extra }
            }

            fn urls(&self) -> ::std::vec::Vec<&str> {
                Self::urls(self)
            }

            fn validate_json(value: &$crate::export::Value) -> ::std::result::Result<(), $crate::Violations> {
                $crate::check::document(value, <Self as $crate::Validate>::check_json)
            }
        }

        impl<'de> $crate::export::Deserialize<'de> for $name {
            fn deserialize<__D: $crate::export::Deserializer<'de>>(deserializer: __D) -> ::std::result::Result<Self, __D::Error> {
                $crate::export::Value::deserialize(deserializer).map(<Self as $crate::ModelOutput>::from_json)
            }
        }

        impl $crate::Validate for $name {
            fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                if $crate::output::check_bare(value, at, out) {
                    return;
                }
                let position = |key: &str| match key { $($wire => Some($position),)* _ => None };
                let known: ::std::option::Option<&[&str]> = if $open { None } else { Some(&[$($wire),*]) };
                let Some([$($field),*]) = $crate::check::properties(value, position, known, at, out) else { return };
                $($crate::__check_by!($presence, $field, $wire, at, out, $ty $(, $check)?);)*
            }
        }

        $crate::__object_schema!($name, media: &[], below: "", open: $open, {
            $($presence $wire: <$ty as $crate::output::OutputField>::Value;)*
        });
    };
}

/// The name of a property as its checks take it.
#[doc(hidden)]
#[macro_export]
macro_rules! __property {
    ($wire:literal) => {
        const { $crate::PropertyName::new($wire, concat!("/", $wire)) }
    };
}

/// Says that a required property is missing.
#[doc(hidden)]
#[macro_export]
macro_rules! __require {
    (required, $faults:expr, $position:expr, $wire:literal, $value:expr) => {
        $faults.require($position, $wire, $value.is_some())
    };
    (optional, $($ignored:tt)*) => {};
}

/// The pattern of a property that may be built: a required one is there.
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

/// Checks a property of an output: by the type of its field, or as wide types need, by a check of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __check_by {
    ($presence:ident, $value:expr, $wire:literal, $at:expr, $out:expr, $ty:ty) => {
        $crate::check::$presence::<<$ty as $crate::output::OutputField>::Value>(
            $value,
            $crate::__property!($wire),
            $at,
            $out,
        )
    };
    (optional, $value:expr, $wire:literal, $at:expr, $out:expr, $ty:ty, $check:expr) => {
        $crate::check::optional_by($value, $crate::__property!($wire), $at, $out, $check)
    };
    (required, $value:expr, $wire:literal, $at:expr, $out:expr, $ty:ty, $check:expr) => {
        $crate::check::required_by($value, $crate::__property!($wire), $at, $out, $check)
    };
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Map, Value, json};

    use crate::fixtures::{made_up_empty as empty, made_up_nothing as nothing, made_up_words as words};
    use crate::{ModelInput, ModelOutput};

    /// The files of the macros that generated code calls.
    const MACROS: [&str; 8] = [
        include_str!("any_of.rs"),
        include_str!("json_schema.rs"),
        include_str!("leaf.rs"),
        include_str!("leaf_conversion.rs"),
        include_str!("leaf_enum.rs"),
        include_str!("media_table.rs"),
        include_str!("model.rs"),
        include_str!("object.rs"),
    ];

    /// The words of all macros in snake case, and every letter.
    fn words_of_macros() -> BTreeSet<String> {
        let bodies = MACROS.iter().filter_map(|file| file.split("#[cfg(test)]").next());
        let bodies = bodies.flat_map(|file| file.split("macro_rules!").skip(1));
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
    fn every_word_of_the_macros_is_a_property_that_compiles_and_is_read_and_sent() {
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
        assert_eq!(serde_json::to_value(&read.name).unwrap(), whole["name"]);
        let violations = words::Input::validate_json(&json!({})).unwrap_err();
        assert_eq!(violations.len(), schema["required"].as_array().unwrap().len());
        assert_eq!(words::Input::builder().build().unwrap_err(), violations);
    }

    #[test]
    fn every_word_is_a_property_of_an_output_too() {
        let whole = json!({"name": "x", "a": "y", "extra": [1], "ends_": 5, "other": "z"});
        let output = words::Output::from_json(whole.clone());
        assert_eq!(serde_json::to_value(&output).unwrap(), whole);
        assert!(words::Output::validate_json(&json!({"A": 1})).is_ok());
    }

    #[test]
    fn objects_without_properties_are_read_built_and_refuse_strangers() {
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
