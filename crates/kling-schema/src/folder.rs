//! A folder of schemas on disk, with three documents of each model.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;

use crate::{ModelNotes, ModelSchema, SchemaError};

/// The most bytes of one file.
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// The deepest nesting of folders, since links may lead in a circle. No model's id has as many segments.
const MAX_DEPTH: usize = 8;
/// The most folders that are read.
const MAX_FOLDERS: usize = 20_000;

/// The three documents of a model: the provider's two schemas unchanged, and the notes beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelDocument {
    /// The id in the catalog. In a schema folder, it is the path of the model's folder.
    pub id: String,
    /// `input.json`
    pub input: String,
    /// `output.json`
    pub output: String,
    /// `model.toml`
    pub notes: String,
}

impl ModelDocument {
    /// Reads the documents of every model below a schema folder, sorted by path.
    ///
    /// # Errors
    /// [`SchemaError`] if the folder cannot be listed. Each model that cannot be read has an error of its own.
    pub fn all_in(schema_dir: impl AsRef<Path>) -> Result<Vec<Result<Self, SchemaError>>, SchemaError> {
        let root = schema_dir.as_ref();
        let (mut folders, mut left) = (Vec::new(), MAX_FOLDERS);
        find(root, MAX_DEPTH, &mut left, &mut folders).map_err(|error| unreadable("", root, &error))?;
        folders.sort();
        Ok(folders.iter().map(|folder| Self::of_folder(id(root, folder), folder)).collect())
    }

    /// Reads the documents of one model from its own folder.
    ///
    /// # Errors
    /// [`SchemaError`] if a file is missing or is not a text.
    pub fn of_folder(id: impl Into<String>, folder: impl AsRef<Path>) -> Result<Self, SchemaError> {
        let (id, folder) = (id.into(), folder.as_ref());
        let [input, output, notes] = ["input.json", "output.json", "model.toml"].map(|name| {
            let path = folder.join(name);
            text(&path).map_err(|error| unreadable(&id, &path, &error))
        });
        Ok(Self { input: input?, output: output?, notes: notes?, id })
    }

    /// Reads the model.
    ///
    /// # Errors
    /// [`SchemaError`] with the model, the place and the first keyword that is not understood.
    pub fn read(&self) -> Result<ModelSchema, SchemaError> {
        let notes: Value = toml::from_str(&self.notes).map_err(|error| {
            SchemaError::new("", None, format!("model.toml: {}", error.message())).of(&self.id, "")
        })?;
        let notes = ModelNotes::read(&self.id, &notes)?;
        ModelSchema::read(&self.id, &self.input, &self.output, notes)
    }
}

/// Reads a regular file without the byte order mark that some editors write.
fn text(path: &Path) -> io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut text = String::new();
    if File::open(path)?.take(MAX_BYTES + 1).read_to_string(&mut text)? as u64 > MAX_BYTES {
        let problem = format!("larger than {MAX_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    Ok(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
}

/// Finds the folders of models, down to a depth.
fn find(folder: &Path, depth: usize, left: &mut usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    *left = left.checked_sub(1).ok_or_else(|| {
        io::Error::other(format!("more than {MAX_FOLDERS} folders; expected one folder a model"))
    })?;
    if folder.join("input.json").is_file() {
        found.push(folder.to_owned());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if depth > 0 && path.is_dir() {
            find(&path, depth - 1, left, found)?;
        }
    }
    Ok(())
}

fn id(root: &Path, folder: &Path) -> String {
    let segments = folder.strip_prefix(root).unwrap_or(folder).iter();
    segments.map(|segment| segment.to_string_lossy()).collect::<Vec<_>>().join("/")
}

fn unreadable(id: &str, path: &Path, error: &io::Error) -> SchemaError {
    SchemaError::new("", None, format!("{}: {error}", path.display())).of(id, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that is removed with its content.
    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("kling-schema-{}-{name}", std::process::id()));
            fs::create_dir_all(path.join("maker/model")).unwrap();
            Self(path)
        }

        fn write(&self, name: &str, content: impl AsRef<[u8]>) {
            fs::write(self.0.join("maker/model").join(name), content).unwrap();
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_a_schema() {
        let folder = Folder::new("mark");
        folder.write("input.json", "\u{feff}{}");
        folder.write("output.json", "{}");
        folder.write("model.toml", "\u{feff}output_kind = \"video\"");
        let documents = ModelDocument::all_in(&folder.0).unwrap();
        let document = documents[0].as_ref().unwrap();
        assert_eq!((document.id.as_str(), document.input.as_str()), ("maker/model", "{}"));
        assert_eq!(document.notes, "output_kind = \"video\"");
    }

    #[cfg(unix)]
    #[test]
    fn endless_files_and_circles_of_links_are_bounded() {
        use std::os::unix::fs::symlink;
        let folder = Folder::new("endless");
        folder.write("input.json", "{}");
        folder.write("output.json", "{}");
        symlink("/dev/zero", folder.0.join("maker/model/model.toml")).unwrap();
        let error = ModelDocument::of_folder("maker/model", folder.0.join("maker/model")).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
        for name in ["a", "b"] {
            symlink(&folder.0, folder.0.join(name)).unwrap();
        }
        assert!(ModelDocument::all_in(&folder.0).is_ok_and(|models| models.len() < 1 << MAX_DEPTH));
    }

    #[test]
    fn a_file_beyond_the_bound_is_refused() {
        let folder = Folder::new("large");
        folder.write("input.json", vec![b' '; MAX_BYTES as usize + 1]);
        let error = ModelDocument::of_folder("maker/model", folder.0.join("maker/model")).unwrap_err();
        assert!(error.to_string().contains("larger than"), "{error}");
    }
}
