//! A folder of schemas on disk: the three documents of each model.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde_json::Value;

use crate::{ModelNotes, ModelSchema, SchemaError};

/// The most bytes of one file.
const MOST_BYTES: u64 = 16 * 1024 * 1024;
/// The most folders below one another: more than any model's id has segments.
const DEEPEST: usize = 8;
/// The most folders that are looked into.
const MOST_FOLDERS: usize = 20_000;

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
        read(schema_dir.as_ref())
    }

    /// The documents of one model: the three files of its own folder.
    ///
    /// # Errors
    /// [`SchemaError`] when a file is missing or is no text.
    pub fn of_folder(id: impl Into<String>, folder: impl AsRef<Path>) -> Result<Self, SchemaError> {
        read_model(id.into(), folder.as_ref())
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

/// Reads the documents of every model below `root`.
pub(crate) fn read(root: &Path) -> Result<Vec<Result<ModelDocument, SchemaError>>, SchemaError> {
    let mut folders = Vec::new();
    let mut left = MOST_FOLDERS;
    find(root, DEEPEST, &mut left, &mut folders).map_err(|error| unread("", root, &error))?;
    folders.sort();
    Ok(folders.iter().map(|folder| read_model(id(root, folder), folder)).collect())
}

/// Reads the three files of one model.
fn read_model(id: String, folder: &Path) -> Result<ModelDocument, SchemaError> {
    let [input, output, notes] = ["input.json", "output.json", "model.toml"].map(|name| {
        let path = folder.join(name);
        text(&path).map_err(|error| unread(&id, &path, &error))
    });
    let (input, output, notes) = (input?, output?, notes?);
    Ok(ModelDocument { id, input, output, notes })
}

/// Reads a regular file of a bounded size, without the byte order mark that some editors write.
fn text(path: &Path) -> io::Result<String> {
    const MARK: char = '\u{feff}';
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut text = String::new();
    if File::open(path)?.take(MOST_BYTES + 1).read_to_string(&mut text)? as u64 > MOST_BYTES {
        let problem = format!("larger than {MOST_BYTES} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, problem));
    }
    if text.starts_with(MARK) {
        text.remove(0);
    }
    Ok(text)
}

/// Finds the folders of models, down to a depth, since links may lead in a circle.
fn find(folder: &Path, depth: usize, left: &mut usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    *left = left.checked_sub(1).ok_or_else(|| {
        io::Error::other(format!("more than {MOST_FOLDERS} folders; expected one folder a model"))
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

fn unread(id: &str, path: &Path, error: &io::Error) -> SchemaError {
    SchemaError::of_file(id, format!("{}: {error}", path.display()))
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
    fn a_byte_order_mark_is_no_part_of_a_schema() {
        let folder = Folder::new("mark");
        folder.write("input.json", "\u{feff}{}");
        folder.write("output.json", "{}");
        folder.write("model.toml", "\u{feff}output_kind = \"video\"");
        let documents = read(&folder.0).unwrap();
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
        let error = read_model("maker/model".to_owned(), &folder.0.join("maker/model")).unwrap_err();
        assert!(error.to_string().contains("not a regular file"), "{error}");
        for name in ["a", "b"] {
            symlink(&folder.0, folder.0.join(name)).unwrap();
        }
        assert!(read(&folder.0).is_ok_and(|models| models.len() < 1 << DEEPEST));
    }

    #[test]
    fn a_file_beyond_the_bound_is_refused() {
        let folder = Folder::new("large");
        folder.write("input.json", vec![b' '; MOST_BYTES as usize + 1]);
        let error = read_model("maker/model".to_owned(), &folder.0.join("maker/model")).unwrap_err();
        assert!(error.to_string().contains("larger than"), "{error}");
    }
}
