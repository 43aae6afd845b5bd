//! The file that a download grows in: found again by the next try, and never in two hands at once.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
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
///
/// The folder may belong to others as well. Only a regular file of this user with a single name is taken for a part or a note,
/// and no link is followed to either.
#[derive(Debug)]
pub(crate) struct Part {
    file: File,
    path: PathBuf,
    target: PathBuf,
    has_note: bool,
    is_worth_keeping: bool,
}

/// What is noted beside a part, by which it can be continued.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub(crate) struct ResumeInfo {
    /// What names the version of the file: a strong validator, or nothing.
    pub(crate) version: Option<String>,
    /// The size of the whole, if the server told it.
    pub(crate) total: Option<u64>,
    /// Whether the part is the whole file, which could not be put in its place.
    #[serde(default)]
    pub(crate) is_whole: bool,
}

impl Part {
    /// Opens the part of a target from a source, and tells what was left in it by an earlier try.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] where somebody else holds it; others where it cannot be opened.
    pub(crate) fn open(target: &Path, source: &Url) -> io::Result<(Self, Option<(ResumeInfo, u64)>)> {
        let path = folder(target).join(format!("{}{}{PART}", prefix(target), name(source)));
        let file = match open_locked(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Err(error),
            // There are no locks here, or something of others has the name: nobody has to find this part again.
            Err(_) => return Ok((Self::alone(target)?, None)),
        };
        let (len, note) = (file.metadata()?.len(), read_note(&path));
        if note.is_none() && remove_note(&path).is_err() {
            return Ok((Self::alone(target)?, None));
        }
        let found = note.map(|note| (note, len)).filter(|_| len > 0);
        let has_note = found.is_some();
        Ok((Self::new(file, path, target, has_note), found))
    }

    /// Does with empty files what a download will do: makes a part and its note, and moves the part to the target. Leaves
    /// nothing behind.
    pub(crate) fn rehearse(target: &Path, overwrite: bool) -> io::Result<()> {
        let mut part = Self::alone(target)?;
        part.note(&ResumeInfo::default())?;
        if overwrite && target.symlink_metadata().is_ok() {
            return Ok(());
        }
        let path = TempPath::try_from_path(&part.path)?;
        path.persist_noclobber(target).map_err(|refused| refused.error)?;
        // It is removed only if it is still the file that was put there.
        let ours = Handle::from_file(part.file.try_clone()?)?;
        if Handle::from_path(target)? == ours { fs::remove_file(target) } else { Ok(()) }
    }

    /// A part that nobody finds again.
    fn alone(target: &Path) -> io::Result<Self> {
        let path = folder(target).join(format!("{}{:016x}{PART}", prefix(target), fastrand::u64(..)));
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        Ok(Self::new(file, path, target, false))
    }

    fn new(file: File, path: PathBuf, target: &Path, has_note: bool) -> Self {
        Self { file, path, target: target.to_owned(), has_note, is_worth_keeping: has_note }
    }

