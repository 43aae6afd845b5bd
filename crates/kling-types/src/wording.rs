//! Words that violations share: lists, counts, excerpts and suggestions.

use std::borrow::Cow;
use std::fmt::{self, Write};

use crate::Violation;

/// A short text, written into memory that is taken once.
pub(crate) fn phrase(words: fmt::Arguments<'_>) -> String {
    const USUAL: usize = 48;
    let mut text = String::with_capacity(USUAL);
    // Writing into a string cannot fail.
    let _ = text.write_fmt(words);
    text
}

/// A number as a person reads it; beyond what a double holds exactly, by its power of ten.
pub(crate) struct Decimal(pub f64);

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const EXACT: f64 = 9_007_199_254_740_992.0;
        let Self(number) = self;
        match number.abs() {
            size if size > EXACT => write!(f, "{number:e}"),
            // An integer is written in a third of the time, and reads the same; zero has a sign.
            #[allow(clippy::cast_possible_truncation, reason = "it is whole, and a double holds it exactly")]
            size if size.fract() == 0.0 && size > 0.0 => {
                f.write_str(itoa::Buffer::new().format(*number as i64))
            }
            _ => write!(f, "{number}"),
        }
    }
}

/// `5, 10 or 15`
pub(crate) fn one_of(names: impl ExactSizeIterator<Item: fmt::Display>) -> String {
    listed("", names, "or")
}

/// `{first}5, 10 {last} 15`
pub(crate) fn listed(first: &str, names: impl ExactSizeIterator<Item: fmt::Display>, last: &str) -> String {
    let mut text = phrase(format_args!("{first}"));
    let _ = write_list(&mut text, names, last);
    text
}

/// `5, 10 {last} 15`
pub(crate) fn write_list(
    out: &mut impl Write,
    names: impl ExactSizeIterator<Item: fmt::Display>,
    last: &str,
) -> fmt::Result {
    let count = names.len();
    if count == 0 {
        return out.write_str("nothing");
    }
    for (index, name) in names.enumerate() {
        match count - index {
            _ if index == 0 => write!(out, "{name}")?,
            1 => write!(out, " {last} {name}")?,
            _ => write!(out, ", {name}")?,
        }
    }
    Ok(())
}

/// An excerpt that is safe to print: short, and without control characters.
pub(crate) fn quoted(text: &str) -> Cow<'static, str> {
    const LONGEST: usize = 40;
    let ellipsis = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    let excerpt: String = text.chars().take(LONGEST).collect();
    format!("{excerpt:?}{ellipsis}").into()
}

/// Adds the nearest of `names` to a violation, where one is near.
pub(crate) fn advise<'a>(
    violation: Violation,
    given: &str,
    names: impl Iterator<Item = &'a str>,
) -> Violation {
    match nearest(given, names) {
        Some(name) => violation.with_advice(format!("did you mean {name:?}?")),
        None => violation,
    }
}

/// The name that differs least, where it differs by little enough to be a slip.
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
