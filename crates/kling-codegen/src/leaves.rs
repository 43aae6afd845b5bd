//! Leaf types: one call of a `kling-types` macro each, with names, documentation and bounds.

use std::collections::BTreeSet;

use kling_schema::Shape;
use kling_types::check;
use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use serde_json::Value;

use crate::input_types::form_names;
use crate::literal::text_literal;
use crate::plan::{Leaf, Plan};
use crate::type_ref::plain;
use crate::{Error, docs, variants};

/// The source of every leaf type of a model.
pub(crate) fn leaves(plan: &Plan<'_>) -> Result<String, Error> {
    let source = |leaf| {
        source(plan, leaf)
            .map_err(|error| Error::model(&plan.schema.id, format!("{:?}: {error}", leaf.property.name)))
    };
    Ok(Error::collect(plan.leaves.iter().map(source))?.join("\n"))
}

fn source(plan: &Plan<'_>, leaf: &Leaf<'_>) -> Result<String, String> {
    let name = &leaf.name;
    Ok(match leaf.shape {
        Shape::AnyOf(shapes) => any_of(plan, leaf, shapes),
        Shape::Integer(bounds @ IntegerBounds { min, max }) => {
            let default = prefixed(", default: ", default(leaf).and_then(integer));
            match (min, max) {
                (Some(min), Some(max)) if bounds.fits_i64() => {
                    call("integer", leaf, &format!("{name} {{ min: {min}, max: {max}{default} }}"))
                }
                _ => call("open_integer", leaf, &format!("{name} {{ min: {min:?}, max: {max:?}{default} }}")),
            }
        }
        Shape::IntegerEnum(values) => {
            let names = variants::of_integers(&leaf.property.name, values, by_hand(leaf))?;
            let wires = values.iter().map(i64::to_string).collect();
            enumeration("integer_enum", leaf, names, wires, integer)
        }
        Shape::List { bounds, .. } => {
            let docs = documentation(leaf, "");
            format!("{docs}pub type {name} = {};\n", list(leaf, *bounds, |element| element.to_owned()))
        }
        Shape::Object(_) => {
            let docs = documentation(leaf, "");
            format!("{docs}pub type {name} = {};\n", dictionary(leaf, |value| value.to_owned()))
        }
        Shape::Number(bounds) => {
            let default = prefixed(" default ", default(leaf).and_then(number));
            call("number", leaf, &format!("{name} {{ {} }}{default}", number_bounds(*bounds)))
        }
        Shape::NumberEnum(values) => {
            let names = variants::of_numbers(&leaf.property.name, values, by_hand(leaf))?;
            let wires = values.iter().map(|value| format!("{value:?}")).collect();
            enumeration("number_enum", leaf, names, wires, number)
        }
        Shape::Text(TextBounds { min, max }) => {
            let default = prefixed(", default: ", default(leaf).and_then(text));
            call("text", leaf, &format!("{name} {{ min: {min:?}, max: {max:?}{default} }}"))
        }
        Shape::TextEnum(values) => {
            let names = variants::of_texts(&leaf.property.name, values, by_hand(leaf))?;
            let wires = values.iter().map(|value| text_literal(value)).collect();
            enumeration("text_enum", leaf, names, wires, text)
        }
        other => return Err(format!("a type for {other:?} cannot be generated yet")),
    })
}

/// The type of a list, with the type of its elements as `print` has it.
fn list(leaf: &Leaf<'_>, bounds: ItemBounds, print: impl FnOnce(&str) -> String) -> String {
    let element = leaf.inner.first().map_or("kt::export::Value", |element| element.path.as_str());
    let min = bounds.min.unwrap_or(0);
    let max = bounds.max.map_or_else(|| "{ kt::UNBOUNDED }".to_owned(), |max| max.to_string());
    format!("kt::List<{}, {min}, {max}>", print(element))
}

/// The type of an object of any names, with the type of its values as `print` has it.
fn dictionary(leaf: &Leaf<'_>, print: impl FnOnce(&str) -> String) -> String {
    let value = leaf.inner.first().map_or("kt::export::Value", |value| value.path.as_str());
    format!("kt::Dictionary<{}>", print(value))
}

/// The type behind a path: lists and objects of any names have a name, and no type of their own.
fn resolved(plan: &Plan<'_>, path: &str) -> String {
    let inner = |path: &str| resolved(plan, path);
    let named = plan.leaves.iter().find(|leaf| leaf.name == path);
    let alias = named.and_then(|leaf| match leaf.shape {
        Shape::List { bounds, .. } => Some(list(leaf, *bounds, inner)),
        Shape::Object(_) => Some(dictionary(leaf, inner)),
        _ => None,
    });
    alias.unwrap_or_else(|| path.to_owned())
}

