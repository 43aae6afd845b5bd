//! The check of a journal, and the salvage of every readable entry of a damaged one.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Row;

use super::database::{Database, DatabaseError, Result};
use super::lease::{LeaseFolder, sibling};
use super::table::Table;
use crate::{Entry, Error, ErrorKind, Intent};

/// The empty places in a row that end the table, if its length cannot be read.
const MAX_GAP: i64 = 20_000;

/// The damaged rows that are reported one by one.
const MAX_REPORTED: usize = 20;

/// The entries in one transaction.
const STEP: usize = 500;

/// The result of [`SqliteStore::check`](crate::SqliteStore::check).
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct CheckReport {
    /// The number of readable entries.
    pub entries: usize,
    /// The damage, a line each. The fields below are empty if there is none.
    pub damage: Vec<String>,
    /// The request ids that were rescued from unreadable rows. They are recorded as running jobs.
    pub rescued_ids: Vec<String>,
    /// The number of unreadable rows without a request id. They may be paid jobs.
    pub lost: usize,
    /// The new path of the damaged file.
    pub damaged_file: Option<PathBuf>,
}

impl CheckReport {
    /// Whether the whole journal can be read.
    pub fn is_whole(&self) -> bool {
        self.damage.is_empty()
    }
}

/// Checks the journal. Replaces a damaged file by a new one with everything that can be read.
pub(super) fn check(path: &Path) -> Result<CheckReport, Error> {
    if !path.is_file() {
        return Err(Error::store(format!("there is no journal at {}", path.display())));
    }
    let folder = LeaseFolder::beside(path)?;
    if folder.is_in_use() {
        let message =
            format!("another process uses the journal at {}: wait for it to end, or stop it", path.display());
        return Err(Error::new(ErrorKind::Busy, message));
    }
    let mut report = CheckReport::default();
    let salvage = Salvage::read(path, &mut report);
    if !report.is_whole() {
        salvage.replace(path, &mut report)?;
    }
    folder.unmark().map_err(|error| Error::io("remove the damage mark of", path, &error))?;
    Ok(report)
}

/// Everything that can be read from a file.
#[derive(Default)]
struct Salvage {
    entries: Vec<Entry>,
    /// The request ids without a readable row, each with the origin of its API if that can be read.
    ids: BTreeMap<String, Option<String>>,
    /// The places of the unreadable rows.
    unreadable: HashSet<i64>,
}

impl Salvage {
    fn read(path: &Path, report: &mut CheckReport) -> Self {
        let mut salvage = Self::default();
        match Database::open_as_it_is(path) {
            Ok(database) => {
                match database.integrity_check() {
                    Ok(lines) => report.damage.extend(lines),
                    Err(error) => report.damage.push(describe(error)),
                }
                salvage.read_rows(&database, report);
                report.lost = salvage.read_index(&database);
            }
            Err(error) => report.damage.push(error.at(path).to_string()),
        }
        report.entries = salvage.entries.len();
        salvage
    }

    /// Reads each row by its place, so that one bad page hides no other.
    fn read_rows(&mut self, database: &Database, report: &mut CheckReport) {
        let last = last_place(database);
        let (mut place, mut gap) = (0, 0);
        while last.map_or(gap < MAX_GAP, |last| place < last) {
            place += 1;
            gap += 1;
            match Table(&database.connection).at(place) {
                Ok(Some(row)) => {
                    gap = 0;
                    self.entries.extend(row.merged_into.is_none().then_some(row.entry));
                }
                Ok(None) => {}
                Err(error) => {
                    if self.unreadable.len() < MAX_REPORTED {
                        report.damage.push(format!("row {place}: {}", describe(error)));
                    }
                    self.unreadable.insert(place);
                    self.read_id(database, place);
                }
            }
        }
    }

    /// Reads the request id of a row with a wrong checksum. The id may still be right.
    fn read_id(&mut self, database: &Database, place: i64) {
        let question = "SELECT request_id, origin FROM entry WHERE seq = ?1";
        let read = |row: &Row<'_>| Ok((row.get::<_, Option<String>>(0)?, row.get(1)?));
        if let Ok((Some(id), origin)) = database.connection.query_row(question, [place], read) {
            self.ids.insert(id, Some(origin));
        }
    }

