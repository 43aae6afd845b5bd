//! The keywords of one schema, taken one by one, and the error of a schema that cannot be read.

use std::fmt;

use kling_types::bounds::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::{Pointer, check};
use serde_json::{Map, Number, Value};

use crate::Annotation;

/// The annotations of JSON Schema and OpenAPI that are not prose. A keyword that starts with `x-` is one too.
const ANNOTATIONS: [&str; 9] = [
    "$comment",
    "$id",
    "contentEncoding",
    "contentMediaType",
    "deprecated",
    "example",
    "examples",
    "readOnly",
    "writeOnly",
];

/// The keywords of one schema that are not taken yet.
#[derive(Clone)]
pub(crate) struct Keywords<'a> {
    rest: Map<String, Value>,
    at: &'a Pointer<'a>,
}

impl<'a> Keywords<'a> {
    /// Opens the schema at `at`.
    pub(crate) fn open(schema: &Value, at: &'a Pointer<'a>) -> Result<Self, SchemaError> {
        match schema {
            Value::Object(keywords) => Ok(Self { rest: keywords.clone(), at }),
            _ => Err(SchemaError::new(at, None, "expected a JSON object")),
        }
    }

    /// Drops keywords with the value null. `const` may be null.
    pub(crate) fn without_nulls(mut self) -> Self {
        self.rest.retain(|keyword, value| keyword == "const" || !value.is_null());
        self
    }

    /// Returns the keywords that are left.
    pub(crate) fn rest(self) -> Map<String, Value> {
        self.rest
    }

    /// Closes the schema. Fails with the first keyword that is left.
    pub(crate) fn close(self) -> Result<(), SchemaError> {
        match self.rest.keys().next() {
            None => Ok(()),
            Some(keyword) => Err(self.error(
                keyword,
                "unknown keyword; if it is documentation only, add it to `annotations` in model.toml",
            )),
        }
    }

    /// The place of the schema.
    pub(crate) const fn at(&self) -> &'a Pointer<'a> {
        self.at
    }

    /// Whether the keyword is left.
    pub(crate) fn has(&self, keyword: &str) -> bool {
        self.rest.contains_key(keyword)
    }

    /// Keeps only the keywords that another reading of the same schema left too.
    pub(crate) fn keep_common(&mut self, other: &Self) {
        self.rest.retain(|keyword, _| other.has(keyword));
    }

    pub(crate) fn take(&mut self, keyword: &str) -> Option<Value> {
        self.rest.shift_remove(keyword)
    }

    /// Takes every annotation, in the order of the schema. The notes may name `more` keywords as annotations.
    fn annotations(&mut self, more: &[String]) -> Vec<Annotation> {
        let all = std::mem::take(&mut self.rest).into_iter();
        let taken: Map<_, _>;
        (taken, self.rest) = all.partition(|(keyword, _)| is_annotation(keyword) || more.contains(keyword));
        taken.into_iter().map(|(keyword, value)| Annotation { keyword, value }).collect()
    }

