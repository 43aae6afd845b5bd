//! Reading the dialect: every keyword is consumed, or the reader stops and names it.

use kling_types::fault::{IntegerBounds, ItemBounds, NumberBounds, TextBounds};
use kling_types::{MediaKind, MediaRule, Origin, Pointer, check};
use serde_json::{Number, Value};

use crate::keywords::Keywords;
use crate::media::{kind_of_format, kind_of_name};
use crate::model::unwrap_output;
use crate::{ObjectSchema, Property, SchemaError, Shape, parse_rule};

/// Which of a model's schemas is read: only an input has media to check and properties to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Output,
}

/// Reads a whole document.
pub(crate) fn read_object(document: &Value, side: Side) -> Result<ObjectSchema, SchemaError> {
    let root = Pointer::ROOT;
    match unwrap_output(document) {
        Some(inner) if side == Side::Output => {
            let at = root.key("output");
            object(Keywords::open(inner, &at)?, &at, side)
        }
        _ => object(Keywords::open(document, &root)?, &root, side),
    }
}

fn object(mut keywords: Keywords<'_>, at: &Pointer<'_>, side: Side) -> Result<ObjectSchema, SchemaError> {
    // The dialect's id is an annotation of the document, not a rule.
    keywords.text("$schema")?;
    match keywords.text("type")?.as_deref() {
        Some("object") => {}
        other => return Err(keywords.error("type", format!("found {other:?}, allowed \"object\""))),
    }
    object_body(keywords, at, side)
}

fn object_body(
    mut keywords: Keywords<'_>,
    at: &Pointer<'_>,
    side: Side,
) -> Result<ObjectSchema, SchemaError> {
    let (title, description) = (keywords.text("title")?, keywords.text("description")?);
    let open = keywords.flag("additionalProperties")?.unwrap_or(side == Side::Output);
    let required = required(&mut keywords)?;
    let schemas = keywords.object("properties")?.unwrap_or_default();
    if let Some(stranger) = required.iter().find(|name| !schemas.contains_key(*name)) {
        return Err(keywords.error("required", format!("names {stranger:?}, which is no property")));
    }
    keywords.close()?;
    let at = at.key("properties");
    let read = |(name, schema): (&String, &Value)| {
        property(name, schema, required.contains(name), &at.key(name), side)
    };
    let properties = schemas.iter().map(read).collect::<Result<_, _>>()?;
    Ok(ObjectSchema { title, description, properties, open })
}

fn required(keywords: &mut Keywords<'_>) -> Result<Vec<String>, SchemaError> {
    let names = keywords.list("required")?.unwrap_or_default();
    let text = |name: &Value| name.as_str().map(str::to_owned);
    names
        .iter()
        .map(text)
        .collect::<Option<_>>()
        .ok_or_else(|| keywords.error("required", "allowed are names"))
}

fn property(
    name: &str,
    schema: &Value,
    required: bool,
    at: &Pointer<'_>,
    side: Side,
) -> Result<Property, SchemaError> {
    let mut keywords = Keywords::open(schema, at)?;
    let default = keywords.take("default").filter(|default| !default.is_null());
    let rules = rules(&mut keywords, at)?;
    let format = keywords.text("format")?;
    let media = match side {
        Side::Input => media_kind(name, format.as_deref(), &rules),
        Side::Output => None,
    };
    // An object keeps its own title and description; everything else leaves them to the property.
    let is_object = schema.get("type").is_some_and(|kind| kind == "object");
    let mut prose = |keyword| if is_object { Ok(None) } else { keywords.text(keyword) };
    let (title, description) = (prose("title")?, prose("description")?);
    let shape = shape(keywords, media, at, side)?;
    let property =
        Property { name: name.to_owned(), title, description, required, default, format, shape, rules };
    if !property.rules.is_empty() && property.media().is_none() {
        return Err(SchemaError::new(
            at,
            Some("validations"),
            "media rules on what is neither text nor a list of texts",
        ));
    }
    Ok(property)
}

fn rules(keywords: &mut Keywords<'_>, at: &Pointer<'_>) -> Result<Vec<MediaRule>, SchemaError> {
    let entries = keywords.list("validations")?.unwrap_or_default();
    let at = at.key("validations");
    entries
        .iter()
        .enumerate()
        .map(|(index, entry)| parse_rule(entry, &at.index(index), Origin::Schema))
        .collect()
}

/// Format first, then the name; rules alone make an image, since only images have been seen with rules and no format.
fn media_kind(name: &str, format: Option<&str>, rules: &[MediaRule]) -> Option<MediaKind> {
    let by_rules = || (!rules.is_empty()).then_some(MediaKind::Image);
    format.and_then(kind_of_format).or_else(|| kind_of_name(name)).or_else(by_rules)
}

