//! The check of a journal, and the rescue of every entry that can be read from a damaged one.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::OptionalExtension;

use super::database::Database;
use super::failure::DatabaseError;
use super::folder::{Folder, sibling};
use super::table::{Stored, Table};
use super::{adopt, restore};
use crate::{Entry, Error, ErrorKind, Intent};

/// Places in a row without a readable entry, after which the table is taken for over if its length cannot be read.
const LONGEST_GAP: i64 = 20_000;

/// Entries in one transaction.
const STEP: usize = 500;

/// The answer of [`SqliteStore::check`](crate::SqliteStore::check).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CheckReport {
    /// The entries that are whole.
    pub entries: usize,
    /// What is damaged, a line each. Nothing else in the report matters if there is none.
    pub damage: Vec<String>,
    /// Request ids that were rescued from rows that cannot be read: they are recorded as running jobs.
    pub rescued_ids: Vec<String>,
    /// Rows that cannot be read, and gave no request id. They may be paid jobs.
    pub lost: usize,
    /// The new name of the damaged file.
    pub damaged_file: Option<PathBuf>,
}

impl CheckReport {
    /// Whether the whole journal can be read.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }
}

/// Checks the journal, and rescues what can be read if it is damaged.
pub(super) fn check(path: &Path) -> Result<CheckReport, Error> {
    if !path.is_file() {
        return Err(Error::store(format!("there is no journal at {}", path.display())));
    }
    let folder = Folder::beside(path)?;
    if folder.is_in_use() {
        let text =
            format!("a process works with the journal at {}: wait for its end, or stop it", path.display());
        return Err(Error::new(ErrorKind::Busy, text));
    }
    let mut report = CheckReport::default();
    let found = Found::read(path, &mut report);
    if report.is_whole() {
        folder.unmark().map_err(|error| Error::io("marked as whole", path, error))?;
        return Ok(report);
    }
    replace(path, &found, &mut report)?;
    folder.unmark().map_err(|error| Error::io("marked as whole", path, error))?;
    Ok(report)
}

/// Everything that a file still tells.
#[derive(Default)]
struct Found {
    entries: Vec<Entry>,
    /// Request ids without a whole row, with the origin of their API, if that can be read.
    ids: BTreeMap<String, Option<String>>,
}

impl Found {
    fn read(path: &Path, report: &mut CheckReport) -> Self {
        let mut found = Self::default();
        match Database::open_as_it_is(path) {
            Ok(database) => found.read_all(&database, report),
            Err(failure) => report.damage.push(failure.at(path).to_string()),
        }
        report.entries = found.entries.len();
        found
    }

    fn read_all(&mut self, database: &Database, report: &mut CheckReport) {
        match database.integrity_check() {
            Ok(lines) => report.damage.extend(lines),
            Err(failure) => report.damage.push(describe(failure)),
        }
        let mut whole = HashSet::new();
        let unreadable = self.read_rows(database, &mut whole, report);
        let without_id = self.read_index(database, &whole, unreadable);
        report.lost = without_id;
    }

    /// Reads each row by its place, so that one bad page hides no other. Returns the places of rows that cannot be read.
    fn read_rows(
        &mut self,
        database: &Database,
        whole: &mut HashSet<String>,
        report: &mut CheckReport,
    ) -> HashSet<i64> {
        let (table, mut unreadable) = (Table(&database.connection), HashSet::new());
        let last = last_place(database);
        let (mut place, mut gap) = (0, 0);
        while last.map_or(gap < LONGEST_GAP, |last| place < last) {
            place += 1;
            gap += 1;
            match table.at(place) {
                Ok(Some(Stored { entry, merged_into: None, .. })) => {
                    gap = 0;
                    whole.extend(entry.request_id().map(str::to_owned));
                    self.entries.push(entry);
                }
                Ok(Some(_)) => gap = 0,
                Ok(None) => {}
                Err(failure) => {
                    if unreadable.len() < 20 {
                        report.damage.push(format!("row {place}: {}", describe(failure)));
                    }
                    unreadable.insert(place);
                    self.read_ids_of(database, place);
                }
            }
        }
        unreadable
    }

    /// A row with a wrong checksum may still have a right request id.
    fn read_ids_of(&mut self, database: &Database, place: i64) {
        let question = "SELECT request_id, origin FROM entry WHERE seq = ?1";
        let read = |row: &rusqlite::Row<'_>| Ok((row.get::<_, Option<String>>(0)?, row.get::<_, String>(1)?));
        let row = database.connection.query_row(question, [place], read).optional();
        if let Ok(Some((Some(id), origin))) = row {
            self.ids.insert(id, Some(origin));
        }
    }