    pub(crate) fn text(&mut self, keyword: &str) -> Result<Option<String>, SchemaError> {
        self.typed(keyword, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn flag(&mut self, keyword: &str) -> Result<Option<bool>, SchemaError> {
        self.typed(keyword, "true or false", Value::as_bool)
    }

    fn count(&mut self, keyword: &str) -> Result<Option<u64>, SchemaError> {
        let whole = |value: &Value| value.as_number().and_then(check::whole)?.try_into().ok();
        self.typed(keyword, "a count", whole)
    }

    pub(crate) fn list(&mut self, keyword: &str) -> Result<Option<Vec<Value>>, SchemaError> {
        self.typed(keyword, "an array", |value| value.as_array().cloned())
    }

    pub(crate) fn object(&mut self, keyword: &str) -> Result<Option<Map<String, Value>>, SchemaError> {
        self.typed(keyword, "an object", |value| value.as_object().cloned())
    }

    /// Takes a list of strings, or returns an empty one.
    pub(crate) fn texts(&mut self, keyword: &str) -> Result<Vec<String>, SchemaError> {
        let texts = self.list(keyword)?.unwrap_or_default();
        let texts: Option<_> = texts.iter().map(|text| text.as_str().map(str::to_owned)).collect();
        texts.ok_or_else(|| self.error(keyword, "expected a list of strings"))
    }

    /// Takes a list and reads each element at its own place, or returns an empty list.
    pub(crate) fn each<T>(
        &mut self,
        keyword: &str,
        read: impl Fn(&Value, &Pointer<'_>) -> Result<T, SchemaError>,
    ) -> Result<Vec<T>, SchemaError> {
        let (elements, at) = (self.list(keyword)?.unwrap_or_default(), self.at.key(keyword));
        elements.iter().enumerate().map(|(index, element)| read(element, &at.index(index))).collect()
    }

    /// Returns the values of `enum` or `const`, and leaves the keyword.
    pub(crate) fn peek_values(&self) -> Option<Vec<Value>> {
        let constant = self.rest.get("const").map(|value| vec![value.clone()]);
        self.rest.get("enum").and_then(Value::as_array).cloned().or(constant)
    }

    /// Takes the values of `enum` or `const`.
    pub(crate) fn take_values(&mut self) -> Result<Option<Vec<Value>>, SchemaError> {
        let listed = self.list("enum")?;
        let constant = self.take("const").map(|value| vec![value]);
        match (listed, constant) {
            (Some(_), Some(_)) => Err(self.error("const", "expected only one of enum and const")),
            (listed, constant) => Ok(listed.or(constant)),
        }
    }

    /// Takes the bounds of a string.
    pub(crate) fn text_bounds(&mut self) -> Result<TextBounds, SchemaError> {
        let (min, max) = self.sizes("minLength", "maxLength")?;
        Ok(TextBounds { min, max })
    }

    /// Takes the bounds of an array.
    pub(crate) fn item_bounds(&mut self) -> Result<ItemBounds, SchemaError> {
        let (min, max) = self.sizes("minItems", "maxItems")?;
        Ok(ItemBounds { min, max })
    }

    fn sizes(&mut self, min: &str, max: &str) -> Result<(Option<u64>, Option<u64>), SchemaError> {
        // A minimum of 0 is no bound.
        let (least, most) = (self.count(min)?.filter(|least| *least > 0), self.count(max)?);
        match (least, most) {
            (Some(least), Some(most)) if least > most => {
                Err(self.error(max, format!("got {most}; expected at least the {min} of {least}")))
            }
            sizes => Ok(sizes),
        }
    }

    /// Takes the bounds of a number.
    pub(crate) fn number_bounds(&mut self) -> Result<NumberBounds, SchemaError> {
        let [min, above] = self.limit("minimum", "exclusiveMinimum")?.map(|bound| bound?.as_f64());
        let [max, below] = self.limit("maximum", "exclusiveMaximum")?.map(|bound| bound?.as_f64());
        let least = min.into_iter().chain(above).fold(f64::NEG_INFINITY, f64::max);
        let most = max.into_iter().chain(below).fold(f64::INFINITY, f64::min);
        if least > most { Err(self.crossed()) } else { Ok(NumberBounds { min, max, above, below }) }
    }

    /// Takes the bounds of an integer. An exclusive bound or a fraction becomes the nearest integer within.
    pub(crate) fn integer_bounds(&mut self) -> Result<IntegerBounds, SchemaError> {
        let [least, above] = self.limit("minimum", "exclusiveMinimum")?;
        let [most, below] = self.limit("maximum", "exclusiveMaximum")?;
        let least = least.map(|bound| whole(&bound, f64::ceil));
        let above = above.map(|bound| whole(&bound, f64::floor).saturating_add(1));
        let most = most.map(|bound| whole(&bound, f64::floor));
        let below = below.map(|bound| whole(&bound, f64::ceil).saturating_sub(1));
        let (min, max) = (least.max(above), most.into_iter().chain(below).min());
        let is_crossed = min.zip(max).is_some_and(|(min, max)| min > max);
        if is_crossed { Err(self.crossed()) } else { Ok(IntegerBounds { min, max }) }
    }

    /// Takes an inclusive and an exclusive bound.
    fn limit(&mut self, inclusive: &str, exclusive: &str) -> Result<[Option<Number>; 2], SchemaError> {
        let bound = self.typed(inclusive, "a number", |value| value.as_number().cloned())?;
        match self.take(exclusive) {
            None | Some(Value::Bool(false)) => Ok([bound, None]),
            // In draft 4, `true` makes the bound beside it exclusive. Later drafts have a second bound.
            Some(Value::Bool(true)) if bound.is_some() => Ok([None, bound]),
            Some(Value::Bool(true)) => {
                Err(self.error(exclusive, format!("got true without {inclusive}; expected a number")))
            }
            Some(Value::Number(number)) => Ok([bound, Some(number)]),
            Some(other) => {
                Err(self.error(exclusive, format!("got {other}; expected a number, true or false")))
            }
        }
    }

    fn crossed(&self) -> SchemaError {
        self.error("maximum", "expected a maximum that is not below the minimum")
    }

    /// Returns the error for a keyword with a wrong value.
    pub(crate) fn error(&self, keyword: &str, message: impl Into<String>) -> SchemaError {
        SchemaError::new(self.at, Some(keyword), message)
    }

    fn typed<T>(
        &mut self,
        keyword: &str,
        expected: &str,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, SchemaError> {
        let Some(value) = self.take(keyword) else { return Ok(None) };
        match convert(&value) {
            Some(converted) => Ok(Some(converted)),
            None => Err(self.error(keyword, format!("got {value}; expected {expected}"))),
        }
    }
}

/// Whether a keyword is documentation only. A keyword of an inner schema has that schema's place before it.
pub(crate) fn is_prose(keyword: &str) -> bool {
    let name = keyword.rsplit('/').next().unwrap_or_default();
    is_annotation(name) || matches!(name, "default" | "description" | "format" | "title")
}

/// Returns the place of an annotation in the schema at `at`.
pub(crate) fn place(at: impl fmt::Display, keyword: &str) -> String {
    if keyword.is_empty() { at.to_string() } else { format!("{at}/{keyword}") }
}

fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-")
}

/// The title, the description and the annotations of a schema.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prose {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) annotations: Vec<Annotation>,
}

impl Prose {
    /// Takes the prose of a schema. The notes may name `more` keywords as annotations.
    pub(crate) fn take(keywords: &mut Keywords<'_>, more: &[String]) -> Result<Self, SchemaError> {
        Ok(Self {
            title: keywords.text("title")?,
            description: keywords.text("description")?,
            annotations: keywords.annotations(more),
        })
    }

    /// Converts all of it to annotations, for a schema without documentation of its own.
    pub(crate) fn into_annotations(self) -> impl Iterator<Item = Annotation> {
        let texts = [("title", self.title), ("description", self.description)].into_iter();
        let texts = texts.filter_map(|(keyword, text)| {
            let text = text.filter(|text| !text.is_empty())?;
            Some(Annotation { keyword: keyword.to_owned(), value: text.into() })
        });
        texts.chain(self.annotations)
    }
}

fn whole(bound: &Number, round: fn(f64) -> f64) -> i128 {
    let exact = bound.as_i64().map(i128::from).or_else(|| bound.as_u64().map(i128::from));
    // A cast from a float saturates, beyond any value in JSON.
    #[allow(clippy::cast_possible_truncation, reason = "the value is whole, and saturation is wanted")]
    exact.unwrap_or_else(|| round(bound.as_f64().unwrap_or_default()) as i128)
}

/// A schema that contradicts itself, or has a keyword that this version does not understand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaError {
    model: String,
    document: &'static str,
    pointer: String,
    keyword: Option<String>,
    message: String,
}

impl SchemaError {
    pub(crate) fn new(pointer: impl fmt::Display, keyword: Option<&str>, message: impl Into<String>) -> Self {
        let (pointer, keyword) = (pointer.to_string(), keyword.map(str::to_owned));
        Self { model: String::new(), document: "", pointer, keyword, message: message.into() }
    }

    /// Names the model and the document. Both may be empty.
    pub(crate) fn of(self, model: &str, document: &'static str) -> Self {
        Self { model: model.to_owned(), document, ..self }
    }

    /// The id of the model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The document: `input`, `output`, `model` or `catalog`, or an empty text if a file could not be read at all.
    pub const fn document(&self) -> &'static str {
        self.document
    }

    /// The JSON pointer of the schema within its document.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The keyword, if one is the reason.
    pub fn keyword(&self) -> Option<&str> {
        self.keyword.as_deref()
    }
}

impl std::error::Error for SchemaError {}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.model.is_empty() {
            write!(f, "{}: ", self.model)?;
        }
        if !self.document.is_empty() {
            write!(f, "{} schema, at \"{}\"", self.document, self.pointer)?;
            if let Some(keyword) = &self.keyword {
                write!(f, ", keyword {keyword:?}")?;
            }
            f.write_str(": ")?;
        }
        f.write_str(&self.message)
    }
}
