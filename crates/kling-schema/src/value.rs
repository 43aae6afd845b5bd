//! Reading what a value has to be: one type, several, a list of values, or a choice of schemas.

use kling_types::{MediaKind, Pointer, fault};
use serde_json::Value;

use crate::annotations::Prose;
use crate::keywords::Keywords;
use crate::listed::{integer_enum, number_enum, text_enum, values};
use crate::media::kind_of_format;
use crate::reader::{Reader, Side};
use crate::{Annotation, SchemaError, Shape, bounds};

/// What the schemas inside a property know of it.
#[derive(Debug)]
pub(crate) struct Context<'c> {
    /// The kind of media that its texts refer to.
    pub(crate) media: Option<MediaKind>,
    /// The property by the names from the top.
    pub(crate) path: &'c str,
    /// The way from the property to the schema that is read, such as `items/`.
    pub(crate) way: &'c str,
    /// Where words go that have no place of their own.
    pub(crate) said: &'c mut Vec<Annotation>,
}

impl Context<'_> {
    /// Keeps words of the schema that is read.
    fn say(&mut self, words: impl IntoIterator<Item = Annotation>) {
        let placed = |one: Annotation| Annotation { keyword: format!("{}{}", self.way, one.keyword), ..one };
        self.said.extend(words.into_iter().map(placed));
    }
}

impl Reader<'_> {
    /// Consumes all that is left of a schema.
    pub(crate) fn shape(
        &self,
        mut keywords: Keywords<'_>,
        context: &mut Context<'_>,
    ) -> Result<Shape, SchemaError> {
        let nullable = keywords.flag("nullable")?.unwrap_or(false);
        let shape = self.forms(&mut keywords, context)?;
        context.say(self.close(keywords)?);
        Ok(if nullable { Shape::any_of([shape, Shape::Null]) } else { shape })
    }

    fn forms(&self, keywords: &mut Keywords<'_>, context: &mut Context<'_>) -> Result<Shape, SchemaError> {
        for choice in ["anyOf", "oneOf"] {
            if let Some(schemas) = keywords.list(choice)? {
                return self.choice(choice, &schemas, keywords, context);
            }
        }
        let kinds = kinds(keywords)?;
        if let [kind] = kinds.as_slice() {
            return self.of_kind(kind, true, keywords, context).map(|shape| shape.unwrap_or(Shape::Any));
        }
        let whole = keywords.clone();
        let mut shapes = Vec::new();
        for kind in &kinds {
            // A keyword holds for the types that it is about, and is understood when one of them has consumed it.
            let mut own = whole.clone();
            shapes.extend(self.of_kind(kind, false, &mut own, context)?);
            keywords.keep_common(&own);
        }
        Ok(Shape::any_of(shapes))
    }

    /// Several schemas of which one has to hold. `oneOf` is the same where no value can have two of the shapes.
    fn choice(
        &self,
        keyword: &str,
        schemas: &[Value],
        keywords: &Keywords<'_>,
        context: &mut Context<'_>,
    ) -> Result<Shape, SchemaError> {
        let at = keywords.at().key(keyword);
        let mut shapes = Vec::new();
        for (index, schema) in schemas.iter().enumerate() {
            shapes.push(self.inner(schema, &format!("{keyword}/{index}"), &at.index(index), context)?);
        }
        let kinds: Vec<_> = shapes.iter().flat_map(json_kinds).collect();
        let is_ambiguous = kinds.iter().enumerate().any(|(index, kind)| kinds[..index].contains(kind));
        if shapes.is_empty() || (keyword == "oneOf" && is_ambiguous) {
            return Err(keywords.error(keyword, "allowed is a list of schemas of different types"));
        }
        Ok(Shape::any_of(shapes))
    }

    /// A schema inside a property, one `step` on: an element, a property by any name, or one of several forms.
    pub(crate) fn inner(
        &self,
        schema: &Value,
        step: &str,
        at: &Pointer<'_>,
        context: &mut Context<'_>,
    ) -> Result<Shape, SchemaError> {
        let mut keywords = self.open(schema, at)?;
        let format = keywords.text("format")?;
        let own = format.as_deref().filter(|_| self.may_be_media(context.path)).and_then(kind_of_format);
        let (media, way) = (own.or(context.media), format!("{}{step}/", context.way));
        let mut context = Context { media, path: context.path, way: &way, said: context.said };
        let word = |keyword: &str, value| Annotation { keyword: keyword.to_owned(), value };
        context.say(format.filter(|_| own.is_none()).map(|format| word("format", format.into())));
        let is_object = schema.get("type").is_some_and(|kind| kind == "object");
        if !is_object {
            context.say(Prose::take(&mut keywords, &self.notes.annotations)?.into_annotations());
        }
        context.say(keywords.take("default").map(|default| word("default", default)));
        self.shape(keywords, &mut context)
    }

    /// The shape of one type; `None` where a list of values has none of the type. `only` says that there is no other type.
    fn of_kind(
        &self,
        kind: &str,
        only: bool,
        keywords: &mut Keywords<'_>,
        context: &mut Context<'_>,
    ) -> Result<Option<Shape>, SchemaError> {
        let values = values(keywords, kind, only)?;
        let shape = match (kind, values) {
            (_, Some(values)) if values.is_empty() => return Ok(None),
            ("array", None) => self.list(keywords, context)?,
            ("boolean", None) => Shape::Boolean,
            ("boolean", Some(values)) if values.contains(&true.into()) && values.contains(&false.into()) => {
                Shape::Boolean
            }
            ("float" | "number", None) => Shape::Number(bounds::number(keywords)?),
            ("float" | "number", Some(values)) => number_enum(&values, keywords)?,
            ("integer", None) => Shape::Integer(bounds::integer(keywords)?),
            ("integer", Some(values)) => integer_enum(&values, keywords)?,
            ("null", _) => Shape::Null,
            ("object", None) => {
                let prose = Prose::take(keywords, &self.notes.annotations)?;
                // An object that names nothing is free to hold anything.
                let closed = self.side == Side::Input && keywords.has("properties");
                Shape::Object(self.object(keywords, prose, closed, context.path)?)
            }
            ("string", None) => text(keywords, context.media)?,
            ("string", Some(values)) => text_enum(&values, keywords)?,
            ("array" | "boolean" | "object", Some(_)) => {
                return Err(
                    keywords.error("enum", format!("a list of values of the type {kind:?} is not supported"))
                );
            }
            (other, _) => {
                return Err(
                    keywords.error("type", format!("found {other:?}, which is no type of the dialect"))
                );
            }
        };
        Ok(Some(shape))
    }

    fn list(&self, keywords: &mut Keywords<'_>, context: &mut Context<'_>) -> Result<Shape, SchemaError> {
        let bounds = bounds::items(keywords)?;
        match keywords.take("uniqueItems") {
            None | Some(Value::Bool(false)) => {}
            Some(value) if !self.notes.is_strict() => {
                context.say([Annotation { keyword: "uniqueItems".to_owned(), value }]);
            }
            Some(_) => {
                return Err(keywords.error("uniqueItems", "elements that have to differ are not supported"));
            }
        }
        let items = match keywords.take("items") {
            Some(schema) => self.inner(&schema, "items", &keywords.at().key("items"), context)?,
            // Plural formats stand on the array, and a third of them come without `items`.
            None => context.media.map_or(Shape::Any, Shape::Media),
        };
        Ok(Shape::List { bounds, items: Box::new(items) })
    }
}

