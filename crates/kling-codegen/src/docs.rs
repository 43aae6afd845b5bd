//! Documentation of generated code, with the provider's prose as Markdown. The prose is hostile data, and must never become markup,
//! a doctest or code.

use kling_schema::{Annotation, ObjectSchema, Property, Shape};
use kling_types::bounds::ItemBounds;
use kling_types::{MediaField, RuleSource};
use serde_json::Value;

use crate::names::capitalised;
use crate::plan::plain;

/// The longest excerpt of a value in documentation, in characters. Live pages have whole prompts as defaults.
const LONGEST_VALUE: usize = 80;

/// The documentation of a field and its setter, one paragraph an element: everything that the schema says of the property.
pub(crate) fn field(property: &Property, media: Option<&MediaField>) -> Vec<String> {
    let mut paragraphs = described(property, true);
    paragraphs.extend(media.map(rules).filter(|rules| !rules.is_empty()));
    paragraphs
}

/// The documentation of the type of a property.
pub(crate) fn leaf(property: &Property) -> Vec<String> {
    described(property, false)
}

/// The documentation of a property. The type of an enum lists its values by itself.
fn described(property: &Property, lists_values: bool) -> Vec<String> {
    let mut paragraphs = vec![headline(property)];
    paragraphs.extend(allowed(&property.shape, lists_values).map(|allowed| format!("Allowed: {allowed}.")));
    paragraphs.extend(property.format.as_ref().map(|format| format!("Format: `{}`.", code(format))));
    paragraphs.extend(default(property));
    paragraphs.extend(property.annotations.iter().map(annotation));
    paragraphs
}

/// The documentation of an input object.
pub(crate) fn input(opening: String, schema: &ObjectSchema, not_on_file: &[String]) -> Vec<String> {
    let described = [&schema.title, &schema.description];
    let described = described.into_iter().flatten().filter(|text| text.as_str() != "Input");
    let mut paragraphs = vec![opening];
    paragraphs.extend(described.map(|text| prose(text)).filter(|text| !text.is_empty()).map(sentence));
    paragraphs.extend(schema.annotations.iter().map(annotation));
    if !not_on_file.is_empty() {
        let names: Vec<_> = not_on_file.iter().map(|name| format!("`{}`", code(name))).collect();
        paragraphs.push(format!(
            "The live model also takes {}. The schema on file lacks them: `extra` sends them unchecked.",
            names.join(", ")
        ));
    }
    paragraphs
}

/// Paragraphs as a documentation comment.
pub(crate) fn comment(paragraphs: &[String], indent: &str) -> String {
    let text = paragraphs.join("\n\n");
    text.lines().map(|line| format!("{indent}{}", format!("/// {line}").trim_end()) + "\n").collect()
}

/// The title and the description of a property, a sentence each.
pub(crate) fn headline(property: &Property) -> String {
    let texts = [&property.title, &property.description].into_iter().flatten();
    let mut sentences: Vec<String> =
        texts.map(|text| prose(text)).filter(|text| !text.is_empty()).map(sentence).collect();
    if sentences.is_empty() {
        sentences.push(format!("`{}` of the model.", code(&property.name)));
    }
    sentences.extend(property.required.then(|| "Required.".to_owned()));
    sentences.join(" ")
}

/// Text that is safe between backticks.
pub(crate) fn code(text: &str) -> String {
    let clean = text.chars().map(|letter| match letter {
        '`' => '\'',
        letter if is_mark(letter) => ' ',
        letter => letter,
    });
    clean.collect()
}

fn default(property: &Property) -> Option<String> {
    let default = property.default.as_ref()?;
    let broken = if property.has_legal_default() { "" } else { ", which breaks the property's own rules" };
    Some(format!("The provider's default is {}{broken}. It is never sent for you.", value(default)))
}

fn annotation(annotation: &Annotation) -> String {
    let Annotation { keyword, value: said } = annotation;
    match (keyword.as_str(), said) {
        ("deprecated", Value::Bool(true)) => "Deprecated by the provider.".to_owned(),
        ("readOnly", Value::Bool(true)) => "Read only.".to_owned(),
        ("writeOnly", Value::Bool(true)) => "Write only.".to_owned(),
        ("examples", Value::Array(examples)) => {
            let examples: Vec<_> = examples.iter().map(value).collect();
            format!("Examples: {}.", examples.join(", "))
        }
        ("items/title" | "items/description", Value::String(text)) => {
            format!("Each element: {}", sentence(prose(text)))
        }
        ("items/format", Value::String(format)) => format!("Each element has the format `{}`.", code(format)),
        _ => format!("Schema keyword `{}`: {}.", code(keyword), value(said)),
    }
}

