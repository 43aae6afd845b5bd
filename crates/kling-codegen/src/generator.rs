//! The generator: schemas in, modules and features out.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::{fs, io, path};

use kling_schema::ModelDocument;

use crate::file_set::Source;
use crate::module::registry;
use crate::plan::Plan;
use crate::{Error, FileSet, module};

const OPEN: &str = "# <generated-features>\n";
const CLOSE: &str = "# </generated-features>\n";
/// The feature that turns on every family.
const ALL: &str = "all-models";

/// Generates one module per model of a schema folder.
#[derive(Clone, Debug)]
pub struct Generator {
    schema_dir: PathBuf,
    out_dir: PathBuf,
    command: String,
    manifests: Vec<(PathBuf, Option<String>)>,
    models: Vec<ModelDocument>,
}

impl Default for Generator {
    fn default() -> Self {
        Self::new()
    }
}

impl Generator {
    /// A generator that reads `schemas` and writes `src/generated`.
    pub fn new() -> Self {
        Self {
            schema_dir: "schemas".into(),
            out_dir: "src/generated".into(),
            command: "cargo xtask codegen".to_owned(),
            manifests: Vec::new(),
            models: Vec::new(),
        }
    }

    /// Sets the folder of schemas. The path of each model is its id, with `input.json`, `output.json` and `model.toml`.
    #[must_use]
    pub fn schema_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.schema_dir = folder.as_ref().to_owned();
        self
    }

    /// Sets the folder of generated modules. Modules without a schema are removed. Files that were not generated stay, and are
    /// never overwritten. The two folders must not contain each other.
    #[must_use]
    pub fn out_dir(mut self, folder: impl AsRef<Path>) -> Self {
        self.out_dir = folder.as_ref().to_owned();
        self
    }

    /// Sets the command that headers and errors name [default: `cargo xtask codegen`].
    #[must_use]
    pub fn command(mut self, command: impl Into<String>) -> Self {
        self.command = command.into();
        self
    }

    /// Also writes one feature per family of models, and `all-models`, into the marked region of this `Cargo.toml`. Each
    /// module is then compiled with its family's feature only. With `dependency`, each feature turns on that dependency's
    /// feature of the same name.
    #[must_use]
    pub fn features_in(mut self, manifest: impl AsRef<Path>, dependency: Option<&str>) -> Self {
        self.manifests.push((manifest.as_ref().to_owned(), dependency.map(str::to_owned)));
        self
    }

    /// Adds a model, in place of one with the same id in the folder. Its documents are written into the folder, unless anything
    /// is refused.
    #[must_use]
    pub fn model_document(mut self, document: ModelDocument) -> Self {
        self.models.push(document);
        self
    }

    /// Generates every file and writes those that differ. Returns the number of files that were written or removed.
    ///
    /// # Errors
    /// [`Error`] with every model that was not understood, and every file in the way. Then no file is written.
    pub fn generate(&self) -> Result<usize, Error> {
        self.files()?.write()
    }

    /// Generates every file and compares with the disk.
    ///
    /// # Errors
    /// [`Error`] with every file that is missing, changed or left over, and the command to run.
    pub fn check(&self) -> Result<(), Error> {
        self.files()?.check(&self.command)
    }

    /// Generates every file in memory.
    ///
    /// # Errors
    /// [`Error`] with every model that was not understood, and every clash between models.
    pub fn files(&self) -> Result<FileSet, Error> {
        self.refuse_nested_folders()?;
        let (sources, unread) = Error::split(self.sources()?);
        let (plans, unplanned) = Error::split(sources.iter().map(|source| Plan::new(&source.schema)));
        let by_id = |plan: &&Plan<'_>| sources.iter().find(|source| source.schema.id == plan.schema.id);
        let printed = plans.iter().filter_map(|plan| Some(self.model(by_id(&plan)?, plan)));
        let (printed, unprinted) = Error::split(printed);
        Error::join([unread, unplanned, unprinted, Plan::clashes(&plans)])?;
        let mut files = FileSet::new(&self.out_dir);
        printed.into_iter().flatten().for_each(|(path, content)| files.insert(path, content));
        let registry = registry(&plans, &self.command, !self.manifests.is_empty());
        files.insert(self.out_dir.join("mod.rs"), registry);
        for (manifest, dependency) in &self.manifests {
            files.insert(manifest, feature_region(manifest, &plans, dependency.as_deref())?);
        }
        for document in &self.models {
            let folder = self.schema_dir.join(&document.id);
            files.insert(folder.join("input.json"), &document.input);
            files.insert(folder.join("output.json"), &document.output);
            files.insert(folder.join("model.toml"), &document.notes);
        }
        Ok(files)
    }

    /// Refuses folders of which one contains the other, since a generated copy of a schema would be read as a schema.
    fn refuse_nested_folders(&self) -> Result<(), Error> {
        let resolved = |path| resolved(path).map_err(|error| Error::io(path, &error));
        let (schemas, out) = (resolved(&self.schema_dir)?, resolved(&self.out_dir)?);
        if schemas.starts_with(&out) || out.starts_with(&schemas) {
            let why = format!("and {} contain each other; choose separate folders", self.out_dir.display());
            return Err(Error::in_the_way(&self.schema_dir, &why));
        }
        Ok(())
    }

    /// The models of the folder and the added ones, sorted by id. Each may fail on its own.
    fn sources(&self) -> Result<Vec<Result<Source, Error>>, Error> {
        let is_given = |id: &str| self.models.iter().any(|document| document.id == id);
        let is_path = |id: &str| {
            !id.is_empty() && Path::new(id).components().all(|step| matches!(step, Component::Normal(_)))
        };
        let astray = self.models.iter().filter(|document| !is_path(&document.id));
        Error::join(
            astray.map(|document| Error::model(&document.id, "the id is not a path below the schemas")),
        )?;
        let mut documents = ModelDocument::all_in(&self.schema_dir)?;
        documents.retain(|document| document.as_ref().map_or(true, |document| !is_given(&document.id)));
        documents.extend(self.models.iter().cloned().map(Ok));
        documents.sort_by_key(|document| {
            document.as_ref().map(|document| document.id.clone()).unwrap_or_default()
        });
        Ok(documents.into_iter().map(|document| Source::read(document?)).collect())
    }

    fn model(&self, source: &Source, plan: &Plan<'_>) -> Result<[(PathBuf, String); 3], Error> {
        let folder = self.out_dir.join(&plan.module);
        // The documents are beside the code, so that a published crate contains them.
        Ok([
            (folder.join("mod.rs"), module::print(source, plan, &self.command)?),
            (folder.join("input.json"), source.document.input.clone()),
            (folder.join("output.json"), source.document.output.clone()),
        ])
    }
}

