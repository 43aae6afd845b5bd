//! The handle on a journal, whichever store keeps it.

use std::collections::HashMap;
use std::io::{BufRead, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

#[cfg(feature = "sqlite")]
use crate::{CheckReport, SqliteStore, sqlite_store};
use crate::{Entry, Error, Event, Intent, IntentId, OnDuplicate, Page, Query, Selection, Store};

/// The entries that are exported or imported at a time.
const STEP: usize = 500;

/// The longest line that is imported, in bytes.
const MAX_LINE: u64 = 1 << 20;

/// A durable record of paid jobs. It is cheap to clone. Its calls block for about a millisecond.
///
/// Each call may fail with [`ErrorKind::Store`](crate::ErrorKind::Store), [`ErrorKind::Busy`](crate::ErrorKind::Busy) or
/// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged).
#[derive(Clone, Debug)]
pub struct Journal {
    store: Arc<dyn Store>,
    /// The number of guards of each entry. The last one unlocks the entry for other processes.
    locks: Arc<Mutex<HashMap<IntentId, usize>>>,
}

impl Journal {
    /// Opens the journal in a file, or in the file `journal.db` of a folder. Creates a missing one.
    #[cfg(feature = "sqlite")]
    pub fn open(path: impl AsRef<std::path::Path>) -> Result<Self, Error> {
        SqliteStore::open(sqlite_store::file_at(path.as_ref())).map(Self::with_store)
    }

    /// Opens the journal that [`JOURNAL_VARIABLE`](crate::JOURNAL_VARIABLE) names, by default in the platform's folder for state. Returns `None` if
    /// the variable is `off`.
    #[cfg(feature = "sqlite")]
    pub fn from_env() -> Result<Option<Self>, Error> {
        sqlite_store::path_from_env()?.map(Self::open).transpose()
    }

    /// Runs [`SqliteStore::check`] on the journal that [`Journal::from_env`] opens. Returns `None` if the journal is off.
    #[cfg(feature = "sqlite")]
    pub fn check_from_env() -> Result<Option<CheckReport>, Error> {
        sqlite_store::path_from_env()?
            .map(|path| SqliteStore::check(sqlite_store::file_at(&path)))
            .transpose()
    }

    /// Creates a journal in a store of your own.
    pub fn with_store(store: impl Store + 'static) -> Self {
        Self { store: Arc::new(store), locks: Arc::default() }
    }

    /// Records an intent. When this returns, the intent is on disk, and the request may be sent.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateRequest`](crate::ErrorKind::DuplicateRequest) if the same request has an unknown outcome and
    /// duplicates are rejected. After any error, the request must not be sent.
    pub fn begin(&self, intent: &Intent, on_duplicate: OnDuplicate) -> Result<(), Error> {
        self.store.begin(intent, on_duplicate)
    }

    /// Records an intent as [`Journal::begin`] does, unless the same request of the same account has a job that
    /// [can be resumed](Entry::can_be_resumed). Returns the entry of that job, so that nothing is paid twice.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateRequest`](crate::ErrorKind::DuplicateRequest) if the same request has an unknown outcome, or
    /// another process is submitting it. After any error, the request must not be sent.
    pub fn begin_or_find(&self, intent: &Intent) -> Result<Option<Entry>, Error> {
        self.store.begin_or_find(intent)
    }

    /// Records an event of an intent.
    ///
    /// # Errors
    /// [`ErrorKind::NoEntry`](crate::ErrorKind::NoEntry) if the intent has no entry, and
    /// [`ErrorKind::Deferred`](crate::ErrorKind::Deferred) if the request id is safe but not in the journal yet.
    pub fn record(&self, intent: &IntentId, event: &Event) -> Result<(), Error> {
        self.store.record(intent, event)
    }

    /// Records a job that another program submitted, from [`Intent::of_job`], unless an entry has its request id. Returns the
    /// intent of the entry.
    pub fn adopt(&self, intent: &Intent) -> Result<Intent, Error> {
        self.store.adopt(intent)
    }

    /// Locks an entry until the guard is dropped. Returns `None` if another living process has locked it.
    ///
    /// An entry may be locked several times through one journal. The last guard unlocks it.
    ///
    /// # Errors
    /// [`ErrorKind::NoEntry`](crate::ErrorKind::NoEntry) if the intent has no entry.
    pub fn lock(&self, intent: &IntentId) -> Result<Option<EntryLock>, Error> {
        let mut locks = self.locks();
        if !self.store.lock(intent)? {
            return Ok(None);
        }
        *locks.entry(*intent).or_default() += 1;
        Ok(Some(EntryLock { journal: self.clone(), intent: *intent }))
    }

    /// Returns one page of entries.
    pub fn page(&self, query: &Query) -> Result<Page, Error> {
        self.store.page(query)
    }

    /// Returns every entry that a query selects, page after page. The iterator ends at the first error.
    ///
    /// ```
    /// use kling_journal::{Journal, Query, Selection};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let journal = Journal::open(folder.path().join("journal.db"))?;
    /// for entry in journal.entries(Query::new(Selection::Unfinished).oldest_first()) {
    ///     println!("{:?} is not saved yet", entry?.request_id());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entries(&self, query: Query) -> impl Iterator<Item = Result<Entry, Error>> {
        let (mut next, mut page) = (Some(query), Vec::new().into_iter());
        std::iter::from_fn(move || {
            loop {
                if let Some(entry) = page.next() {
                    return Some(Ok(entry));
                }
                let query = next.take()?;
                match self.page(&query) {
                    Ok(found) => {
                        page = found.entries.into_iter();
                        next = found.next.map(|cursor| query.after(cursor));
                    }
                    Err(error) => return Some(Err(error)),
                }
            }
        })
    }

    /// Returns the entry of a job of the API at this origin.
    pub fn find_job(&self, origin: &str, request_id: &str) -> Result<Option<Entry>, Error> {
        self.store.find_job(origin, request_id)
    }

    /// Returns the one entry whose intent id begins with this text, such as its first eight digits.
    ///
    /// # Errors
    /// [`ErrorKind::NoEntry`](crate::ErrorKind::NoEntry) if no entry matches, or more than one does.
    pub fn find_intent(&self, start: &str) -> Result<Entry, Error> {
        let mut found = self.store.find_intents(start)?;
        match (found.pop(), found.is_empty()) {
            (Some(entry), true) => Ok(entry),
            _ => Err(Error::no_entry(start)),
        }
    }

    /// Counts the entries that [`Journal::prune`] removes.
    pub fn count_prunable(&self, before: SystemTime) -> Result<usize, Error> {
        self.store.count_prunable(before)
    }

    /// Removes the entries that are over and were last changed before a time. Returns the number of removed entries.
    ///
    /// An entry stays if its outcome is unknown, its job runs, or its outputs are not saved. No other call removes entries.
    pub fn prune(&self, before: SystemTime) -> Result<usize, Error> {
        self.store.prune(before)
    }

    /// Returns the damage if some entries cannot be read. [`Journal::begin`] refuses until the damage is repaired.
    pub fn damage(&self) -> Option<Error> {
        self.store.damage()
    }

    /// Writes every entry as one line of JSON, the oldest of each group first. Returns the number of entries.
    ///
    /// The lines hold the URLs of outputs, which open without a token.
    pub fn export(&self, mut lines: impl Write) -> Result<usize, Error> {
        let failed = |error: std::io::Error| Error::store(format!("cannot write the export: {error}"));
        let mut count = 0;
        for entry in self.entries(Query::new(Selection::All).oldest_first().with_limit(STEP)) {
            let line = serde_json::to_string(&entry?).map_err(|error| failed(error.into()))?;
            writeln!(lines, "{line}").map_err(failed)?;
            count += 1;
        }
        lines.flush().map_err(failed)?;
        Ok(count)
    }

    /// Adds the entries of an export, each unless its intent is known. Returns the number of added entries.
    ///
    /// # Errors
    /// [`ErrorKind::Store`](crate::ErrorKind::Store) if a line is not an entry. Entries before that line may have been added.
    pub fn import(&self, mut lines: impl BufRead) -> Result<usize, Error> {
        let (mut entries, mut added, mut number) = (Vec::new(), 0, 0);
        loop {
            let mut line = Vec::new();
            let read = Read::take(&mut lines, MAX_LINE).read_until(b'\n', &mut line);
            let is_end = read.map_err(|error| Error::store(format!("cannot read the import: {error}")))? == 0;
            number += 1;
            if !line.trim_ascii().is_empty() {
                entries.push(serde_json::from_slice(&line).map_err(|error| {
                    Error::store(format!("line {number} of the import is not a journal entry: {error}"))
                })?);
            }
            if is_end || entries.len() == STEP {
                added += self.store.restore(&std::mem::take(&mut entries))?;
            }
            if is_end {
                return Ok(added);
            }
        }
    }

    /// A panic leaves the counts right, since they change last.
    fn locks(&self) -> MutexGuard<'_, HashMap<IntentId, usize>> {
        self.locks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps other processes from working on an entry, until it is dropped or the process ends.
#[derive(Debug)]
#[must_use = "dropping it unlocks the entry at once"]
pub struct EntryLock {
    journal: Journal,
    intent: IntentId,
}

impl Drop for EntryLock {
    fn drop(&mut self) {
        let mut locks = self.journal.locks();
        if let Some(count) = locks.get_mut(&self.intent).filter(|count| **count > 1) {
            *count -= 1;
            return;
        }
        locks.remove(&self.intent);
        // The end of the process unlocks the entry as well, so a failure here does no harm.
        let _ = self.journal.store.unlock(&self.intent);
    }
}
