//! The interface between the journal and the database that keeps it.

use std::fmt;
use std::time::SystemTime;

use crate::{Entry, Error, Event, Intent, IntentId};

/// Whether a request may be begun although the same request has an unknown outcome.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum OnDuplicate {
    /// Such a request is refused.
    #[default]
    Reject,
    /// Such a request is begun: **it may pay twice**.
    Allow,
}

/// Keeps entries durably. `SqliteStore` comes with this crate; a table of your own database serves as well.
///
/// The calls may block. If several processes share a store, each call must be one atomic step.
pub trait Store: fmt::Debug + Send + Sync {
    /// Records intents and locks each for this process: all of them, or none. When this returns, they survive a power cut.
    /// Their requests must not be sent before.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateRequest`](crate::ErrorKind::DuplicateRequest) if an entry of the
    /// [same request](Intent::is_same_request) is [`Unknown`](crate::EntryStatus::Unknown) and duplicates are rejected; any
    /// other kind if an intent cannot be kept.
    fn begin(&self, intents: &[Intent], on_duplicate: OnDuplicate) -> Result<(), Error>;

    /// Records a job that another program submitted, unless an entry has its request id. Returns the intent of the entry.
    ///
    /// # Errors
    /// Any kind if the store fails.
    fn adopt(&self, intent: &Intent) -> Result<Intent, Error>;

    /// Records an event of an intent. An event that [ends the submit](Event::ends_submit) unlocks the entry too. When this
    /// returns, an event that [requires it](Event::requires_sync) survives a power cut.
    ///
    /// # Errors
    /// [`ErrorKind::NoEntry`](crate::ErrorKind::NoEntry), or any other kind if the store fails.
    fn record(&self, intent: &IntentId, event: &Event) -> Result<(), Error>;

    /// Locks an entry for this process. Returns `false` if another living process has locked it.
    ///
    /// # Errors
    /// [`ErrorKind::NoEntry`](crate::ErrorKind::NoEntry), or any other kind if the store fails.
    fn lock(&self, intent: &IntentId) -> Result<bool, Error>;

    /// Unlocks an entry.
    ///
    /// # Errors
    /// Any kind if the store fails.
    fn unlock(&self, intent: &IntentId) -> Result<(), Error>;

    /// Returns the entries whose intent id begins with this text, at most two.
    ///
    /// # Errors
    /// Any kind if the store fails.
    fn find_intents(&self, start: &str) -> Result<Vec<Entry>, Error>;

    /// Returns the newest entry of a job of the API at this origin.
    ///
    /// # Errors
    /// Any kind if the store fails.
    fn find_job(&self, origin: &str, request_id: &str) -> Result<Option<Entry>, Error>;

    /// Returns one page of entries.
    ///
    /// # Errors
    /// Any kind if the store fails.
    fn page(&self, query: &Query) -> Result<Page, Error>;

    /// Adds entries of another store. Entries whose intent id is known already are left alone. Returns how many were added.
    ///
    /// # Errors
    /// Any kind if the store fails.
    fn restore(&self, entries: &[Entry]) -> Result<usize, Error>;

    /// Counts the entries that are over and were last changed before a time.
    ///
    /// # Errors
    /// Any kind if the store fails.
    fn count_prunable(&self, before: SystemTime) -> Result<usize, Error>;

    /// Removes the entries that [`Store::count_prunable`] counts. Never removes one that is unknown, running, or succeeded
    /// without a saved file. Returns how many were removed.
    ///
    /// # Errors
    /// Any kind if the store fails.
    fn prune(&self, before: SystemTime) -> Result<usize, Error>;

    /// Returns what is damaged, in a line, if some of the record cannot be read. While it does, [`Store::begin`] must refuse.
    fn damage(&self) -> Option<Error> {
        None
    }
}

/// A question for entries. Entries come in groups: unresolved ones first, then running ones, then ones that are not saved,
/// then all others.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query {
    /// Which entries.
    pub selection: Selection,
    /// Whether the oldest entry of each group comes first, in place of the newest.
    pub oldest_first: bool,
    /// The most entries on a page; 50 by default.
    pub limit: usize,
    /// The place after which the page begins.
    pub after: Option<Cursor>,
    /// Only jobs of the API at this origin.
    pub origin: Option<String>,
    /// Only rows of this batch.
    pub batch: Option<String>,
}

/// Which entries a [`Query`] selects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Selection {
    /// Every entry.
    All,
    /// Jobs to wait for, and jobs whose outputs are not saved.
    Unfinished,
    /// Submits without a known outcome: [`Unknown`](crate::EntryStatus::Unknown) or
    /// [`Submitting`](crate::EntryStatus::Submitting).
    Unresolved,
}

impl Query {
    /// A question for the first 50 entries of a selection, the newest of each group first.
    #[must_use]
    pub const fn new(selection: Selection) -> Self {
        Self { selection, oldest_first: false, limit: 50, after: None, origin: None, batch: None }
    }

    /// The same question with the oldest entry of each group first.
    #[must_use]
    pub fn oldest_first(self) -> Self {
        Self { oldest_first: true, ..self }
    }

    /// The same question for at most so many entries a page.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// The same question for the page after a place; `None` is the first page.
    #[must_use]
    pub fn after(self, cursor: impl Into<Option<Cursor>>) -> Self {
        Self { after: cursor.into(), ..self }
    }

    /// The same question about jobs of the API at this origin.
    #[must_use]
    pub fn of_origin(self, origin: impl Into<String>) -> Self {
        Self { origin: Some(origin.into()), ..self }
    }

    /// The same question about rows of a batch.
    #[must_use]
    pub fn of_batch(self, batch: impl Into<String>) -> Self {
        Self { batch: Some(batch.into()), ..self }
    }
}

/// One page of entries.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// The entries.
    pub entries: Vec<Entry>,
    /// The place of the last entry, if more may follow.
    pub next: Option<Cursor>,
}

/// The place of an entry in the answers to a [`Query`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// The group of the entry, as the store numbers groups.
    pub group: u8,
    /// The place in the group.
    pub position: i64,
}
