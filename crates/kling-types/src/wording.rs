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

/// `1 element`, `at most 2 elements`
pub(crate) fn counted(first: &str, size: u64, unit: &str) -> String {
    phrase(format_args!("{first}{size} {unit}{}", if size == 1 { "" } else { "s" }))
}

/// A number as a person reads it; beyond what a double holds exactly, by its power of ten.
pub(crate) fn decimal(number: f64) -> String {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.abs() > EXACT { phrase(format_args!("{number:e}")) } else { phrase(format_args!("{number}")) }
}

/// An integer as a person reads it. One beyond 64 bits came as a double, and is shown as one.
pub(crate) fn whole(integer: i128) -> String {
    #[allow(clippy::cast_precision_loss, reason = "it came as a double")]
    i64::try_from(integer).map_or_else(|_| decimal(integer as f64), |integer| integer.to_string())
}

/// `5, 10 or 15`
pub(crate) fn one_of(names: impl ExactSizeIterator<Item: fmt::Display>) -> String {
    listed("", names, "or")
}

/// `{first}5, 10 {last} 15`
pub(crate) fn listed(first: &str, names: impl ExactSizeIterator<Item: fmt::Display>, last: &str) -> String {
    let count = names.len();
    if count == 0 {
        return phrase(format_args!("{first}nothing"));
    }
    let mut text = phrase(format_args!("{first}"));
    for (index, name) in names.enumerate() {
        let _ = match count - index {
            _ if index == 0 => write!(text, "{name}"),
            1 => write!(text, " {last} {name}"),
            _ => write!(text, ", {name}"),
        };
    }
    text
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
