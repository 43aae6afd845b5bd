//! The journal in an SQLite database, shared by any number of processes.

mod database;
mod lease;
mod salvage;
mod table;

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use etcetera::BaseStrategy;
use uuid::Uuid;

use self::database::{Database, DatabaseError, LOCK_TIMEOUT, LOCK_TIMEOUT_PAID, Result, Writer};
use self::lease::{Lease, LeaseFolder, SavedId};
pub use self::salvage::CheckReport;
use self::table::Table;
use crate::entry::Stage;
use crate::{
    Cursor, Entry, EntryStatus, Error, ErrorKind, Event, Intent, IntentId, OnDuplicate, Page, Query,
    Selection, Store,
};

/// The environment variable for the journal: the path of a file or a folder, or `off`.
pub const JOURNAL_VARIABLE: &str = "KLING_JOURNAL";

/// The age at which finished entries may be pruned by default: 90 days since the last change.
pub const RETENTION: Duration = Duration::from_secs(90 * 24 * 3600);

const FILE_NAME: &str = "journal.db";

/// The entries that one transaction removes, so that other calls do not wait for long.
const PRUNE_STEP: i64 = 500;

/// Returns the file of the journal that [`Journal::from_env`](crate::Journal::from_env) opens, or `None` if the journal is off.
/// Programs may keep files of their own beside it.
///
/// # Errors
/// [`ErrorKind::Store`] if there is no home folder.
pub fn journal_file() -> Result<Option<PathBuf>, Error> {
    Ok(path_from_env()?.map(|path| file_at(&path)))
}

/// Returns the path in the environment, or the default one, or `None` if the journal is off.
pub(crate) fn path_from_env() -> Result<Option<PathBuf>, Error> {
    match env::var_os(JOURNAL_VARIABLE).filter(|value| !value.is_empty()) {
        Some(value) => Ok(path_of(value)),
        None => default_file().map(Some),
    }
}

fn path_of(value: OsString) -> Option<PathBuf> {
    (!value.eq_ignore_ascii_case("off")).then(|| value.into())
}

/// Returns `~/.local/state/kling/journal.db` by the XDG rules. Systems without a folder for state use the one for data.
fn default_file() -> Result<PathBuf, Error> {
    let strategy = etcetera::choose_base_strategy()
        .map_err(|_| Error::store(format!("found no home folder: set {JOURNAL_VARIABLE} to a file")))?;
    let folder = strategy.state_dir().unwrap_or_else(|| strategy.data_dir());
    Ok(folder.join("kling").join(FILE_NAME))
}

/// Returns the file of a path that may name a folder.
pub(crate) fn file_at(path: &Path) -> PathBuf {
    let is_folder = path.is_dir() || path.as_os_str().to_string_lossy().ends_with('/');
    if is_folder { path.join(FILE_NAME) } else { path.to_owned() }
}

/// A [`Store`] in an SQLite database. The documentation of the crate describes the file.
///
/// The leases of processes are in the folder `journal.db.d` beside the file `journal.db`. Only the owner can read either.
#[derive(Debug)]
pub struct SqliteStore {
    path: PathBuf,
    folder: LeaseFolder,
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

/// An event that the database refused. It is retried with the next event.
#[derive(Clone, Debug)]
struct Unrecorded {
    intent: Intent,
    at: SystemTime,
    event: Event,
}

impl SqliteStore {
    /// Opens the store in this file. Creates a missing file, and the folders above it. Links are resolved first, so that every
    /// name of the file leads to the same locks.
    ///
    /// Records the request ids that a process could not record before it ended.
    ///
    /// # Errors
    /// - [`ErrorKind::Store`] if the file belongs to another program or a newer version, or cannot be read and written
    /// - [`ErrorKind::Damaged`] if the file is damaged
    /// - [`ErrorKind::Busy`] if another process keeps the file locked
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::open_with(&path.into(), Database::open)
    }

