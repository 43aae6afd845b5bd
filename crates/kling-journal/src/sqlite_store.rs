//! The journal in an SQLite database, shared by any number of processes.

mod database;
mod failure;
mod folder;
mod lease;
mod salvage;
mod table;
mod writer;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use self::database::{Database, LOCK_TIMEOUT, LOCK_TIMEOUT_PAID};
use self::failure::DatabaseError;
use self::folder::Folder;
use self::lease::{Lease, Rescued};
pub use self::salvage::CheckReport;
use self::table::{Part, Table};
use self::writer::Writer;
use crate::entry::Stage;
use crate::{
    Cursor, Entry, Error, ErrorKind, Event, Intent, IntentId, OnDuplicate, Page, Query, Selection, Store,
};

/// How long a finished entry is worth keeping by default: 90 days since its last change.
pub const RETENTION: Duration = Duration::from_secs(90 * 24 * 3600);

/// Entries that one transaction removes, so that others are not kept waiting.
const PRUNE_STEP: i64 = 500;

/// A [`Store`] in an SQLite database. The crate's documentation describes the file.
///
/// Beside a file `journal.db` is a folder `journal.db.d` with the leases of processes. Only their owner can read either.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    folder: Folder,
    // Dropped before the lease: the last records are tried again while it is there.
    writer: Writer,
    reader: Mutex<Database>,
    reserve: Mutex<Reserve>,
}

/// The lease of this process, and the events that the database refused.
#[derive(Debug, Default)]
struct Reserve {
    lease: Option<Lease>,
    unrecorded: Vec<Unrecorded>,
}

/// An event that the database refused, which is tried again with the next record.
#[derive(Clone, Debug)]
struct Unrecorded {
    intent: Intent,
    at: SystemTime,
    event: Event,
}

