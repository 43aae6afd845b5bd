//! Words that violations share: lists, counts, excerpts and suggestions.

use std::borrow::Cow;

use crate::Violation;

/// `1 element`, `2 elements`
pub(crate) fn counted(size: u64, unit: &str) -> String {
    format!("{size} {unit}{}", if size == 1 { "" } else { "s" })
}

/// A number as a person reads it; beyond what a double holds exactly, by its power of ten.
pub(crate) fn decimal(number: f64) -> String {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if number.abs() > EXACT { format!("{number:e}") } else { number.to_string() }
}

/// An integer as a person reads it. One beyond 64 bits came as a double, and is shown as one.
pub(crate) fn whole(integer: i128) -> String {
    #[allow(clippy::cast_precision_loss, reason = "it came as a double")]
    i64::try_from(integer).map_or_else(|_| decimal(integer as f64), |integer| integer.to_string())
}

/// `5, 10 or 15`
pub(crate) fn one_of<'a>(names: impl Iterator<Item = Cow<'a, str>>) -> String {
    listed(names, "or")
}

/// `5, 10 {last} 15`
pub(crate) fn listed<'a>(names: impl Iterator<Item = Cow<'a, str>>, last: &str) -> String {
    let names: Vec<_> = names.collect();
    match names.split_last() {
        None => "nothing".to_owned(),
        Some((only, [])) => only.clone().into_owned(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
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
