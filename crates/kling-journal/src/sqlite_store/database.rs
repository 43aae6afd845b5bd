//! The database file: how it is opened, checked and written, and the errors of SQLite.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::lease::{private, private_folder, sibling};
use crate::{Error, ErrorKind};

/// Marks the file as a journal: "klng".
const APPLICATION_ID: i64 = 0x6b6c_6e67;

/// The version of the tables, kept in `PRAGMA user_version`.
const VERSION: i64 = 1;

/// The tables of version 1. SQLite uses a partial index only if the query repeats the condition of the index.
const TABLES: &str = "
CREATE TABLE entry(
    seq INTEGER PRIMARY KEY,
    id BLOB NOT NULL,
    at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    origin TEXT NOT NULL,
    model TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    account TEXT,
    output TEXT,
    batch TEXT,
    row_key TEXT,
    lease BLOB,
    stage INTEGER NOT NULL,
    outcome INTEGER NOT NULL,
    request_id TEXT,
    state TEXT,
    message TEXT,
    outputs TEXT,
    files TEXT,
    cost_usd REAL,
    merged_into BLOB,
    crc INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX entry_id ON entry(id);
CREATE INDEX entry_job ON entry(request_id) WHERE request_id IS NOT NULL;
CREATE INDEX entry_same ON entry(fingerprint);
CREATE INDEX entry_stage ON entry(stage, seq);
CREATE INDEX entry_old ON entry(changed_at) WHERE stage = 0;
CREATE INDEX entry_batch ON entry(batch, row_key) WHERE batch IS NOT NULL;
";

/// The first SQLite without the WAL-reset bug, which can corrupt a database that several connections write.
const WAL_IS_SAFE: i32 = 3_051_003;

/// The time that a call waits for another process.
pub(super) const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The time that a call waits if it records something paid: nobody else may know the request id.
pub(super) const LOCK_TIMEOUT_PAID: Duration = Duration::from_secs(60);

/// The most pieces of work in one transaction.
const GROUP: usize = 512;

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    path: PathBuf,
    identity: Option<Identity>,
    wal: Option<Identity>,
    /// Whether the disk failed, so that the file must be checked before the next write.
    is_suspect: bool,
}

impl Database {
    /// Opens the journal in this file. Creates a missing or empty one.
    pub(super) fn open(path: &Path) -> Result<Self, Error> {
        Self::open_in(path, rusqlite::version_number() >= WAL_IS_SAFE)
    }

    /// Opens it in write-ahead mode if `prefers_wal` and that mode works, and else with a rollback journal.
    pub(super) fn open_in(path: &Path, prefers_wal: bool) -> Result<Self, Error> {
        make_private(path).map_err(|error| Error::io("open", path, &error))?;
        let open = || {
            let database = Self::open_as_it_is(path)?;
            database.prepare(prefers_wal)?;
            Ok(database)
        };
        let mut database = open().map_err(|error: DatabaseError| error.at_open(path))?;
        database.identity = identity(path);
        database.wal = identity(&sibling(path, "-wal"));
        Ok(database)
    }

