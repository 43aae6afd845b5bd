//! JSON Schema derived from the types: written from the constants that the types check, never from the schema on file.

#[cfg(feature = "schemars")]
mod derived;

#[cfg(feature = "schemars")]
pub use derived::{
    ObjectSchema, any_of, integer, integer_enum, number, number_enum, state_default, text, text_enum,
};

/// Implements `schemars::JsonSchema` for a leaf type.
#[cfg(feature = "schemars")]
#[doc(hidden)]
#[macro_export]
macro_rules! __json_schema {
    ($name:ident, $schema:expr $(, $default:expr)?) => {
        impl $crate::export::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut $crate::export::schemars::SchemaGenerator) -> $crate::export::schemars::Schema {
                #[allow(unused_mut, reason = "a leaf without a default changes nothing")]
                let mut schema = $schema;
                $(schema.insert("default".to_owned(), $default.into());)?
                schema
            }
        }
    };
}

/// Nothing, without the feature `schemars`.
#[cfg(not(feature = "schemars"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __json_schema {
    ($($ignored:tt)*) => {};
}

/// Implements `schemars::JsonSchema` for an object type; a default stands there as JSON text, where its type states none.
#[cfg(feature = "schemars")]
#[doc(hidden)]
#[macro_export]
macro_rules! __object_schema {
    ($name:ident, media: $media:expr, below: $prefix:expr, open: $open:literal, {
        $($presence:ident $key:literal: $type:ty $(, default $default:literal)?;)*
    }) => {
        impl $crate::export::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> ::std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn inline_schema() -> bool {
                true
            }

            #[allow(unused_mut, unused_variables, reason = "there may be no properties, or none with a default")]
            fn json_schema(
                generator: &mut $crate::export::schemars::SchemaGenerator,
            ) -> $crate::export::schemars::Schema {
                let mut object = $crate::json_schema::ObjectSchema::new($media, $prefix, $open);
                $(
                    let mut property = generator.subschema_for::<$type>();
                    $($crate::json_schema::state_default(&mut property, $default);)?
                    object.$presence($key, property);
                )*
                object.finish()
            }
        }
    };
}

/// Implements `schemars::JsonSchema` for a type of several forms.
#[cfg(feature = "schemars")]
#[doc(hidden)]
#[macro_export]
macro_rules! __any_of_schema {
    ($name:ident: $($form:ty),+) => {
        impl $crate::export::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(
                generator: &mut $crate::export::schemars::SchemaGenerator,
            ) -> $crate::export::schemars::Schema {
                $crate::json_schema::any_of(vec![$(generator.subschema_for::<$form>()),+])
            }
        }
    };
}

/// Nothing, without the feature `schemars`.
#[cfg(not(feature = "schemars"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __any_of_schema {
    ($($ignored:tt)*) => {};
}

/// Nothing, without the feature `schemars`.
#[cfg(not(feature = "schemars"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __object_schema {
    ($($ignored:tt)*) => {};
}
