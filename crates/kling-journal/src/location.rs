//! Where the journal lives unless a program says otherwise.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::Error;

/// The variable that moves the journal, or turns it off: a path, or `off`.
pub const JOURNAL_VARIABLE: &str = "KLING_JOURNAL";

const FILE_NAME: &str = "journal.db";

/// The file that the environment names; nothing where it turns the journal off.
pub(crate) fn from_env() -> Result<Option<PathBuf>, Error> {
    match env::var_os(JOURNAL_VARIABLE).filter(|value| !value.is_empty()) {
        Some(value) => Ok(read(value)),
        None => default_file().map(Some),
    }
}

fn read(value: OsString) -> Option<PathBuf> {
    (!value.eq_ignore_ascii_case("off")).then(|| PathBuf::from(value))
}

/// A file for a path that may name a folder.
pub(crate) fn file_at(path: &Path) -> PathBuf {
    let names_a_folder = path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/');
    if names_a_folder { path.join(FILE_NAME) } else { path.to_owned() }
}

/// `~/.local/state/kling/journal.db` by the rules of XDG; on systems that have no folder for states, the one for data.
fn default_file() -> Result<PathBuf, Error> {
    let strategy = etcetera::choose_base_strategy().map_err(|_| {
        Error::store(format!(
            "there is no home folder to keep a journal in: name a file in {JOURNAL_VARIABLE}"
        ))
    })?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Ok(folder.join("kling").join(FILE_NAME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_file_a_folder_or_off() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read("OFF".into()), None);
        assert_eq!(read("./off".into()), Some("./off".into()));
        assert_eq!(file_at(folder.path()), folder.path().join("journal.db"));
        assert_eq!(file_at(Path::new("new/folder/")), Path::new("new/folder/journal.db"));
        assert_eq!(file_at(&folder.path().join("mine.db")), folder.path().join("mine.db"));
    }
}
