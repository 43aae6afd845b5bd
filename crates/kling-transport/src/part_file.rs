//! The hidden file of a download in progress. A later download resumes it, and a lock keeps other processes out.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use same_file::Handle;
use serde::{Deserialize, Serialize};
use tempfile::{PathPersistError, TempPath};
use url::Url;

use crate::Fingerprint;

/// A hidden, locked file beside its target. Its name derives from the target and from the URL without its query, so
/// that another process can resume it. When dropped, the file is kept if it can be resumed, and removed otherwise.
///
/// The folder may be shared with other users. Only a regular file of this user with a single name is opened, and links
/// are not followed.
#[derive(Debug)]
pub(crate) struct PartFile {
    file: File,
    pub(crate) path: PathBuf,
    pub(crate) target: PathBuf,
    has_note: bool,
    /// Whether the file has bytes that a later download can use.
    is_worth_keeping: bool,
}

/// The note beside a part file, needed to resume it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ResumeInfo {
    /// The strong validator of the version, if any.
    pub(crate) version: Option<String>,
    /// The size of the whole file, if the server named it.
    pub(crate) total: Option<u64>,
    /// Whether the part is the whole file, which could not be renamed.
    #[serde(default)]
    pub(crate) is_whole: bool,
}

impl PartFile {
    /// Opens the part file of a target and a URL. Returns the note and length that an earlier download left.
    /// [`io::ErrorKind::WouldBlock`] means that another process holds the file.
    pub(crate) fn open(target: &Path, source: &Url) -> io::Result<(Self, Option<(ResumeInfo, u64)>)> {
        let path = folder(target).join(format!("{}{}{PART}", prefix(target), name(source)));
        let file = match open_locked(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            // The file system has no locks, or another user's file has the name. The part cannot be resumed then.
            Err(_) => return Ok((Self::unshared(target)?, None)),
        };
        let (len, note) = (file.metadata()?.len(), read_note(&path));
        if note.is_none() && remove_note(&path).is_err() {
            return Ok((Self::unshared(target)?, None));
        }
        let found = note.map(|note| (note, len)).filter(|_| len > 0);
        let has_note = found.is_some();
        Ok((Self::new(file, path, target, has_note), found))
    }

    /// Rehearses a download with empty files: creates a part and its note, renames the part to the target, and removes
    /// everything.
    pub(crate) fn rehearse(target: &Path, overwrite: bool) -> io::Result<()> {
        let mut part = Self::unshared(target)?;
        part.note(&ResumeInfo::default())?;
        if overwrite && target.symlink_metadata().is_ok() {
            return Ok(());
        }
        let path = TempPath::try_from_path(&part.path)?;
        path.persist_noclobber(target).map_err(|error| error.error)?;
        // The target is removed only if it is still this file.
        let ours = Handle::from_file(part.file.try_clone()?)?;
        if Handle::from_path(target)? == ours { fs::remove_file(target) } else { Ok(()) }
    }

