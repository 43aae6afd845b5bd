//! A model's schemas, read and joined with its notes.

use kling_types::{MediaField, OutputKind, json};
use serde_json::Value;

use crate::reader::{Side, read_object};
use crate::{ModelNotes, ObjectSchema, SchemaError};

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
    /// The media properties of the input with all their rules.
    pub media: Vec<MediaField>,
}

impl ModelSchema {
    /// The output schema that every page of the provider prints; the catalog itself carries none.
    pub const GENERIC_OUTPUT: &str = include_str!("generic_output.json");

    /// Reads the two schemas of a model.
    ///
    /// # Errors
    /// [`SchemaError`] with the model, the place and the keyword, at the first thing that is not understood.
    pub fn read(id: &str, input: &str, output: &str, notes: ModelNotes) -> Result<Self, SchemaError> {
        let input = read_document(input, Side::Input).map_err(|error| error.of(id, "input"))?;
        let output = read_document(output, Side::Output).map_err(|error| error.of(id, "output"))?;
        let media = media_fields(&input, &notes).map_err(|error| error.of(id, "model"))?;
        Ok(Self { id: id.to_owned(), input, output, output_kind: notes.output_kind, media })
    }
}

fn read_document(text: &str, side: Side) -> Result<ObjectSchema, SchemaError> {
    let document = json::from_slice(text.as_bytes())
        .map_err(|violation| SchemaError::new(violation.pointer(), None, violation.to_string()))?;
    read_object(&document, side)
}

fn media_fields(input: &ObjectSchema, notes: &ModelNotes) -> Result<Vec<MediaField>, SchemaError> {
    let mut fields: Vec<MediaField> = Vec::new();
    for property in &input.properties {
        let Some((kind, plural)) = property.media() else { continue };
        let (name, rules) = (property.name.clone().into(), property.rules.clone().into());
        fields.push(MediaField { name, kind, plural, rules });
    }
    for (index, (property, rule)) in notes.prose_rules.iter().enumerate() {
        let at = format!("/prose_rules/{index}");
        let unknown = || {
            SchemaError::new(at, Some("property"), format!("{property:?} is no media property of the input"))
        };
        let field = fields.iter_mut().find(|field| field.name == *property).ok_or_else(unknown)?;
        field.rules.to_mut().push(rule.clone());
    }
    Ok(fields)
}

/// The wrapper that the provider prints around an output schema: `{"output": {…}}`.
pub(crate) fn unwrap_output(document: &Value) -> Option<&Value> {
    let object = document.as_object()?;
    object.get("output").filter(|inner| object.len() == 1 && inner.is_object())
}
