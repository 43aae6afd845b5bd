//! A model that was understood, and the hashes of what it was read from.

use kling_schema::{ModelDocument, ModelSchema};
use sha2::{Digest, Sha256};

use crate::Error;

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
        [&self.document.input, &self.document.output].map(|text| hash(text))
    }
}

/// SHA-256 of the bytes of a text, in hexadecimal.
pub(crate) fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