    /// Creates a part file with a random name, which cannot be resumed.
    fn unshared(target: &Path) -> io::Result<Self> {
        let path = folder(target).join(format!("{}{:016x}{PART}", prefix(target), fastrand::u64(..)));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self::new(file, path, target, false))
    }

    fn new(file: File, path: PathBuf, target: &Path, has_note: bool) -> Self {
        Self { file, path, target: target.to_owned(), has_note, is_worth_keeping: has_note }
    }

    /// Continues after the first `len` bytes.
    pub(crate) fn resume(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// Empties the file for another version. Without a note the file cannot be resumed.
    pub(crate) fn restart(&mut self, note: Option<&ResumeInfo>) -> io::Result<()> {
        // The old note is removed first, since it must never describe other bytes.
        self.discard_note()?;
        self.resume(0)?;
        note.map_or(Ok(()), |note| self.note(note))
    }

    /// Appends bytes.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.is_worth_keeping = self.has_note;
        Ok(())
    }

    /// Reads at most `most` bytes from the beginning.
    pub(crate) fn head(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::with_capacity(most);
        self.file.seek(SeekFrom::Start(0))?;
        (&self.file).take(most as u64).read_to_end(&mut head)?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(head)
    }

    /// Removes the note, so that the file cannot be resumed.
    pub(crate) fn discard_note(&mut self) -> io::Result<()> {
        (self.has_note, self.is_worth_keeping) = (false, false);
        remove_note(&self.path)
    }

    /// Renames the file to its target, and removes part files of other URLs. If the target cannot be written, the part is
    /// kept and noted as whole.
    pub(crate) fn finish(mut self, overwrite: bool) -> io::Result<()> {
        self.file.sync_all()?;
        // All bytes are there and were paid for, so the file is kept whatever fails from here.
        self.is_worth_keeping = true;
        let path = TempPath::try_from_path(&self.path)?;
        let moved = if overwrite { path.persist(&self.target) } else { path.persist_noclobber(&self.target) };
        if let Err(PathPersistError { error, path }) = moved {
            // A path that cannot be released is left to the system.
            let _ = path.keep();
            let total = self.file.metadata().ok().map(|facts| facts.len());
            // Without a note the next download only costs time.
            let _ = remove_note(&self.path);
            let _ = self.note(&ResumeInfo { version: None, total, is_whole: true });
            return Err(error);
        }
        // A note without its part is harmless.
        let _ = remove_note(&self.path);
        sync_folder(&self.target);
        remove_stale(&self.target);
        Ok(())
    }

    /// Writes the note as a new file.
    fn note(&mut self, note: &ResumeInfo) -> io::Result<()> {
        // An existing file or link is not written to.
        let mut file = OpenOptions::new().write(true).create_new(true).open(note_of(&self.path))?;
        file.write_all(&serde_json::to_vec(note)?)?;
        self.has_note = true;
        Ok(())
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.is_worth_keeping {
            // A file that stays is harmless: the next download restarts it.
            let _ = fs::remove_file(note_of(&self.path));
            let _ = fs::remove_file(&self.path);
        }
    }
}

const PART: &str = ".part";
const NOTE: &str = ".version";
/// The longest note, in bytes. Validators are short.
const MAX_NOTE: u64 = 4096;

/// Returns the common prefix of the part files of a target.
fn prefix(target: &Path) -> String {
    let name = target.file_name().unwrap_or_default().as_encoded_bytes();
    format!(".kling-{:.8}-", Fingerprint::of(name).to_string())
}

/// Returns a name for a URL without its query, since a signature differs from one request to the next.
fn name(source: &Url) -> String {
    let place = format!("{}{}", source.origin().ascii_serialization(), source.path());
    format!("{:.16}", Fingerprint::of(place.as_bytes()).to_string())
}

fn note_of(part: &Path) -> PathBuf {
    part.with_extension(&NOTE[1..])
}

