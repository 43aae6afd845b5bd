//! The macros behind inputs and outputs: each turns a table of properties into what a struct can do.
//!
//! The structs themselves are printed by the generator, with their documentation; how they are built, checked and
//! described stands here once. Generated code calls these; they are not meant to be written by hand.

/// The builder of an input object, its reader, its check of raw JSON, and its derived JSON Schema.
#[doc(hidden)]
#[macro_export]
macro_rules! input {
    ($name:ident, $builder:ident, media: $media:ident $(below $prefix:literal)?, open: $open:literal $(, extra: $extra:ident)?, {
        $($presence:ident $field:ident: $ty:ty = $wire:literal $(, default $default:literal)?;)*
    }) => {
        #[doc = concat!("Builds [`", stringify!($name), "`].")]
        #[derive(Clone, Debug, Default)]
        #[must_use]
        pub struct $builder {
            faults: $crate::builder::Faults,
            $($field: ::std::option::Option<$ty>,)*
            $($extra: $crate::Extra,)?
        }

        // A block of its own, so that the positions of one object are not those of another.
        const _: () = {
            #[allow(dead_code, non_camel_case_types, reason = "one position a property, by the property's own name")]
            enum __Position { $($field,)* }

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
                    pub fn $field(mut self, value: impl $crate::builder::Given<$ty>) -> Self {
                        self.$field = self.faults.accept(__Position::$field as usize, $wire, value);
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
                    $($crate::__require!($presence, self.faults, __Position::$field as usize, $wire, self.$field);)*
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

            #[allow(non_camel_case_types, reason = "one name a property, by the property's own field")]
            enum __Name { $($field,)* __Unknown }

            impl $crate::object_reader::ReadObject for $name {
                fn read_object<'de, A: $crate::export::serde::de::MapAccess<'de>>(mut properties: A) -> ::std::result::Result<Self, A::Error> {
                    $(let mut $field: ::std::option::Option<$ty> = None;)*
                    $(let mut $extra = <$crate::Extra as ::std::default::Default>::default();)?
                    let mut unknown = ::std::string::String::new();
                    while let Some(name) = properties.next_key_seed($crate::object_reader::Name(|name: &str| match name {
                        $($wire => __Name::$field,)*
                        other => {
                            other.clone_into(&mut unknown);
                            __Name::__Unknown
                        }
                    }))? {
                        match name {
                            $(__Name::$field => $crate::object_reader::fill(&mut $field, $wire, &mut properties)?,)*
                            $(__Name::__Unknown if $open => $extra.keep(::std::mem::take(&mut unknown), properties.next_value()?),)?
                            __Name::__Unknown => {
                                return Err(<A::Error as $crate::export::serde::de::Error>::unknown_field(&unknown, Self::PROPERTIES));
                            }
                        }
                    }
                    Ok(Self { $($field: $crate::object_reader::$presence($field, $wire)?,)* $($extra,)? })
                }
            }

            impl<'de> $crate::export::Deserialize<'de> for $name {
                fn deserialize<D: $crate::export::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                    $crate::object_reader::deserialize(deserializer)
                }
            }

            impl $crate::Checked for $name {
                fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                    let position = |key: &str| match key { $($wire => Some(__Position::$field as usize),)* _ => None };
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
        $($presence:ident $field:ident: $ty:ty = $wire:literal $(, by $check:expr)?;)*
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
                let mut extra = $crate::output::object(value, $crate::OutputKind::$kind);
                Self { $($field: $crate::output::take(&mut extra, $wire),)* extra }
            }

            fn urls(&self) -> ::std::vec::Vec<&str> {
                Self::urls(self)
            }

            fn validate_json(value: &$crate::export::Value) -> ::std::result::Result<(), $crate::Violations> {
                $crate::check::document(value, <Self as $crate::Checked>::check_json)
            }
        }

        impl<'de> $crate::export::Deserialize<'de> for $name {
            fn deserialize<D: $crate::export::Deserializer<'de>>(deserializer: D) -> ::std::result::Result<Self, D::Error> {
                $crate::export::Value::deserialize(deserializer).map(<Self as $crate::ModelOutput>::from_json)
            }
        }

        const _: () = {
            #[allow(dead_code, non_camel_case_types, reason = "one position a property, by the property's own name")]
            enum __Position { $($field,)* }

            impl $crate::Checked for $name {
                fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                    if $crate::output::check_bare(value, at, out) {
                        return;
                    }
                    let position = |key: &str| match key { $($wire => Some(__Position::$field as usize),)* _ => None };
                    let known: ::std::option::Option<&[&str]> = if $open { None } else { Some(&[$($wire),*]) };
                    let Some([$($field),*]) = $crate::check::properties(value, position, known, at, out) else { return };
                    $($crate::__check_by!($presence, $field, $wire, at, out, $ty $(, $check)?);)*
                }
            }
        };

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
