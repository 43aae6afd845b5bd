//! The macros behind leaf types: each turns one line of a schema into a type that cannot hold a wrong value.
//!
//! They stand here once, so that generated code holds only names, documentation and bounds. Generated code calls them;
//! they are not meant to be written by hand.

/// A string with bounds, counted in Unicode scalar values.
#[doc(hidden)]
#[macro_export]
macro_rules! text {
    ($(#[$doc:meta])* $name:ident { min: $min:expr, max: $max:expr $(, default: $default:literal)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(::std::string::String);

        impl $name {
            /// How long it may be.
            pub const BOUNDS: $crate::fault::TextBounds = $crate::fault::TextBounds { min: $min, max: $max };

            /// Takes a text of a legal length.
            ///
            /// # Errors
            /// A violation with an empty pointer, when it is too short or too long.
            pub fn new(text: impl ::std::convert::Into<::std::string::String>) -> Result<Self, $crate::Violation> {
                let text = text.into();
                $crate::fault::text(&text, Self::BOUNDS).map_or(Ok(Self(text)), Err)
            }

            /// The text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        $(impl ::std::default::Default for $name {
            /// What the provider takes when nothing is sent.
            fn default() -> Self {
                Self($default.to_owned())
            }
        })?

        impl $crate::Validate for $name {
            fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                $crate::check::text(value, Self::BOUNDS, at, out);
            }
        }

        impl ::std::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl ::std::convert::From<$name> for ::std::string::String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        $crate::__try_from!($name: &str, &::std::string::String, ::std::string::String);

        impl $crate::export::Serialize for $name {
            fn serialize<__S: $crate::export::Serializer>(&self, serializer: __S) -> Result<__S::Ok, __S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        $crate::__deserialize!($name, <::std::string::String as $crate::export::Deserialize>::deserialize);
        $crate::__json_schema!($name, $crate::json_schema::text(Self::BOUNDS) $(, $default)?);
    };
}

/// A finite number with bounds.
#[doc(hidden)]
#[macro_export]
macro_rules! number {
    ($(#[$doc:meta])* $name:ident { $($bound:ident: $value:expr),* } $(default $default:literal)?) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
        pub struct $name(f64);

        impl $name {
            /// Where it may lie.
            pub const BOUNDS: $crate::fault::NumberBounds = $crate::fault::NumberBounds {
                $($bound: Some($value),)*
                ..$crate::fault::NumberBounds::NONE
            };

            /// Takes a finite number within the bounds.
            ///
            /// # Errors
            /// A violation with an empty pointer for NaN, the infinities, and what lies outside.
            pub fn new(value: f64) -> Result<Self, $crate::Violation> {
                $crate::fault::number(value, Self::BOUNDS).map_or(Ok(Self(value)), Err)
            }

            /// The number.
            #[must_use]
            pub const fn value(self) -> f64 {
                self.0
            }
        }

        $(impl ::std::default::Default for $name {
            /// What the provider takes when nothing is sent.
            fn default() -> Self {
                Self($default)
            }
        })?

        impl $crate::Validate for $name {
            fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                $crate::check::number(value, Self::BOUNDS, at, out);
            }
        }

        $crate::__try_from!($name: f64);

        $crate::__try_from_numbers!($name: f32 i32 u32);

        impl $crate::export::Serialize for $name {
            fn serialize<__S: $crate::export::Serializer>(&self, serializer: __S) -> Result<__S::Ok, __S::Error> {
                serializer.serialize_f64(self.0)
            }
        }

        $crate::__deserialize!($name, $crate::number::deserialize_float);
        $crate::__json_schema!($name, $crate::json_schema::number(Self::BOUNDS) $(, $default)?);
    };
}

/// An integer with bounds on both sides.
#[doc(hidden)]
#[macro_export]
macro_rules! integer {
    ($(#[$doc:meta])* $name:ident { min: $min:literal, max: $max:literal $(, default: $default:literal)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(i64);

        impl $name {
            /// Where it may lie.
            pub const BOUNDS: $crate::fault::IntegerBounds =
                $crate::fault::IntegerBounds { min: Some($min), max: Some($max) };

            /// Takes an integer within the bounds.
            ///
            /// # Errors
            /// A violation with an empty pointer for what lies outside.
            pub fn new(value: i64) -> Result<Self, $crate::Violation> {
                $crate::fault::integer(value.into(), Self::BOUNDS).map_or(Ok(Self(value)), Err)
            }

            /// The integer.
            #[must_use]
            pub const fn value(self) -> i64 {
                self.0
            }
        }

        $(impl ::std::default::Default for $name {
            /// What the provider takes when nothing is sent.
            fn default() -> Self {
                Self($default)
            }
        })?

        impl $crate::Validate for $name {
            fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                $crate::check::integer(value, Self::BOUNDS, at, out);
            }
        }

        $crate::__try_from_integers!($name, integer, BOUNDS);

        impl $crate::export::Serialize for $name {
            fn serialize<__S: $crate::export::Serializer>(&self, serializer: __S) -> Result<__S::Ok, __S::Error> {
                serializer.serialize_i64(self.0)
            }
        }

        $crate::__deserialize!($name, $crate::number::deserialize_integer);
        $crate::__json_schema!($name, $crate::json_schema::integer(Self::BOUNDS) $(, $default as i64)?);
    };
}

/// An integer with at most one bound within 64 bits: as wide as JSON, so that nothing valid is out of its reach.
#[doc(hidden)]
#[macro_export]
macro_rules! open_integer {
    ($(#[$doc:meta])* $name:ident { min: $min:expr, max: $max:expr $(, default: $default:literal)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name($crate::Integer);

        impl $name {
            /// Where it may lie.
            pub const BOUNDS: $crate::fault::IntegerBounds = $crate::fault::IntegerBounds { min: $min, max: $max };

            /// Takes an integer within the bounds.
            ///
            /// # Errors
            /// A violation with an empty pointer for what lies outside.
            pub fn new(value: impl ::std::convert::Into<$crate::Integer>) -> Result<Self, $crate::Violation> {
                let value = value.into();
                value.fault(Self::BOUNDS).map_or(Ok(Self(value)), Err)
            }

            /// The integer.
            #[must_use]
            pub const fn value(&self) -> &$crate::Integer {
                &self.0
            }
        }

        $(impl ::std::default::Default for $name {
            /// What the provider takes when nothing is sent.
            fn default() -> Self {
                Self($crate::Integer::from($default as i64))
            }
        })?

        impl $crate::Validate for $name {
            fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                $crate::check::integer(value, Self::BOUNDS, at, out);
            }
        }

        $crate::__try_from!($name: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

        impl $crate::export::Serialize for $name {
            fn serialize<__S: $crate::export::Serializer>(&self, serializer: __S) -> Result<__S::Ok, __S::Error> {
                $crate::export::Serialize::serialize(&self.0, serializer)
            }
        }

        $crate::__deserialize!($name, <$crate::Integer as $crate::export::Deserialize>::deserialize);
        $crate::__json_schema!($name, $crate::json_schema::integer(Self::BOUNDS) $(, $default as i64)?);
    };
}
