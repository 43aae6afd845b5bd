//! The keywords of one schema, consumed one by one: what is left at the end is an error.

use kling_types::{Pointer, check};
use serde_json::{Map, Number, Value};

use crate::SchemaError;

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
    pub(crate) fn take_all(&mut self, wanted: impl Fn(&str) -> bool) -> Vec<(String, Value)> {
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
