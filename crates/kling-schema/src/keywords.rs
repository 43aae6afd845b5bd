//! The keywords of one schema: consumed one by one, read as bounds, or kept as documentation. What is left at the end is an
//! error.

use std::fmt::Display;

use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::{Pointer, check};
use serde_json::{Map, Number, Value};

use crate::{Annotation, SchemaError};

/// The annotations of JSON Schema and OpenAPI that are no prose; beside them, every keyword that starts with `x-`.
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

/// The keywords of one schema that have not been understood yet.
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
            _ => Err(SchemaError::new(at, None, "found no object, allowed a schema")),
        }
    }

    /// Without the keywords of no value, where null is none: a list of values may hold it.
    pub(crate) fn without_nulls(mut self) -> Self {
        self.rest.retain(|keyword, value| keyword == "const" || !value.is_null());
        self
    }

    /// What nothing has consumed.
    pub(crate) fn rest(self) -> Map<String, Value> {
        self.rest
    }

    /// Closes the schema.
    ///
    /// # Errors
    /// Names the first keyword that nothing has consumed.
    pub(crate) fn close(self) -> Result<(), SchemaError> {
        match self.rest.keys().next() {
            None => Ok(()),
            Some(keyword) => Err(SchemaError::new(
                self.at,
                Some(keyword),
                "not understood here; `annotations` in the notes names keywords that rule nothing",
            )),
        }
    }

    /// Whether the keyword is still there.
    pub(crate) fn has(&self, keyword: &str) -> bool {
        self.rest.contains_key(keyword)
    }

    /// Leaves only what `others` leave too: a keyword is understood once one of several readings has understood it.
    pub(crate) fn keep_common(&mut self, other: &Self) {
        self.rest.retain(|keyword, _| other.has(keyword));
    }

    /// Takes every keyword that `wanted` picks, in the order of the schema.
    fn take_all(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<(String, Value)> {
        let all = std::mem::take(&mut self.rest).into_iter();
        let (taken, rest): (Vec<_>, Vec<_>) = all.partition(|(keyword, _)| wanted(keyword));
        self.rest = rest.into_iter().collect();
        taken
    }

    pub(crate) fn take(&mut self, keyword: &str) -> Option<Value> {
        self.rest.shift_remove(keyword)
    }

    pub(crate) fn text(&mut self, keyword: &str) -> Result<Option<String>, SchemaError> {
        self.typed(keyword, "a string", |value| value.as_str().map(str::to_owned))
    }

    /// The place of the schema.
    pub(crate) const fn at(&self) -> &'a Pointer<'a> {
        self.at
    }

    pub(crate) fn flag(&mut self, keyword: &str) -> Result<Option<bool>, SchemaError> {
        self.typed(keyword, "true or false", |value| value.as_bool())
    }

    pub(crate) fn count(&mut self, keyword: &str) -> Result<Option<u64>, SchemaError> {
        let whole = |value: &Value| value.as_number().and_then(check::whole);
        self.typed(keyword, "a count", |value| whole(value).and_then(|whole| whole.try_into().ok()))
    }

    pub(crate) fn number(&mut self, keyword: &str) -> Result<Option<Number>, SchemaError> {
        self.typed(keyword, "a number", |value| value.as_number().cloned())
    }

    pub(crate) fn list(&mut self, keyword: &str) -> Result<Option<Vec<Value>>, SchemaError> {
        self.typed(keyword, "an array", |value| value.as_array().cloned())
    }

    /// A list of strings; empty where there is none.
    pub(crate) fn texts(&mut self, keyword: &str) -> Result<Vec<String>, SchemaError> {
        let texts = self.list(keyword)?.unwrap_or_default();
        let texts: Option<_> = texts.iter().map(|text| text.as_str().map(str::to_owned)).collect();
        texts.ok_or_else(|| self.error(keyword, "allowed is a list of strings"))
    }

    /// A list, each element read at its own place; empty where there is none.
    pub(crate) fn each<T>(
        &mut self,
        keyword: &str,
        read: impl Fn(&Value, &Pointer<'_>) -> Result<T, SchemaError>,
    ) -> Result<Vec<T>, SchemaError> {
        let (elements, at) = (self.list(keyword)?.unwrap_or_default(), self.at.key(keyword));
        elements.iter().enumerate().map(|(index, element)| read(element, &at.index(index))).collect()
    }

    /// The values that `enum` or `const` list, still to be taken.
    pub(crate) fn peek_values(&self) -> Option<Vec<Value>> {
        let constant = self.rest.get("const").map(|value| vec![value.clone()]);
        self.rest.get("enum").and_then(Value::as_array).cloned().or(constant)
    }

    /// The values that `enum` or `const` list.
    pub(crate) fn take_values(&mut self) -> Result<Option<Vec<Value>>, SchemaError> {
        let listed = self.list("enum")?;
        let constant = self.take("const").map(|value| vec![value]);
        match (listed, constant) {
            (Some(_), Some(_)) => Err(self.error("const", "allowed is one of enum and const")),
            (listed, constant) => Ok(listed.or(constant)),
        }
    }

    pub(crate) fn object(&mut self, keyword: &str) -> Result<Option<Map<String, Value>>, SchemaError> {
        self.typed(keyword, "an object", |value| value.as_object().cloned())
    }

    /// The error for a keyword that was understood and cannot be right.
    pub(crate) fn error(&self, keyword: &str, message: impl Into<String>) -> SchemaError {
        SchemaError::new(self.at, Some(keyword), message)
    }

    fn typed<T>(
        &mut self,
        keyword: &str,
        allowed: &str,
        convert: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<Option<T>, SchemaError> {
        let Some(value) = self.take(keyword) else { return Ok(None) };
        match convert(&value) {
            Some(converted) => Ok(Some(converted)),
            None => Err(self.error(keyword, format!("found {value}, allowed {allowed}"))),
        }
    }
}

/// Whether what stands as an annotation rules nothing; a word of an inner schema has that schema's place before it.
pub(crate) fn is_word(keyword: &str) -> bool {
    let name = keyword.rsplit('/').next().unwrap_or_default();
    is_annotation(name) || matches!(name, "default" | "description" | "format" | "title")
}

/// The place of an annotation of the schema at `at`.
pub(crate) fn place(at: impl Display, keyword: &str) -> String {
    if keyword.is_empty() { at.to_string() } else { format!("{at}/{keyword}") }
}

/// The words that a schema has for its reader.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prose {
    pub(crate) title: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) annotations: Vec<Annotation>,
}

