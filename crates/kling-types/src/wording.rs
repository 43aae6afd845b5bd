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

/// Writes a number as a person reads it; beyond what a double holds exactly, by its power of ten.
pub(crate) fn write_number(out: &mut impl Write, number: f64) -> fmt::Result {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    match number.abs() {
        size if size > EXACT => write!(out, "{number:e}"),
        // Zero has a sign.
        #[allow(clippy::cast_possible_truncation, reason = "it is whole, and a double holds it exactly")]
        size if size.fract() == 0.0 && size > 0.0 => out.write_str(itoa::Buffer::new().format(number as i64)),
        size if size > 1e-5 => out.write_str(zmij::Buffer::new().format(number)),
        _ => write!(out, "{number}"),
    }
}

/// `5, 10 or 15`
pub(crate) fn one_of(names: impl ExactSizeIterator<Item: fmt::Display>) -> String {
    listed("", names, "or")
}

/// `{first}5, 10 {last} 15`
pub(crate) fn listed(first: &str, names: impl ExactSizeIterator<Item: fmt::Display>, last: &str) -> String {
    let mut text = phrase(format_args!("{first}"));
    let _ = write_list(&mut text, names, last, |text, name| write!(text, "{name}"));
    text
}

/// `5, 10 {last} 15`
pub(crate) fn write_list<W: Write, I: ExactSizeIterator>(
    out: &mut W,
    items: I,
    last: &str,
    mut write: impl FnMut(&mut W, I::Item) -> fmt::Result,
) -> fmt::Result {
    let count = items.len();
    if count == 0 {
        return out.write_str("nothing");
    }
    for (index, item) in items.enumerate() {
        match count - index {
            _ if index == 0 => {}
            1 => {
                out.write_char(' ')?;
                out.write_str(last)?;
                out.write_char(' ')?;
            }
            _ => out.write_str(", ")?,
        }
        write(out, item)?;
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_number_is_written_as_short_as_std_would_and_without_an_exponent(number in prop_oneof![-1e15..1e15, -10.0..10.0, -1e-4..1e-4]) {
            let mut text = String::new();
            write_number(&mut text, number).unwrap();
            prop_assert_eq!((text.parse(), text.len()), (Ok(number), number.to_string().len()));
            prop_assert!(!text.contains('e'));
        }
    }
}
