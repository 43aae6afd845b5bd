//! Violations: the place, the broken rule, the value that was found and the values that are allowed.

use std::borrow::Cow;
use std::convert::Infallible;
use std::fmt::{self, Write};
use std::ops::Deref;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// A place in a JSON document, as a linked list on the stack of the validator that walks it.
///
/// A pointer allocates only when it is written. [`Display`](fmt::Display) writes the RFC 6901 form.
///
/// ```
/// use kling_types::Pointer;
/// let root = Pointer::ROOT;
/// let images = root.key("images");
/// assert_eq!(images.index(2).to_string(), "/images/2");
/// assert_eq!(root.key("a/b").to_string(), "/a~1b");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Pointer<'a> {
    parent: Option<&'a Self>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Index(usize),
    Key(&'a str),
    /// A key with a slash before it.
    Property(&'static str),
}

impl<'a> Pointer<'a> {
    /// The whole document: the empty pointer.
    pub const ROOT: Pointer<'static> = Pointer { parent: None, step: Step::Key("") };

    /// The property `key` of the object at this place.
    pub const fn key(&'a self, key: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Key(key) }
    }

    /// The property of the object at this place, by a known key with a slash before it. At the top of a document, the text of
    /// the pointer is then this text.
    #[doc(hidden)]
    pub const fn property(&'a self, slash_key: &'static str) -> Self {
        Self { parent: Some(self), step: Step::Property(slash_key) }
    }

    /// The element `index` of the array at this place.
    pub const fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    /// The RFC 6901 form, in one allocation for a pointer of usual length.
    fn to_text(self) -> Cow<'static, str> {
        const USUAL: usize = 32;
        match (self.parent, self.step) {
            (Some(Self { parent: None, .. }), Step::Property(text)) if !is_escaped(&text[1..]) => text.into(),
            _ => {
                let mut text = String::with_capacity(USUAL);
                self.push_to(&mut text);
                text.into()
            }
        }
    }

    fn push_to(&self, text: &mut String) {
        let Some(parent) = self.parent else { return };
        parent.push_to(text);
        text.push('/');
        let key = match self.step {
            Step::Index(index) => return text.push_str(&index.to_string()),
            Step::Key(key) => key,
            Step::Property(slash_key) => &slash_key[1..],
        };
        match is_escaped(key) {
            true => text.push_str(&key.replace('~', "~0").replace('/', "~1")),
            false => text.push_str(key),
        }
    }
}

/// Whether a key contains the marks of the syntax of pointers.
fn is_escaped(key: &str) -> bool {
    key.bytes().any(|byte| matches!(byte, b'~' | b'/'))
}

impl fmt::Display for Pointer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

macro_rules! keywords {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// The rule that a [`Violation`] broke: a keyword of JSON Schema, or one of this crate if the standard has none.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Keyword {
            $($(#[$doc])+ $variant,)+
        }

        impl Keyword {
            /// The keyword as a schema spells it, such as `maxLength`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }
        }
    };
}

keywords! {
    /// A property that the schema does not have.
    AdditionalProperties = "additionalProperties",
    /// A value that fits none of several forms.
    AnyOf = "anyOf",
    /// A key that one object has twice. Not in the standard, which cannot see it.
    DuplicateKey = "duplicateKey",
    /// A value outside the list.
    Enum = "enum",
    /// A number that is not below its bound.
    ExclusiveMaximum = "exclusiveMaximum",
    /// A number that is not above its bound.
    ExclusiveMinimum = "exclusiveMinimum",
    /// A property of the schema that was given as an extra one. Not in the standard.
    Extra = "extra",
    /// Bytes that are not JSON. Not in the standard.
    Json = "json",
    /// An array that is too long.
    MaxItems = "maxItems",
    /// A string that is too long, counted in Unicode scalar values.
    MaxLength = "maxLength",
    /// A number above its bound.
    Maximum = "maximum",
    /// Text that is neither an `https` URL nor a `data:` URI. Not in the standard.
    MediaReference = "mediaReference",
    /// An array that is too short.
    MinItems = "minItems",
    /// A string that is too short, counted in Unicode scalar values.
    MinLength = "minLength",
    /// A number below its bound.
    Minimum = "minimum",
    /// A required property that is missing.
    Required = "required",
    /// A value of another JSON type.
    Type = "type",
    /// A media rule of the provider: the size, the shape or the weight of an image.
    Validations = "validations",
}