fn shape(
    mut keywords: Keywords<'_>,
    media: Option<MediaKind>,
    at: &Pointer<'_>,
    side: Side,
) -> Result<Shape, SchemaError> {
    let kind = keywords.text("type")?;
    let shape = match kind.as_deref() {
        Some("array") => list(&mut keywords, media, at, side)?,
        Some("boolean") => Shape::Boolean,
        Some("float" | "number") => number(&mut keywords)?,
        Some("integer") => integer(&mut keywords)?,
        Some("object") => return Ok(Shape::Object(object_body(keywords, at, side)?)),
        Some("string") => text(&mut keywords, media)?,
        Some(other) => {
            return Err(keywords.error("type", format!("found {other:?}, which is no type of the dialect")));
        }
        None => Shape::Any,
    };
    keywords.close()?;
    Ok(shape)
}

fn text(keywords: &mut Keywords<'_>, media: Option<MediaKind>) -> Result<Shape, SchemaError> {
    if let Some(values) = keywords.list("enum")? {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        return enumeration(&values, text, keywords).map(Shape::TextEnum);
    }
    let bounds = TextBounds { min: keywords.count("minLength")?, max: keywords.count("maxLength")? };
    match media {
        Some(kind) if bounds == TextBounds::default() => Ok(Shape::Media(kind)),
        _ => Ok(Shape::Text(bounds)),
    }
}

fn integer(keywords: &mut Keywords<'_>) -> Result<Shape, SchemaError> {
    if let Some(values) = keywords.list("enum")? {
        let integer = |value: &Value| value.as_number().and_then(check::whole);
        return enumeration(&values, integer, keywords).map(Shape::IntegerEnum);
    }
    let mut bound = |keyword, round: fn(f64) -> f64| {
        let number = keywords.number(keyword)?;
        Ok(number.map(|number| integer_bound(&number, round)))
    };
    let (min, max) = (bound("minimum", f64::ceil)?, bound("maximum", f64::floor)?);
    // A bound beyond 64 bits bounds nothing that the type can hold.
    let (min, max) = (min.filter(|min| *min != i64::MIN), max.filter(|max| *max != i64::MAX));
    Ok(Shape::Integer(IntegerBounds { min, max }))
}

fn integer_bound(number: &Number, round: fn(f64) -> f64) -> i64 {
    // A cast from float to integer saturates, which is what a bound beyond 64 bits wants.
    #[allow(clippy::cast_possible_truncation, reason = "the value is whole, and saturation is wanted")]
    let rounded = || number.as_f64().map_or(i64::MAX, |float| round(float) as i64);
    number.as_i64().unwrap_or_else(rounded)
}

fn number(keywords: &mut Keywords<'_>) -> Result<Shape, SchemaError> {
    if let Some(values) = keywords.list("enum")? {
        return enumeration(&values, Value::as_f64, keywords).map(Shape::NumberEnum);
    }
    let mut bound = |keyword| Ok(keywords.number(keyword)?.and_then(|number| number.as_f64()));
    let (min, max) = (bound("minimum")?, bound("maximum")?);
    let (above, below) = (bound("exclusiveMinimum")?, bound("exclusiveMaximum")?);
    Ok(Shape::Number(NumberBounds { min, max, above, below }))
}

fn list(
    keywords: &mut Keywords<'_>,
    media: Option<MediaKind>,
    at: &Pointer<'_>,
    side: Side,
) -> Result<Shape, SchemaError> {
    let bounds = ItemBounds { min: keywords.count("minItems")?, max: keywords.count("maxItems")? };
    let items = match keywords.take("items") {
        Some(schema) => element(&schema, media, &at.key("items"), side)?,
        // Plural formats stand on the array, and a third of them come without `items`.
        None => media.map_or(Shape::Any, Shape::Media),
    };
    Ok(Shape::List { bounds, items: Box::new(items) })
}

fn element(
    schema: &Value,
    media: Option<MediaKind>,
    at: &Pointer<'_>,
    side: Side,
) -> Result<Shape, SchemaError> {
    let mut keywords = Keywords::open(schema, at)?;
    let format = keywords.text("format")?;
    let own = if side == Side::Input { format.as_deref().and_then(kind_of_format) } else { None };
    if schema.get("type").is_none_or(|kind| kind != "object") {
        // Prose of an element has no place of its own: the property's says it.
        keywords.text("title")?;
        keywords.text("description")?;
    }
    shape(keywords, own.or(media), at, side)
}

fn enumeration<T>(
    values: &[Value],
    convert: impl FnMut(&Value) -> Option<T>,
    keywords: &Keywords<'_>,
) -> Result<Vec<T>, SchemaError> {
    let values: Option<Vec<T>> = values.iter().map(convert).collect();
    match values {
        Some(values) if !values.is_empty() => Ok(values),
        _ => Err(keywords.error("enum", "allowed is a list of values of the property's own type")),
    }
}
