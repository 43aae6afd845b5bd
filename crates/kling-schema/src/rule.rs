//! The grammar of `validations`: a metric, a comparison, a bound, and the text for whoever breaks it.

use kling_types::{Comparison, MediaRule, Metric, Origin, Pointer};
use serde_json::Value;

use crate::SchemaError;
use crate::keywords::Keywords;

/// Reads one entry of `validations`, such as `{"validation_rule": "width_pixels>", "validation_value": 300,
/// "validation_error": "…"}`.
///
/// A metric that this version cannot measure is carried as [`Metric::Unknown`]; it is reported as unchecked later.
///
/// # Errors
/// [`SchemaError`] for a comparison that does not exist, a bound that is no number, and keywords beside the three.
pub fn parse_rule(entry: &Value, at: &Pointer<'_>, origin: Origin) -> Result<MediaRule, SchemaError> {
    let mut keywords = Keywords::open(entry, at)?;
    let required = |keyword| SchemaError::new(at, Some(keyword), "missing from a media rule");
    let rule = keywords.text("validation_rule")?.ok_or_else(|| required("validation_rule"))?;
    let value = keywords.take("validation_value").ok_or_else(|| required("validation_value"))?;
    let message = keywords.text("validation_error")?.unwrap_or_default();
    let (metric, comparison) = split(&rule).ok_or_else(|| {
        keywords.error("validation_rule", format!("found {rule:?}, allowed a metric and one of > >= < <="))
    })?;
    let value = bound(&value).ok_or_else(|| {
        keywords.error("validation_value", format!("found {value}, allowed a finite number"))
    })?;
    keywords.close()?;
    Ok(MediaRule { metric, comparison, value, message: message.into(), origin })
}

fn split(rule: &str) -> Option<(Metric, Comparison)> {
    let end = rule.find(['<', '>', '=', '!'])?;
    let (metric, comparison) = rule.split_at(end);
    Some((parse_metric(metric.trim())?, parse_comparison(comparison.trim())?))
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

fn parse_comparison(comparison: &str) -> Option<Comparison> {
    match comparison {
        ">" => Some(Comparison::Above),
        ">=" => Some(Comparison::AtLeast),
        "<=" => Some(Comparison::AtMost),
        "<" => Some(Comparison::Below),
        _ => None,
    }
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

    fn parse(rule: &str, value: Value) -> Result<MediaRule, SchemaError> {
        let entry = json!({"validation_rule": rule, "validation_value": value, "validation_error": "no"});
        parse_rule(&entry, &Pointer::ROOT, Origin::Schema)
    }

    #[test]
    fn every_rule_seen_so_far_is_read() {
        let read = |rule, value| parse(rule, value).map(|rule| rule.to_string()).unwrap();
        assert_eq!(read("width_pixels>", json!(300)), "width_pixels > 300");
        assert_eq!(read("height_pixels>", json!(14)), "height_pixels > 14");
        assert_eq!(read("file_size_mb<", json!(10)), "file_size_mb < 10");
        assert_eq!(read("width/height>", json!(0.0625)), "width/height > 0.0625");
        assert_eq!(read("width/height <=", json!("16")), "width/height <= 16");
    }

    #[test]
    fn an_unknown_metric_is_carried() {
        assert_eq!(
            parse("duration_seconds<", json!(30)).unwrap().metric,
            Metric::Unknown("duration_seconds".into())
        );
    }

    #[test]
    fn what_is_no_rule_names_its_keyword() {
        for (rule, value, keyword) in [
            ("width_pixels", json!(1), "validation_rule"),
            ("width_pixels==", json!(1), "validation_rule"),
            (">", json!(1), "validation_rule"),
            ("width_pixels>", json!("wide"), "validation_value"),
            ("width_pixels>", json!(null), "validation_value"),
        ] {
            assert_eq!(parse(rule, value).unwrap_err().keyword(), Some(keyword), "{rule}");
        }
    }
}
