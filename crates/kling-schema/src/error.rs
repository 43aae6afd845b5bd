//! Why a schema could not be read.

use std::fmt;

/// A schema that says something this version does not understand, or contradicts itself.
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

    /// A file of a model that could not be read at all; `model` is empty where it is a folder of several.
    #[cfg(feature = "folder")]
    pub(crate) fn of_file(model: &str, message: String) -> Self {
        Self::new("", None, message).of(model, "")
    }

    pub(crate) fn of(mut self, model: &str, document: &'static str) -> Self {
        self.model = model.to_owned();
        self.document = document;
        self
    }

    /// The id of the model.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// Which document: `input`, `output`, `model` or `catalog`; empty where a file could not be read at all.
    #[must_use]
    pub const fn document(&self) -> &'static str {
        self.document
    }

    /// The JSON pointer of the schema, within its document, that was not understood.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The keyword that was not understood, if it is one.
    #[must_use]
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
