//! The provider's dialect edited into the standard, so that a judge of the standard can read it.
//!
//! The edits are made here by hand, on the document itself and not through `kling-schema`: they are what this project claims
//! that the dialect means.

use kling_types::ModelInfo;
use serde_json::{Map, Value, json};

/// The input schema of a model as JSON Schema.
///
/// # Panics
/// When the document is not JSON.
#[must_use]
pub fn input_schema(model: &ModelInfo) -> Value {
    let schema: Value = serde_json::from_str(model.input_schema).expect("the schema is JSON");
    let mut schema = expanded(&schema);
    for field in model.media.iter().filter(|field| field.plural) {
        give_items(&mut schema, &field.name);
    }
    edit(&mut schema);
    // The top is closed even where it names nothing.
    if schema.get("additionalProperties").is_none() {
        schema["additionalProperties"] = json!(false);
    }
    schema
}

/// A document with its local references, and its compositions of one schema, replaced by what they name.
///
/// # Panics
/// When a reference leads nowhere.
#[must_use]
pub fn expanded(document: &Value) -> Value {
    expand(document, document)
}

fn expand(schema: &Value, document: &Value) -> Value {
    match schema {
        Value::Array(elements) => elements.iter().map(|element| expand(element, document)).collect(),
        Value::Object(keywords) => {
            let mut whole = Map::new();
            for (keyword, value) in keywords {
                let named = match (keyword.as_str(), value) {
                    ("$defs" | "components" | "definitions", Value::Object(_)) => continue,
                    ("$ref", Value::String(name)) => document.pointer(&name[1..]).expect("a local reference"),
                    ("allOf", Value::Array(schemas)) if schemas.len() == 1 => &schemas[0],
                    _ => {
                        whole.insert(keyword.clone(), expand(value, document));
                        continue;
                    }
                };
                let Value::Object(named) = expand(named, document) else { continue };
                for (keyword, value) in named {
                    // The nearer words count.
                    whole.entry(keyword).or_insert(value);
                }
            }
            Value::Object(whole)
        }
        other => other.clone(),
    }
}

/// Plural media come without `items`; their elements are texts.
fn give_items(schema: &mut Value, path: &str) {
    let pointer = path.split('/').fold(String::new(), |pointer, step| match step {
        "*" => pointer + "/items",
        name => pointer + "/properties/" + name,
    });
    if let Some(Value::Object(array)) = schema.pointer_mut(&pointer)
        && array.get("type").is_some_and(|kind| kind == "array")
    {
        array.entry("items").or_insert_with(|| json!({ "type": "string" }));
    }
}

/// Edits one schema and every schema in it.
fn edit(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    if keywords.get("type").is_some_and(|kind| kind == "float") {
        keywords.insert("type".to_owned(), json!("number"));
    }
    state_null(keywords);
    for (inclusive, exclusive) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        bring_to_draft_6(keywords, inclusive, exclusive);
    }
    close(keywords);
    for (keyword, value) in keywords.iter_mut() {
        match (keyword.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(edit),
            ("anyOf" | "oneOf", Value::Array(schemas)) => schemas.iter_mut().for_each(edit),
            ("additionalProperties" | "items", schema) => edit(schema),
            _ => {}
        }
    }
}

/// `nullable` of OpenAPI is one more type.
fn state_null(keywords: &mut Map<String, Value>) {
    if keywords.remove("nullable") == Some(json!(true))
        && let Some(kind) = keywords.remove("type")
    {
        keywords.insert("type".to_owned(), json!([kind, "null"]));
    }
}

/// Draft 4 says that a bound is exclusive, later drafts state an exclusive bound.
fn bring_to_draft_6(keywords: &mut Map<String, Value>, inclusive: &str, exclusive: &str) {
    match keywords.get(exclusive) {
        Some(Value::Bool(true)) => {
            let bound = keywords.remove(inclusive).unwrap_or_default();
            keywords.insert(exclusive.to_owned(), bound);
        }
        Some(Value::Bool(false)) => {
            keywords.remove(exclusive);
        }
        _ => {}
    }
}

/// An object that names properties has no others, and requires none that it does not name.
fn close(keywords: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = keywords.get("properties").cloned() else { return };
    keywords.entry("additionalProperties").or_insert(json!(false));
    if let Some(Value::Array(required)) = keywords.get_mut("required") {
        required.retain(|name| name.as_str().is_some_and(|name| properties.contains_key(name)));
    }
}
