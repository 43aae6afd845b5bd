//! The files that a run makes, all in memory, so that writing and checking cannot differ.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Error;

/// Generated files by path, and the folders that hold nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FileSet {
    files: BTreeMap<PathBuf, String>,
    owned: Vec<PathBuf>,
}

impl FileSet {
    /// Adds a file.
    pub fn insert(&mut self, path: impl Into<PathBuf>, content: impl Into<String>) {
        self.files.insert(path.into(), content.into());
    }

    /// Claims a folder: any file in it that is not in this set is left over from a schema that is gone.
    pub fn own(&mut self, folder: impl Into<PathBuf>) {
        self.owned.push(folder.into());
    }

    /// The files by path.
    pub fn iter(&self) -> impl Iterator<Item = (&Path, &str)> {
        self.files.iter().map(|(path, content)| (path.as_path(), content.as_str()))
    }

    /// Writes what differs and removes what is left over. Returns how many files were touched.
    ///
    /// # Errors
    /// [`Error`] when the disk says no; files written so far stay.
    pub fn write(&self) -> Result<usize, Error> {
        let mut touched = 0;
        for (path, content) in self.iter().filter(|(path, content)| differs(path, content)) {
            let folder = path.parent().unwrap_or_else(|| Path::new("."));
            fs::create_dir_all(folder).map_err(|error| Error::io(folder, &error))?;
            fs::write(path, content).map_err(|error| Error::io(path, &error))?;
            touched += 1;
        }
        for path in self.left_over()? {
            fs::remove_file(&path).map_err(|error| Error::io(&path, &error))?;
            // A folder that is empty now belonged to the same schema; one that is not stays.
            path.parent().map(fs::remove_dir);
            touched += 1;
        }
        Ok(touched)
    }

    /// Compares with the disk and changes nothing; `command` is what brings it up to date.
    ///
    /// # Errors
    /// [`Error`] that names every file that is missing, changed or left over.
    pub fn check(&self, command: &str) -> Result<(), Error> {
        let changed = self.iter().filter(|(path, content)| differs(path, content));
        let changed = changed.map(|(path, _)| {
            Err(Error::stale(
                path,
                if path.exists() { "is not what its schema says" } else { "is missing" },
                command,
            ))
        });
        let left_over = self.left_over()?;
        let left_over =
            left_over.iter().map(|path| Err(Error::stale(path, "has no schema any more", command)));
        Error::collect::<()>(changed.chain(left_over)).map(|_| ())
    }

    fn left_over(&self) -> Result<Vec<PathBuf>, Error> {
        let mut found = Vec::new();
        for folder in self.owned.iter().filter(|folder| folder.exists()) {
            files_below(folder, &mut found).map_err(|error| Error::io(folder, &error))?;
        }
        found.retain(|path| !self.files.contains_key(path));
        Ok(found)
    }
}

/// Compared with line ends normalised, so that a checkout on Windows is not stale.
fn differs(path: &Path, content: &str) -> bool {
    fs::read_to_string(path)
        .map_or(true, |on_disk| on_disk.replace("\r\n", "\n") != content.replace("\r\n", "\n"))
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() { files_below(&path, found)? } else { found.push(path) }
    }
    Ok(())
}
