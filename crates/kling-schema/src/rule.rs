//! The grammar of `validations`: a metric, a comparison, a bound, and the text for whoever breaks it.

use kling_types::{Comparison, MediaRule, Metric, Origin, Pointer};
use serde_json::Value;

use crate::SchemaError;
use crate::keywords::Keywords;

/// Reads one entry of `validations`, such as `{"validation_rule": "width_pixels>", "validation_value": 300,
/// "validation_error": "…"}`.
///
/// An equality is two rules, that the metric is neither less nor more; anything else is one. A metric that this version cannot
/// measure is carried as [`Metric::Unknown`]; it is reported as unchecked later.
///
/// # Errors
/// [`SchemaError`] for a comparison that does not exist, a bound that is no number, and keywords beside the three.
pub fn parse_rules(entry: &Value, at: &Pointer<'_>, origin: Origin) -> Result<Vec<MediaRule>, SchemaError> {
    let mut keywords = Keywords::open(entry, at)?;
    let required = |keyword| SchemaError::new(at, Some(keyword), "missing from a media rule");
    let rule = keywords.text("validation_rule")?.ok_or_else(|| required("validation_rule"))?;
    let value = keywords.take("validation_value").ok_or_else(|| required("validation_value"))?;
    let message = keywords.text("validation_error")?.unwrap_or_default();
    let (metric, comparisons) = split(&rule).ok_or_else(|| {
        keywords.error("validation_rule", format!("found {rule:?}, allowed a metric and one of > >= < <= =="))
    })?;
    let value = bound(&value).ok_or_else(|| {
        keywords.error("validation_value", format!("found {value}, allowed a finite number"))
    })?;
    keywords.close()?;
    let rule = |&comparison: &Comparison| {
        let (metric, message) = (metric.clone(), message.clone().into());
        MediaRule { metric, comparison, value, message, origin }
    };
    Ok(comparisons.iter().map(rule).collect())
}

/// A rule that is not understood, by its own words.
pub(crate) fn unknown_rule(entry: &Value) -> MediaRule {
    let text = |key: &str| entry.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let metric = Metric::Unknown(text("validation_rule").into());
    let value = entry.get("validation_value").and_then(bound).unwrap_or_default();
    let message = text("validation_error").into();
    MediaRule { metric, comparison: Comparison::AtLeast, value, message, origin: Origin::Schema }
}

fn split(rule: &str) -> Option<(Metric, &'static [Comparison])> {
    let end = rule.find(['<', '>', '=', '!'])?;
    let (metric, comparison) = rule.split_at(end);
    Some((parse_metric(metric.trim())?, parse_comparisons(comparison.trim())?))
}

fn parse_metric(metric: &str) -> Option<Metric> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match metric {
        "width/height" => Some(Metric::AspectRatio),
        "file_size_mb" => Some(Metric::FileSizeMb),
        "height_pixels" => Some(Metric::Height),
        "width_pixels" => Some(Metric::Width),
        other if other.split('/').all(is_name) => Some(Metric::Unknown(other.to_owned().into())),
        _ => None,
    }
}

fn parse_comparisons(comparison: &str) -> Option<&'static [Comparison]> {
    Some(match comparison {
        ">" => &[Comparison::Above],
        ">=" => &[Comparison::AtLeast],
        "<=" => &[Comparison::AtMost],
        "<" => &[Comparison::Below],
        "==" => &[Comparison::AtLeast, Comparison::AtMost],
        _ => return None,
    })
}

/// A bound is a number, or was met as text that is one.
fn bound(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(rule: &str, value: Value) -> Result<Vec<MediaRule>, SchemaError> {
        let entry = json!({"validation_rule": rule, "validation_value": value, "validation_error": "no"});
        parse_rules(&entry, &Pointer::ROOT, Origin::Schema)
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
    fn an_unknown_metric_is_carried() {
        assert_eq!(
            parse("duration_seconds<", json!(30)).unwrap()[0].metric,
            Metric::Unknown("duration_seconds".into())
        );
    }

    #[test]
    fn what_is_no_rule_names_its_keyword() {
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
}
