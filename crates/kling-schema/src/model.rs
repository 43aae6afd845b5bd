//! The two schemas of a model, read and joined with its notes.

use kling_types::bounds::ItemBounds;
use kling_types::{
    MediaField, ModelInfo, OutputKind, Pointer, RuleSource, Validate, Violations, check, json,
};
use serde_json::Value;

use crate::keywords::{is_prose, place};
use crate::reader::{Reader, Side};
use crate::{Annotation, MediaChoice, ModelNotes, ObjectSchema, Override, SchemaError, Shape};

/// The two schemas of a model.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ModelSchema {
    /// The id in the catalog, such as `kling/kling-1-6/pro/image-to-video`.
    pub id: String,
    /// The schema of the input.
    pub input: ObjectSchema,
    /// The schema of the output.
    pub output: ObjectSchema,
    /// The kind of the output.
    pub output_kind: OutputKind,
    /// The media properties of the input with all their rules, at any depth.
    pub media: Vec<MediaField>,
    /// The notes beside the schemas.
    pub notes: ModelNotes,
}

impl ModelSchema {
    /// The output schema on every page of the provider. The catalog itself has none.
    pub const GENERIC_OUTPUT: &str = include_str!("generic_output.json");

    /// Reads the two schemas of a model.
    ///
    /// # Errors
    /// [`SchemaError`] with the model, the place and the first keyword that is not understood.
    pub fn read(id: &str, input: &str, output: &str, notes: ModelNotes) -> Result<Self, SchemaError> {
        let read = |text, side| read_document(text, Reader { side, notes: &notes });
        let input = read(input, Side::Input).map_err(|error| error.of(id, "input"))?;
        let output = read(output, Side::Output).map_err(|error| error.of(id, "output"))?;
        let media = media_fields(&input, &notes).map_err(|error| error.of(id, "model"))?;
        Ok(Self { id: id.to_owned(), input, output, output_kind: notes.output_kind, media, notes })
    }

    /// Reads the schemas of a compiled-in model. The generator has read them before, so there is no error.
    ///
    /// # Errors
    /// As [`ModelSchema::read`].
    pub fn of(model: &ModelInfo) -> Result<Self, SchemaError> {
        Self::read(model.id, model.input_schema, model.output_schema, notes_of(model))
    }

    /// Returns the places of the input's keywords and properties that are not checked, since they were not understood.
    ///
    /// The list is empty unless the schema was read as at run time, such as with [`ModelNotes::new`].
    pub fn unchecked(&self) -> Vec<String> {
        let mut found = Vec::new();
        add_unchecked(&self.input, &Pointer::ROOT, &self.notes.annotations, &mut found);
        found
    }

    /// Checks an input.
    ///
    /// # Errors
    /// Every violation at once, in the order of the model's generated validator.
    pub fn validate_input(&self, value: &Value) -> Result<(), Violations> {
        check::document(value, |value, at, out| self.input.check(value, at, out))
    }

    /// Checks an output in any form: an object, a single URL, or an array of URLs.
    ///
    /// # Errors
    /// Every violation at once.
    pub fn validate_output(&self, value: &Value) -> Result<(), Violations> {
        check::document(value, |value, at, out| {
            let text = |value: &Value, at: &Pointer<'_>, out: &mut _| String::check_json(value, at, out);
            match value {
                Value::String(_) => {}
                Value::Array(_) => check::items(value, ItemBounds::default(), at, out, text),
                _ => self.output.check(value, at, out),
            }
        })
    }
}

fn read_document(text: &str, reader: Reader<'_>) -> Result<ObjectSchema, SchemaError> {
    let document = json::from_slice(text.as_bytes())
        .map_err(|violation| SchemaError::new(violation.pointer(), None, violation.to_string()))?;
    reader.document(&document)
}

/// Returns the notes of a compiled-in model that affect validity: its media decisions and its prose rules.
fn notes_of(model: &ModelInfo) -> ModelNotes {
    let prose = model.media.iter().flat_map(|field| {
        let rules = field.rules.iter().filter(|rule| rule.origin == RuleSource::Prose);
        rules.map(|rule| (field.name.to_string(), rule.clone()))
    });
    ModelNotes {
        overrides: media_overrides(model),
        prose_rules: prose.collect(),
        facts_only: model.facts_only,
        not_on_file: model.not_on_file.iter().map(|&name| name.to_owned()).collect(),
        ..ModelNotes::new(model.output_kind)
    }
}

/// Returns an override for each difference between the media of a compiled-in model and those that the rules find.
fn media_overrides(model: &ModelInfo) -> Vec<Override> {
    let notes = ModelNotes::new(model.output_kind);
    let by_rules = ModelSchema::read(model.id, model.input_schema, model.output_schema, notes);
    // The generator has read the same documents, so there is no error.
    let by_rules = by_rules.map(|schema| schema.media).unwrap_or_default();
    let kind = |fields: &[MediaField], name: &str| {
        fields.iter().find(|field| field.name == name).map(|field| field.kind)
    };
    let added = by_rules.iter().filter(|field| kind(model.media, &field.name).is_none());
    let moved = model.media.iter().filter(|field| kind(&by_rules, &field.name) != Some(field.kind));
    let settle = |field: &MediaField| Override {
        property: field.name.replace("/*", ""),
        media: Some(kind(model.media, &field.name).map_or(MediaChoice::None, MediaChoice::Is)),
        ..Override::default()
    };
    added.chain(moved).map(settle).collect()
}

fn media_fields(input: &ObjectSchema, notes: &ModelNotes) -> Result<Vec<MediaField>, SchemaError> {
    let mut fields = Vec::new();
    add_media(input, "", &mut fields);
    for (index, (property, rule)) in notes.prose_rules.iter().enumerate() {
        match fields.iter_mut().find(|field| field.name == *property) {
            Some(field) => field.rules.to_mut().push(rule.clone()),
            None if notes.is_strict => {
                let (at, message) = (
                    format!("/prose_rules/{index}"),
                    format!("{property:?} is not a media property of the input"),
                );
                return Err(SchemaError::new(at, Some("property"), message));
            }
            None => {}
        }
    }
    Ok(fields)
}

/// Adds the media properties of an object, and of the objects in it. `prefix` is the way to the object.
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

fn add_unchecked(object: &ObjectSchema, at: &Pointer<'_>, known: &[String], found: &mut Vec<String>) {
    let mut add = |annotations: &[Annotation], at: &Pointer<'_>| {
        for annotation in annotations {
            let is_known = known.iter().any(|name| annotation.keyword.rsplit('/').next() == Some(name));
            if !is_prose(&annotation.keyword) && !is_known {
                found.push(place(at, &annotation.keyword));
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

/// Returns the outermost objects in a value of the shape.
fn objects_in(shape: &Shape) -> Vec<&ObjectSchema> {
    match shape {
        Shape::AnyOf(shapes) => shapes.iter().flat_map(objects_in).collect(),
        Shape::List { items, .. } => objects_in(items),
        Shape::Object(object) => vec![object],
        _ => Vec::new(),
    }
}
