//! The file itself: a header, then one line a record.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use uuid::Uuid;

use super::folder::{Folder, private};
use crate::Error;
use crate::record::Record;

/// What every journal of this form begins with; the file's own id and a line break follow.
const MAGIC: &str = "kling-journal 1 ";

/// An open journal that nobody else writes to meanwhile.
#[derive(Debug)]
pub(super) struct Log {
    path: PathBuf,
    file: File,
    generation: Uuid,
    len: u64,
}

impl Log {
    /// Opens the file, makes it if it is missing or empty, and cuts off a line that was torn at its end.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Self::open_or_make(path).map_err(|error| Error::io("opened", path, error))
    }

    fn open_or_make(path: &Path) -> io::Result<Self> {
        // Whoever writes without the lock loses nothing by what is added here. Elsewhere such a file could not be cut.
        let mut file = private().append(cfg!(unix)).create(true).truncate(false).open(path)?;
        let facts = file.metadata()?;
        // A device could be read for ever, and keeps nothing.
        if !facts.is_file() {
            return Err(io::Error::other("it is no ordinary file"));
        }
        keep_private(&file, &facts)?;
        if let Some(generation) = read_header(&mut file, facts.len())? {
            let len = cut_torn_end(&mut file, facts.len())?;
            return Ok(Self { path: path.to_owned(), file, generation, len });
        }
        let generation = Uuid::new_v4();
        let header = header(generation);
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(header.as_bytes())?;
        file.sync_all()?;
        sync_folder_of(path)?;
        Ok(Self { path: path.to_owned(), file, generation, len: header.len() as u64 })
    }

    pub(super) const fn generation(&self) -> Uuid {
        self.generation
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// Where the first record stands.
    pub(super) fn start(&self) -> u64 {
        header(self.generation).len() as u64
    }

    /// The records from a byte on; nothing in the place of a damaged one.
    pub(super) fn read_from(&mut self, start: u64) -> Result<Vec<Option<Record>>, Error> {
        let lines = self.lines_from(start).map_err(|error| Error::io("read", &self.path, error))?;
        Ok(lines.iter().map(|line| Record::from_line(line)).collect())
    }

    /// Adds a record, on disk when this returns if it is precious. What could not be written whole is taken back.
    pub(super) fn append(&mut self, record: &Record) -> Result<(), Error> {
        self.check_end().map_err(|error| Error::io("written", &self.path, error))?;
        let written = self.write(record).inspect_err(|_| {
            // If this fails too, the torn line is cut off when the journal is opened next.
            let _ = self.file.set_len(self.len);
        });
        self.len = written.map_err(|error| Error::io("written", &self.path, error))?;
        Ok(())
    }

    /// What another wrote past the lock is nobody's to overwrite, or to cut off.
    fn check_end(&self) -> io::Result<()> {
        if self.file.metadata()?.len() == self.len {
            return Ok(());
        }
        Err(io::Error::other("somebody writes to it without its lock, by another name perhaps"))
    }

    fn write(&mut self, record: &Record) -> io::Result<u64> {
        let line = record.to_line()?;
        self.file.seek(SeekFrom::Start(self.len))?;
        self.file.write_all(&line)?;
        if record.is_precious() {
            self.file.sync_data()?;
        }
        Ok(self.len + line.len() as u64)
    }

    /// Puts a file with those records that are to be kept in the place of this one, whole or not at all.
    pub(super) fn rewrite(&mut self, folder: &Folder, keep: impl Fn(&Record) -> bool) -> Result<(), Error> {
        let path = self.path.clone();
        self.replace(folder, keep).map_err(|error| Error::io("rewritten", &path, error))
    }

    fn replace(&mut self, folder: &Folder, keep: impl Fn(&Record) -> bool) -> io::Result<()> {
        let (path, file) = folder.fresh()?;
        let mut fresh = BufWriter::new(file);
        fresh.write_all(header(Uuid::new_v4()).as_bytes())?;
        for line in self.lines_from(self.start())? {
            if Record::from_line(&line).is_some_and(|record| keep(&record)) {
                fresh.write_all(&line)?;
                fresh.write_all(b"\n")?;
            }
        }
        fresh.into_inner()?.sync_all()?;
        fs::rename(path, &self.path)?;
        sync_folder_of(&self.path)
    }

    fn lines_from(&mut self, start: u64) -> io::Result<Vec<Vec<u8>>> {
        self.file.seek(SeekFrom::Start(start))?;
        BufReader::new(&self.file).split(b'\n').collect()
    }
}

fn header(generation: Uuid) -> String {
    format!("{MAGIC}{generation}\n")
}

/// The file's id; nothing where the file is empty, or its making was cut short.
fn read_header(file: &mut File, len: u64) -> io::Result<Option<Uuid>> {
    let mut start = Vec::new();
    file.take(header(Uuid::nil()).len() as u64).read_to_end(&mut start)?;
    let is_begun = start.len() as u64 == len && !start.ends_with(b"\n");
    if is_begun && (MAGIC.as_bytes().starts_with(&start) || start.starts_with(MAGIC.as_bytes())) {
        return Ok(None);
    }
    let text = std::str::from_utf8(&start).ok().and_then(|text| text.strip_prefix(MAGIC)?.strip_suffix('\n'));
    text.and_then(|id| id.parse().ok()).map(Some).ok_or_else(|| {
        io::Error::other("it is no journal of this program, or one of a newer kling: it is left as it is")
    })
}

/// Cuts off what follows the last line break: it was never acknowledged. Gives the length that is left.
fn cut_torn_end(file: &mut File, len: u64) -> io::Result<u64> {
    const PIECE: u64 = 64 * 1024;
    let mut end = len;
    while end > 0 {
        let start = end.saturating_sub(PIECE);
        let mut piece = Vec::new();
        file.seek(SeekFrom::Start(start))?;
        file.take(end - start).read_to_end(&mut piece)?;
        if let Some(at) = piece.iter().rposition(|byte| *byte == b'\n') {
            let whole = start + at as u64 + 1;
            if whole < len {
                file.set_len(whole)?;
            }
            return Ok(whole);
        }
        end = start;
    }
    Ok(len)
}

/// A file that others can read is closed to them: it names jobs and their outputs.
#[cfg(unix)]
fn keep_private(file: &File, facts: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if facts.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    file.set_permissions(fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_private(_: &File, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// A new name outlives a power cut only once its folder is synced.
#[cfg(unix)]
fn sync_folder_of(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder_of(_: &Path) -> io::Result<()> {
    Ok(())
}
