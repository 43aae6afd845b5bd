//! The schema folder: one folder a model, whose path is the model's id.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::{ModelDocument, SchemaError};

/// Reads the documents of every model below `root`.
pub(crate) fn read(root: &Path) -> Result<Vec<Result<ModelDocument, SchemaError>>, SchemaError> {
    let mut folders = Vec::new();
    find(root, &mut folders).map_err(|error| unread("", root, &error))?;
    folders.sort();
    Ok(folders.iter().map(|folder| read_model(id(root, folder), folder)).collect())
}

/// Reads the three files of one model.
pub(crate) fn read_model(id: String, folder: &Path) -> Result<ModelDocument, SchemaError> {
    let [input, output, notes] = ["input.json", "output.json", "model.toml"].map(|name| {
        let path = folder.join(name);
        fs::read_to_string(&path).map_err(|error| unread(&id, &path, &error))
    });
    let (input, output, notes) = (input?, output?, notes?);
    Ok(ModelDocument { id, input, output, notes })
}

fn find(folder: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
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

fn id(root: &Path, folder: &Path) -> String {
    let segments = folder.strip_prefix(root).unwrap_or(folder).iter();
    segments.map(|segment| segment.to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn unread(id: &str, path: &Path, error: &io::Error) -> SchemaError {
    SchemaError::of_file(id, format!("{}: {error}", path.display()))
}
