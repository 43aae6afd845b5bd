//! The files that outputs are written to. They are checked before any money is spent.

use std::ffi::OsString;
use std::path::{Path, PathBuf, is_separator};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, process};

use kling::{DownloadOptions, OutputKind, RequestId};

use crate::console::CliError;

/// The number of output names that are tested beforehand. Few models have more outputs by default.
const TESTED_NAMES: usize = 3;

/// The place of the outputs of a request.
#[derive(Clone, Debug)]
pub(crate) struct OutputPath {
    place: Place,
    kind: OutputKind,
    /// Whether the model promises the kind.
    is_promised: bool,
}

#[derive(Clone, Debug)]
enum Place {
    /// The named file.
    File(PathBuf),
    /// Files named by the request id. A missing folder is created.
    Folder(PathBuf),
}

impl OutputPath {
    /// Checks that the files can be written and that the first does not exist.
    pub(crate) fn check(output: Option<&Path>, kind: OutputKind) -> Result<Self, CliError> {
        let place = match output {
            None => Place::Folder(PathBuf::new()),
            Some(path) if is_folder(path) => Place::Folder(path.to_owned()),
            Some(path) if fs::symlink_metadata(path).is_ok() => {
                let message = format!("{} already exists; choose another name with -o", path.display());
                return Err(CliError::usage(message));
            }
            Some(path) if path.file_name().is_none() => {
                return Err(CliError::usage(format!("{} is not a file name", path.display())));
            }
            Some(path) => Place::File(path.to_owned()),
        };
        let output_path = Self { place, kind, is_promised: true };
        output_path.try_names()?;
        Ok(output_path)
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
        Ok(Self::check(Some(path), OutputKind::Video)?.guessed())
    }

    /// Returns the place that the journal recorded, or the current folder. If the file exists by now, the output is named by
    /// the request id.
    pub(crate) fn resumed(recorded: Option<&Path>, kind: OutputKind) -> Self {
        let place = match recorded {
            None => Place::Folder(PathBuf::new()),
            Some(folder) if is_folder(folder) => Place::Folder(folder.to_owned()),
            Some(path) if fs::symlink_metadata(path).is_ok() => Place::Folder(folder_of(path).to_owned()),
            Some(path) => Place::File(path.to_owned()),
        };
        Self { place, kind, is_promised: true }
    }

    /// Returns the same place without a promise. The kind is used for the extension only.
    pub(crate) fn guessed(self) -> Self {
        Self { is_promised: false, ..self }
    }

    /// Returns the kind that the model promises.
    pub(crate) fn expected_kind(&self) -> Option<OutputKind> {
        self.is_promised.then_some(self.kind)
    }