impl SqliteStore {
    /// Opens the store in this file, which is made if it is missing, together with the folders above it. Links are followed
    /// first, so that every name of the file leads to the same locks.
    ///
    /// Request ids that a dead process could not record are recorded now.
    ///
    /// # Errors
    /// [`ErrorKind::Store`] if the file cannot be read and written, belongs to another program or to a newer version;
    /// [`ErrorKind::Damaged`] if it is damaged; [`ErrorKind::Busy`] if another process keeps it locked.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::open_by(&path.into(), Database::open)
    }

    fn open_by(path: &Path, open: impl Fn(&Path) -> Result<Database, Error>) -> Result<Self, Error> {
        let path = folder::resolved(path)?;
        let database = open(&path)?;
        let folder = Folder::beside(&path)?;
        let reader = Mutex::new(open(&path)?);
        let writer = Writer::start(database, path.clone(), folder.clone())?;
        let store = Self { path, folder, writer, reader, reserve: Mutex::default() };
        store.clean_up_after_the_dead();
        Ok(store)
    }

    /// The path of the file, without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks a file that no process has open: its structure, its indexes, and the checksum of each row. If some of it is
    /// damaged, every entry that can be read is copied into a new file, which takes the place of the damaged one. The damaged
    /// file is kept under another name.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] if a process works with the file; [`ErrorKind::Store`] if there is no such journal, or the new file
    /// cannot be written.
    pub fn check(path: impl Into<PathBuf>) -> Result<CheckReport, Error> {
        salvage::check(&folder::resolved(&path.into())?)
    }

    /// A process that died may have left request ids in its lease, and the file half-written.
    fn clean_up_after_the_dead(&self) {
        let dead = self.folder.dead_leases();
        if dead.is_empty() {
            return;
        }
        if let Err(failure) = self.reader().quick_check() {
            self.note_damage(failure);
            return;
        }
        for (path, file) in dead {
            let rescued = lease::rescue(&file).map_err(|_| ());
            let is_recorded = rescued.and_then(|rescued| self.record_rescued(rescued).map_err(|_| ()));
            if is_recorded.is_ok() {
                lease::remove(&path);
            }
        }
    }

    fn record_rescued(&self, rescued: Vec<Rescued>) -> Result<(), Error> {
        for Rescued { intent, request_id, origin } in rescued {
            let event = Event::accepted(request_id.clone());
            self.writer.write(LOCK_TIMEOUT_PAID, move |table| {
                if table.has(&intent)? {
                    return table.apply(&intent, SystemTime::now(), &event);
                }
                adopt(table, &Intent::of_job(origin.clone(), "", request_id.clone()), None).map(drop)
            })?;
        }
        Ok(())
    }

    /// Records an event, together with those that were refused before.
    fn write_event(&self, intent: &IntentId, at: SystemTime, event: &Event) -> Result<(), Error> {
        self.retry_unrecorded();
        let lock_timeout = if event.requires_sync() { LOCK_TIMEOUT_PAID } else { LOCK_TIMEOUT };
        let (intent, event) = (*intent, event.clone());
        self.writer.write(lock_timeout, move |table| table.apply(&intent, at, &event))
    }

    fn retry_unrecorded(&self) {
        let waiting = std::mem::take(&mut self.reserve().unrecorded);
        for unrecorded in waiting {
            let Unrecorded { intent, at, event } = unrecorded.clone();
            let written = self.writer.write(LOCK_TIMEOUT, move |table| {
                if !table.has(intent.id())? {
                    // The file was deleted and made anew since.
                    table.insert(&Entry::new(intent.clone()), None)?;
                }
                table.apply(intent.id(), at, &event)
            });
            match written {
                Ok(()) => self.free(unrecorded.intent.id()),
                Err(_) => self.reserve().unrecorded.push(unrecorded),
            }
        }
    }

    /// Keeps an event that the database refused: in memory, and a request id in the reserved room of the lease as well.
    fn defer(&self, intent: &IntentId, at: SystemTime, event: &Event, refused: Error) -> Error {
        let mut reserve = self.reserve();
        let Some(known) = reserve.lease.as_ref().and_then(|lease| lease.intent(intent)).cloned() else {
            return refused;
        };
        reserve.unrecorded.push(Unrecorded { intent: known, at, event: event.clone() });
        let (Event::Accepted { request_id }, Some(lease)) = (event, &mut reserve.lease) else {
            return refused;
        };
        match lease.keep(intent, request_id) {
            Ok(()) if lease.is_there() => Error::new(
                ErrorKind::Deferred,
                format!(
                    "{refused}; request {request_id} is kept beside the journal, and recorded once that is possible"
                ),
            ),
            Ok(()) => Error::store(format!(
                "{refused}, and its folder is gone too: note the request id yourself: {request_id}"
            )),
            Err(error) => Error::store(format!(
                "{refused}, and the reserve beside it failed too ({error}): note the request id yourself: {request_id}"
            )),
        }
    }

    /// Frees the room of an intent whose outcome is recorded.
    fn free(&self, intent: &IntentId) {
        if let Some(lease) = &mut self.reserve().lease {
            lease.free(intent);
        }
    }

    /// The lease of this process. It is made at its first use, and anew if somebody removed the file.
    fn lease<'a>(&self, reserve: &'a mut Reserve) -> Result<&'a mut Lease, Error> {
        if !reserve.lease.as_ref().is_some_and(Lease::is_there) {
            let mut lease = self.folder.lease()?;
            let intents = reserve.lease.as_ref().map(Lease::intents).unwrap_or_default();
            lease.reserve(&intents)?;
            return Ok(reserve.lease.insert(lease));
        }
        reserve.lease.as_mut().ok_or_else(|| Error::store("the lease of this process is missing"))
    }

    /// Whether the process of a lease is alive, asked once for each lease.
    fn liveness(&self) -> impl FnMut(Uuid) -> bool {
        let (own, folder) = (self.own_lease(), self.folder.clone());
        let mut known = HashMap::new();
        move |lease| Some(lease) == own || *known.entry(lease).or_insert_with(|| folder.is_alive(lease))
    }

    fn own_lease(&self) -> Option<Uuid> {
        self.reserve().lease.as_ref().map(Lease::id)
    }

    /// Reads, and takes note of damage.
    fn read<T>(&self, read: impl FnOnce(Table<'_>) -> Result<T, DatabaseError>) -> Result<T, Error> {
        let outcome = read(Table(&self.reader().connection));
        outcome.map_err(|failure| self.note_damage(failure))
    }

    fn note_damage(&self, failure: DatabaseError) -> Error {
        let is_damage = failure.is_damage();
        let error = failure.at(&self.path);
        if is_damage {
            self.folder.mark_damaged(&error.to_string());
        }
        error
    }

    fn reader(&self) -> MutexGuard<'_, Database> {
        self.reader.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn reserve(&self) -> MutexGuard<'_, Reserve> {
        self.reserve.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.retry_unrecorded();
    }
}

impl Store for SqliteStore {
    fn begin(&self, intents: &[Intent], on_duplicate: OnDuplicate) -> Result<(), Error> {
        if let Some(damage) = self.damage() {
            return Err(damage);
        }
        self.retry_unrecorded();
        let lease = {
            let mut reserve = self.reserve();
            let lease = self.lease(&mut reserve)?;
            lease.reserve(intents)?;
            lease.id()
        };
        let (wanted, folder) = (intents.to_vec(), self.folder.clone());
        let begun = self.writer.write(LOCK_TIMEOUT, move |table| {
            for intent in &wanted {
                if on_duplicate == OnDuplicate::Reject {
                    refuse_duplicate(table, intent, lease, &folder)?;
                }
                table.insert(&Entry::new(intent.clone()), Some(lease))?;
            }
            Ok(())
        });
        let is_over = |intent: &&Intent| begun.is_err() || intent.request_id().is_some();
        intents.iter().filter(is_over).for_each(|intent| self.free(intent.id()));
        begun
    }

