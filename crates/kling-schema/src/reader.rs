//! Reading the dialect: every keyword is consumed, or the reader stops and names it.

use kling_types::{MediaKind, MediaRule, Origin, Pointer};
use serde_json::{Map, Value};

use crate::annotations::Prose;
use crate::keywords::Keywords;
use crate::media::{holds_media, kind_of_format, kind_of_name};
use crate::references;
use crate::rule::unknown_rule;
use crate::value::Context;
use crate::{Annotation, MediaChoice, ModelNotes, ObjectSchema, Property, SchemaError, Shape, parse_rules};

/// The keywords that may name properties of an object, beside `properties`.
const NAMING: [&str; 12] = [
    "$dynamicRef",
    "$recursiveRef",
    "$ref",
    "allOf",
    "anyOf",
    "dependencies",
    "dependentSchemas",
    "else",
    "if",
    "oneOf",
    "patternProperties",
    "then",
];

/// Which of a model's schemas is read: only an input has media to check and properties to refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Output,
}

/// Reads one of the two schemas of a model in the light of its notes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'n> {
    pub(crate) side: Side,
    pub(crate) notes: &'n ModelNotes,
}

impl Reader<'_> {
    /// Reads a whole document.
    pub(crate) fn document(&self, document: &Value) -> Result<ObjectSchema, SchemaError> {
        let root = Pointer::ROOT;
        match unwrap_output(document) {
            Some(inner) if self.side == Side::Output => self.top(inner, document, &root.key("output")),
            _ => self.top(document, document, &root),
        }
    }

    fn top(&self, schema: &Value, document: &Value, at: &Pointer<'_>) -> Result<ObjectSchema, SchemaError> {
        let schema = references::resolved(schema, document, at, self.notes.is_strict())?;
        let mut keywords = self.open(&schema, at)?;
        // The dialect's id is an annotation of the document, not a rule.
        keywords.text("$schema")?;
        match keywords.take("type") {
            Some(Value::String(kind)) if kind == "object" => {}
            Some(other) => return Err(keywords.error("type", format!("found {other}, allowed \"object\""))),
            None => return Err(keywords.error("type", "found none, allowed \"object\"")),
        }
        let prose = Prose::take(&mut keywords, &self.notes.annotations)?;
        let closed = self.side == Side::Input;
        let mut object = self.object(&mut keywords, prose, closed, "")?;
        object.annotations.extend(self.close(keywords)?);
        Ok(object)
    }

    /// Opens a schema; where nobody could mend it, a keyword without a value says nothing.
    pub(crate) fn open<'a>(&self, schema: &Value, at: &'a Pointer<'a>) -> Result<Keywords<'a>, SchemaError> {
        let keywords = Keywords::open(schema, at)?;
        Ok(if self.notes.is_strict() { keywords } else { keywords.without_nulls() })
    }

    /// Closes a schema: what is left of it is an error, or, where nobody could mend it, returned as unchecked.
    pub(crate) fn close(
        &self,
        keywords: Keywords<'_>,
    ) -> Result<impl Iterator<Item = Annotation> + use<>, SchemaError> {
        let rest =
            if self.notes.is_strict() { keywords.close().map(|()| Map::new())? } else { keywords.rest() };
        Ok(rest.into_iter().map(|(keyword, value)| Annotation { keyword, value }))
    }

    /// Consumes the keywords of an object; `path` names it from the top by property names.
    pub(crate) fn object(
        &self,
        keywords: &mut Keywords<'_>,
        mut prose: Prose,
        closed: bool,
        path: &str,
    ) -> Result<ObjectSchema, SchemaError> {
        let (open, additional) = self.additional(keywords, &mut prose, closed, path)?;
        let schemas = keywords.object("properties")?.unwrap_or_default();
        let required = self.required(keywords, &schemas)?;
        let at = keywords.at().key("properties");
        let read = |(name, schema): (&String, &Value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let required = required.contains(name);
            match self.property(name, schema, required, &at.key(name), &path) {
                Err(_) if !self.notes.is_strict() => Ok(Property::unread(name, schema, required)),
                read => read,
            }
        };
        let properties = schemas.iter().map(read).collect::<Result<_, _>>()?;
        let Prose { title, description, annotations } = prose;
        Ok(ObjectSchema { title, description, annotations, properties, open, additional })
    }

    /// Whether an object takes properties that it does not name, and what they have to be if it says that.
    ///
    /// At run time a keyword that may name properties and was not understood leaves the object open, whatever else it says.
    fn additional(
        &self,
        keywords: &mut Keywords<'_>,
        prose: &mut Prose,
        closed: bool,
        path: &str,
    ) -> Result<(bool, Option<Box<Shape>>), SchemaError> {
        const KEYWORD: &str = "additionalProperties";
        let names_more = !self.notes.is_strict() && NAMING.iter().any(|keyword| keywords.has(keyword));
        let at = keywords.at().key(KEYWORD);
        let (open, additional) = match keywords.take(KEYWORD) {
            None => (!closed, None),
            Some(Value::Bool(open)) => (open, None),
            Some(Value::Object(anything)) if anything.is_empty() => (true, None),
            Some(schema) => {
                let mut said = Vec::new();
                let mut context = Context { media: None, path, way: "", said: &mut said };
                match self.inner(&schema, KEYWORD, &at, &mut context) {
                    Ok(shape) => {
                        prose.annotations.extend(said);
                        (true, (shape != Shape::Any).then(|| Box::new(shape)))
                    }
                    Err(_) if !self.notes.is_strict() => {
                        prose.annotations.push(Annotation { keyword: KEYWORD.to_owned(), value: schema });
                        (true, None)
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(if names_more { (true, None) } else { (open, additional) })
    }

    /// The required names. One that is no property is an error, since nobody could ever send it, unless the notes let it
    /// pass: live pages have such names.
    fn required(
        &self,
        keywords: &mut Keywords<'_>,
        schemas: &Map<String, Value>,
    ) -> Result<Vec<String>, SchemaError> {
        let names = keywords.list("required")?.unwrap_or_default();
        let text = |name: &Value| name.as_str().map(str::to_owned);
        let names: Option<Vec<String>> = names.iter().map(text).collect();
        let mut names = names.ok_or_else(|| keywords.error("required", "allowed are names"))?;
        names.retain(|name| schemas.contains_key(name) || !self.notes.ignores_required(name));
        match names.iter().find(|name| !schemas.contains_key(*name)) {
            None => Ok(names),
            Some(stranger) => Err(keywords.error(
                "required",
                format!("names {stranger:?}, which is no property; `ignore_required = [{stranger:?}]` in the notes goes on without it"),
            )),
        }
    }

    fn property(
        &self,
        name: &str,
        schema: &Value,
        required: bool,
        at: &Pointer<'_>,
        path: &str,
    ) -> Result<Property, SchemaError> {
        let mut keywords = self.open(schema, at)?;
        let default = keywords.take("default").filter(|default| !default.is_null());
        let rules = self.rules(&mut keywords, at)?;
        let format = keywords.text("format")?;
        let Prose { title, description, mut annotations } =
            Prose::take(&mut keywords, &self.notes.annotations)?;
        let media = self.media(name, format.as_deref(), &rules, path, holds_media(schema));
        let shape = self.shape(keywords, &mut Context { media, path, way: "", said: &mut annotations })?;
        let media = self.settled_kind(path).or(media).filter(|_| is_reference(&shape));
        let media = media.or_else(|| shape.media_kind());
        if !rules.is_empty() && media.is_none() {
            let message = "media rules on what is neither text nor a list of texts";
            return Err(SchemaError::new(at, Some("validations"), message));
        }
        let name = name.to_owned();
        Ok(Property { name, title, description, annotations, required, default, format, shape, media, rules })
    }

    /// The media rules of a property. At run time, one that is not understood is carried, and reported as unchecked later.
    fn rules(&self, keywords: &mut Keywords<'_>, at: &Pointer<'_>) -> Result<Vec<MediaRule>, SchemaError> {
        let entries = keywords.list("validations")?.unwrap_or_default();
        let at = at.key("validations");
        let read = |(index, entry)| match parse_rules(entry, &at.index(index), Origin::Schema) {
            Err(_) if !self.notes.is_strict() => Ok(vec![unknown_rule(entry)]),
            read => read,
        };
        let rules: Vec<Vec<MediaRule>> = entries.iter().enumerate().map(read).collect::<Result<_, _>>()?;
        Ok(rules.concat())
    }

    /// The kind of media that every text of a property refers to: what the notes say first, then the format, then the name;
    /// rules alone make an image, since only images have been seen with rules and neither format nor telling name. Where
    /// schemas inside the property name media themselves (`is_within`), notes and rules leave it to them.
    fn media(
        &self,
        name: &str,
        format: Option<&str>,
        rules: &[MediaRule],
        path: &str,
        is_within: bool,
    ) -> Option<MediaKind> {
        if !self.may_be_media(path) {
            return None;
        }
        let by_rules = || (!rules.is_empty() && !is_within).then_some(MediaKind::Image);
        let found = format.and_then(kind_of_format).or_else(|| kind_of_name(name)).or_else(by_rules);
        self.settled_kind(path).filter(|_| found.is_some() || !is_within).or(found)
    }

    /// Whether texts of a property may refer to media: those of an output do not, nor where the notes say so.
    pub(crate) fn may_be_media(&self, path: &str) -> bool {
        self.side == Side::Input && self.notes.media_choice(path) != Some(MediaChoice::None)
    }

    fn settled_kind(&self, path: &str) -> Option<MediaKind> {
        match self.notes.media_choice(path) {
            Some(MediaChoice::Is(kind)) if self.side == Side::Input => Some(kind),
            _ => None,
        }
    }
}

/// Whether values of the shape can refer to a file: texts, and lists of them.
fn is_reference(shape: &Shape) -> bool {
    match shape {
        Shape::AnyOf(shapes) => shapes.iter().any(is_reference),
        Shape::List { items, .. } => is_reference(items),
        Shape::Media(_) | Shape::Text(_) => true,
        _ => false,
    }
}

/// The wrapper that the provider prints around an output schema: `{"output": {…}}`.
fn unwrap_output(document: &Value) -> Option<&Value> {
    let object = document.as_object()?;
    object.get("output").filter(|inner| object.len() == 1 && inner.is_object())
}