impl fmt::Display for Keyword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One broken rule of a value.
///
/// The text never holds a media URL or its query, and at most a short excerpt of a value. Serialises as
/// `{"pointer", "keyword", "found", "allowed", "advice"}`.
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
    pub fn new(
        pointer: impl fmt::Display,
        keyword: Keyword,
        found: impl Into<Cow<'static, str>>,
        allowed: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { pointer: pointer.to_string().into(), ..Self::of(keyword, found.into(), allowed.into()) }
    }

    /// A violation with an empty pointer.
    #[cold]
    pub(crate) fn of(keyword: Keyword, found: impl Into<Message>, allowed: impl Into<Message>) -> Self {
        Self {
            pointer: Cow::Borrowed(""),
            keyword,
            found: found.into(),
            allowed: allowed.into(),
            advice: None,
        }
    }

    /// Adds advice, or the provider's own text for the rule.
    #[must_use]
    pub fn with_advice(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// Adds the name that is nearest to `given`, if one is near.
    #[must_use]
    pub(crate) fn with_nearest<'a>(self, given: &str, names: impl Iterator<Item = &'a str>) -> Self {
        match nearest(given, names) {
            Some(name) => self.with_advice(format!("did you mean {name:?}?")),
            None => self,
        }
    }

    /// Puts `prefix` before the pointer: the same violation seen from one level up.
    #[must_use]
    pub fn within(mut self, prefix: impl fmt::Display) -> Self {
        self.pointer = format!("{prefix}{}", self.pointer).into();
        self
    }

    /// The same violation at a place. Outlined, so that the checks stay small on the valid path.
    #[inline(never)]
    #[must_use]
    pub(crate) fn at(mut self, at: &Pointer<'_>) -> Self {
        self.pointer = at.to_text();
        self
    }

    /// The same violation with another description of the value.
    #[must_use]
    pub(crate) fn with_found(mut self, found: Message) -> Self {
        self.found = found;
        self
    }

    /// The RFC 6901 JSON pointer of the value that broke the rule, such as `/duration`.
    pub fn pointer(&self) -> &str {
        &self.pointer
    }

    /// The rule that was broken.
    pub const fn keyword(&self) -> Keyword {
        self.keyword
    }

    /// The value that was found, in words.
    pub fn found(&self) -> String {
        self.found.to_string()
    }

    /// The values that the rule allows, in words.
    pub fn allowed(&self) -> String {
        self.allowed.to_string()
    }

    /// Advice, or the provider's own text for a media rule.
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// Writes the text that [`Display`](fmt::Display) writes, and is faster for a string.
    ///
    /// # Errors
    /// Those of `out`; a string has none.
    pub fn write(&self, out: &mut impl Write) -> fmt::Result {
        let Self { pointer, keyword, found, allowed, advice } = self;
        if !pointer.is_empty() {
            out.write_str(pointer)?;
            out.write_str(": ")?;
        }
        match keyword {
            Keyword::AdditionalProperties => write!(out, "unknown property; this model accepts: {allowed}")?,
            Keyword::DuplicateKey | Keyword::Extra | Keyword::Json => found.write(out)?,
            Keyword::Required => out.write_str("required, but missing")?,
            _ => {
                out.write_str("got ")?;
                found.write(out)?;
                out.write_str("; expected ")?;
                allowed.write(out)?;
            }
        }
        match advice {
            Some(advice) => write!(out, " ({advice})"),
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

impl Serialize for Violation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("Violation", 5)?;
        fields.serialize_field("pointer", &self.pointer)?;
        fields.serialize_field("keyword", self.keyword.as_str())?;
        fields.serialize_field("found", &self.found())?;
        fields.serialize_field("allowed", &self.allowed())?;
        fields.serialize_field("advice", &self.advice)?;
        fields.end()
    }
}

