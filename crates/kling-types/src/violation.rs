//! What is wrong with a value: one [`Violation`] a broken rule, all of them at once as [`Violations`].

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt;
use std::num::TryFromIntError;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

use crate::words::Words;
use crate::{Keyword, Pointer};

/// One broken rule: where, which, what was found and what is allowed.
///
/// The text never holds a media URL or its query, and never more than a short excerpt of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pointer: Cow<'static, str>,
    keyword: Keyword,
    found: Words,
    allowed: Words,
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

    /// A violation whose place is not known yet.
    #[cold]
    pub(crate) fn of(keyword: Keyword, found: impl Into<Words>, allowed: impl Into<Words>) -> Self {
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
    #[must_use]
    pub(crate) fn at(mut self, at: &Pointer<'_>) -> Self {
        self.pointer =
            if self.pointer.is_empty() { at.to_text() } else { format!("{at}{}", self.pointer).into() };
        self
    }

    /// The same violation of something that is better called otherwise.
    #[must_use]
    pub(crate) fn with_found(mut self, found: Words) -> Self {
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
}

impl std::error::Error for Violation {}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            f.write_str(&self.pointer)?;
            f.write_str(": ")?;
        }
        f.write_str("found ")?;
        self.found.fmt(f)?;
        f.write_str(", allowed ")?;
        self.allowed.fmt(f)?;
        match &self.advice {
            Some(advice) => write!(f, " ({advice})"),
            None => Ok(()),
        }
    }
}

impl From<Infallible> for Violation {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<TryFromIntError> for Violation {
    fn from(_: TryFromIntError) -> Self {
        Self::new("", Keyword::Type, "a larger integer", "an integer of 64 bits")
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

/// Every violation of one value, in the order of the schema; as an error it holds at least one.
///
/// Serialises as a JSON array of `{"pointer", "keyword", "found", "allowed", "advice"}`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// No violation yet; allocates nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one violation.
    pub fn push(&mut self, violation: Violation) {
        const USUAL: usize = 8;
        if self.0.is_empty() {
            self.0.reserve(USUAL);
        }
        self.0.push(violation);
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many rules are broken.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// The violations, in the order of the schema.
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.0.iter()
    }

    /// `Ok` when nothing is wrong.
    ///
    /// # Errors
    /// The violations themselves, when there is one.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl std::error::Error for Violations {}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, violation) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{violation}")?;
        }
        Ok(())
    }
}

impl Extend<Violation> for Violations {
    fn extend<I: IntoIterator<Item = Violation>>(&mut self, violations: I) {
        self.0.extend(violations);
    }
}

impl From<Infallible> for Violations {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

impl From<TryFromIntError> for Violations {
    fn from(error: TryFromIntError) -> Self {
        Violation::from(error).into()
    }
}

impl From<Violation> for Violations {
    fn from(violation: Violation) -> Self {
        Self(vec![violation])
    }
}

impl FromIterator<Violation> for Violations {
    fn from_iter<I: IntoIterator<Item = Violation>>(violations: I) -> Self {
        Self(violations.into_iter().collect())
    }
}

impl IntoIterator for Violations {
    type Item = Violation;
    type IntoIter = std::vec::IntoIter<Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = std::slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Serialize for Violations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}
