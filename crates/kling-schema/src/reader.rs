//! Reads the dialect. Each keyword is understood, or reading stops with an error that names it.
//!
//! Notes from a file are strict. Without a file, nobody can add to the notes. The schema is then read as far as possible, and
//! the rest is reported as unchecked.

use kling_types::bounds::TextBounds;
use kling_types::{MediaKind, MediaRule, Pointer, RuleSource, check};
use serde_json::{Map, Value};

use crate::keywords::{Keywords, Prose};
use crate::rule::{holds_media, kind_of_format, kind_of_name, parse_rules, unknown_rule};
use crate::{Annotation, MediaChoice, ModelNotes, ObjectSchema, Property, SchemaError, Shape, references};

/// The keywords beside `properties` that may name properties of an object.
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

/// A model's input or output. Only an input has media to check, and refuses unknown properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Input,
    Output,
}

/// Reads one of the two schemas of a model.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'n> {
    pub(crate) side: Side,
    pub(crate) notes: &'n ModelNotes,
}

/// The property around an inner schema.
#[derive(Debug)]
struct Context<'c> {
    /// The kind of media that the texts of the property refer to.
    media: Option<MediaKind>,
    /// The names from the top to the property.
    path: &'c str,
    /// The way from the property to the inner schema, such as `items/`.
    way: &'c str,
    /// The annotations of inner schemas, which have no documentation of their own.
    annotations: &'c mut Vec<Annotation>,
}

impl Context<'_> {
    fn annotate(&mut self, annotations: impl IntoIterator<Item = Annotation>) {
        let placed = |one: Annotation| Annotation { keyword: format!("{}{}", self.way, one.keyword), ..one };
        self.annotations.extend(annotations.into_iter().map(placed));
    }
}

