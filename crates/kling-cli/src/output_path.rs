//! The files that outputs are written to. They are checked before any money is spent.

use std::path::{Path, PathBuf, is_separator};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, process};

use kling::transport::{DownloadOptions, numbered};
use kling::{CompletedJob, Save};

use crate::console::CliError;

/// The number of output names that are tested beforehand. Few models have more outputs by default.
const TESTED_NAMES: usize = 3;

/// The place of the outputs of a request.
#[derive(Clone, Debug)]
pub(crate) enum OutputPath {
    /// The named file.
    File(PathBuf),
    /// Files named by the request id. A missing folder is created.
    Folder(PathBuf),
}

impl OutputPath {
    /// Checks that the files can be written and that the first does not exist.
    pub(crate) fn check(output: Option<&Path>) -> Result<Self, CliError> {
        let place = match output {
            None => Self::Folder(PathBuf::new()),
            Some(path) if is_folder(path) => Self::Folder(path.to_owned()),
            Some(path) if fs::symlink_metadata(path).is_ok() => {
                let message = format!("{} already exists; choose another name with -o", path.display());
                return Err(CliError::usage(message));
            }
            Some(path) if path.file_name().is_none() => {
                return Err(CliError::usage(format!("{} is not a file name", path.display())));
            }
            Some(path) => Self::File(path.to_owned()),
        };
        place.try_names()?;
        Ok(place)
    }

    /// Checks the folder for the outputs of several requests.
    pub(crate) fn folder(path: &Path) -> Result<Self, CliError> {
        if !is_folder(path) {
            let message = format!(
                "{} is not a folder; -o must be a folder if there are several requests",
                path.display()
            );
            return Err(CliError::usage(message));
        }
        Self::check(Some(path))
    }

    /// Returns the place that the journal recorded, or the current folder. If the file exists by now, the output is named by
    /// the request id.
    pub(crate) fn resumed(recorded: Option<&Path>) -> Self {
        match recorded {
            None => Self::Folder(PathBuf::new()),
            Some(folder) if is_folder(folder) => Self::Folder(folder.to_owned()),
            Some(path) if fs::symlink_metadata(path).is_ok() => Self::Folder(folder_of(path).to_owned()),
            Some(path) => Self::File(path.to_owned()),
        }
    }

    /// Writes empty files to the names of outputs, and removes them.
    pub(crate) fn try_names(&self) -> Result<(), CliError> {
        let options = DownloadOptions::default();
        let tried = |path: &Path| options.check_path(path).map_err(CliError::from);
        match self {
            Self::File(path) => {
                tried(path)?;
                // An output whose name is taken gets another one.
                let others = (1..TESTED_NAMES).map(|index| numbered(path, index));
                others.filter(|path| fs::symlink_metadata(path).is_err()).try_for_each(|path| tried(&path))
            }
            Self::Folder(folder) => {
                let is_made = self.prepare()?;
                // Unique, since other processes may test the same folder, and as long as a real name.
                let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos();
                let name = format!("kling-{:08x}{now:028x}-{TESTED_NAMES}.mp4", process::id());
                let outcome = tried(&folder.join(name));
                if is_made {
                    let _ = fs::remove_dir(folder);
                }
                outcome
            }
        }
    }

    /// Creates a missing folder. Returns whether it was missing.
    pub(crate) fn prepare(&self) -> Result<bool, CliError> {
        let Self::Folder(folder) = self else { return Ok(false) };
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(false);
        }
        let refuse =
            |error| CliError::usage(format!("cannot create the folder {}: {error}", folder.display()));
        fs::create_dir(folder).map(|()| true).map_err(refuse)
    }

    /// Returns the absolute path for the journal. A folder ends in a separator.
    pub(crate) fn to_record(&self) -> PathBuf {
        let path = match self {
            Self::File(path) => path.clone(),
            Self::Folder(folder) if folder.as_os_str().is_empty() => Path::new(".").join(""),
            Self::Folder(folder) => folder.join(""),
        };
        // Without a current folder, the download reports the error.
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Saves the outputs of a job at this place.
    pub(crate) fn save<'a>(&self, completed: &'a CompletedJob) -> Save<'a> {
        match self {
            Self::File(path) => completed.save_as(path),
            Self::Folder(folder) => completed.save(folder),
        }
    }
}

/// Whether a path is an existing folder, or ends in a separator.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.to_string_lossy().ends_with(is_separator)
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_is_resumed_at_its_recorded_path_unless_the_file_exists() {
        let folder = tempfile::tempdir().unwrap();
        let recorded = folder.path().join("clip.mp4");
        let resumed = |path: &Path| OutputPath::resumed(Some(path)).to_record();
        assert_eq!(resumed(&recorded), recorded);
        fs::write(&recorded, "mine").unwrap();
        assert_eq!(resumed(&recorded), folder.path().join(""));
        assert_eq!(resumed(folder.path()), folder.path().join(""));
        let missing = folder.path().join("x").join("");
        assert!(
            matches!(OutputPath::resumed(Some(&missing)), OutputPath::Folder(_)),
            "a folder by its spelling"
        );
    }
}
