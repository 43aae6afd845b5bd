//! The journal in one file, shared by any number of processes.

mod folder;
mod lease;
mod log;
mod place;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use uuid::Uuid;

use self::folder::{Folder, PATIENCE, PATIENCE_ONCE_PAID};
use self::lease::Lease;
use self::log::Log;
use crate::ledger::Ledger;
use crate::record::{Fact, Record};
use crate::{Again, Entry, Error, Event, Intent, IntentId, Store};

/// How long an entry that is over is kept, counted from its last change: 90 days.
pub const KEPT_FOR: Duration = Duration::from_secs(90 * 24 * 3600);

/// A [`Store`] in one append-only file; see the crate's documentation for its form.
///
/// Beside a file `journal.log` stands a folder `journal.log.d` with the locks. All of it is readable by its owner only.
#[derive(Debug)]
pub struct FileStore {
    path: PathBuf,
    folder: Folder,
    known: Mutex<Known>,
}

/// What this process has read of the file so far.
#[derive(Debug, Default)]
struct Known {
    ledger: Ledger,
    /// Which file it was read from: a file that was rewritten has another.
    generation: Option<Uuid>,
    /// The first byte not read yet.
    read_to: u64,
    damaged_lines: usize,
    lease: Option<Lease>,
}

impl FileStore {
    /// The store in this file, which is made if it is missing, with the folders above it. Links are followed first, so that
    /// all who name the file have the same locks. Entries that are over for longer
    /// than [`KEPT_FOR`] are removed.
    ///
    /// # Errors
    /// [`Error::is_store`] where it cannot be read and written, or is something else.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, Error> {
        let path = place::resolved(&path.into())?;
        let store = Self { folder: Folder::beside(&path), path, known: Mutex::default() };
        store.remove_before(SystemTime::now().checked_sub(KEPT_FOR))?;
        Ok(store)
    }

    /// The file, without links on its way.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rewrites the file without what is over and did not change since; not where lines are damaged, which may be jobs.
    fn remove_before(&self, limit: Option<SystemTime>) -> Result<(), Error> {
        let mut step = self.step()?;
        let Some(limit) = limit else { return Ok(()) };
        let is_old = |entry: &Entry| entry.standing().is_over() && entry.changed_at() < limit;
        let Step { known, log, .. } = &mut step;
        if known.damaged_lines > 0 || !known.ledger.any(is_old) {
            return Ok(());
        }
        log.rewrite(&self.folder, |record| !known.ledger.entry(&record.intent).is_some_and(is_old))?;
        self.folder.remove_dead_leases();
        **known = Known { lease: known.lease.take(), ..Known::default() };
        Ok(())
    }

    fn step(&self) -> Result<Step<'_>, Error> {
        self.step_within(PATIENCE)
    }

    /// One step that no other process comes between, with all that the others wrote.
    fn step_within(&self, patience: Duration) -> Result<Step<'_>, Error> {
        // A thread that panicked here left nothing half-done in memory: records are folded whole.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let lock = self.folder.lock(patience)?;
        let mut log = Log::open(&self.path)?;
        if known.generation != Some(log.generation()) || log.len() < known.read_to {
            *known = Known {
                lease: known.lease.take(),
                generation: Some(log.generation()),
                read_to: log.start(),
                ..Known::default()
            };
        }
        for record in log.read_from(known.read_to)? {
            match record {
                Some(record) => known.ledger.fold(record),
                None => known.damaged_lines += 1,
            }
        }
        known.read_to = log.len();
        Ok(Step { known, log, folder: &self.folder, _lock: lock })
    }
}

impl Store for FileStore {
    fn begin(&self, intent: &Intent, again: Again) -> Result<(), Error> {
        let mut step = self.step()?;
        if again == Again::No {
            let is_alive = |lease| step.is_alive(lease);
            if let Some(entry) = step.known.ledger.unresolved(intent, is_alive) {
                return Err(Error::unresolved(entry));
            }
        }
        step.begin(intent)
    }

    fn adopt(&self, intent: &Intent) -> Result<Intent, Error> {
        let mut step = self.step()?;
        let known = intent.request_id().and_then(|id| step.find_job(intent.origin(), id));
        match known {
            Some(entry) => Ok(entry.intent().clone()),
            None => step.begin(intent).map(|()| intent.clone()),
        }
    }

    fn record(&self, intent: &IntentId, event: &Event) -> Result<(), Error> {
        let mut step = self.step_within(if event.is_precious() { PATIENCE_ONCE_PAID } else { PATIENCE })?;
        step.known.ledger.lease(intent)?;
        step.append(*intent, Fact::Event(event.clone()))
    }

    fn hold(&self, intent: &IntentId) -> Result<bool, Error> {
        let mut step = self.step()?;
        if step.known.ledger.lease(intent)?.is_some_and(|lease| step.is_anothers(lease)) {
            return Ok(false);
        }
        let lease = step.lease()?;
        step.append(*intent, Fact::Held { lease })?;
        Ok(true)
    }

    fn release(&self, intent: &IntentId) -> Result<(), Error> {
        let mut step = self.step()?;
        match step.known.ledger.lease(intent)? {
            Some(lease) if !step.is_anothers(lease) => step.append(*intent, Fact::Released),
            _ => Ok(()),
        }
    }

    fn entries(&self) -> Result<Vec<Entry>, Error> {
        let step = self.step()?;
        Ok(step.known.ledger.entries(|lease| step.is_alive(lease)))
    }

    fn find_job(&self, origin: &str, request_id: &str) -> Result<Option<Entry>, Error> {
        Ok(self.step()?.find_job(origin, request_id))
    }

    fn damaged_lines(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).damaged_lines
    }
}

/// The journal, for as long as it is locked.
struct Step<'a> {
    known: MutexGuard<'a, Known>,
    log: Log,
    folder: &'a Folder,
    _lock: std::fs::File,
}

impl Step<'_> {
    fn begin(&mut self, intent: &Intent) -> Result<(), Error> {
        let lease = self.lease()?;
        self.append(*intent.id(), Fact::Begun { intent: Box::new(intent.clone()), lease })
    }

    fn find_job(&self, origin: &str, request_id: &str) -> Option<Entry> {
        self.known.ledger.find_job(origin, request_id, |lease| self.is_alive(lease))
    }

    fn append(&mut self, intent: IntentId, fact: Fact) -> Result<(), Error> {
        let record = Record::new(intent, fact);
        self.log.append(&record)?;
        self.known.read_to = self.log.len();
        self.known.ledger.fold(record);
        Ok(())
    }

    /// The lease of this process, taken when it is first needed, and anew where somebody removed its file.
    fn lease(&mut self) -> Result<Uuid, Error> {
        let lease = match self.known.lease.take().filter(Lease::is_there) {
            Some(lease) => lease,
            None => self.folder.lease()?,
        };
        Ok(self.known.lease.insert(lease).id())
    }

    fn is_alive(&self, lease: Uuid) -> bool {
        self.is_ours(lease) || self.folder.is_alive(lease)
    }

    fn is_anothers(&self, lease: Uuid) -> bool {
        !self.is_ours(lease) && self.folder.is_alive(lease)
    }

    fn is_ours(&self, lease: Uuid) -> bool {
        self.known.lease.as_ref().is_some_and(|ours| ours.id() == lease)
    }
}