    /// Opens the journal in this file as it is. It is not created, changed or refused.
    pub(super) fn open_as_it_is(path: &Path) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(LOCK_TIMEOUT)?;
        // Without temporary files, a full disk and a full table of descriptors do less harm.
        connection.execute_batch(
            "PRAGMA temp_store = MEMORY; PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON; \
             PRAGMA trusted_schema = OFF;",
        )?;
        Ok(Self { connection, path: path.to_owned(), identity: None, wal: None, is_suspect: false })
    }

    fn prepare(&self, prefers_wal: bool) -> Result<()> {
        self.refuse_others()?;
        self.choose_journal_mode(prefers_wal)?;
        if self.pragma("user_version")? < VERSION {
            self.connection.execute_batch("BEGIN IMMEDIATE")?;
            let created = self.create_tables();
            self.connection.execute_batch(if created.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
            created?;
        }
        Ok(())
    }

    /// Refuses a file of another program or of a newer version.
    fn refuse_others(&self) -> Result<()> {
        let path = self.path.display();
        let (application, version) = (self.pragma("application_id")?, self.pragma("user_version")?);
        let tables: i64 =
            self.connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
        let message = if application != APPLICATION_ID && (application, version, tables) != (0, 0, 0) {
            format!("{path} is a database of another program: set KLING_JOURNAL to another file")
        } else if version > VERSION {
            format!(
                "the journal at {path} has version {version}, expected at most {VERSION}: use a newer kling"
            )
        } else {
            return Ok(());
        };
        Err(Error::store(message).into())
    }

    /// Chooses WAL, or a rollback journal if shared memory is missing or SQLite has the WAL-reset bug.
    fn choose_journal_mode(&self, prefers_wal: bool) -> Result<()> {
        if prefers_wal {
            match self.set_journal_mode("WAL") {
                Ok(mode) if mode == "wal" => return Ok(()),
                Err(error) if is_busy(&error) || is_damage(&error) => return Err(error.into()),
                Ok(_) | Err(_) => {}
            }
        }
        self.set_journal_mode("PERSIST")?;
        Ok(())
    }

    /// Waits for another process that makes the same change, since SQLite does not wait here.
    fn set_journal_mode(&self, mode: &str) -> rusqlite::Result<String> {
        let started = Instant::now();
        let statement = format!("PRAGMA journal_mode = {mode}");
        loop {
            match self.connection.query_row(&statement, [], |row| row.get(0)) {
                Err(error) if is_busy(&error) && started.elapsed() < LOCK_TIMEOUT => {
                    thread::sleep(Duration::from_millis(5));
                }
                set => return set,
            }
        }
    }

    /// Creates the tables, unless another process created them before this one had the lock.
    fn create_tables(&self) -> Result<()> {
        if self.pragma("user_version")? == 0 {
            self.connection.execute_batch(TABLES)?;
            self.connection.execute_batch(&format!(
                "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
            ))?;
        }
        Ok(())
    }

    fn pragma(&self, name: &str) -> rusqlite::Result<i64> {
        self.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    }

    /// Refuses a file that was deleted or replaced since it was opened: writes to it would be lost.
    fn check_identity(&mut self) -> Result<()> {
        let wal = identity(&sibling(&self.path, "-wal"));
        self.wal = self.wal.take().or_else(|| wal.clone());
        if self.identity == identity(&self.path) && self.wal == wal {
            return Ok(());
        }
        Err(DatabaseError::Journal(Error::store(format!(
            "the journal at {} was deleted or replaced while it was open: restore it, or restart the program",
            self.path.display()
        ))))
    }

    /// Checks the structure of the file: 0.5 to 0.9 s for a million entries.
    pub(super) fn quick_check(&self) -> Result<()> {
        let result: String = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
        if result == "ok" { Ok(()) } else { Err(DatabaseError::Damaged(first_line(&result))) }
    }

    /// Checks the structure of the file and of its indexes. Returns each problem as a line.
    pub(super) fn integrity_check(&self) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare("PRAGMA integrity_check(20)")?;
        let lines = statement.query_map([], |row| row.get::<_, String>(0))?;
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        Ok(lines.iter().filter(|line| *line != "ok").map(|line| first_line(line)).collect())
    }

    fn write_groups(mut self, queue: &Receiver<Work>) {
        while let Ok(first) = queue.recv() {
            let mut group = vec![first];
            group.extend(queue.try_iter().take(GROUP - 1));
            self.write_group(&group);
        }
    }

    /// Writes a group. If its transaction fails, each piece gets a transaction of its own: one of them may be the cause.
    fn write_group(&mut self, group: &[Work]) {
        let outcomes = match self.transaction(group) {
            Ok(outcomes) => outcomes,
            Err(error) if group.len() == 1 => vec![Err(error)],
            Err(_) => group.iter().map(|work| self.write_alone(work)).collect(),
        };
        for (work, outcome) in group.iter().zip(outcomes) {
            self.is_suspect |= outcome.as_ref().is_err_and(DatabaseError::is_suspect);
            // A caller that panicked waits no longer.
            let _ = work.done.send(outcome);
        }
    }

    fn write_alone(&mut self, work: &Work) -> Result<()> {
        self.transaction(std::slice::from_ref(work))?.pop().unwrap_or(Ok(()))
    }

    /// Runs a group in one transaction. A piece that fails is undone by itself.
    fn transaction(&mut self, group: &[Work]) -> Result<Vec<Result<()>>> {
        if self.is_suspect {
            self.quick_check()?;
            self.is_suspect = false;
        }
        self.check_identity()?;
        let longest = group.iter().map(|work| work.lock_timeout).max().unwrap_or_default();
        self.connection.busy_timeout(longest)?;
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let committed = self.run_all(group).and_then(|outcomes| {
            self.connection.execute_batch("COMMIT")?;
            Ok(outcomes)
        });
        // SQLite ends a transaction by itself if the disk is full.
        if committed.is_err() && !self.connection.is_autocommit() {
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        let outcomes = committed?;
        // A file without a name accepts every commit, and loses it.
        self.check_identity()?;
        Ok(outcomes)
    }

    fn run_all(&self, group: &[Work]) -> Result<Vec<Result<()>>> {
        let mut outcomes = Vec::with_capacity(group.len());
        for work in group {
            self.connection.execute_batch("SAVEPOINT piece")?;
            let outcome = (work.run)(&self.connection);
            match outcome {
                Ok(()) => self.connection.execute_batch("RELEASE piece")?,
                Err(error) if self.connection.is_autocommit() => return Err(error),
                Err(_) => self.connection.execute_batch("ROLLBACK TO piece; RELEASE piece")?,
            }
            outcomes.push(outcome);
        }
        Ok(outcomes)
    }
}