    fn open_with(path: &Path, open: impl Fn(&Path) -> Result<Database, Error>) -> Result<Self, Error> {
        let path = lease::resolve(path).map_err(|error| Error::io("open", path, &error))?;
        let database = open(&path)?;
        let folder = LeaseFolder::beside(&path)?;
        let reader = Mutex::new(open(&path)?);
        let writer = Writer::start(database)?;
        let store = Self { path, folder, writer, reader, reserve: Mutex::default() };
        store.record_stale_leases();
        Ok(store)
    }

    /// The path of the file, without links.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks a file that no process has open: its structure, its indexes, and the checksum of each row.
    ///
    /// If the file is damaged, every readable entry is copied into a new file. The new file replaces the damaged one, which is
    /// kept under another name.
    ///
    /// # Errors
    /// [`ErrorKind::Busy`] if a process uses the file; [`ErrorKind::Store`] if the file is missing or cannot be replaced.
    pub fn check(path: impl Into<PathBuf>) -> Result<CheckReport, Error> {
        let path = path.into();
        salvage::check(&lease::resolve(&path).map_err(|error| Error::io("open", &path, &error))?)
    }

    /// Records the request ids in the leases of processes that ended. Such a process may also have damaged the file.
    fn record_stale_leases(&self) {
        let stale = self.folder.stale_leases();
        if stale.is_empty() {
            return;
        }
        if let Err(error) = self.reader().quick_check() {
            self.note_damage(error);
            return;
        }
        for (path, file) in stale {
            let is_recorded = lease::saved_ids(&file).is_ok_and(|ids| self.record_saved(ids).is_ok());
            if is_recorded {
                // A lease that stays does no harm, since an id is recorded only once.
                let _ = std::fs::remove_file(path);
            }
        }
    }

    fn record_saved(&self, ids: Vec<SavedId>) -> Result<(), Error> {
        for SavedId { intent, request_id, origin } in ids {
            self.write(LOCK_TIMEOUT_PAID, move |table| {
                if table.has(&intent)? {
                    return table.apply(&intent, SystemTime::now(), &Event::accepted(request_id.as_str()));
                }
                table.adopt(&Intent::of_job(origin.as_str(), "", request_id.as_str()), None).map(drop)
            })?;
        }
        Ok(())
    }

