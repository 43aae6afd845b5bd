//! Checks of the properties of an output, whose types are wider than its schema.

use kling_schema::{ObjectSchema, Property, Shape};
use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};

use crate::literal::text_literal;

/// The check of a shape as a closure, where the type of its field does not check as much.
pub(crate) fn check(shape: &Shape) -> Option<String> {
    (!is_plain(shape)).then(|| closure(shape))
}

/// Whether the type that stands for the shape checks all of it.
fn is_plain(shape: &Shape) -> bool {
    match shape {
        Shape::Any | Shape::Boolean => true,
        Shape::Integer(bounds) => *bounds == IntegerBounds::default(),
        Shape::List { bounds, items } => *bounds == ItemBounds::default() && is_plain(items),
        Shape::Number(bounds) => *bounds == NumberBounds::NONE,
        Shape::Text(bounds) => *bounds == TextBounds::default(),
        _ => false,
    }
}

fn closure(shape: &Shape) -> String {
    let call = match shape {
        Shape::Any => return "|_, _, _| {}".to_owned(),
        Shape::AnyOf(shapes) => {
            let forms: Vec<String> = shapes.iter().map(|form| format!("&{}", typed(form))).collect();
            let count = forms.len();
            return format!(
                "|value, at, out| {{ let forms: [kt::any_of::Form<'_>; {count}] = [{}]; kt::any_of::any_of(value, forms, at, out) }}",
                forms.join(", ")
            );
        }
        Shape::Boolean => "boolean(value, at, out)".to_owned(),
        Shape::Integer(IntegerBounds { min, max }) => {
            format!("integer(value, kt::fault::IntegerBounds {{ min: {min:?}, max: {max:?} }}, at, out)")
        }
        Shape::IntegerEnum(values) => format!("integer_enum(value, &{values:?}, at, out)"),
        Shape::List { bounds: ItemBounds { min, max }, items } => format!(
            "items(value, kt::fault::ItemBounds {{ min: {min:?}, max: {max:?} }}, at, out, {})",
            closure(items)
        ),
        Shape::Media(_) => "media(value, at, out)".to_owned(),
        Shape::Null => return "kt::any_of::null".to_owned(),
        Shape::Number(NumberBounds { min, max, above, below }) => format!(
            "number(value, kt::fault::NumberBounds {{ min: {min:?}, max: {max:?}, above: {above:?}, below: {below:?} }}, at, out)"
        ),
        Shape::NumberEnum(values) => format!("number_enum(value, &{values:?}, at, out)"),
        Shape::Object(object) => return nested(object),
        Shape::Text(TextBounds { min, max }) => {
            format!("text(value, kt::fault::TextBounds {{ min: {min:?}, max: {max:?} }}, at, out)")
        }
        Shape::TextEnum(values) => {
            let values: Vec<String> = values.iter().map(|value| text_literal(value)).collect();
            format!("text_enum(value, &[{}], at, out)", values.join(", "))
        }
        _ => return "|_, _, _| {}".to_owned(),
    };
    format!("|value, at, out| kt::check::{call}")
}

/// The same closure with its types written out, for where they cannot be inferred.
fn typed(shape: &Shape) -> String {
    let typed = "|value: &kt::export::Value, at: &kt::Pointer<'_>, out: &mut kt::Violations|";
    match closure(shape) {
        nameless if nameless.starts_with("|_, _, _|") => nameless.replacen(
            "|_, _, _|",
            "|_: &kt::export::Value, _: &kt::Pointer<'_>, _: &mut kt::Violations|",
            1,
        ),
        closure => closure.replacen("|value, at, out|", typed, 1),
    }
}

fn nested(object: &ObjectSchema) -> String {
    let name = |(position, property): (usize, &Property)| (position, text_literal(&property.name));
    let names: Vec<(usize, String)> = object.properties.iter().enumerate().map(name).collect();
    let arms: String = names.iter().map(|(position, wire)| format!("{wire} => Some({position}), ")).collect();
    let position = match names.is_empty() {
        true => "|_: &str| None".to_owned(),
        false => format!("|key: &str| match key {{ {arms}_ => None }}"),
    };
    let wires: Vec<&str> = names.iter().map(|(_, wire)| wire.as_str()).collect();
    let known = if object.open { "None".to_owned() } else { format!("Some(&[{}])", wires.join(", ")) };
    let found: Vec<String> = names.iter().map(|(position, _)| format!("property_{position}")).collect();
    let additional = object.additional.as_ref().map(|shape| {
        let (wires, check) = (wires.join(", "), closure(shape));
        format!("kt::check::additional::<&str>(value, &[{wires}], at, out, {check}); ")
    });
    let checks = object.properties.iter().zip(&names).map(|(property, (position, wire))| {
        let presence = if property.required { "required_by" } else { "optional_by" };
        let name = format!("kt::__property!({wire})");
        format!("kt::check::{presence}(property_{position}, {name}, at, out, {}); ", closure(&property.shape))
    });
    format!(
        "|value, at, out| {{ let position = {position}; \
         let Some([{}]) = kt::check::properties(value, position, {known}, at, out) else {{ return }}; {}{}}}",
        found.join(", "),
        checks.collect::<String>(),
        additional.unwrap_or_default()
    )
}
