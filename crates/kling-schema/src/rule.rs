//! Media in a schema: the properties that refer to a file, and the rules of `validations`.

use kling_types::{Comparison, MediaKind, MediaRule, Metric, Pointer, RuleSource};
use serde_json::Value;

use crate::SchemaError;
use crate::keywords::Keywords;

/// Reads one entry of `validations`, such as `{"validation_rule": "width_pixels>", "validation_value": 300,
/// "validation_error": "…"}`.
///
/// An equality becomes two rules, and any other comparison one. An unknown metric is kept as [`Metric::Unknown`], and is
/// reported as unchecked later.
///
/// # Errors
/// [`SchemaError`] for an unknown comparison, a bound that is not a number, and an unknown keyword.
pub(crate) fn parse_rules(
    entry: &Value,
    at: &Pointer<'_>,
    origin: RuleSource,
) -> Result<Vec<MediaRule>, SchemaError> {
    let mut keywords = Keywords::open(entry, at)?;
    let rule = keywords.text("validation_rule")?.unwrap_or_default();
    let value = keywords.take("validation_value").unwrap_or_default();
    let message = keywords.text("validation_error")?.unwrap_or_default();
    let (metric, comparisons) = split(&rule).ok_or_else(|| {
        keywords.error("validation_rule", format!("got {rule:?}; expected a metric and one of > >= < <= =="))
    })?;
    let bound = bound(&value).ok_or_else(|| {
        keywords.error("validation_value", format!("got {value}; expected a finite number"))
    })?;
    keywords.close()?;
    let rule = |&comparison: &Comparison| {
        let (metric, message) = (metric.clone(), message.clone().into());
        MediaRule { metric, comparison, value: bound, message, origin }
    };
    Ok(comparisons.iter().map(rule).collect())
}

/// Returns a rule that cannot be read as a rule over an unknown metric.
pub(crate) fn unknown_rule(entry: &Value) -> MediaRule {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let metric = Metric::Unknown(text("validation_rule").into());
    let value = entry.get("validation_value").and_then(bound).unwrap_or_default();
    let message = text("validation_error").into();
    MediaRule { metric, comparison: Comparison::AtLeast, value, message, origin: RuleSource::Schema }
}

fn split(rule: &str) -> Option<(Metric, &'static [Comparison])> {
    let (metric, comparison) = rule.split_at(rule.find(['<', '>', '=', '!'])?);
    let comparisons: &[Comparison] = match comparison.trim() {
        ">" => &[Comparison::Above],
        ">=" => &[Comparison::AtLeast],
        "<=" => &[Comparison::AtMost],
        "<" => &[Comparison::Below],
        "==" => &[Comparison::AtLeast, Comparison::AtMost],
        _ => return None,
    };
    Some((parse_metric(metric.trim())?, comparisons))
}

fn parse_metric(metric: &str) -> Option<Metric> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_name = |name: &str| !name.is_empty() && name.bytes().all(is_letter);
    match metric {
        "width/height" => Some(Metric::AspectRatio),
        "file_size_mb" => Some(Metric::FileSizeMb),
        "height_pixels" => Some(Metric::Height),
        "width_pixels" => Some(Metric::Width),
        other if other.split('/').all(is_name) => Some(Metric::Unknown(other.to_owned().into())),
        _ => None,
    }
}

