//! The schema folder: one folder a model, whose path is the model's id.

use std::fs;
use std::path::{Path, PathBuf};

use kling_schema::{ModelNotes, ModelSchema};
use sha2::{Digest, Sha256};

use crate::Error;

/// A model as it lies on disk, and as it was understood.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) schema: ModelSchema,
    /// The bytes of the provider's documents, to the letter.
    pub(crate) input: String,
    pub(crate) output: String,
}

impl Source {
    /// SHA-256 of the bytes of the two documents, in hexadecimal.
    pub(crate) fn hashes(&self) -> [String; 2] {
        [&self.input, &self.output].map(|text| hex(&Sha256::digest(text.as_bytes())))
    }
}

/// Reads every model below `root`, sorted by id.
pub(crate) fn read(root: &Path) -> Result<Vec<Source>, Error> {
    let mut folders = Vec::new();
    find(root, &mut folders).map_err(|error| Error::io(root, &error))?;
    folders.sort();
    Error::collect(folders.iter().map(|folder| read_model(root, folder)))
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    if folder.join("input.json").is_file() {
        found.push(folder.to_owned());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            find(&path, found)?;
        }
    }
    Ok(())
}

fn read_model(root: &Path, folder: &Path) -> Result<Source, Error> {
    let segments = folder.strip_prefix(root).unwrap_or(folder).iter();
    let id = segments.map(|segment| segment.to_string_lossy()).collect::<Vec<_>>().join("/");
    let [input, output, notes] = ["input.json", "output.json", "model.toml"].map(|name| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| Error::io(&path, &error))
    });
    let (input, output) = (input?, output?);
    let notes: serde_json::Value = toml::from_str(&notes?)
        .map_err(|error| Error::model(&id, format!("model.toml: {}", error.message())))?;
    let notes = ModelNotes::read(&id, &notes)?;
    Ok(Source { schema: ModelSchema::read(&id, &input, &output, notes)?, input, output })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
