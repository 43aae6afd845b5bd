//! A model as it lies on disk, and as it was understood.

use std::path::{Path, PathBuf};

use kling_schema::{ModelNotes, ModelSchema};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{Error, folder};

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
    /// [`Error`] when the folder cannot be listed; a model whose documents cannot be read is an error of its own.
    pub fn all_in(schema_dir: impl AsRef<Path>) -> Result<Vec<Result<Self, Error>>, Error> {
        folder::read(schema_dir.as_ref())
    }

    /// Reads the model.
    ///
    /// # Errors
    /// [`Error`] with the model, the place and the keyword that was not understood.
    pub fn read(&self) -> Result<ModelSchema, Error> {
        let notes: Value = toml::from_str(&self.notes)
            .map_err(|error| Error::model(&self.id, format!("model.toml: {}", error.message())))?;
        let notes = ModelNotes::read(&self.id, &notes)?;
        Ok(ModelSchema::read(&self.id, &self.input, &self.output, notes)?)
    }

    /// The documents as files of a schema folder.
    pub(crate) fn files(&self, schema_dir: &Path) -> [(PathBuf, String); 3] {
        let folder = schema_dir.join(&self.id);
        let file = |name, content: &String| (folder.join(name), content.clone());
        [file("input.json", &self.input), file("output.json", &self.output), file("model.toml", &self.notes)]
    }
}

/// A model that was understood.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) document: ModelDocument,
    pub(crate) schema: ModelSchema,
}

impl Source {
    pub(crate) fn read(document: ModelDocument) -> Result<Self, Error> {
        Ok(Self { schema: document.read()?, document })
    }

    /// SHA-256 of the bytes of the two schemas, in hexadecimal.
    pub(crate) fn hashes(&self) -> [String; 2] {
        [&self.document.input, &self.document.output].map(|text| hex(&Sha256::digest(text.as_bytes())))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
