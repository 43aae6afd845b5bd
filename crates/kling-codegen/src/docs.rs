//! The provider's prose as documentation: hostile data that must never become markup, a doctest or code.

use kling_schema::{Property, Shape};
use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::{MediaField, Origin};

use crate::names::capitalised;

/// The documentation of a property, one paragraph an element.
pub(crate) fn property(property: &Property, media: Option<&MediaField>) -> Vec<String> {
    let mut paragraphs = vec![headline(property)];
    paragraphs.extend(bounds(&property.shape).map(|bounds| format!("Allowed: {bounds}.")));
    paragraphs.extend(property.format.as_ref().map(|format| format!("Format: `{}`.", code(format))));
    if let Some(default) = &property.default {
        paragraphs.push(format!(
            "The provider's default is `{}`; it is never sent unasked.",
            code(&serde_json::to_string(default).unwrap_or_default())
        ));
    }
    paragraphs.extend(media.map(rules).filter(|rules| !rules.is_empty()));
    paragraphs
}

/// Prose on one line, with everything escaped that Markdown, HTML or rustdoc would take for markup.
pub(crate) fn prose(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_whitespace() || letter.is_control());
    let words = words.filter(|word| !word.is_empty()).map(|word| {
        // A bare URL is a warning of rustdoc, and a link that nobody has checked.
        if word.contains("://") { format!("`{}`", code(word)) } else { escaped(word) }
    });
    words.collect::<Vec<_>>().join(" ")
}

fn headline(property: &Property) -> String {
    let title = property.title.as_deref().map(prose).filter(|title| !title.is_empty());
    let description = property.description.as_deref().map(prose).filter(|text| !text.is_empty());
    let fallback = || format!("`{}` of the model", code(&property.name));
    let sentences = match (title, description) {
        (None, None) => vec![fallback()],
        (title, description) => title.into_iter().chain(description).collect(),
    };
    let sentences =
        sentences.iter().map(|text| capitalised(text)).map(|text| match text.ends_with(['.', '!', '?']) {
            true => text,
            false => text + ".",
        });
    let required = property.required.then(|| "Required.".to_owned());
    sentences.chain(required).collect::<Vec<_>>().join(" ")
}

fn bounds(shape: &Shape) -> Option<String> {
    match shape {
        Shape::Integer(IntegerBounds { min, max }) => range(min.as_ref(), max.as_ref(), ""),
        Shape::List { bounds: ItemBounds { min, max }, .. } => range(min.as_ref(), max.as_ref(), " elements"),
        Shape::Media(_) => {
            Some("an `https` URL that the provider can fetch, or a base64 `data:` URI".to_owned())
        }
        Shape::Number(NumberBounds { min, max, .. }) => range(min.as_ref(), max.as_ref(), ""),
        Shape::Text(TextBounds { min, max }) => range(min.as_ref(), max.as_ref(), " Unicode scalar values"),
        _ => None,
    }
}

fn range<T: std::fmt::Display>(min: Option<&T>, max: Option<&T>, unit: &str) -> Option<String> {
    match (min, max) {
        (Some(min), Some(max)) => Some(format!("{min} to {max}{unit}")),
        (Some(min), None) => Some(format!("at least {min}{unit}")),
        (None, Some(max)) => Some(format!("at most {max}{unit}")),
        (None, None) => None,
    }
}

fn rules(media: &MediaField) -> String {
    let printed = |origin| {
        let rules = media.rules.iter().filter(move |rule| rule.origin == origin);
        rules.map(|rule| format!("`{}`", code(&rule.to_string()))).collect::<Vec<_>>().join(", ")
    };
    let (schema, prose) = (printed(Origin::Schema), printed(Origin::Prose));
    match (schema.is_empty(), prose.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("Media rules: {schema}."),
        (true, false) => format!("Media rules, from the prose of the provider's page: {prose}."),
        (false, false) => format!("Media rules: {schema}; from the prose of the provider's page: {prose}."),
    }
}

fn escaped(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for letter in word.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            letter
                if letter.is_ascii_punctuation()
                    && !matches!(
                        letter,
                        '.' | ',' | ':' | ';' | '\'' | '"' | '/' | '-' | '(' | ')' | '?' | '!' | '%' | '='
                    ) =>
            {
                out.push('\\');
                out.push(letter);
            }
            letter => out.push(letter),
        }
    }
    // At the start of a paragraph these open a list or a heading.
    if matches!(out.as_str(), "-" | "=" | "--" | "---") { format!("\\{out}") } else { out }
}

/// Text for between backticks.
fn code(text: &str) -> String {
    text.chars().map(|letter| if letter == '`' || letter.is_control() { '\'' } else { letter }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_stays_prose() {
        assert_eq!(prose("plain, at 50% (really)."), "plain, at 50% (really).");
        assert_eq!(prose("    fn main() {}\n```\nrm -rf"), "fn main() \\{\\} \\`\\`\\` rm -rf");
        assert_eq!(prose("see [x](y) <b>*bold*</b>"), "see \\[x\\](y) &lt;b&gt;\\*bold\\*&lt;/b&gt;");
        assert_eq!(prose("at https://a/b?c\u{7}"), "at `https://a/b?c`");
        assert_eq!(prose("- item # head"), "\\- item \\# head");
    }
}
