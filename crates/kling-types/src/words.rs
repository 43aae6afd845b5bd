//! What was found or is allowed, kept as the values it is made of and put into words when somebody reads it.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter, Write};

use serde::{Serialize, Serializer};

use crate::wording;

/// One half of a violation: equal to another where both read the same.
#[derive(Clone, Debug)]
pub(crate) enum Message {
    /// Words that are words already.
    Text(Cow<'static, str>),
    /// `at most 2 elements`
    Size(Bound, u64, Unit),
    /// `at least 5`
    Integer(Bound, i64),
    /// `less than 0.5`
    Number(Bound, f64),
    /// `5, 10 or 15`
    OneOf(Cow<'static, [i64]>),
}

/// On which side of a value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Bound {
    Above,
    AtLeast,
    AtMost,
    Below,
    Exactly,
}

/// What is counted.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unit {
    Character,
    Element,
}

impl Message {
    /// An integer; one beyond 64 bits came as a double, and is shown as one.
    pub(crate) fn integer(bound: Bound, integer: i128) -> Self {
        #[allow(clippy::cast_precision_loss, reason = "it came as a double")]
        i64::try_from(integer)
            .map_or_else(|_| Self::Number(bound, integer as f64), |integer| Self::Integer(bound, integer))
    }

    /// Writes the words; into a string at no cost but that of the bytes.
    #[inline]
    pub(crate) fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            values => values.write_values(out),
        }
    }

    fn write_values(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Text(text) => out.write_str(text),
            Self::Size(bound, size, unit) => {
                bound.write(out)?;
                out.write_str(itoa::Buffer::new().format(*size))?;
                unit.write(*size, out)
            }
            Self::Integer(bound, integer) => {
                bound.write(out)?;
                out.write_str(itoa::Buffer::new().format(*integer))
            }
            Self::Number(bound, number) => {
                bound.write(out)?;
                wording::write_number(out, *number)
            }
            Self::OneOf(values) => wording::write_list(out, values.iter(), "or", |out, value| {
                out.write_str(itoa::Buffer::new().format(*value))
            }),
        }
    }

    /// The words themselves.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        match self {
            Self::Text(text) => Cow::Borrowed(text),
            other => Cow::Owned(other.to_string()),
        }
    }
}

impl Display for Message {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
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
        self.text() == other.text()
    }
}

impl Eq for Message {}

impl Serialize for Message {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

// Each text where it is written is known to be short and how short: it is not copied by a call.
impl Bound {
    #[inline]
    fn write(self, out: &mut impl Write) -> fmt::Result {
        match self {
            Self::Above => out.write_str("more than "),
            Self::AtLeast => out.write_str("at least "),
            Self::AtMost => out.write_str("at most "),
            Self::Below => out.write_str("less than "),
            Self::Exactly => Ok(()),
        }
    }
}

impl Unit {
    #[inline]
    fn write(self, size: u64, out: &mut impl Write) -> fmt::Result {
        match (self, size) {
            (Self::Character, 1) => out.write_str(" character"),
            (Self::Character, _) => out.write_str(" characters"),
            (Self::Element, 1) => out.write_str(" element"),
            (Self::Element, _) => out.write_str(" elements"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_reads_as_a_person_would_say_it() {
        for (words, text) in [
            (Message::from("null"), "null"),
            (Message::Size(Bound::Exactly, 1, Unit::Element), "1 element"),
            (Message::Size(Bound::AtMost, 2, Unit::Character), "at most 2 characters"),
            (Message::integer(Bound::AtLeast, 5), "at least 5"),
            (Message::integer(Bound::Exactly, 1 << 70), "1.1805916207174113e21"),
            (Message::Number(Bound::Below, 0.5), "less than 0.5"),
            (Message::Number(Bound::Above, 2.0), "more than 2"),
            (Message::OneOf(Cow::Borrowed(&[5, 10, 15])), "5, 10 or 15"),
            (Message::OneOf(Cow::Borrowed(&[])), "nothing"),
        ] {
            assert_eq!(words.to_string(), text);
            assert_eq!(words, Message::from(text));
        }
    }
}
