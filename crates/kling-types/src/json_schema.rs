//! JSON Schema derived from the types: written from the constants that the types check, never from the schema on file.

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

/// Implements `schemars::JsonSchema` for an object type.
#[cfg(feature = "schemars")]
#[doc(hidden)]
#[macro_export]
macro_rules! __object_schema {
    ($name:ident, media: $media:expr, open: $open:literal, {
        $($key:literal: $type:ty, required: $required:literal $(, default: $default:expr)?;)*
    }) => {
        impl $crate::export::schemars::JsonSchema for $name {
            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn schema_id() -> ::std::borrow::Cow<'static, str> {
                concat!(module_path!(), "::", stringify!($name)).into()
            }

            fn json_schema(
                generator: &mut $crate::export::schemars::SchemaGenerator,
            ) -> $crate::export::schemars::Schema {
                let mut object = $crate::json_schema::ObjectSchema::new($media, $open);
                $(
                    #[allow(unused_mut, reason = "a property without a default changes nothing")]
                    let mut property = generator.subschema_for::<$type>();
                    $(property.insert("default".to_owned(), $default.into());)?
                    object.property($key, $required, property);
                )*
                object.finish()
            }
        }
    };
}

/// Nothing, without the feature `schemars`.
#[cfg(not(feature = "schemars"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __object_schema {
    ($($ignored:tt)*) => {};
}

#[cfg(feature = "schemars")]
pub use derived::{ObjectSchema, integer, integer_enum, number, text, text_enum};

#[cfg(feature = "schemars")]
mod derived {
    use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    use serde_json::{Map, Value, json};

    use crate::fault::{IntegerBounds, NumberBounds, TextBounds};
    use crate::{Checked, List, MediaField, MediaRule, Number, Origin};

    /// The schema of a string.
    #[must_use]
    pub fn text(bounds: TextBounds) -> Schema {
        let schema = json_schema!({ "type": "string" });
        with(schema, [("minLength", bounds.min.map(Value::from)), ("maxLength", bounds.max.map(Value::from))])
    }

    /// The schema of a string out of a list.
    #[must_use]
    pub fn text_enum(values: &[&str]) -> Schema {
        json_schema!({ "type": "string", "enum": values })
    }

    /// The schema of an integer.
    #[must_use]
    pub fn integer(bounds: IntegerBounds) -> Schema {
        let schema = json_schema!({ "type": "integer" });
        with(schema, [("minimum", bounds.min.map(Value::from)), ("maximum", bounds.max.map(Value::from))])
    }

    /// The schema of an integer out of a list.
    #[must_use]
    pub fn integer_enum(values: &[i64]) -> Schema {
        json_schema!({ "type": "integer", "enum": values })
    }

    /// The schema of a number.
    #[must_use]
    pub fn number(bounds: NumberBounds) -> Schema {
        let bounds = [
            ("minimum", bounds.min.map(Value::from)),
            ("maximum", bounds.max.map(Value::from)),
            ("exclusiveMinimum", bounds.above.map(Value::from)),
            ("exclusiveMaximum", bounds.below.map(Value::from)),
        ];
        with(json_schema!({ "type": "number" }), bounds)
    }

    impl JsonSchema for Number {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            "Number".into()
        }

        fn inline_schema() -> bool {
            true
        }

        fn json_schema(_: &mut SchemaGenerator) -> Schema {
            number(NumberBounds::NONE)
        }
    }

    impl<T: JsonSchema + Checked, const MIN: u64, const MAX: u64> JsonSchema for List<T, MIN, MAX> {
        fn schema_name() -> std::borrow::Cow<'static, str> {
            format!("List_of_{}_{MIN}_{MAX}", T::schema_name()).into()
        }

        fn inline_schema() -> bool {
            true
        }

        fn json_schema(generator: &mut SchemaGenerator) -> Schema {
            let schema = json_schema!({ "type": "array", "items": generator.subschema_for::<T>() });
            let bounds = Self::BOUNDS;
            with(
                schema,
                [("minItems", bounds.min.map(Value::from)), ("maxItems", bounds.max.map(Value::from))],
            )
        }
    }

    /// The schema of an object, property by property.
    #[derive(Debug)]
    pub struct ObjectSchema {
        media: &'static [MediaField],
        open: bool,
        properties: Map<String, Value>,
        required: Vec<&'static str>,
    }

    impl ObjectSchema {
        /// An object without properties; `open` ones allow more than they name.
        #[must_use]
        pub fn new(media: &'static [MediaField], open: bool) -> Self {
            Self { media, open, properties: Map::new(), required: Vec::new() }
        }

        /// Adds a property, with the provider's media rules where it has some.
        pub fn property(&mut self, name: &'static str, required: bool, mut schema: Schema) {
            let rules =
                self.media.iter().filter(|field| field.name == name).flat_map(|field| field.rules.iter());
            let printed: Vec<Value> =
                rules.filter(|rule| rule.origin == Origin::Schema).map(validation).collect();
            if !printed.is_empty() {
                schema.insert("validations".to_owned(), printed.into());
            }
            self.properties.insert(name.to_owned(), schema.to_value());
            self.required.extend(required.then_some(name));
        }

        /// The whole schema.
        #[must_use]
        pub fn finish(self) -> Schema {
            let schema = json_schema!({ "type": "object", "properties": self.properties });
            let required = (!self.required.is_empty()).then(|| json!(self.required));
            with(
                schema,
                [("required", required), ("additionalProperties", (!self.open).then(|| json!(false)))],
            )
        }
    }

    /// A media rule in the provider's own form.
    fn validation(rule: &MediaRule) -> Value {
        json!({
            "validation_rule": format!("{}{}", rule.metric, rule.comparison),
            "validation_value": rule.value,
            "validation_error": rule.message,
        })
    }

    fn with<const N: usize>(mut schema: Schema, keywords: [(&str, Option<Value>); N]) -> Schema {
        for (keyword, value) in keywords {
            if let Some(value) = value {
                schema.insert(keyword.to_owned(), value);
            }
        }
        schema
    }
}
