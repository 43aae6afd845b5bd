//! A model as it lies on disk: the provider's two schemas, and the notes beside them.

use std::path::Path;

use serde_json::Value;

use crate::{ModelNotes, ModelSchema, SchemaError, folder};

/// The three documents of a model: the provider's two schemas to the letter, and the notes beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelDocument {
    /// The id in the catalog; in a schema folder it is the path of the model's own folder.
    pub id: String,
    /// `input.json`
    pub input: String,
    /// `output.json`
    pub output: String,
    /// `model.toml`
    pub notes: String,
}

impl ModelDocument {
    /// The documents of every model below a schema folder, sorted by path.
    ///
    /// # Errors
    /// [`SchemaError`] when the folder cannot be listed; a model whose documents cannot be read is an error of its own.
    pub fn all_in(schema_dir: impl AsRef<Path>) -> Result<Vec<Result<Self, SchemaError>>, SchemaError> {
        folder::read(schema_dir.as_ref())
    }

    /// The documents of one model: the three files of its own folder.
    ///
    /// # Errors
    /// [`SchemaError`] when a file is missing or is no text.
    pub fn of_folder(id: impl Into<String>, folder: impl AsRef<Path>) -> Result<Self, SchemaError> {
        folder::read_model(id.into(), folder.as_ref())
    }

    /// Reads the model.
    ///
    /// # Errors
    /// [`SchemaError`] with the model, the place and the keyword that was not understood.
    pub fn read(&self) -> Result<ModelSchema, SchemaError> {
        let notes: Value = toml::from_str(&self.notes)
            .map_err(|error| SchemaError::of_file(&self.id, format!("model.toml: {}", error.message())))?;
        let notes = ModelNotes::read(&self.id, &notes)?;
        ModelSchema::read(&self.id, &self.input, &self.output, notes)
    }
}
