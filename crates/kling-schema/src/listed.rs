//! Lists of values: an enum of one type, within the bounds that stand beside it.

use kling_types::{check, fault};
use serde_json::Value;

use crate::keywords::Keywords;
use crate::value::kind_of;
use crate::{SchemaError, Shape, bounds};

/// The listed values of one type. Where it is the only type, any other value but null could never be sent: an error.
pub(crate) fn values(
    keywords: &mut Keywords<'_>,
    kind: &str,
    only: bool,
) -> Result<Option<Vec<Value>>, SchemaError> {
    let Some(values) = keywords.take_values()? else { return Ok(None) };
    let is_of_kind = |value: &Value| match kind {
        "float" | "number" => value.is_number(),
        "integer" => value.as_number().is_some_and(|number| check::whole(number).is_some()),
        other => kind_of(value) == other,
    };
    let (own, others): (Vec<Value>, Vec<Value>) = values.into_iter().partition(is_of_kind);
    if only && (own.is_empty() || others.iter().any(|other| !other.is_null())) {
        return Err(keywords.error("enum", "allowed is a list of values of the property's own type"));
    }
    Ok(Some(own))
}

pub(crate) fn text_enum(values: &[Value], keywords: &mut Keywords<'_>) -> Result<Shape, SchemaError> {
    let bounds = bounds::text(keywords)?;
    let texts = values.iter().filter_map(Value::as_str).map(str::to_owned);
    listed(texts, |text| fault::text(text, bounds).is_none(), keywords).map(Shape::TextEnum)
}

pub(crate) fn integer_enum(values: &[Value], keywords: &mut Keywords<'_>) -> Result<Shape, SchemaError> {
    let bounds = bounds::integer(keywords)?;
    let integers: Option<Vec<i64>> = values
        .iter()
        .map(|value| value.as_number().and_then(check::whole).and_then(|whole| whole.try_into().ok()))
        .collect();
    let integers = integers.ok_or_else(|| keywords.error("enum", "allowed are integers of 64 bits"))?;
    let is_allowed = |integer: &i64| fault::integer((*integer).into(), bounds).is_none();
    listed(integers.into_iter(), is_allowed, keywords).map(Shape::IntegerEnum)
}

pub(crate) fn number_enum(values: &[Value], keywords: &mut Keywords<'_>) -> Result<Shape, SchemaError> {
    let bounds = bounds::number(keywords)?;
    let numbers = values.iter().filter_map(Value::as_f64);
    listed(numbers, |number| fault::number(*number, bounds).is_none(), keywords).map(Shape::NumberEnum)
}

/// The values that bounds beside the list leave, each once.
fn listed<T: PartialEq>(
    values: impl Iterator<Item = T>,
    is_allowed: impl Fn(&T) -> bool,
    keywords: &Keywords<'_>,
) -> Result<Vec<T>, SchemaError> {
    let mut once = Vec::new();
    values.filter(is_allowed).for_each(|value| {
        if !once.contains(&value) {
            once.push(value)
        }
    });
    if once.is_empty() {
        Err(keywords.error("enum", "no value of the list is within the bounds"))
    } else {
        Ok(once)
    }
}