    /// Reads the index of request ids, their second copy. Returns the number of unreadable rows without an id in it.
    fn read_index(&mut self, database: &Database) -> usize {
        let known: HashSet<&str> = self.entries.iter().filter_map(Entry::request_id).collect();
        for order in ["ASC", "DESC"] {
            let question = format!(
                "SELECT request_id, seq FROM entry INDEXED BY entry_job WHERE request_id IS NOT NULL \
                 ORDER BY request_id {order}"
            );
            let Ok(mut statement) = database.connection.prepare(&question) else { continue };
            let Ok(mut rows) = statement.query([]) else { continue };
            // A bad page ends one direction. The other direction begins behind it.
            while let Ok(Some(row)) = rows.next() {
                let (Ok(id), Ok(place)) = (row.get::<_, String>(0), row.get(1)) else { continue };
                self.unreadable.remove(&place);
                self.ids.entry(id).or_default();
            }
        }
        self.ids.retain(|id, _| !known.contains(id.as_str()));
        self.unreadable.len()
    }

    /// Writes everything into a new file, and exchanges the names of the two files.
    fn replace(&self, path: &Path, report: &mut CheckReport) -> Result<(), Error> {
        let fresh = free_name(path, "salvaged");
        self.write(&fresh, report).inspect_err(|_| {
            for suffix in ["", "-wal", "-shm"] {
                let _ = fs::remove_file(sibling(&fresh, suffix));
            }
        })?;
        let kept = free_name(path, "damaged");
        let exchange = || -> io::Result<()> {
            for suffix in ["-wal", "-shm"] {
                // SQLite usually has removed them.
                match fs::rename(sibling(path, suffix), sibling(&kept, suffix)) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
            fs::rename(path, &kept)?;
            fs::rename(&fresh, path)?;
            path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
        };
        exchange().map_err(|error| Error::io("replace", path, &error))?;
        report.damaged_file = Some(kept);
        Ok(())
    }

    fn write(&self, path: &Path, report: &mut CheckReport) -> Result<(), Error> {
        let database = Database::open(path)?;
        let (connection, table) = (&database.connection, Table(&database.connection));
        let step = |write: &dyn Fn() -> Result<()>| -> Result<(), Error> {
            let transaction = || {
                connection.execute_batch("BEGIN IMMEDIATE")?;
                write()?;
                Ok(connection.execute_batch("COMMIT")?)
            };
            transaction().map_err(|error: DatabaseError| error.at(path))
        };
        for entries in self.entries.chunks(STEP) {
            step(&|| table.restore(entries).map(drop))?;
        }
        let mut origins = BTreeMap::new();
        for entry in &self.entries {
            *origins.entry(entry.intent().origin()).or_insert(0) += 1;
        }
        // An origin that no other entry has may be damaged. The most frequent one replaces it.
        let usual = origins.iter().max_by_key(|(_, count)| **count).map_or("", |(origin, _)| *origin);
        for (id, origin) in &self.ids {
            let origin = origin.as_deref().filter(|origin| origins.contains_key(origin)).unwrap_or(usual);
            let intent = Intent::of_job(origin, "", id.as_str());
            step(&|| table.adopt(&intent, None).map(drop))?;
            report.rescued_ids.push(id.clone());
        }
        Ok(())
    }
}

/// Returns the last place in the table, or `None` if the table cannot be read to its end.
fn last_place(database: &Database) -> Option<i64> {
    let last =
        |question: &str| database.connection.query_row(question, [], |row| row.get::<_, Option<i64>>(0));
    let in_table = last("SELECT max(seq) FROM entry NOT INDEXED").ok()?;
    let in_index = last("SELECT max(seq) FROM entry INDEXED BY entry_job WHERE request_id IS NOT NULL").ok();
    Some(in_table.max(in_index.flatten()).unwrap_or_default())
}

fn describe(error: DatabaseError) -> String {
    match error {
        DatabaseError::Damaged(detail) => detail,
        DatabaseError::Sqlite(error) => error.to_string(),
        DatabaseError::Journal(error) => error.to_string(),
    }
}

/// Returns a name beside the file that is not taken.
fn free_name(path: &Path, word: &str) -> PathBuf {
    let mut names = (1..).map(|number| sibling(path, &format!(".{word}-{number}")));
    names.find(|name| !name.exists()).unwrap_or_else(|| path.to_owned())
}