/// The one thread that writes. Calls that many threads make at once share a transaction, and one sync of the disk.
///
/// When this is dropped, the thread ends and the database is closed.
#[derive(Debug)]
pub(super) struct Writer {
    queue: Option<Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

type Run = Box<dyn Fn(&Connection) -> Result<()> + Send>;

/// A piece of work. It may run a second time, in a transaction of its own.
struct Work {
    lock_timeout: Duration,
    run: Run,
    done: SyncSender<Result<()>>,
}

impl Writer {
    pub(super) fn start(database: Database) -> Result<Self, Error> {
        let (sender, queue) = mpsc::channel();
        let thread = thread::Builder::new().name("kling-journal".to_owned());
        let thread = thread
            .spawn(move || database.write_groups(&queue))
            .map_err(|error| Error::store(format!("cannot start the thread of the journal: {error}")))?;
        Ok(Self { queue: Some(sender), thread: Some(thread) })
    }

    /// Runs a piece of work in a transaction, and returns its result once that is on disk. After an error, nothing of it was
    /// written.
    pub(super) fn write<T: Send + 'static>(
        &self,
        lock_timeout: Duration,
        work: impl Fn(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let output = Arc::new(Mutex::new(None));
        let (place, (done, outcome)) = (Arc::clone(&output), mpsc::sync_channel(1));
        let run = move |connection: &Connection| {
            let result = work(connection)?;
            *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
            Ok(())
        };
        let gone = || Error::store("the thread of the journal ended: restart the program");
        let work = Work { lock_timeout, run: Box::new(run), done };
        self.queue.as_ref().ok_or_else(gone)?.send(work).map_err(|_| gone())?;
        outcome.recv().map_err(|_| gone())??;
        Ok(output.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(gone)?)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take() {
            // After a panic of the thread, each call returned an error.
            let _ = thread.join();
        }
    }
}

/// The result of a database call.
pub(super) type Result<T, E = DatabaseError> = std::result::Result<T, E>;

/// An error of the database, before it names the file.
#[derive(Debug)]
pub(super) enum DatabaseError {
    Sqlite(rusqlite::Error),
    /// Some entries cannot be read.
    Damaged(String),
    Journal(Error),
}

impl DatabaseError {
    /// Whether the file is damaged.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            Self::Sqlite(error) => is_damage(error),
            Self::Damaged(_) => true,
            Self::Journal(error) => error.kind() == ErrorKind::Damaged,
        }
    }

    /// Whether the file may be damaged: the disk failed in a way that SQLite has no better code for.
    fn is_suspect(&self) -> bool {
        matches!(self, Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure))
    }

    /// Converts the error for a file that is being opened and may be anything.
    fn at_open(self, path: &Path) -> Error {
        match self {
            Self::Sqlite(error) if error.sqlite_error_code() == Some(ErrorCode::NotADatabase) => {
                Error::store(format!(
                    "{} is not a journal, or its first page is damaged: set KLING_JOURNAL to another file, or run \
                     kling journal check",
                    path.display()
                ))
            }
            error => error.at(path),
        }
    }

    /// Converts the error for a file.
    pub(super) fn at(self, path: &Path) -> Error {
        let place = path.display();
        match self {
            Self::Journal(error) => error,
            Self::Damaged(detail) => Error::damaged(path, detail),
            Self::Sqlite(error) if is_damage(&error) => Error::damaged(path, one_line(&error)),
            Self::Sqlite(error) if is_busy(&error) => {
                let message = format!(
                    "another process keeps the journal at {place} locked: try again, or stop that process"
                );
                Error::new(ErrorKind::Busy, message)
            }
            Self::Sqlite(error) => {
                Error::store(format!("cannot write the journal at {place}: {}", one_line(&error)))
            }
        }
    }
}

impl From<rusqlite::Error> for DatabaseError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<Error> for DatabaseError {
    fn from(error: Error) -> Self {
        Self::Journal(error)
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked))
}

/// Whether an error is damage. Values of a wrong type are damage too, since the table is strict.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
        || matches!(
            error,
            rusqlite::Error::InvalidColumnType(..)
                | rusqlite::Error::FromSqlConversionFailure(..)
                | rusqlite::Error::IntegralValueOutOfRange(..)
                | rusqlite::Error::Utf8Error(..)
        )
}

/// Returns the message of an error in one line, without the statement.
fn one_line(error: &rusqlite::Error) -> String {
    let text = match error {
        rusqlite::Error::SqliteFailure(code, Some(message)) => {
            format!("{message} (SQLite {})", code.extended_code)
        }
        other => other.to_string(),
    };
    text.lines().next().unwrap_or_default().to_owned()
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.starts_with("***")).unwrap_or(text).to_owned()
}

/// Creates an empty file that only its owner can read, or takes the rights of others away from an existing one.
///
/// An existing file is never opened here, since closing it would drop the locks of SQLite.
fn make_private(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        private_folder(folder)?;
    }
    match private().create_new(true).open(path) {
        Ok(file) => return file.sync_all(),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let metadata = fs::metadata(path)?;
    // A device may have no end, and does not keep data.
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        if metadata.permissions().mode() & 0o077 != 0 {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
        }
    }
    Ok(())
}

/// The device and the inode of a file, which tell files apart whatever their names.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Identity(u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(path).ok().map(|metadata| Identity(metadata.dev(), metadata.ino()))
}

/// Other systems do not delete an open file.
#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    None
}
