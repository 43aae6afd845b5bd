//! Reading the dialect: every keyword is consumed, or the reader stops and names it.

use kling_types::{MediaKind, MediaRule, Pointer, RuleSource, check, fault};
use serde_json::{Map, Value};

use crate::keywords::{Keywords, Prose};
use crate::rule::{holds_media, kind_of_format, kind_of_name, unknown_rule};
use crate::{
    Annotation, MediaChoice, ModelNotes, ObjectSchema, Property, SchemaError, Shape, keywords, parse_rules,
    references,
};

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

    /// Whether texts of a property may refer to media: those of an output do not, nor where the notes say so.
    fn may_be_media(&self, path: &str) -> bool {
        self.side == Side::Input && self.notes.media_choice(path) != Some(MediaChoice::None)
    }

    /// Consumes all that is left of a schema.
    fn shape(&self, mut keywords: Keywords<'_>, context: &mut Context<'_>) -> Result<Shape, SchemaError> {
        let nullable = keywords.flag("nullable")?.unwrap_or(false);
        let shape = self.forms(&mut keywords, context)?;
        context.say(self.close(keywords)?);
        Ok(if nullable { Shape::any_of([shape, Shape::Null]) } else { shape })
    }

    /// A schema inside a property, one `step` on: an element, a property by any name, or one of several forms.
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
        let read = |(index, entry)| match parse_rules(entry, &at.index(index), RuleSource::Schema) {
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

    fn settled_kind(&self, path: &str) -> Option<MediaKind> {
        match self.notes.media_choice(path) {
            Some(MediaChoice::Is(kind)) if self.side == Side::Input => Some(kind),
            _ => None,
        }
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
            ("float" | "number", None) => Shape::Number(keywords::number(keywords)?),
            ("float" | "number", Some(values)) => number_enum(&values, keywords)?,
            ("integer", None) => Shape::Integer(keywords::integer(keywords)?),
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
        let bounds = keywords::items(keywords)?;
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

/// What the schemas inside a property know of it.
#[derive(Debug)]
struct Context<'c> {
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
    let bounds = keywords::text(keywords)?;
    let texts = values.iter().filter_map(Value::as_str).map(str::to_owned);
    listed(texts, |text| fault::text(text, bounds).is_none(), keywords).map(Shape::TextEnum)
}

pub(crate) fn integer_enum(values: &[Value], keywords: &mut Keywords<'_>) -> Result<Shape, SchemaError> {
    let bounds = keywords::integer(keywords)?;
    let integers: Option<Vec<i64>> = values
        .iter()
        .map(|value| value.as_number().and_then(check::whole).and_then(|whole| whole.try_into().ok()))
        .collect();
    let integers = integers.ok_or_else(|| keywords.error("enum", "allowed are integers of 64 bits"))?;
    let is_allowed = |integer: &i64| fault::integer((*integer).into(), bounds).is_none();
    listed(integers.into_iter(), is_allowed, keywords).map(Shape::IntegerEnum)
}

pub(crate) fn number_enum(values: &[Value], keywords: &mut Keywords<'_>) -> Result<Shape, SchemaError> {
    let bounds = keywords::number(keywords)?;
    let numbers = values.iter().filter_map(Value::as_f64);
    listed(numbers, |number| fault::number(*number, bounds).is_none(), keywords).map(Shape::NumberEnum)
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

fn text(keywords: &mut Keywords<'_>, media: Option<MediaKind>) -> Result<Shape, SchemaError> {
    let bounds = keywords::text(keywords)?;
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