fn value(value: &Value) -> String {
    format!("`{}`", excerpt(&code(&value.to_string())))
}

/// The allowed values in words, unless the type itself says them.
fn allowed(shape: &Shape, lists_values: bool) -> Option<String> {
    let is_said = match shape {
        Shape::IntegerEnum(_) | Shape::NumberEnum(_) | Shape::TextEnum(_) => !lists_values,
        Shape::List { bounds, items } => {
            *bounds == ItemBounds::default() && allowed(items, lists_values).is_none()
        }
        Shape::Media(_) => {
            return Some("an `https` URL that the provider can fetch, or a base64 `data:` URI".to_owned());
        }
        Shape::Object(object) => object.additional.is_none() || !object.properties.is_empty(),
        other => plain(other).is_some(),
    };
    (!is_said).then(|| prose(&shape.to_string()))
}

fn rules(media: &MediaField) -> String {
    let printed = |origin| {
        let rules = media.rules.iter().filter(move |rule| rule.origin == origin);
        rules.map(|rule| format!("`{}`", code(&rule.to_string()))).collect::<Vec<_>>().join(", ")
    };
    let (schema, prose) = (printed(RuleSource::Schema), printed(RuleSource::Prose));
    match (schema.is_empty(), prose.is_empty()) {
        (true, true) => String::new(),
        (false, true) => format!("Media rules: {schema}."),
        (true, false) => format!("Media rules, from the text of the provider's page: {prose}."),
        (false, false) => format!("Media rules: {schema}; from the text of the provider's page: {prose}."),
    }
}

/// Prose on one line, with all markup of Markdown, HTML and rustdoc escaped.
fn prose(text: &str) -> String {
    let text: String = text.chars().map(|letter| if is_mark(letter) { ' ' } else { letter }).collect();
    let words = text.split_whitespace().map(|word| {
        // A bare URL is a warning of rustdoc, and an unchecked link.
        if word.contains("://") || word.starts_with("www.") {
            format!("`{}`", code(word))
        } else {
            escaped(word)
        }
    });
    unlisted(words.collect::<Vec<_>>().join(" "))
}

/// Escapes a first word that would open a list, a heading or a rule.
fn unlisted(line: String) -> String {
    let first = line.split(' ').next().unwrap_or_default();
    let number = first.strip_suffix(['.', ')']).unwrap_or_default();
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    match first.as_bytes() {
        [b'-' | b'='] | [b'-', b'-', ..] | [b'=', b'=', ..] => format!("\\{line}"),
        _ if is_number => format!("{number}\\{}", &line[number.len()..]),
        _ => line,
    }
}

/// Text with a capital at its start and a full stop at its end.
fn sentence(text: String) -> String {
    let text = capitalised(&text);
    if text.ends_with(['.', '!', '?', '。', '！', '？']) { text } else { text + "." }
}

/// The start of a long text.
fn excerpt(text: &str) -> String {
    match text.char_indices().nth(LONGEST_VALUE) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Whether a character is invisible or changes the direction of text. The compiler refuses some of them in comments.
fn is_mark(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

fn escaped(word: &str) -> String {
    let mut out = String::with_capacity(word.len());
    for letter in word.chars() {
        match letter {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '.' | ',' | ':' | ';' | '\'' | '"' | '/' | '-' | '(' | ')' | '?' | '!' | '%' | '=' => {
                out.push(letter)
            }
            letter if letter.is_ascii_punctuation() => out.extend(['\\', letter]),
            letter => out.push(letter),
        }
    }
    out
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
        assert_eq!(prose("a\u{202e}b"), "a b");
    }

    #[test]
    fn no_prose_opens_a_block() {
        let lines = ["- item", "1. one", "2) two", "= x", "--- x", "+ x", "# head", "> x", "5 seconds"];
        let plain = [
            "\\- item",
            "1\\. one",
            "2\\) two",
            "\\= x",
            "\\--- x",
            "\\+ x",
            "\\# head",
            "&gt; x",
            "5 seconds",
        ];
        assert_eq!(lines.map(prose), plain);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        assert_eq!(excerpt(&"字".repeat(100)).chars().count(), 81);
    }
}
