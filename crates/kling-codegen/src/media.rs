//! The table of media properties: one call of a `kling-types` macro, one line a rule.

use kling_types::{MediaField, MediaRule, Metric};

/// `MEDIA`, the media properties of a model.
pub(crate) fn table(media: &[MediaField]) -> String {
    let fields: String = media.iter().map(field).collect();
    format!("kt::media! {{\n{fields}}}\n")
}

fn field(field: &MediaField) -> String {
    let MediaField { name, kind, plural, .. } = field;
    let rules: String = field.rules.iter().map(rule).collect();
    format!("    {name:?}: {kind:?}, plural: {plural}, [\n{rules}    ]\n")
}

fn rule(rule: &MediaRule) -> String {
    let metric = match &rule.metric {
        Metric::Unknown(name) => format!("Unknown({name:?})"),
        known => format!("{known:?}"),
    };
    // `Debug` of an enum without fields is the name of its variant.
    let MediaRule { comparison, value, origin, message, .. } = rule;
    format!("        {metric} {comparison:?} {value:?} {origin:?} {message:?};\n")
}