    fn retry_unrecorded(&self) {
        let waiting = std::mem::take(&mut self.reserve().unrecorded);
        for unrecorded in waiting {
            let Unrecorded { intent, at, event } = unrecorded.clone();
            let written = self.write(LOCK_TIMEOUT, move |table| {
                if !table.has(intent.id())? {
                    // The file was deleted and created again.
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

    /// Keeps an event that the database refused in memory, and saves a request id in the lease.
    fn defer(&self, intent: &IntentId, at: SystemTime, event: &Event, refused: Error) -> Error {
        let mut reserve = self.reserve();
        let Some(known) = reserve.lease.as_ref().and_then(|lease| lease.intent(intent)).cloned() else {
            return refused;
        };
        reserve.unrecorded.push(Unrecorded { intent: known, at, event: event.clone() });
        let (Event::Accepted { request_id }, Some(lease)) = (event, &mut reserve.lease) else {
            return refused;
        };
        match lease.save(intent, request_id) {
            Ok(()) if lease.exists() => {
                let message = format!(
                    "{refused}; request {request_id} is saved beside the journal and will be recorded later"
                );
                Error::new(ErrorKind::Deferred, message)
            }
            Ok(()) => Error::store(format!(
                "{refused}; the folder beside it is gone too: note the request id yourself: {request_id}"
            )),
            Err(error) => Error::store(format!(
                "{refused}; the lease beside it failed too ({error}): note the request id yourself: {request_id}"
            )),
        }
    }

    /// Frees the slot of an intent whose outcome is recorded.
    fn free(&self, intent: &IntentId) {
        if let Some(lease) = &mut self.reserve().lease {
            lease.free(intent);
        }
    }

    /// Returns the lease of this process. Creates it at the first use, and again if its file was removed.
    fn lease<'a>(&self, reserve: &'a mut Reserve) -> Result<&'a mut Lease, Error> {
        let intents = match &reserve.lease {
            Some(lease) if lease.exists() => None,
            lease => Some(lease.as_ref().map(Lease::intents).unwrap_or_default()),
        };
        if let Some(intents) = intents {
            let mut lease = self.folder.lease()?;
            lease.reserve(&intents)?;
            reserve.lease = Some(lease);
        }
        reserve.lease.as_mut().ok_or_else(|| Error::store("the lease of this process is missing"))
    }

    /// Records an intent and locks it, unless `find` returns an entry or an error.
    fn begin_unless(
        &self,
        intent: &Intent,
        find: impl Fn(Table<'_>, &Intent, &dyn Fn(Uuid) -> bool) -> Result<Option<Entry>> + Send + 'static,
    ) -> Result<Option<Entry>, Error> {
        self.refuse_damage()?;
        self.retry_unrecorded();
        let lease = {
            let mut reserve = self.reserve();
            let lease = self.lease(&mut reserve)?;
            lease.reserve(std::slice::from_ref(intent))?;
            lease.id()
        };
        let (wanted, folder) = (intent.clone(), self.folder.clone());
        let begun = self.write(LOCK_TIMEOUT, move |table| {
            let is_alive = |other| other == lease || folder.is_alive(other);
            if let Some(found) = find(table, &wanted, &is_alive)? {
                return Ok(Some(found));
            }
            table.insert(&Entry::new(wanted.clone()), Some(lease)).map(|()| None)
        });
        if !matches!(begun, Ok(None)) || intent.request_id().is_some() {
            self.free(intent.id());
        }
        begun
    }

    /// Returns a function that tells whether the process of a lease is alive. It checks each lease once.
    fn liveness(&self) -> impl FnMut(Uuid) -> bool {
        let (own, folder) = (self.own_lease(), self.folder.clone());
        let mut known = HashMap::new();
        move |lease| Some(lease) == own || *known.entry(lease).or_insert_with(|| folder.is_alive(lease))
    }

    fn own_lease(&self) -> Option<Uuid> {
        self.reserve().lease.as_ref().map(Lease::id)
    }

    fn read<T>(&self, read: impl FnOnce(Table<'_>) -> Result<T>) -> Result<T, Error> {
        let result = read(Table(&self.reader().connection));
        result.map_err(|error| self.note_damage(error))
    }

    fn write<T: Send + 'static>(
        &self,
        lock_timeout: Duration,
        work: impl Fn(Table<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let result = self.writer.write(lock_timeout, move |connection| work(Table(connection)));
        result.map_err(|error| self.note_damage(error))
    }

    fn note_damage(&self, error: DatabaseError) -> Error {
        let is_damage = error.is_damage();
        let error = error.at(&self.path);
        if is_damage {
            self.folder.mark_damaged(&error.to_string());
        }
        error
    }

    fn refuse_damage(&self) -> Result<(), Error> {
        self.damage().map_or(Ok(()), Err)
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
    fn begin(&self, intent: &Intent, on_duplicate: OnDuplicate) -> Result<(), Error> {
        let begun = self.begin_unless(intent, move |table, intent, is_alive| match on_duplicate {
            OnDuplicate::Reject => refuse_duplicate(table, intent, is_alive).map(|()| None),
            OnDuplicate::Allow => Ok(None),
        });
        begun.map(drop)
    }

    fn begin_or_find(&self, intent: &Intent) -> Result<Option<Entry>, Error> {
        self.begin_unless(intent, find_resumable)
    }

    fn adopt(&self, intent: &Intent) -> Result<Intent, Error> {
        let lease = self.lease(&mut self.reserve())?.id();
        let intent = intent.clone();
        self.write(LOCK_TIMEOUT, move |table| table.adopt(&intent, Some(lease)))
    }

    fn record(&self, intent: &IntentId, event: &Event) -> Result<(), Error> {
        self.retry_unrecorded();
        let lock_timeout = if event.requires_sync() { LOCK_TIMEOUT_PAID } else { LOCK_TIMEOUT };
        let (id, at, copy) = (*intent, SystemTime::now(), event.clone());
        match self.write(lock_timeout, move |table| table.apply(&id, at, &copy)) {
            Ok(()) => {
                if event.ends_submit() {
                    self.free(intent);
                }
                Ok(())
            }
            // A file that was deleted and created again has no entry for an earlier intent.
            Err(error) if event.ends_submit() => Err(self.defer(intent, at, event, error)),
            Err(error) => Err(error),
        }
    }

    fn lock(&self, intent: &IntentId) -> Result<bool, Error> {
        let lease = self.lease(&mut self.reserve())?.id();
        let (intent, folder) = (*intent, self.folder.clone());
        self.write(LOCK_TIMEOUT, move |table| {
            let mut row = table.get(&intent)?;
            if row.lease.is_some_and(|other| other != lease && folder.is_alive(other)) {
                return Ok(false);
            }
            row.lease = Some(lease);
            table.update(&row)?;
            Ok(true)
        })
    }

    fn unlock(&self, intent: &IntentId) -> Result<(), Error> {
        let (intent, own) = (*intent, self.own_lease());
        self.write(LOCK_TIMEOUT, move |table| {
            let mut row = table.get(&intent)?;
            if row.lease.is_some() && row.lease == own {
                row.lease = None;
                table.update(&row)?;
            }
            Ok(())
        })
    }

    fn find_intents(&self, start: &str) -> Result<Vec<Entry>, Error> {
        let Some(ids) = id_range(start) else { return Ok(Vec::new()) };
        let rows = self.read(|table| table.find_between(ids))?;
        let mut is_alive = self.liveness();
        Ok(rows.into_iter().map(|row| row.with_lock(&mut is_alive)).collect())
    }

    fn find_job(&self, origin: &str, request_id: &str) -> Result<Option<Entry>, Error> {
        let row = self.read(|table| table.find_job(origin, request_id))?;
        Ok(row.map(|row| row.with_lock(self.liveness())))
    }

    fn page(&self, query: &Query) -> Result<Page, Error> {
        let mut is_alive = self.liveness();
        let (mut page, mut count) = (Page::default(), 0);
        let is_before = |stage: &&Stage| query.after.is_some_and(|cursor| cursor.group != **stage as u8);
        for stage in stages(query.selection).iter().skip_while(is_before) {
            for (seq, row) in self.read(|table| table.page(query, *stage, query.limit - count))? {
                count += 1;
                page.next = Some(Cursor { group: *stage as u8, position: seq });
                match row {
                    Ok(row) => page.entries.push(row.with_lock(&mut is_alive)),
                    // The other entries are still shown, and the mark makes every process warn.
                    Err(error) => drop(self.note_damage(error)),
                }
            }
            if count >= query.limit {
                return Ok(page);
            }
        }
        page.next = None;
        Ok(page)
    }

    fn restore(&self, entries: &[Entry]) -> Result<usize, Error> {
        let entries = entries.to_vec();
        self.write(LOCK_TIMEOUT, move |table| table.restore(&entries))
    }

    fn count_prunable(&self, before: SystemTime) -> Result<usize, Error> {
        self.read(|table| table.count_over(before))
    }

    fn prune(&self, before: SystemTime) -> Result<usize, Error> {
        self.refuse_damage()?;
        let mut removed = 0;
        loop {
            let step = self.write(LOCK_TIMEOUT, move |table| table.remove_over(before, PRUNE_STEP))?;
            removed += step;
            if step == 0 {
                return Ok(removed);
            }
        }
    }

    fn damage(&self) -> Option<Error> {
        let detail = self.folder.damage()?;
        // The mark holds the whole message, unless it could not be written or read to its end.
        Some(if detail.contains("kling journal check") {
            Error::new(ErrorKind::Damaged, detail)
        } else {
            Error::damaged(&self.path, "marked")
        })
    }
}

/// Refuses a request whose outcome is unknown. The intent of a living process is not a duplicate, since its outcome follows.
fn refuse_duplicate(table: Table<'_>, intent: &Intent, is_alive: impl Fn(Uuid) -> bool) -> Result<()> {
    for row in table.unresolved_like(intent)? {
        let entry = row.with_lock(&is_alive);
        if entry.status() == EntryStatus::Unknown {
            return Err(Error::duplicate(entry.intent()).into());
        }
    }
    Ok(())
}

/// Returns the newest job of the same request and account that can be resumed. Without one, refuses a request whose outcome is
/// unknown, or that a living process submits.
fn find_resumable(
    table: Table<'_>,
    intent: &Intent,
    is_alive: &dyn Fn(Uuid) -> bool,
) -> Result<Option<Entry>> {
    let mut jobs = table.same_request(intent)?.into_iter().map(|row| row.with_lock(is_alive));
    let is_ours = |entry: &Entry| entry.intent().account() == intent.account() && entry.can_be_resumed();
    if let Some(job) = jobs.find(is_ours) {
        return Ok(Some(job));
    }
    refuse_duplicate(table, intent, is_alive)?;
    match table.unresolved_like(intent)?.first() {
        Some(row) => Err(Error::in_progress(row.entry.intent()).into()),
        None => Ok(None),
    }
}

/// Returns the stages of a selection, in the order of a list: entries that need a person come first.
const fn stages(selection: Selection) -> &'static [Stage] {
    match selection {
        Selection::All => &[Stage::Unresolved, Stage::Running, Stage::Unsaved, Stage::Over],
        Selection::Unfinished => &[Stage::Running, Stage::Unsaved],
        Selection::Unresolved => &[Stage::Unresolved],
    }
}

/// Returns the first and the last id that begin with these hexadecimal digits. Dashes are ignored.
fn id_range(start: &str) -> Option<[Uuid; 2]> {
    let digits = start.replace('-', "");
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if !is_hex || digits.is_empty() || digits.len() > 32 {
        return None;
    }
    let id = |padded: String| Uuid::try_parse(&padded).ok();
    Some([id(format!("{digits:0<32}"))?, id(format!("{digits:f<32}"))?])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A rollback journal is used without shared memory, or if SQLite has the WAL-reset bug.
    #[test]
    fn a_rollback_journal_keeps_the_same_promises() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.db");
        let open = || SqliteStore::open_with(&path, |path| Database::open_in(path, false)).unwrap();
        let stores = [open(), open()];
        std::thread::scope(|scope| {
            for (number, store) in stores.iter().enumerate() {
                scope.spawn(move || {
                    for job in 0..10 {
                        let intent = Intent::new("https://api.example", "m", format!("{number}-{job}"));
                        store.begin(&intent, OnDuplicate::Reject).unwrap();
                        store.record(intent.id(), &Event::accepted(format!("id-{number}-{job}"))).unwrap();
                    }
                });
            }
        });
        let page = stores[0].page(&Query::new(Selection::Unfinished)).unwrap();
        assert_eq!(page.entries.len(), 20);
        assert!(!lease::sibling(&path, "-wal").exists());
        let intent = Intent::new("https://api.example", "m", "cut");
        stores[0].begin(&intent, OnDuplicate::Reject).unwrap();
        drop(stores);
        let refused = open().begin(&Intent::new("https://api.example", "m", "cut"), OnDuplicate::Reject);
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::DuplicateRequest);
    }

    #[test]
    fn a_path_may_name_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(file_at(folder.path()), folder.path().join("journal.db"));
        assert_eq!(file_at(Path::new("new/folder/")), Path::new("new/folder/journal.db"));
        assert_eq!(file_at(&folder.path().join("mine.db")), folder.path().join("mine.db"));
        assert_eq!(path_of("OFF".into()), None);
        assert_eq!(path_of("./off".into()), Some("./off".into()));
    }

    #[test]
    fn a_stale_lease_never_looks_alive_while_it_is_read() {
        let place = tempfile::tempdir().unwrap();
        let folder = LeaseFolder::beside(&place.path().join("journal.db")).unwrap();
        let mut lease = folder.lease().unwrap();
        let (id, intent) = (lease.id(), Intent::new("https://api.example", "m", "f"));
        assert!(folder.is_alive(id) && folder.stale_leases().is_empty());
        lease.reserve(std::slice::from_ref(&intent)).unwrap();
        lease.save(intent.id(), "5e1f").unwrap();
        drop(lease);
        let stale = folder.stale_leases();
        assert_eq!(stale.len(), 1, "a lease that holds a request id outlives its process");
        assert!(!folder.is_alive(id));
        assert_eq!(lease::saved_ids(&stale[0].1).unwrap()[0].request_id, "5e1f");
    }
}