/// A choice: its forms as types, and the plain values that convert into it by being read.
fn any_of(plan: &Plan<'_>, leaf: &Leaf<'_>, shapes: &[Shape]) -> String {
    let names = form_names(shapes);
    let forms = names.iter().zip(&leaf.inner).map(|(name, form)| format!("        {name}({}),\n", form.path));
    let own = names.iter().zip(&leaf.inner).zip(shapes).filter(|(_, shape)| {
        // Plain values convert by being read, so that any of the forms can take them.
        plain(shape).is_none() || matches!(shape, Shape::Media(_) | Shape::Null)
    });
    // A type converts into the first of the forms that it stands for.
    let mut sources = BTreeSet::new();
    let own = own.filter(|((_, form), _)| sources.insert(resolved(plan, &form.path)));
    let own = own.map(|((name, form), _)| format!("{name}({}), ", form.path));
    let mut reads: Vec<&str> = shapes.iter().flat_map(plain_values).copied().collect();
    reads.sort_unstable();
    reads.dedup();
    let (forms, own, reads) = (forms.collect::<String>(), own.collect::<String>(), reads.join(" "));
    call("any_of", leaf, &format!("{} {{\n{forms}    }} from {{ {own}}} reads {{ {reads} }}", leaf.name))
}

const fn plain_values(shape: &Shape) -> &'static [&'static str] {
    match shape {
        Shape::Boolean => &["boolean"],
        Shape::Integer(_) | Shape::IntegerEnum(_) => &["integer"],
        Shape::Media(_) | Shape::Text(_) | Shape::TextEnum(_) => &["text"],
        Shape::Number(_) | Shape::NumberEnum(_) => &["integer", "number"],
        _ => &[],
    }
}

fn enumeration(
    kind: &str,
    leaf: &Leaf<'_>,
    names: Vec<String>,
    wires: Vec<String>,
    print: impl Fn(&Value) -> Option<String>,
) -> String {
    let variants: Vec<(String, String)> = names.into_iter().zip(wires).collect();
    let default = default(leaf).and_then(print).and_then(|wire| {
        variants.iter().find(|(_, printed)| *printed == wire).map(|(name, wire)| format!("{name} = {wire}"))
    });
    let body: String = variants.iter().map(|(name, wire)| format!("        {name} = {wire},\n")).collect();
    call(kind, leaf, &format!("{} {{\n{body}    }}{}", leaf.name, prefixed(" default ", default)))
}

fn call(kind: &str, leaf: &Leaf<'_>, body: &str) -> String {
    format!("kt::{kind}! {{\n{}    {body}\n}}\n", documentation(leaf, "    "))
}

fn number_bounds(bounds: NumberBounds) -> String {
    let NumberBounds { min, max, above, below } = bounds;
    let named = [("min", min), ("max", max), ("above", above), ("below", below)];
    let set = named.into_iter().filter_map(|(name, bound)| Some(format!("{name}: {:?}", bound?)));
    set.collect::<Vec<_>>().join(", ")
}

/// The default, where this leaf states it: one that the property's own rules allow, of a type that can hold it.
fn default<'a>(leaf: &Leaf<'a>) -> Option<&'a Value> {
    let is_whole_property = std::ptr::eq(leaf.shape, &leaf.property.shape);
    leaf.property.default.as_ref().filter(|_| is_whole_property && leaf.property.has_typed_default())
}

fn integer(value: &Value) -> Option<String> {
    value.as_number().and_then(check::whole).map(|whole| whole.to_string())
}

fn number(value: &Value) -> Option<String> {
    value.as_f64().map(|value| format!("{value:?}"))
}

fn text(value: &Value) -> Option<String> {
    value.as_str().map(text_literal)
}

fn by_hand<'a>(leaf: &Leaf<'a>) -> &'a [(String, String)] {
    leaf.settled.map_or(&[], |settled| &settled.variants)
}

fn prefixed(prefix: &str, text: Option<String>) -> String {
    text.map(|text| format!("{prefix}{text}")).unwrap_or_default()
}

fn documentation(leaf: &Leaf<'_>, indent: &str) -> String {
    let paragraphs = docs::leaf(leaf.property).join("\n\n");
    paragraphs.lines().map(|line| format!("{indent}{}", format!("/// {line}").trim_end()) + "\n").collect()
}