    fn adopt(&self, intent: &Intent) -> Result<Intent, Error> {
        let lease = self.lease(&mut self.reserve())?.id();
        let intent = intent.clone();
        self.writer.write(LOCK_TIMEOUT, move |table| adopt(table, &intent, Some(lease)))
    }

    fn record(&self, intent: &IntentId, event: &Event) -> Result<(), Error> {
        let at = SystemTime::now();
        match self.write_event(intent, at, event) {
            Ok(()) => {
                if event.ends_submit() {
                    self.free(intent);
                }
                Ok(())
            }
            // A file that was deleted and made anew knows no intent of before.
            Err(error) if event.ends_submit() => Err(self.defer(intent, at, event, error)),
            Err(error) => Err(error),
        }
    }

    fn lock(&self, intent: &IntentId) -> Result<bool, Error> {
        let lease = self.lease(&mut self.reserve())?.id();
        let (intent, folder) = (*intent, self.folder.clone());
        self.writer.write(LOCK_TIMEOUT, move |table| {
            let mut stored = table.get(&intent)?;
            if stored.lease.is_some_and(|other| other != lease && folder.is_alive(other)) {
                return Ok(false);
            }
            stored.lease = Some(lease);
            table.update(&stored)?;
            Ok(true)
        })
    }

    fn unlock(&self, intent: &IntentId) -> Result<(), Error> {
        let (intent, own) = (*intent, self.own_lease());
        self.writer.write(LOCK_TIMEOUT, move |table| {
            let mut stored = table.get(&intent)?;
            if stored.lease.is_some() && stored.lease == own {
                stored.lease = None;
                table.update(&stored)?;
            }
            Ok(())
        })
    }

    fn find_intents(&self, start: &str) -> Result<Vec<Entry>, Error> {
        let Some((low, high)) = range(start) else { return Ok(Vec::new()) };
        let rows = self.read(|table| table.find_between(low, high))?;
        let mut is_alive = self.liveness();
        Ok(rows.into_iter().map(|row| row.with_lock(&mut is_alive)).collect())
    }

    fn find_job(&self, origin: &str, request_id: &str) -> Result<Option<Entry>, Error> {
        let row = self.read(|table| table.find_job(origin, request_id))?;
        Ok(row.map(|row| row.with_lock(&mut self.liveness())))
    }

    fn page(&self, query: &Query) -> Result<Page, Error> {
        let mut is_alive = self.liveness();
        let (mut page, mut last) = (Page::default(), None);
        let stages = stages(query.selection)
            .iter()
            .skip_while(|stage| query.after.is_some_and(|cursor| cursor.group != **stage as u8));
        let mut rows = 0;
        for stage in stages {
            let part = Part {
                stage: *stage,
                after: query
                    .after
                    .filter(|cursor| cursor.group == *stage as u8)
                    .map(|cursor| cursor.position),
                oldest_first: query.oldest_first,
                limit: query.limit - rows,
                origin: query.origin.as_deref(),
                batch: query.batch.as_deref(),
            };
            for (seq, row) in self.read(|table| table.page(&part))? {
                rows += 1;
                last = Some(Cursor { group: *stage as u8, position: seq });
                match row {
                    Ok(row) => page.entries.push(row.with_lock(&mut is_alive)),
                    // The others are still worth showing; the mark makes everybody warn.
                    Err(failure) => drop(self.note_damage(failure)),
                }
            }
            if rows >= query.limit {
                page.next = last;
                break;
            }
        }
        Ok(page)
    }

    fn restore(&self, entries: &[Entry]) -> Result<usize, Error> {
        let entries = entries.to_vec();
        self.writer.write(LOCK_TIMEOUT, move |table| restore(table, &entries))
    }

    fn count_prunable(&self, before: SystemTime) -> Result<usize, Error> {
        self.read(|table| table.count_over(before))
    }

    fn prune(&self, before: SystemTime) -> Result<usize, Error> {
        if let Some(damage) = self.damage() {
            return Err(damage);
        }
        let mut removed = 0;
        loop {
            let step = self.writer.write(LOCK_TIMEOUT, move |table| table.remove_over(before, PRUNE_STEP))?;
            removed += step;
            if step == 0 {
                return Ok(removed);
            }
        }
    }

