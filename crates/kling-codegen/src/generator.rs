//! The generator itself: schemas in, files out.

use std::path::{Path, PathBuf};

use crate::features::feature_region;
use crate::folder::{self, Source};
use crate::plan::Plan;
use crate::registry::registry;
use crate::{Error, FileSet, module};

/// Generates one module per model of a schema folder.
#[derive(Clone, Debug)]
pub struct Generator {
    schema_dir: PathBuf,
    out_dir: PathBuf,
    command: String,
    manifests: Vec<(PathBuf, Option<String>)>,
}

impl Default for Generator {
    fn default() -> Self {
        Self::new()
    }
}

impl Generator {
    /// A generator that reads `schemas` and writes `src/generated`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            schema_dir: "schemas".into(),
            out_dir: "src/generated".into(),
            command: "cargo xtask codegen".to_owned(),
            manifests: Vec::new(),
        }
    }

    /// The folder of schemas: one folder a model, path = id, with `input.json`, `output.json` and `model.toml`.
    #[must_use]
    pub fn schema_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.schema_dir = folder.as_ref().to_owned();
        self
    }

    /// The folder of generated modules. It belongs to the generator: anything else in it is removed.
    #[must_use]
    pub fn out_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.out_dir = folder.as_ref().to_owned();
        self
    }

    /// The command that headers and stale files name; `cargo xtask codegen` unless given.
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = command.into();
        self
    }

    /// Also writes one feature per model into the marked region of this `Cargo.toml`; the modules are then compiled with
    /// their features only. With `dependency`, each feature turns on that dependency's feature of the same name.
    #[must_use]
    pub fn features_in(mut self, manifest: impl AsRef<Path>, dependency: Option<&str>) -> Self {
        self.manifests.push((manifest.as_ref().to_owned(), dependency.map(str::to_owned)));
        self
    }

    /// Generates every file and writes those that differ. Returns how many were touched.
    ///
    /// # Errors
    /// [`Error`] with every schema that was not understood; then nothing is written.
    pub fn generate(&self) -> Result<usize, Error> {
        self.files()?.write()
    }

    /// Generates every file and compares with the disk.
    ///
    /// # Errors
    /// [`Error`] with every file that is missing, changed or left over, and the command that mends it.
    pub fn check(&self) -> Result<(), Error> {
        self.files()?.check(&self.command)
    }

    /// Generates every file in memory.
    ///
    /// # Errors
    /// [`Error`] with every schema that was not understood.
    pub fn files(&self) -> Result<FileSet, Error> {
        let sources = folder::read(&self.schema_dir)?;
        let plans = Error::collect(sources.iter().map(|source| Plan::new(&source.schema)))?;
        Plan::refuse_clashes(&plans)?;
        let mut files = FileSet::default();
        files.own(&self.out_dir);
        for written in
            Error::collect(sources.iter().zip(&plans).map(|(source, plan)| self.model(source, plan)))?
        {
            written.into_iter().for_each(|(path, content)| files.insert(path, content));
        }
        files
            .insert(self.out_dir.join("mod.rs"), registry(&plans, &self.command, !self.manifests.is_empty()));
        for (manifest, dependency) in &self.manifests {
            files.insert(manifest, feature_region(manifest, &plans, dependency.as_deref())?);
        }
        Ok(files)
    }

    fn model(&self, source: &Source, plan: &Plan<'_>) -> Result<[(PathBuf, String); 3], Error> {
        let folder = self.out_dir.join(&plan.module);
        // The documents stand beside the code, so that a published crate holds them.
        Ok([
            (folder.join("mod.rs"), module::print(source, plan, &self.command)?),
            (folder.join("input.json"), source.input.clone()),
            (folder.join("output.json"), source.output.clone()),
        ])
    }
}