/// A path without links, as far as it exists.
fn resolved(path: &Path) -> io::Result<PathBuf> {
    let whole = path::absolute(path)?;
    let mut real = whole.ancestors().filter_map(|step| Some((step, step.canonicalize().ok()?)));
    let found = real.next().and_then(|(step, real)| Some(real.join(whole.strip_prefix(step).ok()?)));
    Ok(found.unwrap_or(whole))
}

/// The manifest with its marked region brought up to date.
fn feature_region(manifest: &Path, plans: &[Plan<'_>], dependency: Option<&str>) -> Result<String, Error> {
    let text = fs::read_to_string(manifest).map_err(|error| Error::io(manifest, &error))?;
    let missing = || Error::io(manifest, &io::Error::other(format!("has no region {}", OPEN.trim())));
    let (before, rest) = text.split_once(OPEN).ok_or_else(missing)?;
    let (_, after) = rest.split_once(CLOSE).ok_or_else(missing)?;
    let by_hand = format!("{before}{after}");
    let is_feature = |family: &str| by_hand.lines().any(|line| line.starts_with(&format!("{family} = ")));
    let taken = plans.iter().filter(|plan| plan.family == ALL || is_feature(&plan.family)).map(|plan| {
        let message = format!("its family `{}` is another feature of {}", plan.family, manifest.display());
        Error::model(&plan.schema.id, message)
    });
    Error::join(taken)?;
    Ok(format!("{before}{OPEN}{}{CLOSE}{after}", features(plans, dependency)))
}

fn features(plans: &[Plan<'_>], dependency: Option<&str>) -> String {
    let mut families = BTreeMap::<&str, Vec<&str>>::new();
    for plan in plans {
        families.entry(&plan.family).or_default().push(&plan.schema.id);
    }
    let names: Vec<String> = families.keys().map(|family| format!("    {family:?},\n")).collect();
    let mut region = format!("# Every model.\n{ALL} = [\n{}]\n", names.concat());
    for (family, ids) in families {
        let needs = dependency.map(|dependency| format!("\"{dependency}/{family}\"")).unwrap_or_default();
        let ids: String = ids.iter().map(|id| format!("# {id}\n")).collect();
        region += &format!("{ids}{family} = [{needs}]\n");
    }
    region
}