    fn damage(&self) -> Option<Error> {
        let detail = self.folder.damage()?;
        let is_whole = detail.contains("kling journal check");
        Some(if is_whole {
            Error::new(ErrorKind::Damaged, detail)
        } else {
            Error::damaged(&self.path, "marked")
        })
    }
}

/// An intent of a living process is no duplicate: its outcome is about to be known.
fn refuse_duplicate(
    table: Table<'_>,
    intent: &Intent,
    own: Uuid,
    folder: &Folder,
) -> Result<(), DatabaseError> {
    let is_alive = |lease| lease == own || folder.is_alive(lease);
    for row in table.unresolved_like(intent)? {
        let entry = row.with_lock(is_alive);
        if entry.status() == crate::EntryStatus::Unknown {
            return Err(Error::duplicate(entry.intent()).into());
        }
    }
    Ok(())
}

fn adopt(table: Table<'_>, intent: &Intent, lease: Option<Uuid>) -> Result<Intent, DatabaseError> {
    let known = match intent.request_id() {
        Some(id) => table.find_job(intent.origin(), id)?,
        None => None,
    };
    match known {
        Some(row) => Ok(row.entry.intent().clone()),
        None => table.insert(&Entry::new(intent.clone()), lease).map(|()| intent.clone()),
    }
}

fn restore(table: Table<'_>, entries: &[Entry]) -> Result<usize, DatabaseError> {
    let mut added = 0;
    for entry in entries {
        if !table.has(entry.intent().id())? {
            table.insert(entry, None)?;
            added += 1;
        }
    }
    Ok(added)
}

/// The stages of a selection, in the order of a list.
const fn stages(selection: Selection) -> &'static [Stage] {
    match selection {
        Selection::All => &[Stage::Unresolved, Stage::Running, Stage::Unsaved, Stage::Over],
        Selection::Unfinished => &[Stage::Running, Stage::Unsaved],
        Selection::Unresolved => &[Stage::Unresolved],
    }
}

/// The first and the last id that begin with these digits; dashes are left out.
fn range(start: &str) -> Option<([u8; 16], [u8; 16])> {
    let digits: String = start.chars().filter(|letter| *letter != '-').collect();
    if digits.is_empty() || digits.len() > 32 {
        return None;
    }
    let bound = |filler| {
        let padded = format!("{digits}{}", String::from(filler).repeat(32 - digits.len()));
        u128::from_str_radix(&padded, 16).ok().map(u128::to_be_bytes)
    };
    // The standard library takes a sign as well.
    digits.chars().all(|digit| digit.is_ascii_hexdigit()).then_some(())?;
    Some((bound('0')?, bound('f')?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where shared memory is missing, or SQLite has the WAL-reset bug.
    #[test]
    fn a_rollback_journal_keeps_the_same_promises() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let open = || SqliteStore::open_by(&path, |path| Database::open_in(path, false)).unwrap();
        let stores = [open(), open()];
        std::thread::scope(|scope| {
            for (number, store) in stores.iter().enumerate() {
                scope.spawn(move || {
                    for job in 0..10 {
                        let intent = Intent::new("https://api.example", "m", format!("{number}-{job}"));
                        store.begin(std::slice::from_ref(&intent), OnDuplicate::Reject).unwrap();
                        store.record(intent.id(), &Event::accepted(format!("id-{number}-{job}"))).unwrap();
                    }
                });
            }
        });
        let page = stores[0].page(&Query::new(Selection::Unfinished)).unwrap();
        assert_eq!(page.entries.len(), 20);
        assert!(!folder::sibling(&path, "-wal").exists());
        let intent = Intent::new("https://api.example", "m", "cut");
        stores[0].begin(std::slice::from_ref(&intent), OnDuplicate::Reject).unwrap();
        drop(stores);
        let refused = open().begin(&[Intent::new("https://api.example", "m", "cut")], OnDuplicate::Reject);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::DuplicateRequest);
    }

    #[test]
    fn a_dead_lease_never_looks_alive_while_it_is_read() {
        let place = tempfile::tempdir().unwrap();
        let folder = Folder::beside(&place.path().join("journal.db")).unwrap();
        let mut lease = folder.lease().unwrap();
        let (id, intent) = (lease.id(), Intent::new("https://api.example", "m", "f"));
        assert!(folder.is_alive(id) && folder.dead_leases().is_empty());
        lease.reserve(std::slice::from_ref(&intent)).unwrap();
        lease.keep(intent.id(), "5e1f").unwrap();
        drop(lease);
        let dead = folder.dead_leases();
        assert_eq!(dead.len(), 1, "a lease that holds a request id outlives its process");
        assert!(!folder.is_alive(id));
        assert_eq!(lease::rescue(&dead[0].1).unwrap()[0].request_id, "5e1f");
    }
}