impl Prose {
    /// Consumes the prose and the annotations of a schema; `more` are keywords that are annotations by the notes.
    pub(crate) fn take(keywords: &mut Keywords<'_>, more: &[String]) -> Result<Self, SchemaError> {
        let (title, description) = (keywords.text("title")?, keywords.text("description")?);
        let annotations =
            keywords.take_all(|keyword| is_annotation(keyword) || more.iter().any(|one| one == keyword));
        let annotations =
            annotations.into_iter().map(|(keyword, value)| Annotation { keyword, value }).collect();
        Ok(Self { title, description, annotations })
    }

    /// All of it as annotations: an element of an array has no documentation of its own, and neither has a form of a choice.
    pub(crate) fn into_annotations(self) -> impl Iterator<Item = Annotation> {
        let texts = [("title", self.title), ("description", self.description)];
        let texts = texts.into_iter().filter_map(|(keyword, text)| {
            let text = text.filter(|text| !text.is_empty())?;
            Some(Annotation { keyword: keyword.to_owned(), value: text.into() })
        });
        texts.chain(self.annotations)
    }
}

/// The bounds of a string.
pub(crate) fn text(keywords: &mut Keywords<'_>) -> Result<TextBounds, SchemaError> {
    let (min, max) = sizes(keywords, "minLength", "maxLength")?;
    Ok(TextBounds { min, max })
}

/// The bounds of an array.
pub(crate) fn items(keywords: &mut Keywords<'_>) -> Result<ItemBounds, SchemaError> {
    let (min, max) = sizes(keywords, "minItems", "maxItems")?;
    Ok(ItemBounds { min, max })
}