/// The types that a value may have: as stated, else those of the listed values.
fn kinds(keywords: &mut Keywords<'_>) -> Result<Vec<String>, SchemaError> {
    match keywords.take("type") {
        Some(Value::String(kind)) => return Ok(vec![kind]),
        Some(Value::Array(kinds)) if !kinds.is_empty() => {
            let named: Option<_> = kinds.iter().map(|kind| kind.as_str().map(str::to_owned)).collect();
            return named.ok_or_else(|| keywords.error("type", "allowed are names of types"));
        }
        Some(other) => {
            return Err(keywords.error("type", format!("found {other}, allowed the name of a type")));
        }
        None => {}
    }
    let listed = keywords.peek_values().unwrap_or_default();
    let mut kinds: Vec<String> = Vec::new();
    for kind in listed.iter().map(kind_of) {
        if !kinds.iter().any(|known| known == kind) {
            kinds.push(kind.to_owned());
        }
    }
    if kinds.iter().any(|kind| kind == "number") {
        kinds.retain(|kind| kind != "integer");
    }
    Ok(kinds)
}

pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "array",
        Value::Bool(_) => "boolean",
        Value::Null => "null",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::Object(_) => "object",
        Value::String(_) => "string",
    }
}

fn text(keywords: &mut Keywords<'_>, media: Option<MediaKind>) -> Result<Shape, SchemaError> {
    let bounds = bounds::text(keywords)?;
    match media {
        Some(kind) if bounds == fault::TextBounds::default() => Ok(Shape::Media(kind)),
        _ => Ok(Shape::Text(bounds)),
    }
}

/// The JSON types that values of a shape have; integers are numbers here.
fn json_kinds(shape: &Shape) -> Vec<&'static str> {
    match shape {
        Shape::Any => vec!["any", "any"],
        Shape::AnyOf(shapes) => shapes.iter().flat_map(json_kinds).collect(),
        Shape::Boolean => vec!["boolean"],
        Shape::Integer(_) | Shape::IntegerEnum(_) | Shape::Number(_) | Shape::NumberEnum(_) => vec!["number"],
        Shape::List { .. } => vec!["array"],
        Shape::Media(_) | Shape::Text(_) | Shape::TextEnum(_) => vec!["string"],
        Shape::Null => vec!["null"],
        Shape::Object(_) => vec!["object"],
    }
}