    /// The place of the file itself.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Goes on after the first `len` bytes.
    pub(crate) fn resume(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)?;
        self.file.seek(SeekFrom::End(0)).map(drop)
    }

    /// Empties it for another version; without a note it cannot be continued.
    pub(crate) fn restart(&mut self, note: Option<&ResumeInfo>) -> io::Result<()> {
        // The old note goes first: it must never stand beside other bytes than its own.
        self.forget()?;
        self.resume(0)?;
        note.map_or(Ok(()), |note| self.note(note))
    }

    /// Adds what arrived.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all(bytes)?;
        self.is_worth_keeping = self.has_note;
        Ok(())
    }

    /// Reads at most so many bytes from its beginning.
    pub(crate) fn head(&mut self, most: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::with_capacity(most);
        self.file.seek(SeekFrom::Start(0))?;
        (&self.file).take(most as u64).read_to_end(&mut head)?;
        self.file.seek(SeekFrom::End(0))?;
        Ok(head)
    }

    /// Makes sure that nobody goes on with it.
    pub(crate) fn forget(&mut self) -> io::Result<()> {
        (self.has_note, self.is_worth_keeping) = (false, false);
        remove_note(&self.path)
    }

    /// Puts it in the place of its target, and removes what other sources left for that.
    ///
    /// # Errors
    /// If the target cannot be written. The part is kept then, noted as the whole that it is.
    pub(crate) fn finish(mut self, overwrite: bool) -> io::Result<()> {
        self.file.sync_all()?;
        // Whatever goes wrong from here on, these are all the bytes, and they were paid for.
        self.is_worth_keeping = true;
        let path = TempPath::try_from_path(&self.path)?;
        let moved = if overwrite { path.persist(&self.target) } else { path.persist_noclobber(&self.target) };
        if let Err(PathPersistError { error, path }) = moved {
            // Nothing can be done about a path that is not let go of.
            let _ = path.keep();
            let total = self.file.metadata().ok().map(|facts| facts.len());
            // Without a note it is downloaded again by whoever comes next, which costs time only.
            let _ = remove_note(&self.path);
            let _ = self.note(&ResumeInfo { version: None, total, is_whole: true });
            return Err(error);
        }
        // Without its part a note says nothing. One that stays does no harm.
        let _ = remove_note(&self.path);
        sync_folder(&self.target);
        remove_stale(&self.target);
        Ok(())
    }

    /// Writes the note, which is not there yet.
    fn note(&mut self, note: &ResumeInfo) -> io::Result<()> {
        // Neither a link nor anything else in its place is written to.
        let mut file = OpenOptions::new().write(true).create_new(true).open(note_of(&self.path))?;
        file.write_all(&serde_json::to_vec(note)?)?;
        self.has_note = true;
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
/// The most bytes read of a note. Validators are short.
const MAX_NOTE: u64 = 4096;

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

/// The note beside a part, if it is one of ours and whole.
fn read_note(part: &Path) -> Option<ResumeInfo> {
    let file = unlinked(OpenOptions::new().read(true)).open(note_of(part)).ok()?;
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

/// Opens a file for this process alone. One that was renamed or removed before it could be locked is opened anew.
fn open_locked(path: &Path) -> io::Result<File> {
    const TRIES: usize = 8;
    for _ in 0..TRIES {
        let options = &mut OpenOptions::new();
        let file = unlinked(options.read(true).write(true).create(true).truncate(false)).open(path)?;
        if !is_ours(&file.metadata()?) {
            return Err(io::Error::other("something else stands in the place of the part"));
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

/// Options that open what has the name itself: no link is followed, and a pipe is not waited for.
#[cfg(unix)]
fn unlinked(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::unix::fs::OpenOptionsExt;

    use rustix::fs::OFlags;

    options.custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32)
}

#[cfg(windows)]
fn unlinked(options: &mut OpenOptions) -> &mut OpenOptions {
    use std::os::windows::fs::OpenOptionsExt;

    const FILE_FLAG_OPEN_REPARSE_POINT: u32 = 0x0020_0000;
    options.custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
}

#[cfg(not(any(unix, windows)))]
fn unlinked(options: &mut OpenOptions) -> &mut OpenOptions {
    options
}

/// Whether a file is a regular one of this user, under no second name.
#[cfg(unix)]
fn is_ours(facts: &Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;

    facts.is_file() && facts.nlink() <= 1 && facts.uid() == rustix::process::geteuid().as_raw()
}

/// Whether a file is a regular one.
#[cfg(not(unix))]
fn is_ours(facts: &Metadata) -> bool {
    facts.is_file()
}

/// Removes the parts of other sources that nobody holds, but those that are whole: the target is there.
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

    fn names(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn a_whole_download_whose_place_was_taken_meanwhile_is_kept_as_a_whole_one() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("clip.mp4");
        let source = Url::parse("https://a.example/clip.mp4?sig=1").unwrap();
        for version in [None, Some("\"1\"".to_owned())] {
            let note = version.map(|version| ResumeInfo { version: Some(version), ..ResumeInfo::default() });
            let (mut part, _) = Part::open(&target, &source).unwrap();
            part.restart(note.as_ref()).unwrap();
            part.append(b"clip").unwrap();
            fs::write(&target, "mine").unwrap();
            assert_eq!(part.finish(false).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
            fs::remove_file(&target).unwrap();
            let (part, found) = Part::open(&target, &source).unwrap();
            assert_eq!(found, Some((ResumeInfo { version: None, total: Some(4), is_whole: true }, 4)));
            part.finish(false).unwrap();
            assert_eq!(fs::read(&target).unwrap(), b"clip");
            assert_eq!(names(folder.path()), 1);
            fs::remove_file(&target).unwrap();
        }
    }

    #[test]
    fn a_rehearsal_finds_what_a_download_would_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let refused = |name: &str, overwrite| Part::rehearse(&folder.path().join(name), overwrite).err();
        assert!(refused("clip.mp4", false).is_none());
        assert!(refused("no/such/clip.mp4", false).is_some() && refused(&"x".repeat(256), false).is_some());
        assert_eq!(names(folder.path()), 0);
        fs::write(folder.path().join("mine.mp4"), "mine").unwrap();
        assert_eq!(refused("mine.mp4", false).map(|error| error.kind()), Some(io::ErrorKind::AlreadyExists));
        assert!(refused("mine.mp4", true).is_none());
        assert_eq!(fs::read(folder.path().join("mine.mp4")).unwrap(), b"mine");
        assert_eq!(names(folder.path()), 1);
    }

    #[test]
    fn a_head_is_read_without_moving_the_place_of_what_comes_next() {
        let folder = tempfile::tempdir().unwrap();
        let source = Url::parse("https://a.example/clip.mp4").unwrap();
        let (mut part, _) = Part::open(&folder.path().join("clip.mp4"), &source).unwrap();
        part.append(b"clip").unwrap();
        assert_eq!((part.head(2).unwrap(), part.head(9).unwrap()), (b"cl".to_vec(), b"clip".to_vec()));
        part.append(b"s").unwrap();
        assert_eq!(part.head(9).unwrap(), b"clips");
    }
}