impl Reader<'_> {
    /// Reads a whole document.
    pub(crate) fn document(&self, document: &Value) -> Result<ObjectSchema, SchemaError> {
        let root = Pointer::ROOT;
        // The provider wraps an output schema: `{"output": {…}}`.
        let wrapped = document.as_object().filter(|object| self.side == Side::Output && object.len() == 1);
        match wrapped.and_then(|object| object.get("output")).filter(|inner| inner.is_object()) {
            Some(inner) => self.top(inner, document, &root.key("output")),
            None => self.top(document, document, &root),
        }
    }

    fn top(&self, schema: &Value, document: &Value, at: &Pointer<'_>) -> Result<ObjectSchema, SchemaError> {
        let schema = references::resolved(schema, document, at, self.notes.is_strict)?;
        let mut keywords = self.open(&schema, at)?;
        // The id of the dialect is not a rule.
        keywords.text("$schema")?;
        match keywords.take("type") {
            Some(Value::String(kind)) if kind == "object" => {}
            other => {
                let message = format!("got {}; expected \"object\"", other.unwrap_or_default());
                return Err(keywords.error("type", message));
            }
        }
        let prose = Prose::take(&mut keywords, &self.notes.annotations)?;
        let mut object = self.object(&mut keywords, prose, self.side == Side::Input, "")?;
        object.annotations.extend(self.close(keywords)?);
        Ok(object)
    }

    /// Opens a schema. A lenient reading ignores keywords with the value null.
    fn open<'a>(&self, schema: &Value, at: &'a Pointer<'a>) -> Result<Keywords<'a>, SchemaError> {
        let keywords = Keywords::open(schema, at)?;
        Ok(if self.notes.is_strict { keywords } else { keywords.without_nulls() })
    }

    /// Closes a schema. A keyword that is left is an error, or an annotation of a lenient reading.
    fn close(&self, keywords: Keywords<'_>) -> Result<impl Iterator<Item = Annotation> + use<>, SchemaError> {
        let rest =
            if self.notes.is_strict { keywords.close().map(|()| Map::new())? } else { keywords.rest() };
        Ok(rest.into_iter().map(|(keyword, value)| Annotation { keyword, value }))
    }

    /// Reads an object. `path` is its property names from the top.
    fn object(
        &self,
        keywords: &mut Keywords<'_>,
        mut prose: Prose,
        is_closed: bool,
        path: &str,
    ) -> Result<ObjectSchema, SchemaError> {
        let (open, additional) = self.additional(keywords, &mut prose, is_closed, path)?;
        let schemas = keywords.object("properties")?.unwrap_or_default();
        let required = self.required(keywords, &schemas)?;
        let at = keywords.at().key("properties");
        let read = |(name, schema): (&String, &Value)| {
            let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
            let required = required.contains(name);
            match self.property(name, schema, required, &at.key(name), &path) {
                Err(_) if !self.notes.is_strict => Ok(Property::unread(name, schema, required)),
                read => read,
            }
        };
        let properties = schemas.iter().map(read).collect::<Result<_, _>>()?;
        let Prose { title, description, annotations } = prose;
        Ok(ObjectSchema { title, description, annotations, properties, open, additional })
    }

    /// Reads whether an object takes unnamed properties, and their shape.
    ///
    /// In a lenient reading, a keyword that may name properties leaves the object open.
    fn additional(
        &self,
        keywords: &mut Keywords<'_>,
        prose: &mut Prose,
        is_closed: bool,
        path: &str,
    ) -> Result<(bool, Option<Box<Shape>>), SchemaError> {
        const KEYWORD: &str = "additionalProperties";
        let names_more = !self.notes.is_strict && NAMING.iter().any(|keyword| keywords.has(keyword));
        let at = keywords.at().key(KEYWORD);
        let (open, additional) = match keywords.take(KEYWORD) {
            None => (!is_closed, None),
            Some(Value::Bool(open)) => (open, None),
            Some(Value::Object(anything)) if anything.is_empty() => (true, None),
            Some(schema) => {
                let mut annotations = Vec::new();
                let mut context = Context { media: None, path, way: "", annotations: &mut annotations };
                match self.inner(&schema, KEYWORD, &at, &mut context) {
                    Ok(shape) => {
                        prose.annotations.extend(annotations);
                        (true, (shape != Shape::Any).then(|| Box::new(shape)))
                    }
                    Err(_) if !self.notes.is_strict => {
                        prose.annotations.push(Annotation { keyword: KEYWORD.to_owned(), value: schema });
                        (true, None)
                    }
                    Err(error) => return Err(error),
                }
            }
        };
        Ok(if names_more { (true, None) } else { (open, additional) })
    }

    /// Reads the required names. A name that is not a property is an error unless the notes ignore it: live pages have some.
    fn required(
        &self,
        keywords: &mut Keywords<'_>,
        schemas: &Map<String, Value>,
    ) -> Result<Vec<String>, SchemaError> {
        let mut names = keywords.texts("required")?;
        names.retain(|name| schemas.contains_key(name) || !self.notes.ignores_required(name));
        match names.iter().find(|name| !schemas.contains_key(*name)) {
            None => Ok(names),
            Some(stranger) => Err(keywords.error(
                "required",
                format!("{stranger:?} is not a property; to ignore it: `ignore_required = [{stranger:?}]` in model.toml"),
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
        let rules = self.rules(&mut keywords)?;
        let format = keywords.text("format")?;
        let Prose { title, description, mut annotations } =
            Prose::take(&mut keywords, &self.notes.annotations)?;
        let media = self.media(name, format.as_deref(), &rules, path, holds_media(schema));
        let mut context = Context { media, path, way: "", annotations: &mut annotations };
        let shape = self.shape(keywords, &mut context)?;
        let media = self.override_kind(path).or(media).filter(|_| is_reference(&shape));
        let media = media.or_else(|| shape.media_kind());
        if !rules.is_empty() && media.is_none() {
            let message = "got media rules; expected them on a text or a list of texts only";
            return Err(SchemaError::new(at, Some("validations"), message));
        }
        let name = name.to_owned();
        Ok(Property { name, title, description, annotations, required, default, format, shape, media, rules })
    }

    /// Reads the media rules of a property. A lenient reading keeps an unknown rule, to report it as unchecked.
    fn rules(&self, keywords: &mut Keywords<'_>) -> Result<Vec<MediaRule>, SchemaError> {
        let read = |entry: &Value, at: &Pointer<'_>| match parse_rules(entry, at, RuleSource::Schema) {
            Err(_) if !self.notes.is_strict => Ok(vec![unknown_rule(entry)]),
            read => read,
        };
        Ok(keywords.each("validations", read)?.concat())
    }

    /// Returns the kind of media that every text of a property refers to: by the notes, the format, or the name.
    ///
    /// Rules alone make an image, since no other media has rules but neither format nor telling name. If inner schemas name
    /// media themselves (`is_within`), notes and rules do not apply to the property.
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
        self.override_kind(path).filter(|_| found.is_some() || !is_within).or(found)
    }

    fn may_be_media(&self, path: &str) -> bool {
        self.side == Side::Input && self.notes.media_choice(path) != Some(MediaChoice::None)
    }

    fn override_kind(&self, path: &str) -> Option<MediaKind> {
        match self.notes.media_choice(path) {
            Some(MediaChoice::Is(kind)) if self.side == Side::Input => Some(kind),
            _ => None,
        }
    }

    /// Reads an inner schema, one `step` below a property: an element, an unnamed property, or a form of a choice.
    fn inner(
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
        let mut context =
            Context { media, path: context.path, way: &way, annotations: &mut *context.annotations };
        let annotation = |keyword: &str, value| Annotation { keyword: keyword.to_owned(), value };
        context.annotate(format.filter(|_| own.is_none()).map(|format| annotation("format", format.into())));
        let is_object = schema.get("type").is_some_and(|kind| kind == "object");
        if !is_object {
            context.annotate(Prose::take(&mut keywords, &self.notes.annotations)?.into_annotations());
        }
        context.annotate(keywords.take("default").map(|default| annotation("default", default)));
        self.shape(keywords, &mut context)
    }

    /// Reads all that is left of a schema.
    fn shape(&self, mut keywords: Keywords<'_>, context: &mut Context<'_>) -> Result<Shape, SchemaError> {
        let nullable = keywords.flag("nullable")?.unwrap_or(false);
        let shape = self.forms(&mut keywords, context)?;
        context.annotate(self.close(keywords)?);
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
            return self.of_kind(kind, true, keywords, context).map(Option::unwrap_or_default);
        }
        let whole = keywords.clone();
        let mut shapes = Vec::new();
        for kind in &kinds {
            // A keyword applies to some types only. It is understood if one of them has taken it.
            let mut own = whole.clone();
            shapes.extend(self.of_kind(kind, false, &mut own, context)?);
            keywords.keep_common(&own);
        }
        Ok(Shape::any_of(shapes))
    }

    /// Reads several schemas of which one must hold. `oneOf` is `anyOf` if no value can have two of the shapes.
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
            return Err(keywords.error(keyword, "expected a list of schemas of different types"));
        }
        Ok(Shape::any_of(shapes))
    }

    /// Reads the shape of one type, or `None` if a list of values has none of the type. `is_only` excludes other types.
    fn of_kind(
        &self,
        kind: &str,
        is_only: bool,
        keywords: &mut Keywords<'_>,
        context: &mut Context<'_>,
    ) -> Result<Option<Shape>, SchemaError> {
        let shape = match (kind, values(keywords, kind, is_only)?) {
            (_, Some(values)) if values.is_empty() => return Ok(None),
            ("array", None) => self.list(keywords, context)?,
            ("boolean", None) => Shape::Boolean,
            ("boolean", Some(values)) if values.contains(&true.into()) && values.contains(&false.into()) => {
                Shape::Boolean
            }
            ("float" | "number", None) => Shape::Number(keywords.number_bounds()?),
            ("float" | "number", Some(values)) => number_enum(&values, keywords)?,
            ("integer", None) => Shape::Integer(keywords.integer_bounds()?),
            ("integer", Some(values)) => integer_enum(&values, keywords)?,
            ("null", _) => Shape::Null,
            ("object", None) => {
                let prose = Prose::take(keywords, &self.notes.annotations)?;
                // An object without named properties may hold any.
                let is_closed = self.side == Side::Input && keywords.has("properties");
                Shape::Object(self.object(keywords, prose, is_closed, context.path)?)
            }
            ("string", None) => text(keywords, context.media)?,
            ("string", Some(values)) => text_enum(&values, keywords)?,
            ("array" | "boolean" | "object", Some(_)) => {
                return Err(keywords.error("enum", format!("a list of {kind} values is not supported")));
            }
            (other, _) => return Err(keywords.error("type", format!("unknown type {other:?}"))),
        };
        Ok(Some(shape))
    }

    fn list(&self, keywords: &mut Keywords<'_>, context: &mut Context<'_>) -> Result<Shape, SchemaError> {
        let bounds = keywords.item_bounds()?;
        match keywords.take("uniqueItems") {
            None | Some(Value::Bool(false)) => {}
            Some(value) if !self.notes.is_strict => {
                context.annotate([Annotation { keyword: "uniqueItems".to_owned(), value }]);
            }
            Some(_) => return Err(keywords.error("uniqueItems", "unique elements are not supported")),
        }
        let items = match keywords.take("items") {
            Some(schema) => self.inner(&schema, "items", &keywords.at().key("items"), context)?,
            // A third of the arrays with a media format have no `items`.
            None => context.media.map_or(Shape::Any, Shape::Media),
        };
        Ok(Shape::List { bounds, items: Box::new(items) })
    }
}

