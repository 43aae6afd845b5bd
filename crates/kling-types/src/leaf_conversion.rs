//! The macros of conversions into leaf types: from plain values, and from JSON.

/// Conversions into a leaf type, all through its `new`.
#[doc(hidden)]
#[macro_export]
macro_rules! __try_from {
    ($name:ident: $($from:ty),+) => {
        $(impl ::std::convert::TryFrom<$from> for $name {
            type Error = $crate::Violation;

            fn try_from(value: $from) -> Result<Self, $crate::Violation> {
                Self::new(value)
            }
        })+
    };
}

/// Conversions into a leaf type from numbers that a double holds exactly.
#[doc(hidden)]
#[macro_export]
macro_rules! __try_from_numbers {
    ($name:ident: $($from:ty)+) => {
        $(impl ::std::convert::TryFrom<$from> for $name {
            type Error = $crate::Violation;

            fn try_from(value: $from) -> Result<Self, $crate::Violation> {
                Self::new(value.into())
            }
        })+
    };
}

/// Conversions into a leaf type from every width of integer: a literal must do.
#[doc(hidden)]
#[macro_export]
macro_rules! __try_from_integers {
    ($name:ident, $fault:ident, $allowed:ident) => {
        $crate::__try_from_integers!($name, $fault, $allowed: i8 i16 i32 i64 isize u8 u16 u32 u64 usize);
    };
    ($name:ident, $fault:ident, $allowed:ident: $($from:ty)+) => {
        $(impl ::std::convert::TryFrom<$from> for $name {
            type Error = $crate::Violation;

            fn try_from(value: $from) -> Result<Self, $crate::Violation> {
                // As wide as any of them, so that a refusal names what was given; what exceeds i64 is always refused.
                let wide: i128 = ::std::convert::TryInto::try_into(value).unwrap_or(i128::MAX);
                let value = ::std::convert::TryInto::try_into(wide).unwrap_or(i64::MAX);
                $crate::fault::$fault(wide, Self::$allowed).map_or_else(|| Self::new(value), Err)
            }
        })+
    };
}

/// Reads a leaf type through the reader of its wire type and its own `new`.
#[doc(hidden)]
#[macro_export]
macro_rules! __deserialize {
    ($name:ident, $read:expr) => {
        impl<'de> $crate::export::Deserialize<'de> for $name {
            fn deserialize<__D: $crate::export::Deserializer<'de>>(
                deserializer: __D,
            ) -> Result<Self, __D::Error> {
                Self::new($read(deserializer)?).map_err($crate::export::de_error)
            }
        }
    };
}
