//! Macros of leaf types: each turns one line of a schema into a type that cannot hold a wrong value.
//!
//! Generated code calls these macros with names, documentation and bounds. They are not meant to be called by hand.

/// A string with bounds, counted in Unicode scalar values.
#[doc(hidden)]
#[macro_export]
macro_rules! text {
    ($(#[$doc:meta])* $name:ident { min: $min:expr, max: $max:expr $(, default: $default:literal)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name(::std::string::String);

        impl $name {
            /// The allowed length.
            pub const BOUNDS: $crate::bounds::TextBounds = $crate::bounds::TextBounds { min: $min, max: $max };

            /// Takes a text of an allowed length.
            ///
            /// # Errors
            /// A violation with an empty pointer if the text is too short or too long.
            pub fn new(text: impl ::std::convert::Into<::std::string::String>) -> Result<Self, $crate::Violation> {
                let text = text.into();
                Self::BOUNDS.check(&text).map(|()| Self(text))
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl ::std::convert::From<$name> for ::std::string::String {
            fn from(text: $name) -> Self {
                text.0
            }
        }

        $crate::__from_text!($name);
        $crate::__leaf!($name: text(BOUNDS), as_str, <::std::string::String as $crate::export::Deserialize>::deserialize
            $(, default Self($default.to_owned()))?);
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
            /// The allowed range.
            pub const BOUNDS: $crate::bounds::NumberBounds = $crate::bounds::NumberBounds {
                $($bound: Some($value),)*
                ..$crate::bounds::NumberBounds::NONE
            };

            /// Takes a finite number within the bounds.
            ///
            /// # Errors
            /// A violation with an empty pointer for NaN, infinity and any number out of range.
            pub fn new(value: f64) -> Result<Self, $crate::Violation> {
                Self::BOUNDS.check(value).map(|()| Self(value))
            }

            /// The number.
            pub const fn value(self) -> f64 {
                self.0
            }
        }

        $crate::__try_from!($name: f64);
        $crate::__try_from!($name: f32, i32, u32 => |value| Self::new(value.into()));
        $crate::__leaf!($name: number(BOUNDS), value, $crate::number::deserialize_float $(, default Self($default))?);
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
            /// The allowed range.
            pub const BOUNDS: $crate::bounds::IntegerBounds =
                $crate::bounds::IntegerBounds { min: Some($min), max: Some($max) };

            /// Takes an integer within the bounds.
            ///
            /// # Errors
            /// A violation with an empty pointer for any other integer.
            pub fn new(value: i64) -> Result<Self, $crate::Violation> {
                Self::BOUNDS.check(value.into()).map(|()| Self(value))
            }

            /// The integer.
            pub const fn value(self) -> i64 {
                self.0
            }
        }

        $crate::__try_from!($name: integers);
        $crate::__leaf!($name: integer(BOUNDS), value, $crate::number::deserialize_integer $(, default Self($default))?);
    };
}

/// An integer with at most one bound within 64 bits. It is as wide as JSON, so that it can hold every valid integer.
#[doc(hidden)]
#[macro_export]
macro_rules! open_integer {
    ($(#[$doc:meta])* $name:ident { min: $min:expr, max: $max:expr $(, default: $default:literal)? }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash)]
        pub struct $name($crate::Integer);

        impl $name {
            /// The allowed range.
            pub const BOUNDS: $crate::bounds::IntegerBounds = $crate::bounds::IntegerBounds { min: $min, max: $max };

            /// Takes an integer within the bounds.
            ///
            /// # Errors
            /// A violation with an empty pointer for any other integer.
            pub fn new(value: impl ::std::convert::Into<$crate::Integer>) -> Result<Self, $crate::Violation> {
                let value = value.into();
                value.check(Self::BOUNDS).map(|()| Self(value))
            }

            /// The integer.
            pub const fn value(&self) -> &$crate::Integer {
                &self.0
            }
        }

        $crate::__try_from!($name: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);
        $crate::__leaf!($name: integer(BOUNDS), value, <$crate::Integer as $crate::export::Deserialize>::deserialize
            $(, default Self($crate::Integer::from($default as i64)))?);
    };
}

/// One integer out of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! integer_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $value:literal,)+ } $(default $default:ident)?) => {
        $crate::__enum!($(#[$doc])* $name: i64, value { $($variant = $value,)+ });

        impl $name {
            /// Takes one of the values.
            ///
            /// # Errors
            /// A violation with an empty pointer for any other integer.
            pub fn new(value: i64) -> Result<Self, $crate::Violation> {
                let found = Self::ALL.iter().copied().find(|one| one.value() == value);
                found.ok_or_else(|| $crate::bounds::not_in_integers(value.into(), Self::VALUES))
            }
        }

        $crate::__try_from!($name: integers);
        $crate::__leaf!($name: integer_enum(VALUES), value, $crate::number::deserialize_integer $(, default Self::$default)?);
    };
}

/// One number out of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! number_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $value:literal,)+ } $(default $default:ident)?) => {
        $crate::__enum!($(#[$doc])* $name: f64, value { $($variant = $value,)+ });

        impl $name {
            /// Takes one of the values.
            ///
            /// # Errors
            /// A violation with an empty pointer for any other number.
            pub fn new(value: f64) -> Result<Self, $crate::Violation> {
                let found = Self::ALL.iter().copied().find(|one| one.value() == value);
                found.ok_or_else(|| $crate::bounds::not_in_numbers(value, Self::VALUES))
            }
        }

        $crate::__try_from!($name: f64);
        $crate::__try_from!($name: i32, u32 => |value| Self::new(value.into()));
        $crate::__leaf!($name: number_enum(VALUES), value, $crate::number::deserialize_float $(, default Self::$default)?);
    };
}

/// One string out of a list.
#[doc(hidden)]
#[macro_export]
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $value:literal,)+ } $(default $default:ident)?) => {
        $crate::__enum!($(#[$doc])* $name: &'static str, as_str { $($variant = $value,)+ });

        impl $name {
            /// Takes one of the values.
            ///
            /// # Errors
            /// A violation with an empty pointer for any other text.
            pub fn new(value: impl ::std::convert::AsRef<str>) -> Result<Self, $crate::Violation> {
                let value = ::std::convert::AsRef::<str>::as_ref(&value);
                let found = Self::ALL.iter().copied().find(|one| one.as_str() == value);
                found.ok_or_else(|| $crate::bounds::not_in_texts(value, Self::VALUES))
            }
        }

        $crate::__from_text!($name);
        $crate::__leaf!($name: text_enum(VALUES), as_str, <::std::string::String as $crate::export::Deserialize>::deserialize
            $(, default Self::$default)?);
    };
}

/// An enum with a value for each variant.
#[doc(hidden)]
#[macro_export]
macro_rules! __enum {
    ($(#[$doc:meta])* $name:ident: $type:ty, $get:ident { $($variant:ident = $value:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[allow(clippy::enum_variant_names, reason = "variants are named by the unit of their values")]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("`", stringify!($value), "` in JSON.")] $variant,)+
        }

        impl $name {
            /// Every variant, in the order of the schema.
            pub const ALL: &[Self] = &[$(Self::$variant,)+];
            /// The JSON value of every variant.
            pub const VALUES: &[$type] = &[$($value,)+];

            /// The value in JSON.
            pub const fn $get(self) -> $type {
                match self { $(Self::$variant => $value,)+ }
            }
        }
    };
}

/// The traits that every leaf type has: its check, its default, its JSON and its JSON Schema.
#[doc(hidden)]
#[macro_export]
macro_rules! __leaf {
    ($name:ident: $check:ident($allowed:ident), $get:ident, $read:expr $(, default $default:expr)?) => {
        $(impl ::std::default::Default for $name {
            /// The provider's default.
            fn default() -> Self {
                $default
            }
        })?

        impl $crate::Validate for $name {
            fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                $crate::check::$check(value, Self::$allowed, at, out);
            }
        }

        impl $crate::export::Serialize for $name {
            fn serialize<__S: $crate::export::Serializer>(&self, serializer: __S) -> Result<__S::Ok, __S::Error> {
                $crate::export::Serialize::serialize(&self.$get(), serializer)
            }
        }

        impl<'de> $crate::export::Deserialize<'de> for $name {
            fn deserialize<__D: $crate::export::Deserializer<'de>>(deserializer: __D) -> Result<Self, __D::Error> {
                Self::new($read(deserializer)?).map_err($crate::export::de_error)
            }
        }

        $crate::__json_schema! { [] $name = stringify!($name), |_generator| {
            #[allow(unused_mut, reason = "a leaf without a default changes nothing")]
            let mut schema = $crate::json_schema::$check(Self::$allowed);
            $(
                let default: Self = $default;
                $crate::json_schema::set_default(&mut schema, &default);
            )?
            schema
        } }
    };
}

/// Conversions of a leaf type from and to text.
#[doc(hidden)]
#[macro_export]
macro_rules! __from_text {
    ($name:ident) => {
        $crate::__try_from!($name: &str, &::std::string::String, ::std::string::String);

        impl ::std::convert::AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self.as_str()
            }
        }
    };
}

/// Conversions into a leaf type by its `new`, or by another expression.
#[doc(hidden)]
#[macro_export]
macro_rules! __try_from {
    ($name:ident: integers) => {
        $crate::__try_from!($name: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize
            => |value| $crate::number::narrow::<Self, _>(value).and_then(Self::new));
    };
    ($name:ident: $($from:ty),+) => {
        $crate::__try_from!($name: $($from),+ => |value| Self::new(value));
    };
    ($name:ident: $($from:ty),+ => |$value:ident| $converted:expr) => {
        $(impl ::std::convert::TryFrom<$from> for $name {
            type Error = $crate::Violation;

            fn try_from($value: $from) -> Result<Self, $crate::Violation> {
                $converted
            }
        })+
    };
}