/// Returns the possible types: the stated ones, or those of the listed values.
fn kinds(keywords: &mut Keywords<'_>) -> Result<Vec<String>, SchemaError> {
    match keywords.take("type") {
        Some(Value::String(kind)) => return Ok(vec![kind]),
        Some(Value::Array(kinds)) if !kinds.is_empty() => {
            let named: Option<_> = kinds.iter().map(|kind| kind.as_str().map(str::to_owned)).collect();
            return named.ok_or_else(|| keywords.error("type", "expected names of types"));
        }
        Some(other) => {
            return Err(keywords.error("type", format!("got {other}; expected the name of a type")));
        }
        None => {}
    }
    let mut kinds: Vec<String> = Vec::new();
    for kind in keywords.peek_values().unwrap_or_default().iter().map(kind_of) {
        if !kinds.iter().any(|known| known == kind) {
            kinds.push(kind.to_owned());
        }
    }
    if kinds.iter().any(|kind| kind == "number") {
        kinds.retain(|kind| kind != "integer");
    }
    Ok(kinds)
}

fn kind_of(value: &Value) -> &'static str {
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

/// Takes the listed values of one type. If it is the only type, any other value but null is an error.
fn values(keywords: &mut Keywords<'_>, kind: &str, is_only: bool) -> Result<Option<Vec<Value>>, SchemaError> {
    let Some(values) = keywords.take_values()? else { return Ok(None) };
    let is_of_kind = |value: &Value| match kind {
        "float" | "number" => value.is_number(),
        "integer" => value.as_number().is_some_and(|number| check::whole(number).is_some()),
        other => kind_of(value) == other,
    };
    let (own, others): (Vec<Value>, Vec<Value>) = values.into_iter().partition(is_of_kind);
    if is_only && (own.is_empty() || others.iter().any(|other| !other.is_null())) {
        return Err(keywords.error("enum", format!("expected values of type {kind} only")));
    }
    Ok(Some(own))
}

