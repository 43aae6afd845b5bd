//! The handle on a journal, whatever keeps it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Again, Entry, Error, Event, FileStore, Intent, IntentId, Store, location};

/// A durable record of paid jobs. Cheap to clone; its calls block for a millisecond or two.
#[derive(Clone, Debug)]
pub struct Journal {
    store: Arc<dyn Store>,
    /// How often each intent is held here: the last to let go lets others have it.
    holds: Arc<Mutex<HashMap<IntentId, usize>>>,
}

impl Journal {
    /// The journal in a file, which is made if it is missing; or in the file `journal.log` of a folder.
    ///
    /// # Errors
    /// [`Error::is_store`] where it cannot be read and written, or is something else.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, Error> {
        FileStore::open(location::file_at(path.as_ref())).map(Self::with_store)
    }

    /// The journal that [`JOURNAL_VARIABLE`](crate::JOURNAL_VARIABLE) names, by default in the platform's folder for states;
    /// nothing where the variable is `off`.
    ///
    /// # Errors
    /// [`Error::is_store`] where it cannot be read and written, or there is no home folder.
    pub fn from_env() -> Result<Option<Self>, Error> {
        location::from_env()?.map(Self::open).transpose()
    }

    /// A journal in a store of one's own.
    pub fn with_store(store: impl Store + 'static) -> Self {
        Self { store: Arc::new(store), holds: Arc::default() }
    }

    /// Writes an intent down. When this returns it is on disk, and the request may leave.
    ///
    /// # Errors
    /// [`Error::is_unresolved`] where the very same request has an unknown outcome, unless it is meant again;
    /// [`Error::is_store`] where it cannot be kept: then the request must not leave.
    pub fn begin(&self, intent: &Intent, again: Again) -> Result<(), Error> {
        self.store.begin(intent, again)
    }

    /// Adds what happened to an intent.
    ///
    /// # Errors
    /// [`Error::is_no_entry`], [`Error::is_store`].
    pub fn record(&self, intent: &IntentId, event: &Event) -> Result<(), Error> {
        self.store.record(intent, event)
    }

    /// Takes a job in by its id, unless an entry has it: one that [`Intent::of_job`] made. Gives the intent that has it.
    ///
    /// # Errors
    /// [`Error::is_store`].
    pub fn adopt(&self, intent: &Intent) -> Result<Intent, Error> {
        self.store.adopt(intent)
    }

    /// Takes hold of an intent until the guard is dropped; nothing where another living process holds it. Who holds it
    /// through this journal may do so again, and lets go with the last guard.
    ///
    /// # Errors
    /// [`Error::is_no_entry`], [`Error::is_store`].
    pub fn hold(&self, intent: &IntentId) -> Result<Option<Hold>, Error> {
        let mut holds = self.holds();
        if !self.store.hold(intent)? {
            return Ok(None);
        }
        *holds.entry(*intent).or_default() += 1;
        Ok(Some(Hold { journal: self.clone(), intent: *intent }))
    }

    /// Every entry, the oldest first.
    ///
    /// # Errors
    /// [`Error::is_store`].
    pub fn entries(&self) -> Result<Vec<Entry>, Error> {
        self.store.entries()
    }

    /// The entry of a job of the API at this origin.
    ///
    /// # Errors
    /// [`Error::is_store`].
    pub fn find_job(&self, origin: &str, request_id: &str) -> Result<Option<Entry>, Error> {
        self.store.find_job(origin, request_id)
    }

    /// The one entry whose intent begins with this text, such as the first eight digits of its id.
    ///
    /// # Errors
    /// [`Error::is_no_entry`] where there is none, or more than one; [`Error::is_store`].
    pub fn find_intent(&self, start: &str) -> Result<Entry, Error> {
        let start = start.to_ascii_lowercase();
        let mut fitting =
            self.entries()?.into_iter().filter(|entry| entry.intent().id().to_string().starts_with(&start));
        match (fitting.next(), fitting.next()) {
            (Some(entry), None) if !start.is_empty() => Ok(entry),
            _ => Err(Error::no_entry(start)),
        }
    }

    /// How many lines of the record cannot be read. They stay where they are, and no entry is removed by age beside them.
    #[must_use]
    pub fn damaged_lines(&self) -> usize {
        self.store.damaged_lines()
    }

    /// A panic leaves the numbers right: they change last.
    fn holds(&self) -> MutexGuard<'_, HashMap<IntentId, usize>> {
        self.holds.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps other processes from working on an intent, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
#[must_use = "dropping it lets go at once"]
pub struct Hold {
    journal: Journal,
    intent: IntentId,
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut holds = self.journal.holds();
        if let Some(count) = holds.get_mut(&self.intent).filter(|count| **count > 1) {
            *count -= 1;
            return;
        }
        holds.remove(&self.intent);
        // The end of the process lets go as well, so nothing is lost where this cannot be written.
        let _ = self.journal.store.release(&self.intent);
    }
}
