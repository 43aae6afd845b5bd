//! The keywords of one schema, consumed one by one: what is left at the end is an error.

use kling_types::Pointer;
use serde_json::{Map, Number, Value};

use crate::SchemaError;

/// The keywords of one schema that have not been understood yet.
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
                "not understood here; teach the dialect or leave the model out",
            )),
        }
    }

    pub(crate) fn take(&mut self, keyword: &str) -> Option<Value> {
        self.rest.shift_remove(keyword)
    }

    pub(crate) fn text(&mut self, keyword: &str) -> Result<Option<String>, SchemaError> {
        self.typed(keyword, "a string", |value| value.as_str().map(str::to_owned))
    }

    pub(crate) fn flag(&mut self, keyword: &str) -> Result<Option<bool>, SchemaError> {
        self.typed(keyword, "true or false", |value| value.as_bool())
    }

    pub(crate) fn count(&mut self, keyword: &str) -> Result<Option<u64>, SchemaError> {
        self.typed(keyword, "a count", |value| value.as_u64())
    }

    pub(crate) fn number(&mut self, keyword: &str) -> Result<Option<Number>, SchemaError> {
        self.typed(keyword, "a number", |value| value.as_number().cloned())
    }

    pub(crate) fn list(&mut self, keyword: &str) -> Result<Option<Vec<Value>>, SchemaError> {
        self.typed(keyword, "an array", |value| value.as_array().cloned())
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