    /// The index of request ids is their second copy. Returns how many unreadable rows have no request id anywhere.
    fn read_index(
        &mut self,
        database: &Database,
        whole: &HashSet<String>,
        unreadable: HashSet<i64>,
    ) -> usize {
        let mut with_id = HashSet::new();
        for order in ["ASC", "DESC"] {
            let question = format!(
                "SELECT request_id, seq FROM entry INDEXED BY entry_job WHERE request_id IS NOT NULL \
                 ORDER BY request_id {order}"
            );
            let Ok(mut statement) = database.connection.prepare(&question) else { continue };
            let Ok(mut rows) = statement.query([]) else { continue };
            // A bad page ends one direction; the other one begins behind it.
            while let Ok(Some(row)) = rows.next() {
                let (Ok(id), Ok(place)) = (row.get::<_, String>(0), row.get::<_, i64>(1)) else { continue };
                with_id.insert(place);
                if !whole.contains(&id) {
                    self.ids.entry(id).or_default();
                }
            }
        }
        self.ids.retain(|id, _| !whole.contains(id));
        let of_rows = |place: &i64| Table(&database.connection).at(*place).is_err();
        unreadable.iter().filter(|place| of_rows(place) && !with_id.contains(place)).count()
    }

    /// The origin of most entries, for request ids whose own cannot be read.
    fn usual_origin(&self) -> &str {
        let mut counts = BTreeMap::new();
        for entry in &self.entries {
            *counts.entry(entry.intent().origin()).or_insert(0) += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count).map_or("", |(origin, _)| origin)
    }

    /// An origin that damage changed is no origin of any other entry.
    fn origin_of(&self, read: Option<&str>) -> String {
        let is_known = |origin: &&str| self.entries.iter().any(|entry| entry.intent().origin() == *origin);
        read.filter(is_known).unwrap_or_else(|| self.usual_origin()).to_owned()
    }
}

fn last_place(database: &Database) -> Option<i64> {
    let questions = [
        "SELECT max(seq) FROM entry NOT INDEXED",
        "SELECT max(seq) FROM entry INDEXED BY entry_job WHERE request_id IS NOT NULL",
    ];
    let last = |question: &str| {
        database
            .connection
            .query_row(question, [], |row| row.get::<_, Option<i64>>(0))
            .ok()
            .map(Option::unwrap_or_default)
    };
    let places = questions.map(last);
    // If the table cannot tell, its end is searched for.
    places[0]?;
    places.into_iter().flatten().max()
}

fn describe(failure: DatabaseError) -> String {
    match failure {
        DatabaseError::Damaged(detail) => detail,
        DatabaseError::Sqlite(error) => error.to_string(),
        DatabaseError::Journal(error) => error.to_string(),
    }
}

/// Writes everything that was found into a new file, and lets the two files change names.
fn replace(path: &Path, found: &Found, report: &mut CheckReport) -> Result<(), Error> {
    let fresh = free_name(path, "salvaged");
    write(&fresh, found, report).inspect_err(|_| {
        for suffix in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(sibling(&fresh, suffix));
        }
    })?;
    let kept = free_name(path, "damaged");
    let swap = || -> io::Result<()> {
        for suffix in ["-wal", "-shm"] {
            // Most of the time, SQLite has removed them.
            match fs::rename(sibling(path, suffix), sibling(&kept, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(path, &kept)?;
        fs::rename(&fresh, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    swap().map_err(|error| Error::io("replaced", path, error))?;
    report.damaged_file = Some(kept);
    Ok(())
}

fn write(path: &Path, found: &Found, report: &mut CheckReport) -> Result<(), Error> {
    let database = Database::open(path)?;
    let table = Table(&database.connection);
    let step = |write: &dyn Fn() -> Result<(), DatabaseError>| {
        let connection = &database.connection;
        let written =
            connection.execute_batch("BEGIN IMMEDIATE").map_err(DatabaseError::from).and_then(|()| write());
        written.and_then(|()| Ok(connection.execute_batch("COMMIT")?)).map_err(|failure| failure.at(path))
    };
    for entries in found.entries.chunks(STEP) {
        step(&|| restore(table, entries).map(drop))?;
    }
    for (id, origin) in &found.ids {
        let intent = Intent::of_job(found.origin_of(origin.as_deref()), "", id.as_str());
        step(&|| adopt(table, &intent, None).map(drop))?;
        report.rescued_ids.push(id.clone());
    }
    Ok(())
}

/// A name beside the file that is not taken.
fn free_name(path: &Path, word: &str) -> PathBuf {
    let names = (1..).map(|number| sibling(path, &format!(".{word}-{number}")));
    names.into_iter().find(|name| !name.exists()).unwrap_or_else(|| path.to_owned())
}
