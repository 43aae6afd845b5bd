//! The one name of a file: two names would have two locks.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::folder::private_folder;
use crate::Error;

/// As many links in a row as Linux follows.
const MAX_LINKS: usize = 40;

/// The path without links on its way, also of a file that is yet to be made; the folders above it are made.
pub(super) fn resolved(path: &Path) -> Result<PathBuf, Error> {
    follow(path).map_err(|error| Error::io("opened", path, error))
}

fn follow(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            found => return found,
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or_else(|| Path::new("."));
        private_folder(folder)?;
        match fs::read_link(&path) {
            Ok(target) => path = folder.join(target),
            Err(_) => {
                let name = path.file_name().ok_or(io::ErrorKind::InvalidFilename)?;
                return Ok(fs::canonicalize(folder)?.join(name));
            }
        }
    }
    Err(io::Error::other("too many links lead to it"))
}