/// The bounds of a number.
pub(crate) fn number(keywords: &mut Keywords<'_>) -> Result<NumberBounds, SchemaError> {
    let [lower, upper] = limits(keywords)?;
    let bounds = NumberBounds {
        min: lower.inclusive.as_ref().and_then(Number::as_f64),
        max: upper.inclusive.as_ref().and_then(Number::as_f64),
        above: lower.exclusive.as_ref().and_then(Number::as_f64),
        below: upper.exclusive.as_ref().and_then(Number::as_f64),
    };
    let least = bounds.min.into_iter().chain(bounds.above).fold(f64::NEG_INFINITY, f64::max);
    let most = bounds.max.into_iter().chain(bounds.below).fold(f64::INFINITY, f64::min);
    if least > most { Err(keywords.error("maximum", "is below the minimum")) } else { Ok(bounds) }
}

/// The bounds of an integer; exclusive ones and ones with a fraction become the nearest that an integer can reach.
pub(crate) fn integer(keywords: &mut Keywords<'_>) -> Result<IntegerBounds, SchemaError> {
    let [lower, upper] = limits(keywords)?;
    let at_least = lower.inclusive.as_ref().map(|bound| whole(bound, f64::ceil));
    let above = lower.exclusive.as_ref().map(|bound| whole(bound, f64::floor).saturating_add(1));
    let at_most = upper.inclusive.as_ref().map(|bound| whole(bound, f64::floor));
    let below = upper.exclusive.as_ref().map(|bound| whole(bound, f64::ceil).saturating_sub(1));
    let bounds = IntegerBounds {
        min: at_least.into_iter().chain(above).max(),
        max: at_most.into_iter().chain(below).min(),
    };
    match bounds {
        IntegerBounds { min: Some(min), max: Some(max) } if min > max => {
            Err(keywords.error("maximum", "is below the minimum"))
        }
        _ => Ok(bounds),
    }
}

/// One end of a range.
#[derive(Default)]
struct Limit {
    inclusive: Option<Number>,
    exclusive: Option<Number>,
}

/// Whether a keyword rules nothing by its name.
fn is_annotation(keyword: &str) -> bool {
    ANNOTATIONS.contains(&keyword) || keyword.starts_with("x-")
}

fn limits(keywords: &mut Keywords<'_>) -> Result<[Limit; 2], SchemaError> {
    Ok([limit(keywords, "minimum", "exclusiveMinimum")?, limit(keywords, "maximum", "exclusiveMaximum")?])
}

fn limit(keywords: &mut Keywords<'_>, inclusive: &str, exclusive: &str) -> Result<Limit, SchemaError> {
    let bound = keywords.number(inclusive)?;
    match keywords.take(exclusive) {
        None | Some(Value::Bool(false)) => Ok(Limit { inclusive: bound, exclusive: None }),
        // Draft 4 says beside a bound that it is exclusive; later drafts state a second bound.
        Some(Value::Bool(true)) if bound.is_some() => Ok(Limit { inclusive: None, exclusive: bound }),
        Some(Value::Bool(true)) => {
            Err(keywords.error(exclusive, format!("is true without a {inclusive} that it could be about")))
        }
        Some(Value::Number(number)) => Ok(Limit { inclusive: bound, exclusive: Some(number) }),
        Some(other) => {
            Err(keywords.error(exclusive, format!("found {other}, allowed a number, true or false")))
        }
    }
}

fn sizes(
    keywords: &mut Keywords<'_>,
    min: &str,
    max: &str,
) -> Result<(Option<u64>, Option<u64>), SchemaError> {
    // A least size of 0 is none.
    let (least, most) = (keywords.count(min)?.filter(|least| *least > 0), keywords.count(max)?);
    match (least, most) {
        (Some(least), Some(most)) if least > most => {
            Err(keywords.error(max, format!("found {most}, which is below the {min} of {least}")))
        }
        sizes => Ok(sizes),
    }
}

fn whole(bound: &Number, round: fn(f64) -> f64) -> i128 {
    let exact = bound.as_i64().map(i128::from).or_else(|| bound.as_u64().map(i128::from));
    // A cast from float to integer saturates, beyond any value that JSON is sent with.
    #[allow(clippy::cast_possible_truncation, reason = "the value is whole, and saturation is wanted")]
    exact.unwrap_or_else(|| round(bound.as_f64().unwrap_or_default()) as i128)
}