/// Reads a bound: a number, or a text with a number.
fn bound(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

/// Returns the kind of media that a format names.
pub(crate) fn kind_of_format(format: &str) -> Option<MediaKind> {
    match format {
        "audio_uri" | "audio_uris" => Some(MediaKind::Audio),
        "image_uri" | "image_uris" => Some(MediaKind::Image),
        "video_uri" | "video_uris" => Some(MediaKind::Video),
        _ => None,
    }
}

/// Whether the schema of an element or of a form inside this schema names media by its format.
pub(crate) fn holds_media(schema: &Value) -> bool {
    let forms = ["anyOf", "oneOf"].into_iter().filter_map(|choice| schema.get(choice)?.as_array()).flatten();
    let is_media =
        |inner: &Value| inner.get("format").and_then(Value::as_str).and_then(kind_of_format).is_some();
    forms.chain(schema.get("items")).any(|inner| is_media(inner) || holds_media(inner))
}

/// Returns the kind of media that a property's name suggests. One of its words names the kind, and the last word names a kind
/// or a URL.
///
/// Two fields of Kling 1.6 have no format, so the name must do.
pub(crate) fn kind_of_name(name: &str) -> Option<MediaKind> {
    let words = words(name);
    let last = words.last()?;
    let named = words.iter().rev().find_map(|word| kind_of_word(word));
    let is_reference =
        matches!(last.as_str(), "uri" | "uris" | "url" | "urls") || kind_of_word(last).is_some();
    named.filter(|_| is_reference)
}

fn kind_of_word(word: &str) -> Option<MediaKind> {
    match word {
        "audio" | "audios" => Some(MediaKind::Audio),
        "frame" | "image" | "images" => Some(MediaKind::Image),
        "video" | "videos" => Some(MediaKind::Video),
        _ => None,
    }
}

/// Returns the words of a name in snake case or camel case, in lower case and without digits.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    for letter in name.chars() {
        if letter.is_ascii_uppercase() || !letter.is_ascii_alphabetic() {
            words.push(String::new());
        }
        if let (Some(word), true) = (words.last_mut(), letter.is_ascii_alphabetic()) {
            word.push(letter.to_ascii_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(rule: &str, value: Value) -> Result<Vec<MediaRule>, SchemaError> {
        let entry = json!({"validation_rule": rule, "validation_value": value, "validation_error": "no"});
        parse_rules(&entry, &Pointer::ROOT, RuleSource::Schema)
    }

    #[test]
    fn every_rule_seen_so_far_is_read() {
        let read = |rule, value| {
            let rules = parse(rule, value).unwrap();
            rules.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(read("width_pixels>", json!(300)), "width_pixels > 300");
        assert_eq!(read("height_pixels>", json!(14)), "height_pixels > 14");
        assert_eq!(read("file_size_mb<", json!(10)), "file_size_mb < 10");
        assert_eq!(read("width/height>", json!(0.0625)), "width/height > 0.0625");
        assert_eq!(read("width/height <=", json!("16")), "width/height <= 16");
        assert_eq!(read("width_pixels==", json!(512)), "width_pixels >= 512, width_pixels <= 512");
    }

    #[test]
    fn an_unknown_metric_is_kept() {
        assert_eq!(
            parse("duration_seconds<", json!(30)).unwrap()[0].metric,
            Metric::Unknown("duration_seconds".into())
        );
    }

    #[test]
    fn an_error_names_its_keyword() {
        for (rule, value, keyword) in [
            ("width_pixels", json!(1), "validation_rule"),
            ("width_pixels!=", json!(1), "validation_rule"),
            (">", json!(1), "validation_rule"),
            ("width_pixels>", json!("wide"), "validation_value"),
            ("width_pixels>", json!(null), "validation_value"),
        ] {
            assert_eq!(parse(rule, value).unwrap_err().keyword(), Some(keyword), "{rule}");
        }
    }

    #[test]
    fn names_that_the_catalog_uses_for_media_are_known() {
        for name in [
            "image_url",
            "image",
            "images",
            "image_urls",
            "start_image_url",
            "first_frame",
            "tail_image_url",
            "image_url_9",
            "promptImage",
            "end_image",
        ] {
            assert_eq!(kind_of_name(name), Some(MediaKind::Image), "{name}");
        }
        assert_eq!(kind_of_name("video_url"), Some(MediaKind::Video));
        assert_eq!(kind_of_name("reference_audio"), Some(MediaKind::Audio));
    }

    #[test]
    fn other_names_are_not() {
        for name in ["prompt", "image_size", "video_length", "url", "frame_rate", "", "_"] {
            assert_eq!(kind_of_name(name), None, "{name}");
        }
    }
}
