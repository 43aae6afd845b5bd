//! Bounds as the dialect states them: of draft 4, of later drafts, and beyond 64 bits.

use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use serde_json::{Number, Value};

use crate::SchemaError;
use crate::keywords::Keywords;

/// The bounds of a string.
pub(crate) fn text(keywords: &mut Keywords<'_>) -> Result<TextBounds, SchemaError> {
    let (min, max) = sizes(keywords, "minLength", "maxLength")?;
    Ok(TextBounds { min, max })
}

/// The bounds of an array.
pub(crate) fn items(keywords: &mut Keywords<'_>) -> Result<ItemBounds, SchemaError> {
    let (min, max) = sizes(keywords, "minItems", "maxItems")?;
    Ok(ItemBounds { min, max })
}

/// The bounds of a number.
pub(crate) fn number(keywords: &mut Keywords<'_>) -> Result<NumberBounds, SchemaError> {
    let [lower, upper] = limits(keywords)?;
    let bounds = NumberBounds {
        min: lower.inclusive.as_ref().and_then(Number::as_f64),
        max: upper.inclusive.as_ref().and_then(Number::as_f64),
        above: lower.exclusive.as_ref().and_then(Number::as_f64),
        below: upper.exclusive.as_ref().and_then(Number::as_f64),
    };
    let least = bounds.min.into_iter().chain(bounds.above).fold(f64::NEG_INFINITY, f64::max);
    let most = bounds.max.into_iter().chain(bounds.below).fold(f64::INFINITY, f64::min);
    if least > most { Err(keywords.error("maximum", "is below the minimum")) } else { Ok(bounds) }
}

/// The bounds of an integer; exclusive ones and ones with a fraction become the nearest that an integer can reach.
pub(crate) fn integer(keywords: &mut Keywords<'_>) -> Result<IntegerBounds, SchemaError> {
    let [lower, upper] = limits(keywords)?;
    let at_least = lower.inclusive.as_ref().map(|bound| whole(bound, f64::ceil));
    let above = lower.exclusive.as_ref().map(|bound| whole(bound, f64::floor).saturating_add(1));
    let at_most = upper.inclusive.as_ref().map(|bound| whole(bound, f64::floor));
    let below = upper.exclusive.as_ref().map(|bound| whole(bound, f64::ceil).saturating_sub(1));
    let bounds = IntegerBounds {
        min: at_least.into_iter().chain(above).max(),
        max: at_most.into_iter().chain(below).min(),
    };
    match bounds {
        IntegerBounds { min: Some(min), max: Some(max) } if min > max => {
            Err(keywords.error("maximum", "is below the minimum"))
        }
        _ => Ok(bounds),
    }
}

/// One end of a range.
#[derive(Default)]
struct Limit {
    inclusive: Option<Number>,
    exclusive: Option<Number>,
}

fn limits(keywords: &mut Keywords<'_>) -> Result<[Limit; 2], SchemaError> {
    Ok([limit(keywords, "minimum", "exclusiveMinimum")?, limit(keywords, "maximum", "exclusiveMaximum")?])
}

fn limit(keywords: &mut Keywords<'_>, inclusive: &str, exclusive: &str) -> Result<Limit, SchemaError> {
    let bound = keywords.number(inclusive)?;
    match keywords.take(exclusive) {
        None | Some(Value::Bool(false)) => Ok(Limit { inclusive: bound, exclusive: None }),
        // Draft 4 says beside a bound that it is exclusive; later drafts state a second bound.
        Some(Value::Bool(true)) if bound.is_some() => Ok(Limit { inclusive: None, exclusive: bound }),
        Some(Value::Bool(true)) => {
            Err(keywords.error(exclusive, format!("is true without a {inclusive} that it could be about")))
        }
        Some(Value::Number(number)) => Ok(Limit { inclusive: bound, exclusive: Some(number) }),
        Some(other) => {
            Err(keywords.error(exclusive, format!("found {other}, allowed a number, true or false")))
        }
    }
}

fn sizes(
    keywords: &mut Keywords<'_>,
    min: &str,
    max: &str,
) -> Result<(Option<u64>, Option<u64>), SchemaError> {
    // A least size of 0 is none.
    let (least, most) = (keywords.count(min)?.filter(|least| *least > 0), keywords.count(max)?);
    match (least, most) {
        (Some(least), Some(most)) if least > most => {
            Err(keywords.error(max, format!("found {most}, which is below the {min} of {least}")))
        }
        sizes => Ok(sizes),
    }
}

fn whole(bound: &Number, round: fn(f64) -> f64) -> i128 {
    let exact = bound.as_i64().map(i128::from).or_else(|| bound.as_u64().map(i128::from));
    // A cast from float to integer saturates, beyond any value that JSON is sent with.
    #[allow(clippy::cast_possible_truncation, reason = "the value is whole, and saturation is wanted")]
    exact.unwrap_or_else(|| round(bound.as_f64().unwrap_or_default()) as i128)
}
