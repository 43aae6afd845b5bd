//! Replaces local references, and compositions of a single schema, before a document is read.
//!
//! Replicate and FastAPI write each enum as `{"allOf": [{"$ref": "#/components/schemas/Size"}], "default": …}`.

use kling_types::Pointer;
use serde_json::{Map, Value};

use crate::SchemaError;
use crate::keywords::is_prose;

/// The most schemas in a document after its references are resolved.
const MAX_SCHEMAS: usize = 10_000;
/// The deepest nesting of schemas. JSON that is read is never deeper without references.
const MAX_DEPTH: usize = 128;

/// Returns the schema at `at` in its document without local references, compositions of one schema, and definitions.
///
/// If `is_strict`, it fails for a missing or circular reference, a contradiction, and a document that grows too large. Else
/// such a keyword stays in its place, and is reported as unchecked.
pub(crate) fn resolved(
    schema: &Value,
    document: &Value,
    at: &Pointer<'_>,
    is_strict: bool,
) -> Result<Value, SchemaError> {
    let mut resolver = Resolver { document, is_strict, left: MAX_SCHEMAS, chain: vec!["#".to_owned()] };
    let resolved = resolver.schema(schema, at, 0);
    if is_strict {
        return resolved;
    }
    // Only the bounds stop a lenient reading. The references then stay.
    Ok(resolved.unwrap_or_else(|_| {
        let mut schema = schema.clone();
        schema.as_object_mut().into_iter().for_each(|keywords| drop_definitions(keywords, true));
        schema
    }))
}

fn drop_definitions(keywords: &mut Map<String, Value>, is_top: bool) {
    let is_definition =
        |keyword: &str| matches!(keyword, "$defs" | "definitions") || is_top && keyword == "components";
    keywords.retain(|keyword, value| !(is_definition(keyword) && value.is_object()));
}

/// The walk through a schema and the schemas that it refers to.
struct Resolver<'d> {
    document: &'d Value,
    is_strict: bool,
    /// The number of schemas that may still be added.
    left: usize,
    /// The references that lead to the current schema.
    chain: Vec<String>,
}

impl Resolver<'_> {
    fn schema(&mut self, schema: &Value, at: &Pointer<'_>, depth: usize) -> Result<Value, SchemaError> {
        let Value::Object(keywords) = schema else { return Ok(schema.clone()) };
        let outer = self.chain.len();
        self.left = self.left.saturating_sub(usize::from(outer > 1));
        if self.left == 0 || depth >= MAX_DEPTH {
            let message = format!(
                "the references make more than {MAX_SCHEMAS} schemas, or more than {MAX_DEPTH} levels of them"
            );
            return Err(SchemaError::new(at, Some("$ref"), message));
        }
        let mut keywords = self.flat(keywords, at)?;
        drop_definitions(&mut keywords, depth == 0);
        for (keyword, value) in &mut keywords {
            let at = at.key(keyword);
            match (keyword.as_str(), value) {
                ("properties", Value::Object(properties)) => {
                    for (name, schema) in properties {
                        *schema = self.schema(schema, &at.key(name), depth + 1)?;
                    }
                }
                ("allOf" | "anyOf" | "oneOf", Value::Array(schemas)) => {
                    for (index, schema) in schemas.iter_mut().enumerate() {
                        *schema = self.schema(schema, &at.index(index), depth + 1)?;
                    }
                }
                ("additionalProperties" | "items", schema) => {
                    *schema = self.schema(schema, &at, depth + 1)?
                }
                _ => {}
            }
        }
        self.chain.truncate(outer);
        Ok(Value::Object(keywords))
    }

    /// Adds the keywords of the schemas that this schema refers to, or is composed of alone.
    fn flat(
        &mut self,
        keywords: &Map<String, Value>,
        at: &Pointer<'_>,
    ) -> Result<Map<String, Value>, SchemaError> {
        let mut keywords = keywords.clone();
        loop {
            let parts = keywords.get("allOf").and_then(Value::as_array).map(Vec::as_slice);
            let merged = match (keywords.get("$ref"), parts) {
                (Some(name), _) => {
                    self.follow(name, at).and_then(|inner| merge(&keywords, inner, "$ref", at))
                }
                (_, Some([Value::Object(inner)])) => merge(&keywords, inner, "allOf", at),
                _ => return Ok(keywords),
            };
            match merged {
                Ok(merged) => keywords = merged,
                Err(error) if self.is_strict => return Err(error),
                Err(_) => return Ok(keywords),
            }
        }
    }

    /// Returns the schema that a reference names, and adds the reference to the chain.
    fn follow(&mut self, name: &Value, at: &Pointer<'_>) -> Result<&Map<String, Value>, SchemaError> {
        let error = |problem: &str| SchemaError::new(at, Some("$ref"), format!("{name} {problem}"));
        let name = name.as_str().ok_or_else(|| error("is not a string"))?;
        let place = name.strip_prefix('#').ok_or_else(|| error("is not a place in this document"))?;
        if self.chain.iter().any(|link| link == name) {
            return Err(error("leads in a circle"));
        }
        let named = self.document.pointer(place).and_then(Value::as_object);
        let named = named.ok_or_else(|| error("is not a schema of this document"))?;
        self.chain.push(name.to_owned());
        Ok(named)
    }
}

/// Merges the keywords beside `naming` with those of the schema that it names. All of them hold, and the outer prose wins.
fn merge(
    outer: &Map<String, Value>,
    inner: &Map<String, Value>,
    naming: &str,
    at: &Pointer<'_>,
) -> Result<Map<String, Value>, SchemaError> {
    let mut merged = outer.clone();
    merged.shift_remove(naming);
    for (keyword, value) in inner {
        let Some(stated) = merged.get_mut(keyword) else {
            merged.insert(keyword.clone(), value.clone());
            continue;
        };
        let is_prose = is_prose(keyword) && keyword != "format";
        if !(is_prose || *stated == *value || join(keyword, stated, value)) {
            let message = format!("contradicts the schema that `{naming}` names");
            return Err(SchemaError::new(at, Some(keyword), message));
        }
    }
    Ok(merged)
}

/// Joins required names, or properties with different names. Returns whether the keyword allows it.
fn join(keyword: &str, stated: &mut Value, more: &Value) -> bool {
    match (keyword, stated, more) {
        ("required", Value::Array(stated), Value::Array(more)) => {
            let new: Vec<Value> = more.iter().filter(|name| !stated.contains(name)).cloned().collect();
            stated.extend(new);
            true
        }
        ("properties" | "$defs" | "definitions", Value::Object(stated), Value::Object(more)) => {
            let agrees =
                |(name, schema): (&String, &Value)| stated.get(name).is_none_or(|stated| stated == schema);
            let is_joined = more.iter().all(agrees);
            stated.extend(more.clone());
            is_joined
        }
        _ => false,
    }
}
