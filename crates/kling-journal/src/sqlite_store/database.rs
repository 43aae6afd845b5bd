//! The database file: how it is opened, who may read it, and whether it is still the file of its name.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};

use super::failure::{DatabaseError, is_busy, is_damage};
use super::folder::{private, private_folder, sibling};
use super::table::{SCHEMA, VERSION};
use crate::Error;

/// Marks the file as a journal: "klng".
const APPLICATION_ID: i64 = 0x6b6c_6e67;

/// The first SQLite without the WAL-reset bug, which can corrupt a database that several connections write.
const WAL_IS_SAFE: i32 = 3_051_003;

/// How long a call waits for another process.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a call waits that records something paid for: the request id may be known nowhere else.
pub(super) const LOCK_TIMEOUT_PAID: Duration = Duration::from_secs(60);

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    identity: Option<Identity>,
    wal: Option<Identity>,
}

impl Database {
    /// Opens the journal in this file. Makes it if it is missing or empty, and brings an older one up to this version.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Self::open_in(path, rusqlite::version_number() >= WAL_IS_SAFE)
    }

    /// Opens it in write-ahead mode if that is wanted and works, else with a rollback journal.
    pub(super) fn open_in(path: &Path, is_wal_wanted: bool) -> Result<Self, Error> {
        make_private(path)?;
        let opened =
            Self::connect(path).and_then(|database| database.prepare(is_wal_wanted).map(|()| database));
        let mut database = opened.map_err(|failure| failure.at_open(path))?;
        database.identity = identity(path);
        database.wal = identity(&sibling(path, "-wal"));
        Ok(database)
    }

    /// Opens the journal in this file as it is: nothing is made, changed or refused.
    pub(super) fn open_as_it_is(path: &Path) -> Result<Self, DatabaseError> {
        Self::connect(path)
    }

    fn connect(path: &Path) -> Result<Self, DatabaseError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(LOCK_TIMEOUT)?;
        // Without temporary files, a full disk and a full table of descriptors do less harm.
        connection.execute_batch(
            "PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON; \
             PRAGMA trusted_schema = OFF;",
        )?;
        Ok(Self { connection, path: path.to_owned(), identity: None, wal: None })
    }

    fn prepare(&self, is_wal_wanted: bool) -> Result<(), DatabaseError> {
        self.refuse_others()?;
        self.choose_journal_mode(is_wal_wanted)?;
        if self.pragma("user_version")? < VERSION {
            // Looked at once more under the lock: another process may be at the same.
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            let migrated = self.migrate();
            self.connection.execute_batch(if migrated.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
            migrated?;
        }
        Ok(())
    }

    /// Refuses a file that is no journal, or one of a newer version.
    fn refuse_others(&self) -> Result<(), DatabaseError> {
        let refuse = |text: String| Err(DatabaseError::Journal(Error::store(text)));
        let place = self.path.display();
        let (application, version) = (self.pragma("application_id")?, self.pragma("user_version")?);
        let tables: i64 =
            self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        if application != APPLICATION_ID && (application, version, tables) != (0, 0, 0) {
            return refuse(format!(
                "the file {place} is a database of another program, and no journal: name another file in KLING_JOURNAL"
            ));
        }
        if version > VERSION {
            return refuse(format!(
                "the journal at {place} has version {version}, and this program knows versions up to {VERSION}: use a \
                 newer kling"
            ));
        }
        Ok(())
    }

    /// Takes WAL, and a rollback journal where WAL cannot work: without shared memory, or with an SQLite that has the
    /// WAL-reset bug.
    fn choose_journal_mode(&self, is_wal_wanted: bool) -> Result<(), DatabaseError> {
        if is_wal_wanted {
            match self.set_journal_mode("WAL") {
                Ok(mode) if mode == "wal" => return Ok(()),
                Err(error) if is_busy(&error) || is_damage(&error) => return Err(error.into()),
                Ok(_) | Err(_) => {}
            }
        }
        self.set_journal_mode("PERSIST")?;
        Ok(())
    }

    /// Another process that makes the same change is waited for: SQLite itself does not wait here.
    fn set_journal_mode(&self, mode: &str) -> rusqlite::Result<String> {
        let started = Instant::now();
        loop {
            let set =
                self.connection.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |row| row.get(0));
            match set {
                Err(error) if is_busy(&error) && started.elapsed() < LOCK_TIMEOUT => {
                    thread::sleep(Duration::from_millis(5));
                }
                set => return set,
            }
        }
    }

    fn migrate(&self) -> Result<(), DatabaseError> {
        if self.pragma("user_version")? == 0 {
            self.connection.execute_batch(SCHEMA)?;
            self.connection.execute_batch(&format!(
                "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
            ))?;
        }
        Ok(())
    }

    fn pragma(&self, name: &str) -> rusqlite::Result<i64> {
        self.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    }

    /// Refuses if the file was deleted or replaced since it was opened: what is written then is lost without a word.
    pub(super) fn check_place(&mut self) -> Result<(), DatabaseError> {
        let wal = identity(&sibling(&self.path, "-wal"));
        self.wal = self.wal.take().or_else(|| wal.clone());
        if self.identity == identity(&self.path) && self.wal == wal {
            return Ok(());
        }
        Err(DatabaseError::Journal(Error::store(format!(
            "the journal at {} was deleted or replaced while it was open: put it back, or start the program again",
            self.path.display()
        ))))
    }

    /// Checks the structure of the file: 0.5 to 0.9 s for a million entries.
    pub(super) fn quick_check(&self) -> Result<(), DatabaseError> {
        let verdict: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if verdict == "ok" { Ok(()) } else { Err(DatabaseError::damaged(first_line(&verdict))) }
    }

    /// Checks the structure of the file and of its indexes. Returns what is wrong, a line each.
    pub(super) fn integrity_check(&self) -> Result<Vec<String>, DatabaseError> {
        let mut statement = self.connection.prepare("PRAGMA integrity_check(20)")?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        Ok(lines.into_iter().filter(|line| line != "ok").map(|line| first_line(&line)).collect())
    }
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.starts_with("***")).unwrap_or(text).to_owned()
}

/// Makes an empty file that only its owner can read, or takes the rights of others away: SQLite would let others read it.
/// An existing file is never opened here, since closing it would drop the locks of SQLite.
fn make_private(path: &Path) -> Result<(), Error> {
    let make = || -> io::Result<()> {
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        match private().create_new(true).open(path) {
            Ok(file) => return file.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
        let facts = fs::metadata(path)?;
        // A device could be read for ever, and keeps nothing.
        if !facts.is_file() {
            return Err(io::Error::other("it is no ordinary file"));
        }
        keep_private(path, &facts)
    };
    make().map_err(|error| Error::io("opened", path, error))
}

#[cfg(unix)]
fn keep_private(path: &Path, facts: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    if facts.permissions().mode() & 0o077 == 0 {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_private(_: &Path, _: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

/// Tells files apart, whatever their names.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Identity(u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|facts| Identity(facts.dev(), facts.ino()))
}

/// Elsewhere an open file cannot be deleted.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    None
}
