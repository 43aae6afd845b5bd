//! The file that a download grows in: found again by the next try, and never in two hands at once.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use same_file::Handle;
use serde::{Deserialize, Serialize};
use tempfile::{PathPersistError, TempPath};
use url::Url;

use crate::Fingerprint;

/// A hidden file beside its target, locked while it is held. Its name is made of the target's and of the URL without its query,
/// so that another process goes on with what this one leaves.
///
/// It is left when this is dropped if it can be continued, and removed otherwise.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    target: PathBuf,
    has_note: bool,
    is_worth_keeping: bool,
}

/// What is noted beside a part, by which it can be continued.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct Note {
    /// What names the version of the file: a strong validator.
    pub(crate) version: String,
    /// The size of the whole, where the server told it.
    pub(crate) total: Option<u64>,
}

impl Part {
    /// Opens the part of a target from a source, and tells what was left in it by an earlier try.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where somebody else holds it; others where it cannot be opened.
    pub(crate) fn open(target: &Path, source: &Url) -> io::Result<(Self, Option<(Note, u64)>)> {
        let path = folder(target).join(format!("{}{}{PART}", prefix(target), name(source)));
        let file = match open_locked(&path) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Self::alone(target),
            opened => opened?,
        };
        let len = file.metadata()?.len();
        let note = fs::read(note_of(&path)).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let found = note.map(|note| (note, len)).filter(|_| len > 0);
        let has_note = found.is_some();
        Ok((Self::new(file, path, target, has_note), found))
    }

    /// A part that nobody finds again, where the file system has no locks.
    fn alone(target: &Path) -> io::Result<(Self, Option<(Note, u64)>)> {
        let path = folder(target).join(format!("{}{:016x}{PART}", prefix(target), fastrand::u64(..)));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok((Self::new(file, path, target, false), None))
    }

    fn new(file: File, path: PathBuf, target: &Path, has_note: bool) -> Self {
        Self { file, path, target: target.to_owned(), has_note, is_worth_keeping: has_note }
    }

    /// Goes on after the first `len` bytes.
    pub(crate) fn resume(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// Empties it for another version; without a note it cannot be continued.
    pub(crate) fn restart(&mut self, note: Option<&Note>) -> io::Result<()> {
        // The old note goes first: it must never stand beside other bytes than its own.
        self.forget()?;
        self.resume(0)?;
        if let Some(note) = note {
            fs::write(note_of(&self.path), serde_json::to_vec(note)?)?;
            self.has_note = true;
        }
        Ok(())
    }

    /// Adds what arrived.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.is_worth_keeping = self.has_note;
        Ok(())
    }

    /// Makes sure that nobody goes on with it.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        (self.has_note, self.is_worth_keeping) = (false, false);
        match fs::remove_file(note_of(&self.path)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Puts it in the place of its target, and removes what other sources left for that.
    pub(crate) fn finish(mut self, overwrite: bool) -> io::Result<()> {
        self.file.sync_all()?;
        let path = TempPath::try_from_path(&self.path)?;
        let moved = if overwrite { path.persist(&self.target) } else { path.persist_noclobber(&self.target) };
        if let Err(PathPersistError { error, path }) = moved {
            // It stays, with its note, for whoever clears the target's place.
            self.is_worth_keeping = path.keep().is_err() || self.has_note;
            return Err(error);
        }
        // Without its part a note says nothing. One that stays does no harm.
        let _ = self.forget();
        // From here on the name may be somebody else's.
        self.is_worth_keeping = true;
        sync_folder(&self.target);
        remove_stale(&self.target);
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.is_worth_keeping {
            // What stays does no harm: whoever comes next begins anew with it.
            let _ = fs::remove_file(note_of(&self.path));
            let _ = fs::remove_file(&self.path);
        }
    }
}

const PART: &str = ".part";
const NOTE: &str = ".version";

/// What the parts of a target have in common.
fn prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().as_encoded_bytes();
    format!(".kling-{:.8}-", Fingerprint::of(name).to_string())
}

/// A name for a source. Its query is left out: a signature there differs from one request to the next.
fn name(source: &Url) -> String {
    let place = format!("{}{}", source.origin().ascii_serialization(), source.path());
    format!("{:.16}", Fingerprint::of(place.as_bytes()).to_string())
}

fn note_of(part: &Path) -> PathBuf {
    part.with_extension(&NOTE[1..])
}

/// Opens a file for this process alone. One that was renamed or removed before it could be locked is opened anew.
fn open_locked(path: &Path) -> io::Result<File> {
    const TRIES: usize = 8;
    for _ in 0..TRIES {
        let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(io::Error::new(io::ErrorKind::Unsupported, error)),
        }
        // Somebody may have put a link to another file there.
        if fs::symlink_metadata(path).is_ok_and(|facts| facts.file_type().is_symlink()) {
            return Err(io::Error::other("a link stands in the place of its part"));
        }
        let ours = Handle::from_file(file.try_clone()?)?;
        if Handle::from_path(path).is_ok_and(|there| there == ours) {
            return Ok(file);
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

/// Removes the parts of other sources that nobody holds: the target is there.
fn remove_stale(target: &Path) {
    let prefix = prefix(target);
    let files = fs::read_dir(folder(target)).into_iter().flatten().flatten();
    let stale = files.filter(|file| {
        file.file_name().to_str().is_some_and(|name| name.starts_with(&prefix) && name.ends_with(PART))
    });
    for path in stale.map(|file| file.path()) {
        if let Ok(file) = open_locked(&path) {
            drop(Part::new(file, path, target, false));
        }
    }
}

/// Makes the new name last through a power cut where the platform can; the file itself is safe already.
fn sync_folder(path: &Path) {
    if cfg!(unix) {
        let _ = File::open(folder(path)).and_then(|folder| folder.sync_all());
    }
}

fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_download_whose_place_was_taken_meanwhile_is_kept_with_its_note() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("clip.mp4");
        let source = Url::parse("https://a.example/clip.mp4?sig=1").unwrap();
        let note = Note { version: "\"1\"".to_owned(), total: Some(4) };
        let (mut part, _) = Part::open(&target, &source).unwrap();
        part.restart(Some(&note)).unwrap();
        part.append(b"clip").unwrap();
        fs::write(&target, "mine").unwrap();
        assert_eq!(part.finish(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        fs::remove_file(&target).unwrap();
        let (part, found) = Part::open(&target, &source).unwrap();
        assert_eq!(found, Some((note, 4)));
        part.finish(false).unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"clip");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