/// Every violation of one value, in the order of the schema. As an error it holds at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// An empty list, without an allocation.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Adds one violation. Outlined, so that the checks stay small on the valid path.
    #[inline(never)]
    pub fn push(&mut self, violation: Violation) {
        const USUAL: usize = 8;
        if self.0.is_empty() {
            self.0.reserve(USUAL);
        }
        self.0.push(violation);
    }

    /// Returns `Ok` if there are no violations.
    ///
    /// # Errors
    /// The violations, if there are any.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl Deref for Violations {
    type Target = [Violation];

    fn deref(&self) -> &[Violation] {
        &self.0
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

/// A double holds every integer up to this one.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// One half of a violation, put into words when somebody reads it. A number has a text before it, such as `at least `.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    Count(&'static str, u64, Unit),
    Integer(&'static str, i64),
    Number(&'static str, f64),
    Text(Cow<'static, str>),
}

/// The unit of a count. A text would make each error larger.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Character,
    Element,
}

impl Message {
    /// An integer. One beyond 64 bits was read as a double, and is shown as one.
    pub(crate) fn integer(bound: &'static str, integer: i128) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "it was read as a double")]
        i64::try_from(integer)
            .map_or_else(|_| Self::Number(bound, integer as f64), |integer| Self::Integer(bound, integer))
    }

    /// A number. A whole one is an integer, which is written in less time.
    pub(crate) fn number(bound: &'static str, number: f64) -> Self {
        #[allow(clippy::cast_possible_truncation, reason = "it is whole, and a double holds it exactly")]
        match number.fract() == 0.0 && number.abs() <= EXACT {
            true => Self::Integer(bound, number as i64),
            false => Self::Number(bound, number),
        }
    }

    fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Count(text, ..) | Self::Integer(text, _) | Self::Number(text, _) => out.write_str(text)?,
            Self::Text(text) => out.write_str(text)?,
        }
        match self {
            Self::Count(_, count, unit) => {
                write!(out, "{count}")?;
                out.write_str(match unit {
                    Unit::Character => " character",
                    Unit::Element => " element",
                })?;
                out.write_str(if *count == 1 { "" } else { "s" })
            }
            Self::Integer(_, integer) => write!(out, "{integer}"),
            Self::Number(_, number) if number.abs() > EXACT => write!(out, "{number:e}"),
            Self::Number(_, number) => write!(out, "{number}"),
            Self::Text(_) => Ok(()),
        }
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f)
    }
}

impl<T: Into<Cow<'static, str>>> From<T> for Message {
    fn from(text: T) -> Self {
        Self::Text(text.into())
    }
}

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Message {}

/// Lists names: `5, 10 or 15`.
pub(crate) fn one_of(names: &[impl fmt::Display]) -> String {
    const USUAL: usize = 32;
    let mut text = String::with_capacity(USUAL);
    for (index, name) in names.iter().enumerate() {
        let separator = match names.len() - index {
            _ if index == 0 => "",
            1 => " or ",
            _ => ", ",
        };
        text.push_str(separator);
        // Writing into a string cannot fail.
        let _ = write!(text, "{name}");
    }
    if names.is_empty() { "nothing".to_owned() } else { text }
}

/// Quotes an excerpt that is safe to print: short, and without control characters.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let ellipsis = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    let excerpt: String = text.chars().take(LONGEST).collect();
    format!("{excerpt:?}{ellipsis}")
}

/// The name that differs least, if the difference is small enough to be a slip.
fn nearest<'a>(given: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    const LONGEST: usize = 64;
    const SIMILAR: f64 = 0.7;
    if given.len() > LONGEST {
        return None;
    }
    let given = given.to_lowercase();
    names
        .map(|name| (strsim::normalized_damerau_levenshtein(&given, &name.to_lowercase()), name))
        .filter(|(similarity, _)| *similarity >= SIMILAR)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_message_reads_as_a_person_would_say_it() {
        for (message, text) in [
            (Message::from("null"), "null"),
            (Message::Count("", 1, Unit::Element), "1 element"),
            (Message::Count("at most ", 2, Unit::Character), "at most 2 characters"),
            (Message::integer("at least ", 5), "at least 5"),
            (Message::integer("", 1 << 70), "1.1805916207174113e21"),
            (Message::number("less than ", 0.5), "less than 0.5"),
            (Message::number("more than ", 2.0), "more than 2"),
        ] {
            assert_eq!(message.to_string(), text);
            assert_eq!(message, Message::from(text));
        }
        assert_eq!(one_of(&[5, 10, 15]), "5, 10 or 15");
        assert_eq!(one_of(&[5; 0]), "nothing");
    }

    #[test]
    fn a_pointer_escapes_the_marks_of_its_own_syntax() {
        let root = Pointer::ROOT;
        let odd = root.key("a/~b");
        assert_eq!(odd.key("a").to_string(), "/a~1~0b/a");
        assert_eq!(root.key("a").index(3).to_string(), "/a/3");
        assert_eq!(root.property("/a/~b").property("/a").to_string(), "/a~1~0b/a");
        assert_eq!(root.property("/a/~b").to_string(), "/a~1~0b");
        assert!(matches!(root.property("/a").to_text(), Cow::Borrowed("/a")));
    }

    proptest! {
        #[test]
        fn a_number_has_no_exponent_while_a_double_holds_its_integers(
            number in prop_oneof![-1e15..1e15, -10.0..10.0, -1e-4..1e-4],
        ) {
            let text = Message::number("", number).to_string();
            prop_assert_eq!(text.parse(), Ok(number));
            prop_assert!(!text.contains('e'));
        }
    }
}
