//! The file that a clip will be written to, settled before anything is paid.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use kling::{OutputKind, RequestId};

use crate::exit::{Exit, Stop};

/// Where outputs go.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// The file that was asked for.
    File(PathBuf),
    /// A name made of the request id, in this folder.
    Named(PathBuf, OutputKind),
}

impl Target {
    /// Makes sure that the file can be written and does not exist.
    pub(crate) fn check(output: Option<&Path>, kind: OutputKind) -> Result<Self, Stop> {
        let Some(path) = output else {
            writable(Path::new("."))?;
            return Ok(Self::Named(PathBuf::new(), kind));
        };
        if fs::symlink_metadata(path).is_ok() {
            let message = format!("{} exists and is never overwritten; name another file", path.display());
            return Err(Stop::new(Exit::Usage, message));
        }
        if path.file_name().is_none() {
            return Err(Stop::new(Exit::Usage, format!("{} is no name for a file", path.display())));
        }
        writable(folder_of(path))?;
        Ok(Self::File(path.to_owned()))
    }

    /// A folder that exists, for the outputs of several requests, whose names are made of their ids.
    pub(crate) fn folder(path: &Path) -> Result<Self, Stop> {
        if !path.is_dir() {
            let message =
                format!("{} is no folder; the outputs of several requests need one", path.display());
            return Err(Stop::new(Exit::Usage, message));
        }
        writable(path)?;
        Ok(Self::Named(path.to_owned(), OutputKind::Video))
    }

    /// The place that was noted when a job was submitted, or the current folder. Where the file exists by now, and perhaps is
    /// somebody else's, a name made of the request id stands in for it.
    pub(crate) fn resumed(noted: Option<&Path>, kind: OutputKind) -> Self {
        match noted {
            None => Self::Named(PathBuf::new(), kind),
            Some(folder) if folder.is_dir() => Self::Named(folder.to_owned(), kind),
            Some(path) if fs::symlink_metadata(path).is_ok() => Self::Named(folder_of(path).to_owned(), kind),
            Some(path) => Self::File(path.to_owned()),
        }
    }

    /// The absolute path to note: the file, or the folder that it will be in.
    pub(crate) fn noted(&self) -> PathBuf {
        let path = match self {
            Self::File(path) => path,
            Self::Named(folder, _) if folder.as_os_str().is_empty() => Path::new("."),
            Self::Named(folder, _) => folder,
        };
        // Without a current folder nothing can be written either, which will be said.
        std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
    }

    /// Whether the files have names that no other request has.
    pub(crate) const fn is_named_by_id(&self) -> bool {
        matches!(self, Self::Named(..))
    }

    /// The file for the output number `index`, counted from 0, that lies at `url`.
    pub(crate) fn path(&self, id: &RequestId, index: usize, url: &str) -> PathBuf {
        match self {
            Self::File(path) => numbered(path, index),
            Self::Named(folder, kind) => {
                let extension = extension(url).unwrap_or_else(|| default_extension(*kind).to_owned());
                numbered(&folder.join(format!("kling-{id}.{extension}")), index)
            }
        }
    }
}

/// `clip.mp4`, `clip-2.mp4`, `clip-3.mp4`, …
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

/// The extension of a URL's path, if it is a plain one.
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

/// Permissions say little; a file that was made and removed says it all.
fn writable(folder: &Path) -> Result<(), Stop> {
    let refuse =
        |error| Stop::new(Exit::Usage, format!("no file can be written in {}: {error}", folder.display()));
    tempfile::tempfile_in(folder).map(drop).map_err(refuse)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_files_are_numbered_before_the_dot() {
        let target = Target::File("a.b/clip.mp4".into());
        let paths: Vec<_> = (0..3).map(|index| target.path(&"id".parse().unwrap(), index, "")).collect();
        assert_eq!(paths, ["a.b/clip.mp4", "a.b/clip-2.mp4", "a.b/clip-3.mp4"].map(PathBuf::from));
    }

    #[test]
    fn a_job_is_resumed_where_it_was_to_be_unless_something_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let noted = folder.path().join("clip.mp4");
        let path = || Target::resumed(Some(&noted), OutputKind::Video).path(&"id".parse().unwrap(), 0, "");
        assert_eq!(path(), noted);
        fs::write(&noted, "mine").unwrap();
        assert_eq!(path(), folder.path().join("kling-id.mp4"));
        let in_folder = Target::resumed(Some(folder.path()), OutputKind::Image);
        assert_eq!(in_folder.path(&"id".parse().unwrap(), 1, ""), folder.path().join("kling-id-2.png"));
    }

    #[test]
    fn a_name_of_its_own_takes_only_a_plain_extension_from_the_url() {
        let named =
            |url| Target::Named(PathBuf::new(), OutputKind::Video).path(&"id".parse().unwrap(), 0, url);
        assert_eq!(named("https://a.runcomfy.net/x/clip.WEBM?y=.exe"), PathBuf::from("kling-id.webm"));
        for url in ["https://a.runcomfy.net/clip", "https://a.b/x.tar%2fgz", "https://a.b/x.", "..", ""] {
            assert_eq!(named(url), PathBuf::from("kling-id.mp4"), "{url}");
        }
    }
}