fn text(keywords: &mut Keywords<'_>, media: Option<MediaKind>) -> Result<Shape, SchemaError> {
    let bounds = keywords.text_bounds()?;
    match media {
        Some(kind) if bounds == TextBounds::default() => Ok(Shape::Media(kind)),
        _ => Ok(Shape::Text(bounds)),
    }
}

fn text_enum(values: &[Value], keywords: &mut Keywords<'_>) -> Result<Shape, SchemaError> {
    let bounds = keywords.text_bounds()?;
    let texts = values.iter().filter_map(Value::as_str).map(str::to_owned);
    listed(texts, |text| bounds.check(text).is_ok(), keywords).map(Shape::TextEnum)
}

fn integer_enum(values: &[Value], keywords: &mut Keywords<'_>) -> Result<Shape, SchemaError> {
    let bounds = keywords.integer_bounds()?;
    let integer = |value: &Value| value.as_number().and_then(check::whole)?.try_into().ok();
    let integers: Option<Vec<i64>> = values.iter().map(integer).collect();
    let integers = integers.ok_or_else(|| keywords.error("enum", "expected integers of 64 bits"))?;
    let is_allowed = |integer: &i64| bounds.check((*integer).into()).is_ok();
    listed(integers.into_iter(), is_allowed, keywords).map(Shape::IntegerEnum)
}

fn number_enum(values: &[Value], keywords: &mut Keywords<'_>) -> Result<Shape, SchemaError> {
    let bounds = keywords.number_bounds()?;
    let numbers = values.iter().filter_map(Value::as_f64);
    listed(numbers, |number| bounds.check(*number).is_ok(), keywords).map(Shape::NumberEnum)
}

/// Returns the listed values within the bounds, each once.
fn listed<T: PartialEq>(
    values: impl Iterator<Item = T>,
    is_allowed: impl Fn(&T) -> bool,
    keywords: &Keywords<'_>,
) -> Result<Vec<T>, SchemaError> {
    let mut listed = Vec::new();
    for value in values.filter(is_allowed) {
        if !listed.contains(&value) {
            listed.push(value);
        }
    }
    if listed.is_empty() { Err(keywords.error("enum", "no value is within the bounds")) } else { Ok(listed) }
}

/// Whether a value of the shape can refer to a file: a text, or a list of texts.
fn is_reference(shape: &Shape) -> bool {
    match shape {
        Shape::AnyOf(shapes) => shapes.iter().any(is_reference),
        Shape::List { items, .. } => is_reference(items),
        Shape::Media(_) | Shape::Text(_) => true,
        _ => false,
    }
}

/// Returns the JSON types of a shape's values. Integers count as numbers.
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
