//! The schema of each kind of type, as the types state their bounds.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::fault::{IntegerBounds, NumberBounds, TextBounds};
use crate::{Dictionary, Integer, List, MediaField, MediaRule, Null, Number, RuleSource, Validate};

/// Adds the provider's default, given as JSON text.
pub fn state_default(schema: &mut Schema, default: &str) {
    schema.insert("default".to_owned(), serde_json::from_str(default).unwrap_or_default());
}

/// The schema of a value of one of several forms.
#[must_use]
pub fn any_of(forms: Vec<Schema>) -> Schema {
    json_schema!({ "anyOf": forms })
}

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
    with(schema, [("minimum", bounds.min.map(wide)), ("maximum", bounds.max.map(wide))])
}

/// A bound as JSON: beyond 64 bits it is the nearest double, as it stood in the source.
#[allow(clippy::cast_precision_loss, reason = "JSON holds no wider integer than 64 bits")]
fn wide(bound: i128) -> Value {
    let exact = i64::try_from(bound).map(Value::from).or_else(|_| u64::try_from(bound).map(Value::from));
    exact.unwrap_or_else(|_| Value::from(bound as f64))
}

/// The schema of an integer out of a list.
#[must_use]
pub fn integer_enum(values: &[i64]) -> Schema {
    json_schema!({ "type": "integer", "enum": values })
}

/// The schema of a number out of a list.
#[must_use]
pub fn number_enum(values: &[f64]) -> Schema {
    json_schema!({ "type": "number", "enum": values })
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

macro_rules! plain {
    ($($type:ident: $schema:expr;)*) => {
        $(impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        })*
    };
}

plain! {
    Integer: integer(IntegerBounds::default());
    Null: json_schema!({ "type": "null" });
    Number: number(NumberBounds::NONE);
}

impl<T: JsonSchema + Validate, const MIN: u64, const MAX: u64> JsonSchema for List<T, MIN, MAX> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("List_of_{}_{MIN}_{MAX}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let schema = json_schema!({ "type": "array", "items": generator.subschema_for::<T>() });
        let bounds = Self::BOUNDS;
        with(schema, [("minItems", bounds.min.map(Value::from)), ("maxItems", bounds.max.map(Value::from))])
    }
}

impl<T: JsonSchema + Validate> JsonSchema for Dictionary<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Dictionary_of_{}", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "object", "additionalProperties": generator.subschema_for::<T>() })
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
    /// An object without properties; `open` ones allow more than they name, and `prefix` is the way to nested ones.
    #[must_use]
    pub fn new(media: &'static [MediaField], prefix: &'static str, open: bool) -> Self {
        Self { media, prefix, open, properties: Map::new(), required: Vec::new() }
    }

    /// Adds a property that may be left out.
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

    /// Adds a property that has to be there.
    pub fn required(&mut self, name: &'static str, schema: Schema) {
        self.optional(name, schema);
        self.required.push(name);
    }

    /// The whole schema.
    #[must_use]
    pub fn finish(self) -> Schema {
        let schema = json_schema!({ "type": "object", "properties": self.properties });
        let required = (!self.required.is_empty()).then(|| json!(self.required));
        with(
            schema,
            [("required", required), ("additionalProperties", (!self.open).then_some(Value::Bool(false)))],
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
