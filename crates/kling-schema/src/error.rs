//! The error of a schema that cannot be read.

use std::fmt;

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
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The document: `input`, `output`, `model` or `catalog`, or an empty text if a file could not be read at all.
    #[must_use]
    pub const fn document(&self) -> &'static str {
        self.document
    }

    /// The JSON pointer of the schema within its document.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The keyword, if one is the reason.
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
