//! One broken rule of a value.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::words::Message;
use crate::{Keyword, Pointer};

/// One broken rule: where, which, what was found and what is allowed.
///
/// The text never holds a media URL or its query, and never more than a short excerpt of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pointer: Cow<'static, str>,
    keyword: Keyword,
    found: Message,
    allowed: Message,
    advice: Option<Cow<'static, str>>,
}

impl Violation {
    /// A violation of `keyword` at the JSON pointer `pointer`; the empty pointer is the whole value.
    #[must_use]
    pub fn new(
        pointer: impl fmt::Display,
        keyword: Keyword,
        found: impl Into<Cow<'static, str>>,
        allowed: impl Into<Cow<'static, str>>,
    ) -> Self {
        let pointer = pointer.to_string().into();
        Self { pointer, ..Self::of(keyword, found.into(), allowed.into()) }
    }

    /// A violation at a place.
    #[inline]
    pub(crate) fn placed(
        at: &Pointer<'_>,
        keyword: Keyword,
        found: impl Into<Message>,
        allowed: impl Into<Message>,
    ) -> Self {
        Self { pointer: at.to_text(), keyword, found: found.into(), allowed: allowed.into(), advice: None }
    }

    /// A violation whose place is not known yet.
    #[cold]
    pub(crate) fn of(keyword: Keyword, found: impl Into<Message>, allowed: impl Into<Message>) -> Self {
        Self { pointer: "".into(), keyword, found: found.into(), allowed: allowed.into(), advice: None }
    }

    /// Adds what to do about it, or the provider's own words for the rule.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same violation seen from one level up: `prefix` is put before its pointer.
    #[must_use]
    pub fn within(mut self, prefix: impl fmt::Display) -> Self {
        self.pointer = format!("{prefix}{}", self.pointer).into();
        self
    }

    /// The same violation at a place, which the validator knows and the rule does not.
    #[inline]
    #[must_use]
    pub(crate) fn at(self, at: &Pointer<'_>) -> Self {
        Self { pointer: at.to_text(), ..self }
    }

    /// The same violation of something that is better called otherwise.
    #[must_use]
    pub(crate) fn with_found(mut self, found: Message) -> Self {
        self.found = found;
        self
    }

    /// The RFC 6901 JSON pointer of the value that broke the rule, such as `/duration`.
    #[must_use]
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The rule that was broken.
    #[must_use]
    pub const fn keyword(&self) -> Keyword {
        self.keyword
    }

    /// What stood there, in words.
    #[must_use]
    pub fn found(&self) -> Cow<'_, str> {
        self.found.text()
    }

    /// What the rule allows, in words.
    #[must_use]
    pub fn allowed(&self) -> Cow<'_, str> {
        self.allowed.text()
    }

    /// What to do, or the provider's own text for a media rule.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// Writes what [`Display`](fmt::Display) shows: into a string in a third of the time.
    ///
    /// # Errors
    /// Those of `out`; a string has none.
    #[inline]
    pub fn write(&self, out: &mut impl fmt::Write) -> fmt::Result {
        if !self.pointer.is_empty() {
            out.write_str(&self.pointer)?;
            out.write_str(": ")?;
        }
        out.write_str("found ")?;
        self.found.write(out)?;
        out.write_str(", allowed ")?;
        self.allowed.write(out)?;
        match &self.advice {
            Some(advice) => {
                out.write_str(" (")?;
                out.write_str(advice)?;
                out.write_str(")")
            }
            None => Ok(()),
        }
    }
}

impl std::error::Error for Violation {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl From<Infallible> for Violation {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Violation", 5)?;
        fields.serialize_field("pointer", &self.pointer)?;
        fields.serialize_field("keyword", self.keyword.as_str())?;
        fields.serialize_field("found", &self.found)?;
        fields.serialize_field("allowed", &self.allowed)?;
        fields.serialize_field("advice", &self.advice)?;
        fields.end()
    }
}
