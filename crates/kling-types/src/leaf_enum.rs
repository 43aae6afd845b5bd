//! The macros behind leaf types that allow a few values: real enums, which are the value itself on the wire.

/// One integer out of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! integer_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $value:literal,)+ } $(default $default:ident = $wire:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(clippy::enum_variant_names, reason = "the values of a duration all are seconds")]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($value), "` on the wire.")] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the schema.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
            /// Every value as it stands on the wire.
            pub const VALUES: &[i64] = &[$($value,)+];

            /// Takes one of the values.
            ///
            /// # Errors
            /// A violation with an empty pointer for any other integer.
            pub fn new(value: i64) -> Result<Self, $crate::Violation> {
                match value {
                    $($value => Ok(Self::$variant),)+
                    other => Err($crate::fault::not_in_integers(other.into(), Self::VALUES)),
                }
            }

            /// The value as it stands on the wire.
            #[must_use]
            pub const fn value(self) -> i64 {
                match self { $(Self::$variant => $value,)+ }
            }
        }

        $(impl ::std::default::Default for $name {
            /// What the provider takes when nothing is sent.
            fn default() -> Self {
                Self::$default
            }
        })?

        impl $crate::Validate for $name {
            fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                $crate::check::integer_enum(value, Self::VALUES, at, out);
            }
        }

        $crate::__try_from_integers!($name, integer_enum, VALUES);

        impl $crate::export::Serialize for $name {
            fn serialize<__S: $crate::export::Serializer>(&self, serializer: __S) -> Result<__S::Ok, __S::Error> {
                serializer.serialize_i64(self.value())
            }
        }

        $crate::__deserialize!($name, $crate::number::deserialize_integer);
        $crate::__json_schema!($name, $crate::json_schema::integer_enum(Self::VALUES) $(, $wire)?);
    };
}

/// One number out of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! number_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $value:literal,)+ } $(default $default:ident = $wire:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(clippy::enum_variant_names, reason = "the values of a rate all are rates")]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($value), "` on the wire.")] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the schema.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
            /// Every value as it stands on the wire.
            pub const VALUES: &[f64] = &[$($value,)+];

            /// Takes one of the values.
            ///
            /// # Errors
            /// A violation with an empty pointer for any other number.
            pub fn new(value: f64) -> Result<Self, $crate::Violation> {
                let found = Self::ALL.iter().copied().find(|one| one.value() == value);
                found.ok_or_else(|| $crate::fault::not_in_numbers(value, Self::VALUES))
            }

            /// The value as it stands on the wire.
            #[must_use]
            pub const fn value(self) -> f64 {
                match self { $(Self::$variant => $value,)+ }
            }
        }

        $(impl ::std::default::Default for $name {
            /// What the provider takes when nothing is sent.
            fn default() -> Self {
                Self::$default
            }
        })?

        impl $crate::Validate for $name {
            fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                $crate::check::number_enum(value, Self::VALUES, at, out);
            }
        }

        $crate::__try_from!($name: f64);

        $crate::__try_from_numbers!($name: i32 u32);

        impl $crate::export::Serialize for $name {
            fn serialize<__S: $crate::export::Serializer>(&self, serializer: __S) -> Result<__S::Ok, __S::Error> {
                serializer.serialize_f64(self.value())
            }
        }

        $crate::__deserialize!($name, $crate::number::deserialize_float);
        $crate::__json_schema!($name, $crate::json_schema::number_enum(Self::VALUES) $(, $wire)?);
    };
}

/// One string out of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $value:literal,)+ } $(default $default:ident = $wire:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[allow(clippy::enum_variant_names, reason = "the values of a duration all are seconds")]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($value), "` on the wire.")] $variant,)+
        }

        impl $name {
            /// Every value, in the order of the schema.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
            /// Every value as it stands on the wire.
            pub const VALUES: &[&str] = &[$($value,)+];

            /// Takes one of the values.
            ///
            /// # Errors
            /// A violation with an empty pointer for any other text.
            pub fn new(value: impl ::std::convert::AsRef<str>) -> Result<Self, $crate::Violation> {
                match ::std::convert::AsRef::<str>::as_ref(&value) {
                    $($value => Ok(Self::$variant),)+
                    other => Err($crate::fault::not_in_texts(other, Self::VALUES)),
                }
            }

            /// The value as it stands on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $value,)+ }
            }
        }

        $(impl ::std::default::Default for $name {
            /// What the provider takes when nothing is sent.
            fn default() -> Self {
                Self::$default
            }
        })?

        impl $crate::Validate for $name {
            fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                $crate::check::text_enum(value, Self::VALUES, at, out);
            }
        }

        impl ::std::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }

        $crate::__try_from!($name: &str, &::std::string::String, ::std::string::String);

        impl $crate::export::Serialize for $name {
            fn serialize<__S: $crate::export::Serializer>(&self, serializer: __S) -> Result<__S::Ok, __S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        $crate::__deserialize!($name, <::std::string::String as $crate::export::Deserialize>::deserialize);
        $crate::__json_schema!($name, $crate::json_schema::text_enum(Self::VALUES) $(, $wire)?);
    };
}