    /// Writes empty files to the names of outputs, and removes them.
    pub(crate) fn try_names(&self) -> Result<(), CliError> {
        let options = DownloadOptions::default();
        let tried = |path: &Path| options.check_path(path).map_err(CliError::from);
        match &self.place {
            Place::File(path) => {
                tried(path)?;
                // An output whose name is taken gets another one.
                let others = (1..TESTED_NAMES).map(|index| numbered(path, index));
                others.filter(|path| fs::symlink_metadata(path).is_err()).try_for_each(|path| tried(&path))
            }
            Place::Folder(folder) => {
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
        let Place::Folder(folder) = &self.place else { return Ok(false) };
        if folder.as_os_str().is_empty() || folder.is_dir() {
            return Ok(false);
        }
        let refuse =
            |error| CliError::usage(format!("cannot create the folder {}: {error}", folder.display()));
        fs::create_dir(folder).map(|()| true).map_err(refuse)
    }

    /// Returns the absolute path for the journal. A folder ends in a separator.
    pub(crate) fn to_record(&self) -> PathBuf {
        let path = match &self.place {
            Place::File(path) => path.clone(),
            Place::Folder(folder) if folder.as_os_str().is_empty() => Path::new(".").join(""),
            Place::Folder(folder) => folder.join(""),
        };
        // Without a current folder, the download reports the error.
        std::path::absolute(&path).unwrap_or(path)
    }

    /// Returns the file for an output, and whether the file is named by the request id. A chosen name that is taken by now is
    /// not used.
    pub(crate) fn path(&self, id: &RequestId, index: usize, url: &str) -> (PathBuf, bool) {
        let folder = match &self.place {
            Place::Folder(folder) => folder,
            Place::File(first) => {
                let path = numbered(first, index);
                if fs::symlink_metadata(&path).is_err() {
                    return (path, false);
                }
                first.parent().unwrap_or_else(|| Path::new(""))
            }
        };
        let extension = extension(url).unwrap_or_else(|| default_extension(self.kind).to_owned());
        (numbered(&folder.join(format!("kling-{id}.{extension}")), index), true)
    }
}

/// Whether a path is an existing folder, or ends in a separator.
fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.to_string_lossy().ends_with(is_separator)
}

/// Returns `clip.mp4`, `clip-2.mp4`, `clip-3.mp4`, …
fn numbered(path: &Path, index: usize) -> PathBuf {
    if index == 0 {
        return path.to_owned();
    }
    let mut name: OsString = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("-{}", index + 1));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// Returns the extension of a URL's path if it is 2 to 4 letters or digits.
fn extension(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let (_, extension) = path.rsplit('/').next()?.rsplit_once('.')?;
    let is_plain =
        (2..=4).contains(&extension.len()) && extension.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_plain.then(|| extension.to_ascii_lowercase())
}

const fn default_extension(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::Audio => "mp3",
        OutputKind::Image => "png",
        _ => "mp4",
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(output_path: &OutputPath, index: usize, url: &str) -> PathBuf {
        output_path.path(&"id".parse().unwrap(), index, url).0
    }

    fn in_folder(kind: OutputKind) -> OutputPath {
        OutputPath { place: Place::Folder(PathBuf::new()), kind, is_promised: true }
    }

    #[test]
    fn several_files_are_numbered_before_the_dot() {
        let place = Place::File("a.b/clip.mp4".into());
        let output_path = OutputPath { place, ..in_folder(OutputKind::Video) };
        let paths: Vec<_> = (0..3).map(|index| path(&output_path, index, "")).collect();
        assert_eq!(paths, ["a.b/clip.mp4", "a.b/clip-2.mp4", "a.b/clip-3.mp4"].map(PathBuf::from));
    }

    #[test]
    fn a_job_is_resumed_at_its_recorded_path_unless_the_file_exists() {
        let folder = tempfile::tempdir().unwrap();
        let recorded = folder.path().join("clip.mp4");
        let resumed = || path(&OutputPath::resumed(Some(&recorded), OutputKind::Video), 0, "");
        assert_eq!(resumed(), recorded);
        fs::write(&recorded, "mine").unwrap();
        assert_eq!(resumed(), folder.path().join("kling-id.mp4"));
        let in_folder = OutputPath::resumed(Some(folder.path()), OutputKind::Image);
        assert_eq!(path(&in_folder, 1, ""), folder.path().join("kling-id-2.png"));
        let missing = OutputPath::resumed(Some(&folder.path().join("x").join("")), OutputKind::Video);
        assert_eq!(path(&missing, 0, ""), folder.path().join("x/kling-id.mp4"), "a folder by its spelling");
        assert_eq!(missing.to_record(), folder.path().join("x").join(""));
    }

    #[test]
    fn a_name_of_its_own_takes_only_a_plain_extension_from_the_url() {
        let named = |url| path(&in_folder(OutputKind::Video), 0, url);
        assert_eq!(named("https://a.runcomfy.net/x/clip.WEBM?y=.exe"), PathBuf::from("kling-id.webm"));
        let odd = ["https://a.runcomfy.net/clip", "https://a.b/x.tar%2fgz", "https://a.b/x.", "..", ""];
        for url in odd.into_iter().chain(["data:video/mp4;base64,AAAA"]) {
            assert_eq!(named(url), PathBuf::from("kling-id.mp4"), "{url}");
        }
    }
}
