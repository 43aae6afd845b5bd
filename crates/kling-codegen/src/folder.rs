//! The schema folder: one folder a model, whose path is the model's id.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Error, ModelDocument};

/// Reads the documents of every model below `root`.
pub(crate) fn read(root: &Path) -> Result<Vec<Result<ModelDocument, Error>>, Error> {
    let mut folders = Vec::new();
    find(root, &mut folders).map_err(|error| Error::io(root, &error))?;
    folders.sort();
    Ok(folders.iter().map(|folder| read_model(root, folder)).collect())
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

fn read_model(root: &Path, folder: &Path) -> Result<ModelDocument, Error> {
    let segments = folder.strip_prefix(root).unwrap_or(folder).iter();
    let id = segments.map(|segment| segment.to_string_lossy()).collect::<Vec<_>>().join("/");
    let [input, output, notes] = ["input.json", "output.json", "model.toml"].map(|name| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| Error::io(&path, &error))
    });
    Ok(ModelDocument { id, input: input?, output: output?, notes: notes? })
}
