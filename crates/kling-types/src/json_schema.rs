//! JSON Schema derived from the types, from the constants that the types check and never from the schema on file.

/// Its content with the feature `schemars`, otherwise empty.
#[cfg(feature = "schemars")]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_schemars {
    ($($content:tt)*) => { $($content)* };
}

/// Its content with the feature `schemars`, otherwise empty.
#[cfg(not(feature = "schemars"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __if_schemars {
    ($($content:tt)*) => {};
}

/// Implements `schemars::JsonSchema` for a type with its generics in brackets.
#[doc(hidden)]
#[macro_export]
macro_rules! __json_schema {
    ([$($generics:tt)*] $type:ty = $name:expr, |$generator:ident| $schema:expr) => {
        $crate::__if_schemars! {
            impl<$($generics)*> $crate::export::schemars::JsonSchema for $type {
                fn schema_name() -> ::std::borrow::Cow<'static, str> {
                    $name.into()
                }

                fn inline_schema() -> bool {
                    true
                }

                fn json_schema(
                    $generator: &mut $crate::export::schemars::SchemaGenerator,
                ) -> $crate::export::schemars::Schema {
                    $schema
                }
            }
        }
    };
}

/// The JSON Schema of an object type. A default is JSON text, for a type that has no default of its own.
#[doc(hidden)]
#[macro_export]
macro_rules! __object_schema {
    ($name:ident, media: $media:expr, below: $prefix:expr, open: $open:literal, {
        $($presence:ident $key:literal: $type:ty $(, default $default:literal)?;)*
    }) => {
        $crate::__json_schema! { [] $name = stringify!($name), |_generator| {
            #[allow(unused_mut, reason = "there may be no properties, or none with a default")]
            let mut object = $crate::json_schema::ObjectSchema::new($media, $prefix, $open);
            $(
                #[allow(unused_mut)]
                let mut property = _generator.subschema_for::<$type>();
                $($crate::json_schema::set_default_text(&mut property, $default);)?
                object.$presence($key, property);
            )*
            object.finish()
        } }
    };
}

#[cfg(feature = "schemars")]
pub use self::derived::*;

#[cfg(feature = "schemars")]
mod derived {
    use schemars::{JsonSchema, Schema, json_schema};
    use serde::Serialize;
    use serde_json::{Map, Value, json};

    use crate::bounds::{IntegerBounds, NumberBounds, TextBounds};
    use crate::{Dictionary, Integer, List, MediaField, MediaRef, MediaRule, Null, Number, RuleSource};

    /// Adds the provider's default.
    pub fn set_default(schema: &mut Schema, default: &impl Serialize) {
        schema.insert("default".to_owned(), json!(default));
    }

    /// Adds the provider's default, given as JSON text.
    pub fn set_default_text(schema: &mut Schema, default: &str) {
        schema.insert("default".to_owned(), serde_json::from_str(default).unwrap_or_default());
    }

    /// The schema of a value of one of several forms.
    pub fn any_of(forms: Vec<Schema>) -> Schema {
        json_schema!({ "anyOf": forms })
    }

    /// The schema of a string.
    pub fn text(bounds: TextBounds) -> Schema {
        let schema = json_schema!({ "type": "string" });
        with(schema, [("minLength", bounds.min.map(Value::from)), ("maxLength", bounds.max.map(Value::from))])
    }

    /// The schema of a string out of a list.
    pub fn text_enum(values: &[&str]) -> Schema {
        json_schema!({ "type": "string", "enum": values })
    }

    /// The schema of an integer.
    pub fn integer(bounds: IntegerBounds) -> Schema {
        let schema = json_schema!({ "type": "integer" });
        with(schema, [("minimum", bounds.min.map(wide)), ("maximum", bounds.max.map(wide))])
    }

    /// A bound as JSON. Beyond 64 bits it is the nearest double, as in the source.
    #[allow(clippy::cast_precision_loss, reason = "JSON holds no wider integer than 64 bits")]
    fn wide(bound: i128) -> Value {
        let exact = i64::try_from(bound).map(Value::from).or_else(|_| u64::try_from(bound).map(Value::from));
        exact.unwrap_or_else(|_| Value::from(bound as f64))
    }

    /// The schema of an integer out of a list.
    pub fn integer_enum(values: &[i64]) -> Schema {
        json_schema!({ "type": "integer", "enum": values })
    }

    /// The schema of a number out of a list.
    pub fn number_enum(values: &[f64]) -> Schema {
        json_schema!({ "type": "number", "enum": values })
    }

    /// The schema of a number.
    pub fn number(bounds: NumberBounds) -> Schema {
        let bounds = [
            ("minimum", bounds.min.map(Value::from)),
            ("maximum", bounds.max.map(Value::from)),
            ("exclusiveMinimum", bounds.above.map(Value::from)),
            ("exclusiveMaximum", bounds.below.map(Value::from)),
        ];
        with(json_schema!({ "type": "number" }), bounds)
    }

    __json_schema! { [] Integer = "Integer", |_generator| integer(IntegerBounds::default()) }
    __json_schema! { [] MediaRef = "MediaRef", |_generator| text(TextBounds::default()) }
    __json_schema! { [] Null = "Null", |_generator| json_schema!({ "type": "null" }) }
    __json_schema! { [] Number = "Number", |_generator| number(NumberBounds::NONE) }
    __json_schema! { [T: JsonSchema] Dictionary<T> = format!("Dictionary_of_{}", T::schema_name()), |generator|
    json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<T>() }) }
    __json_schema! { [T: JsonSchema, const MIN: u64, const MAX: u64] List<T, MIN, MAX> =
        format!("List_of_{}_{MIN}_{MAX}", T::schema_name()), |generator| {
            let schema = json_schema!({ "type": "array", "items": generator.subschema_for::<T>() });
            let bounds = Self::BOUNDS;
            with(schema, [("minItems", bounds.min.map(Value::from)), ("maxItems", bounds.max.map(Value::from))])
        }
    }

    /// The schema of an object, property by property.
    #[derive(Debug)]
    pub struct ObjectSchema {
        media: &'static [MediaField],
        prefix: &'static str,
        open: bool,
        properties: Map<String, Value>,
        required: Vec<&'static str>,
    }

    impl ObjectSchema {
        /// An object without properties. If `open`, other properties are allowed; `prefix` is the path to a nested object.
        pub fn new(media: &'static [MediaField], prefix: &'static str, open: bool) -> Self {
            Self { media, prefix, open, properties: Map::new(), required: Vec::new() }
        }

        /// Adds an optional property.
        pub fn optional(&mut self, name: &'static str, mut schema: Schema) {
            let is_here = |field: &&MediaField| field.name.strip_prefix(self.prefix) == Some(name);
            let rules = self.media.iter().filter(is_here).flat_map(|field| field.rules.iter());
            let printed: Vec<Value> =
                rules.filter(|rule| rule.origin == RuleSource::Schema).map(validation).collect();
            if !printed.is_empty() {
                schema.insert("validations".to_owned(), printed.into());
            }
            self.properties.insert(name.to_owned(), schema.to_value());
        }

        /// Adds a required property.
        pub fn required(&mut self, name: &'static str, schema: Schema) {
            self.optional(name, schema);
            self.required.push(name);
        }

        /// The whole schema.
        pub fn finish(self) -> Schema {
            let schema = json_schema!({ "type": "object", "properties": self.properties });
            let required = (!self.required.is_empty()).then(|| json!(self.required));
            let additional = (!self.open).then_some(Value::Bool(false));
            with(schema, [("required", required), ("additionalProperties", additional)])
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
