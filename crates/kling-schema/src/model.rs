//! A model's schemas, read and joined with its notes.

use kling_types::{MediaField, ModelInfo, OutputKind, Pointer, Violations, check, json, output};
use serde_json::Value;

use crate::keywords::is_word;
use crate::reader::{Reader, Side};
use crate::{Annotation, ModelNotes, ObjectSchema, SchemaError, Shape, keywords};

/// Both schemas of a model, understood to the last keyword.
#[derive(Clone, Debug, PartialEq)]
pub struct ModelSchema {
    /// The id in the catalog, such as `kling/kling-1-6/pro/image-to-video`.
    pub id: String,
    /// What a job takes.
    pub input: ObjectSchema,
    /// What a finished job gives.
    pub output: ObjectSchema,
    /// The kind of file that it makes.
    pub output_kind: OutputKind,
    /// The media properties of the input with all their rules, at any depth.
    pub media: Vec<MediaField>,
    /// What stands beside the schemas.
    pub notes: ModelNotes,
}

impl ModelSchema {
    /// The output schema that every page of the provider prints; the catalog itself carries none.
    pub const GENERIC_OUTPUT: &str = include_str!("generic_output.json");

    /// Reads the two schemas of a model.
    ///
    /// # Errors
    /// [`SchemaError`] with the model, the place and the keyword, at the first thing that is not understood.
    pub fn read(id: &str, input: &str, output: &str, notes: ModelNotes) -> Result<Self, SchemaError> {
        let read = |text, side| read_document(text, Reader { side, notes: &notes });
        let input = read(input, Side::Input).map_err(|error| error.of(id, "input"))?;
        let output = read(output, Side::Output).map_err(|error| error.of(id, "output"))?;
        let media = media_fields(&input, &notes).map_err(|error| error.of(id, "model"))?;
        Ok(Self { id: id.to_owned(), input, output, output_kind: notes.output_kind, media, notes })
    }

    /// The keywords, and the whole properties, of the input that were not understood and are therefore not checked, each by
    /// its place: empty but for schemas that are read as at run time, such as with [`ModelNotes::new`].
    #[must_use]
    pub fn unchecked(&self) -> Vec<String> {
        let mut found = Vec::new();
        add_unchecked(&self.input, &Pointer::ROOT, &self.notes.annotations, &mut found);
        found
    }

    /// The schemas of a compiled-in model.
    ///
    /// # Errors
    /// None for a model that the generator made: it was read by the same reader.
    pub fn of(model: &ModelInfo) -> Result<Self, SchemaError> {
        Self::read(model.id, model.input_schema, model.output_schema, ModelNotes::of(model))
    }

    /// Checks an input.
    ///
    /// # Errors
    /// Every violation at once: the same ones, in the same order, as the generated validator of the model.
    pub fn validate_input(&self, value: &Value) -> Result<(), Violations> {
        check::document(value, |value, at, out| self.input.check(value, at, out))
    }

    /// Checks an output in any of its forms: an object, a bare URL, an array of URLs.
    ///
    /// # Errors
    /// Every violation at once.
    pub fn validate_output(&self, value: &Value) -> Result<(), Violations> {
        check::document(value, |value, at, out| {
            if !output::check_bare(value, at, out) {
                self.output.check(value, at, out);
            }
        })
    }
}

fn read_document(text: &str, reader: Reader<'_>) -> Result<ObjectSchema, SchemaError> {
    let document = json::from_slice(text.as_bytes())
        .map_err(|violation| SchemaError::new(violation.pointer(), None, violation.to_string()))?;
    reader.document(&document)
}

fn media_fields(input: &ObjectSchema, notes: &ModelNotes) -> Result<Vec<MediaField>, SchemaError> {
    let mut fields = Vec::new();
    add_media(input, "", &mut fields);
    for (index, (property, rule)) in notes.prose_rules.iter().enumerate() {
        let at = format!("/prose_rules/{index}");
        let unknown = || {
            SchemaError::new(at, Some("property"), format!("{property:?} is no media property of the input"))
        };
        match fields.iter_mut().find(|field| field.name == *property) {
            Some(field) => field.rules.to_mut().push(rule.clone()),
            None if notes.is_strict() => return Err(unknown()),
            None => {}
        }
    }
    Ok(fields)
}

fn add_unchecked(object: &ObjectSchema, at: &Pointer<'_>, known: &[String], found: &mut Vec<String>) {
    let mut add = |annotations: &[Annotation], at: &Pointer<'_>| {
        for Annotation { keyword, .. } in annotations {
            let is_known = known.iter().any(|name| keyword.rsplit('/').next() == Some(name));
            if !is_word(keyword) && !is_known {
                found.push(keywords::place(at, keyword));
            }
        }
    };
    let properties = at.key("properties");
    add(&object.annotations, at);
    object.properties.iter().for_each(|property| add(&property.annotations, &properties.key(&property.name)));
    for property in &object.properties {
        let at = properties.key(&property.name);
        objects_in(&property.shape).into_iter().for_each(|inner| add_unchecked(inner, &at, known, found));
    }
    let at = at.key("additionalProperties");
    let additional = object.additional.iter().flat_map(|shape| objects_in(shape));
    additional.for_each(|inner| add_unchecked(inner, &at, known, found));
}

/// The objects that a value may be or hold, down to the first of each.
fn objects_in(shape: &Shape) -> Vec<&ObjectSchema> {
    match shape {
        Shape::AnyOf(shapes) => shapes.iter().flat_map(objects_in).collect(),
        Shape::List { items, .. } => objects_in(items),
        Shape::Object(object) => vec![object],
        _ => Vec::new(),
    }
}

/// Adds the media properties of an object, and of the objects in it; `prefix` is the way to it.
fn add_media(object: &ObjectSchema, prefix: &str, fields: &mut Vec<MediaField>) {
    for property in &object.properties {
        let name = format!("{prefix}{}", property.name);
        if let Some(kind) = property.media {
            let (name, plural) = (name.clone().into(), property.shape.is_plural());
            fields.push(MediaField { name, kind, plural, rules: property.rules.clone().into() });
        }
        add_inner_media(&property.shape, &name, fields);
    }
}

fn add_inner_media(shape: &Shape, path: &str, fields: &mut Vec<MediaField>) {
    match shape {
        Shape::AnyOf(shapes) => shapes.iter().for_each(|shape| add_inner_media(shape, path, fields)),
        Shape::List { items, .. } => add_inner_media(items, &format!("{path}/*"), fields),
        Shape::Object(object) => add_media(object, &format!("{path}/"), fields),
        _ => {}
    }
}
