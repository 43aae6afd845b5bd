//! References within a document and compositions of one schema, replaced by what they name before anything is read.
//!
//! Replicate and FastAPI write each enum as `{"allOf": [{"$ref": "#/components/schemas/Size"}], "default": …}`.

use kling_types::Pointer;
use serde_json::{Map, Value};

use crate::SchemaError;
use crate::keywords::is_word;

/// The most schemas that references may make of a document.
const MOST_SCHEMAS: usize = 10_000;
/// How deep schemas may be in one another: without references, JSON that is read is never deeper.
const DEEPEST: usize = 128;

/// The schema at `at` in its document, without local references, compositions of one schema, and definitions.
///
/// # Errors
/// If `is_strict`: a reference that leads nowhere or in a circle, rules that contradict each other, and a document that grows
/// beyond its bounds. Otherwise such a keyword stays in its place, to be reported as not understood.
pub(crate) fn resolved(
    schema: &Value,
    document: &Value,
    at: &Pointer<'_>,
    is_strict: bool,
) -> Result<Value, SchemaError> {
    let whole = |references| {
        let mut resolver = Resolver { document, references, left: MOST_SCHEMAS, chain: vec!["#".to_owned()] };
        resolver.schema(schema, at, 0)
    };
    match whole(if is_strict { References::Required } else { References::Tried }) {
        // Only bounds stop a lenient reading: without its references the document does not grow.
        Err(_) if !is_strict => whole(References::Left),
        whole => whole,
    }
}

/// What becomes of references.
#[derive(Clone, Copy, PartialEq, Eq)]
enum References {
    /// One that cannot be resolved is an error.
    Required,
    /// One that cannot be resolved stays.
    Tried,
    /// All stay.
    Left,
}

/// The walk through a schema and what it names.
struct Resolver<'d> {
    document: &'d Value,
    references: References,
    /// How many more schemas the document may become.
    left: usize,
    /// The references that the schema at hand is part of.
    chain: Vec<String>,
}

impl Resolver<'_> {
    fn schema(&mut self, schema: &Value, at: &Pointer<'_>, depth: usize) -> Result<Value, SchemaError> {
        let Value::Object(keywords) = schema else { return Ok(schema.clone()) };
        let (outer, is_named) = (self.chain.len(), self.chain.len() > 1);
        self.left = self.left.saturating_sub(usize::from(is_named));
        if self.left == 0 || depth >= DEEPEST {
            return Err(too_large(at));
        }
        let mut keywords = self.flat(keywords, at)?;
        let is_definition = |keyword: &str| {
            matches!(keyword, "$defs" | "definitions") || depth == 0 && keyword == "components"
        };
        keywords.retain(|keyword, value| !(is_definition(keyword) && value.is_object()));
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

    /// The keywords of a schema with those of the schemas that it names alone.
    fn flat(
        &mut self,
        keywords: &Map<String, Value>,
        at: &Pointer<'_>,
    ) -> Result<Map<String, Value>, SchemaError> {
        let mut keywords = keywords.clone();
        loop {
            let step = match (
                keywords.get("$ref"),
                keywords.get("allOf").and_then(Value::as_array).map(Vec::as_slice),
            ) {
                (Some(name), _) if self.references != References::Left => {
                    self.follow(name).and_then(|inner| joined(&keywords, inner, "$ref"))
                }
                (_, Some([Value::Object(inner)])) => joined(&keywords, inner, "allOf"),
                _ => return Ok(keywords),
            };
            match step {
                Ok(joined) => keywords = joined,
                Err(_) if self.references != References::Required => return Ok(keywords),
                Err(Refusal { keyword, why }) => return Err(SchemaError::new(at, Some(&keyword), why)),
            }
        }
    }

    /// The schema that a reference names; the reference becomes a link of the chain.
    fn follow(&mut self, name: &Value) -> Result<&Map<String, Value>, Refusal> {
        let refusal = |why: &str| Refusal { keyword: "$ref".to_owned(), why: format!("{name} {why}") };
        let name = name.as_str().ok_or_else(|| refusal("is no text, allowed is a reference"))?;
        let place = name.strip_prefix('#').ok_or_else(|| refusal("leads out of the document"))?;
        if self.chain.iter().any(|link| link == name) {
            return Err(refusal("leads in a circle"));
        }
        let named = self.document.pointer(place).and_then(Value::as_object);
        let named = named.ok_or_else(|| refusal("names no schema of the document"))?;
        self.chain.push(name.to_owned());
        Ok(named)
    }
}

/// Why a keyword cannot be understood.
struct Refusal {
    keyword: String,
    why: String,
}

/// The keywords beside `naming`, and those of the schema that it names: both hold, and of two words the nearer one counts.
fn joined(
    outer: &Map<String, Value>,
    inner: &Map<String, Value>,
    naming: &str,
) -> Result<Map<String, Value>, Refusal> {
    let mut joined = outer.clone();
    joined.shift_remove(naming);
    for (keyword, value) in inner {
        let Some(stated) = joined.get_mut(keyword) else {
            joined.insert(keyword.clone(), value.clone());
            continue;
        };
        let is_word = is_word(keyword) && keyword != "format";
        if !(is_word || *stated == *value || join(keyword, stated, value)) {
            let why = format!("says one thing beside `{naming}` and another in the schema that it names");
            return Err(Refusal { keyword: keyword.clone(), why });
        }
    }
    Ok(joined)
}

/// Joins names that are required, and properties by different names. Returns whether that is what the keyword says.
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
            stated.extend(more.iter().map(|(name, schema)| (name.clone(), schema.clone())));
            is_joined
        }
        _ => false,
    }
}

fn too_large(at: &Pointer<'_>) -> SchemaError {
    let why = format!(
        "the references make more than {MOST_SCHEMAS} schemas, or more than {DEEPEST} in one another"
    );
    SchemaError::new(at, Some("$ref"), why)
}
