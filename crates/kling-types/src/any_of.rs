//! Values of one of several forms: `anyOf` in JSON Schema.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::check::{self, Validate, described, wrong_type};
use crate::violation::one_of;
use crate::{Keyword, MediaRef, Pointer, Violation, Violations};

/// Checks that a value has one of several forms; `forms` are the checks of each.
///
/// The result is one violation at the value itself, as in JSON Schema. The violation names the values that each form allows.
pub fn any_of<F>(value: &Value, forms: impl IntoIterator<Item = F>, at: &Pointer<'_>, out: &mut Violations)
where
    F: FnOnce(&Value, &Pointer<'_>, &mut Violations),
{
    let (mut allowed, mut keyword) = (Vec::new(), Keyword::AnyOf);
    for check in forms {
        let mut found = Violations::new();
        check(value, &Pointer::ROOT, &mut found);
        if found.iter().all(|one| one.keyword() == Keyword::MediaReference) {
            // The form fits the schema, and only a rule of this crate is broken.
            keyword = Keyword::MediaReference;
        }
        match found.iter().next() {
            None => return,
            Some(first) if first.pointer().is_empty() => allowed.push(first.allowed()),
            Some(first) => allowed.push(format!("at {} {}", first.pointer(), first.allowed())),
        }
    }
    allowed.dedup();
    out.push(Violation::of(keyword, described(value), one_of(&allowed)).at(at));
}

/// A type that takes values of the type `S`, as they are or as one of its forms.
pub trait HasForm<S> {
    /// Takes a value of the form.
    fn from_form(form: S) -> Self;
}

impl HasForm<Self> for MediaRef {
    fn from_form(form: Self) -> Self {
        form
    }
}

/// `null`, if a schema names it as a form of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct Null;

impl Validate for Null {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        null(value, at, out);
    }
}

impl<'de> Deserialize<'de> for Null {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <()>::deserialize(deserializer).map(|()| Self)
    }
}

/// Checks that a value is `null`.
pub fn null(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
    if !value.is_null() {
        wrong_type(value, "null", at, out);
    }
}

/// A value of one of several forms, each a type of its own.
///
/// The forms after `from` convert as types. The words after `reads` are plain values that convert by being checked.
#[doc(hidden)]
#[macro_export]
macro_rules! any_of {
    ($(#[$doc:meta])* $name:ident { $($form:ident($ty:ty),)+ } from { $($from:ident($source:ty),)* } reads { $($read:ident)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, $crate::export::Serialize)]
        #[serde(crate = "::kling_types::export::serde", untagged)]
        #[non_exhaustive]
        pub enum $name {
            $(#[doc = concat!("The form `", stringify!($ty), "`.")] $form($ty),)+
        }

        impl $name {
            /// Takes a value that has one of the forms, as the first form that fits.
            ///
            /// # Errors
            /// A violation with an empty pointer if no form fits.
            pub fn new(value: impl ::std::convert::Into<$crate::export::Value>) -> ::std::result::Result<Self, $crate::Violations> {
                let value = value.into();
                $(if let Some(form) = $crate::any_of::read::<$ty>(&value) {
                    return Ok(Self::$form(form));
                })+
                Err($crate::any_of::unread::<Self>(&value))
            }
        }

        impl $crate::Validate for $name {
            fn check_json(value: &$crate::export::Value, at: &$crate::Pointer<'_>, out: &mut $crate::Violations) {
                let forms: [fn(&$crate::export::Value, &$crate::Pointer<'_>, &mut $crate::Violations); _] =
                    [$(<$ty as $crate::Validate>::check_json),+];
                $crate::any_of::any_of(value, forms, at, out);
            }
        }

        $(impl ::std::convert::From<$source> for $name {
            fn from(form: $source) -> Self {
                Self::$from(form)
            }
        }

        impl $crate::any_of::HasForm<$source> for $name {
            fn from_form(form: $source) -> Self {
                Self::$from(form)
            }
        })*

        $($crate::__any_of_reads!($name $read);)*

        impl<'de> $crate::export::Deserialize<'de> for $name {
            fn deserialize<__D: $crate::export::Deserializer<'de>>(deserializer: __D) -> ::std::result::Result<Self, __D::Error> {
                let value = $crate::export::Value::deserialize(deserializer)?;
                Self::new(value).map_err($crate::export::de_error)
            }
        }

        $crate::__json_schema! { [] $name = stringify!($name), |generator|
            $crate::json_schema::any_of(vec![$(generator.subschema_for::<$ty>()),+]) }
    };
}

/// Conversions of plain values into a value of several forms.
#[doc(hidden)]
#[macro_export]
macro_rules! __any_of_reads {
    ($name:ident boolean) => { $crate::__any_of_reads!($name: bool); };
    ($name:ident number) => {
        impl ::std::convert::TryFrom<f64> for $name {
            type Error = $crate::Violations;

            fn try_from(value: f64) -> ::std::result::Result<Self, $crate::Violations> {
                // By way of `Number`, since JSON would turn infinity into null.
                Self::new($crate::Number::new(value)?.value())
            }
        }
    };
    ($name:ident integer) => { $crate::__any_of_reads!($name: i8, i16, i32, i64, isize, u8, u16, u32, u64, usize); };
    ($name:ident text) => { $crate::__any_of_reads!($name: &str, ::std::string::String); };
    ($name:ident: $($source:ty),+) => {
        $(impl ::std::convert::TryFrom<$source> for $name {
            type Error = $crate::Violations;

            fn try_from(value: $source) -> ::std::result::Result<Self, $crate::Violations> {
                Self::new(value)
            }
        })+
    };
}

/// Reads a value as a type, if the type's own check accepts the value.
#[doc(hidden)]
pub fn read<T: Validate + serde::de::DeserializeOwned>(value: &Value) -> Option<T> {
    check::document(value, T::check_json).ok().and_then(|()| T::deserialize(value).ok())
}

/// The violations of a value that has none of the forms.
#[doc(hidden)]
pub fn unread<T: Validate>(value: &Value) -> Violations {
    check::document(value, T::check_json).err().unwrap_or_default()
}