/// Reads the note of a part, if it is this user's and valid.
fn read_note(part: &Path) -> Option<ResumeInfo> {
    let file = no_follow(OpenOptions::new().read(true)).open(note_of(part)).ok()?;
    let facts = file.metadata().ok().filter(|facts| is_ours(facts) && facts.len() <= MAX_NOTE)?;
    let mut bytes = Vec::new();
    file.take(facts.len()).read_to_end(&mut bytes).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn remove_note(part: &Path) -> io::Result<()> {
    match fs::remove_file(note_of(part)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Opens and locks a file. If the file was renamed or removed before the lock, opens it again.
fn open_locked(path: &Path) -> io::Result<File> {
    const TRIES: usize = 8;
    for _ in 0..TRIES {
        let options = &mut OpenOptions::new();
        let file = no_follow(options.read(true).write(true).create(true).truncate(false)).open(path)?;
        if !is_ours(&file.metadata()?) {
            return Err(io::Error::other("another file has the name of the part file"));
        }
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => return Err(io::Error::new(io::ErrorKind::Unsupported, error)),
        }
        let ours = Handle::from_file(file.try_clone()?)?;
        let is_link = fs::symlink_metadata(path).is_ok_and(|facts| facts.file_type().is_symlink());
        if !is_link && Handle::from_path(path).is_ok_and(|there| there == ours) {
            return Ok(file);
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

/// Returns options that neither follow a link nor wait for a pipe.
fn no_follow(options: &mut OpenOptions) -> &mut OpenOptions {
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;

        use rustix::fs::OFlags;

        options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    }
    #[cfg(windows)]
    {
        const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
        std::os::windows::fs::OpenOptionsExt::custom_flags(options, FILE_FLAG_OPEN_REPARSE_POINT);
    }
    options
}

/// Whether a file is a regular one, and on Unix one of this user with a single name.
fn is_ours(facts: &Metadata) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;

        if facts.nlink() > 1 || facts.uid() != rustix::process::geteuid().as_raw() {
            return false;
        }
    }
    facts.is_file()
}

/// Removes unlocked part files of other URLs, except whole ones: the target is complete.
fn remove_stale(target: &Path) {
    let prefix = prefix(target);
    let files = fs::read_dir(folder(target)).into_iter().flatten().flatten();
    let stale = files.filter(|file| {
        file.file_name().to_str().is_some_and(|name| name.starts_with(&prefix) && name.ends_with(PART))
    });
    for path in stale.map(|file| file.path()) {
        if let Ok(file) = open_locked(&path)
            && !read_note(&path).is_some_and(|note| note.is_whole)
        {
            drop(PartFile::new(file, path, target, false));
        }
    }
}

/// Syncs the folder on Unix, so that the new name survives a power cut.
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

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_whole_download_is_kept_if_its_target_appeared() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("clip.mp4");
        let source = Url::parse("https://a.example/clip.mp4?sig=1").unwrap();
        for version in [None, Some("\"1\"".to_owned())] {
            let note = version.map(|version| ResumeInfo { version: Some(version), ..ResumeInfo::default() });
            let (mut part, _) = PartFile::open(&target, &source).unwrap();
            part.restart(note.as_ref()).unwrap();
            part.append(b"clip").unwrap();
            fs::write(&target, "mine").unwrap();
            assert_eq!(part.finish(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            fs::remove_file(&target).unwrap();
            let (part, found) = PartFile::open(&target, &source).unwrap();
            assert_eq!(found, Some((ResumeInfo { version: None, total: Some(4), is_whole: true }, 4)));
            part.finish(false).unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"clip");
            assert_eq!(names(folder.path()), 1);
            fs::remove_file(&target).unwrap();
        }
    }

    #[test]
    fn a_rehearsal_finds_errors_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let error = |name: &str, overwrite| PartFile::rehearse(&folder.path().join(name), overwrite).err();
        assert!(error("clip.mp4", false).is_none());
        assert!(error("no/such/clip.mp4", false).is_some() && error(&"x".repeat(256), false).is_some());
        assert_eq!(names(folder.path()), 0);
        fs::write(folder.path().join("mine.mp4"), "mine").unwrap();
        assert_eq!(error("mine.mp4", false).map(|error| error.kind()), Some(io::ErrorKind::AlreadyExists));
        assert!(error("mine.mp4", true).is_none());
        assert_eq!(fs::read(folder.path().join("mine.mp4")).unwrap(), b"mine");
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn reading_the_head_does_not_move_the_write_position() {
        let folder = tempfile::tempdir().unwrap();
        let source = Url::parse("https://a.example/clip.mp4").unwrap();
        let (mut part, _) = PartFile::open(&folder.path().join("clip.mp4"), &source).unwrap();
        part.append(b"clip").unwrap();
        assert_eq!((part.head(2).unwrap(), part.head(9).unwrap()), (b"cl".to_vec(), b"clip".to_vec()));
        part.append(b"s").unwrap();
        assert_eq!(part.head(9).unwrap(), b"clips");
    }
}
