//! Leaf types: one call of a `kling-types` macro each, with names, documentation and bounds.

use kling_schema::Shape;
use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::{Pointer, Violations};
use serde_json::Value;

use crate::names::{integer_variant, text_variant};
use crate::plan::{Leaf, Plan};
use crate::{Error, docs};

/// The source of every leaf type of a model.
pub(crate) fn leaves(plan: &Plan<'_>) -> Result<String, Error> {
    let sources =
        plan.leaves.iter().map(|leaf| source(leaf).map_err(|error| Error::model(&plan.schema.id, error)));
    Ok(Error::collect(sources)?.join("\n"))
}

fn source(leaf: &Leaf<'_>) -> Result<String, String> {
    let (name, docs) = (&leaf.name, documentation(leaf));
    Ok(match leaf.shape {
        Shape::Integer(IntegerBounds { min, max }) => {
            let default = literal(leaf, |value| value.as_i64().map(|value| value.to_string()));
            call(
                "integer",
                &docs,
                &format!("{name} {{ min: {min:?}, max: {max:?}{} }}", prefixed(", default: ", default)),
            )
        }
        Shape::IntegerEnum(values) => {
            let variant = |value: &i64| integer_variant(&leaf.property.name, *value);
            enumeration("integer_enum", leaf, &docs, values, variant, i64::to_string)?
        }
        Shape::List { bounds, .. } => list(leaf, *bounds, &docs),
        Shape::Number(bounds) => {
            let default = literal(leaf, |value| value.as_f64().map(|value| format!("{value:?}")));
            call(
                "number",
                &docs,
                &format!("{name} {{ {} }}{}", number_bounds(*bounds), prefixed(" default ", default)),
            )
        }
        Shape::Text(TextBounds { min, max }) => {
            let default = literal(leaf, |value| value.as_str().map(|value| format!("{value:?}")));
            call(
                "text",
                &docs,
                &format!("{name} {{ min: {min:?}, max: {max:?}{} }}", prefixed(", default: ", default)),
            )
        }
        Shape::TextEnum(values) => {
            let variant = |value: &String| text_variant(&leaf.property.name, value);
            enumeration("text_enum", leaf, &docs, values, variant, |value| format!("{value:?}"))?
        }
        other => return Err(format!("{}: a type for {other:?} cannot be generated yet", leaf.property.name)),
    })
}

fn list(leaf: &Leaf<'_>, bounds: ItemBounds, docs: &str) -> String {
    let (min, element) = (bounds.min.unwrap_or(0), leaf.element.as_deref().unwrap_or("kt::export::Value"));
    let max = bounds.max.map_or_else(|| "{ kt::UNBOUNDED }".to_owned(), |max| max.to_string());
    format!("{docs}pub type {} = kt::List<{element}, {min}, {max}>;\n", leaf.name)
}

fn enumeration<T>(
    kind: &str,
    leaf: &Leaf<'_>,
    docs: &str,
    values: &[T],
    variant: impl Fn(&T) -> String,
    print: impl Fn(&T) -> String,
) -> Result<String, String> {
    let mut variants: Vec<(String, String)> =
        values.iter().map(|value| (variant(value), print(value))).collect();
    let default = literal(leaf, |value| {
        let wire = value.as_str().map_or_else(|| value.to_string(), |text| format!("{text:?}"));
        variants.iter().find(|(_, printed)| *printed == wire).map(|(name, wire)| format!("{name} = {wire}"))
    });
    let body: String = variants.iter().map(|(name, wire)| format!("        {name} = {wire},\n")).collect();
    variants.sort();
    if let Some(pair) = variants.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        let (name, [first, second]) = (&pair[0].0, [&pair[0].1, &pair[1].1]);
        return Err(format!(
            "{}: {first} and {second} would both be the variant `{name}`",
            leaf.property.name
        ));
    }
    Ok(call(kind, docs, &format!("{} {{\n{body}    }}{}", leaf.name, prefixed(" default ", default))))
}

fn call(kind: &str, docs: &str, body: &str) -> String {
    let docs: String = docs.lines().map(|line| format!("    {line}\n")).collect();
    format!("kt::{kind}! {{\n{docs}    {body}\n}}\n")
}

fn number_bounds(bounds: NumberBounds) -> String {
    let NumberBounds { min, max, above, below } = bounds;
    let named = [("min", min), ("max", max), ("above", above), ("below", below)];
    let set = named.into_iter().filter_map(|(name, bound)| Some(format!("{name}: {:?}", bound?)));
    set.collect::<Vec<_>>().join(", ")
}

/// The default as a literal, where the schema states one that its own rules allow.
fn literal(leaf: &Leaf<'_>, print: impl FnOnce(&Value) -> Option<String>) -> Option<String> {
    let default = leaf.property.default.as_ref()?;
    let mut violations = Violations::new();
    leaf.shape.check(default, &Pointer::ROOT, &mut violations);
    if violations.is_empty() { print(default) } else { None }
}

fn prefixed(prefix: &str, text: Option<String>) -> String {
    text.map(|text| format!("{prefix}{text}")).unwrap_or_default()
}

fn documentation(leaf: &Leaf<'_>) -> String {
    let paragraphs = docs::property(leaf.property, None);
    paragraphs.join("\n\n").lines().map(|line| format!("/// {line}").trim_end().to_owned() + "\n").collect()
}
