//! The interface between the journal and the database that keeps it.

use std::fmt;
use std::time::SystemTime;

use crate::{Entry, Error, Event, Intent, IntentId};

/// Keeps entries durably. `SqliteStore` comes with this crate; implement the trait to use a database of your own.
///
/// The calls may block. If several processes share a store, each call must be atomic. Each call may fail with
/// [`ErrorKind::Store`](crate::ErrorKind::Store), [`ErrorKind::Busy`](crate::ErrorKind::Busy) or
/// [`ErrorKind::Damaged`](crate::ErrorKind::Damaged).
pub trait Store: fmt::Debug + Send + Sync {
    /// Records an intent and locks its entry for this process. When this returns, the intent survives a power cut. The request
    /// must not be sent before.
    ///
    /// # Errors
    /// [`ErrorKind::DuplicateRequest`](crate::ErrorKind::DuplicateRequest) if an entry of the
    /// [same request](Intent::is_same_request) is [`Unknown`](crate::EntryStatus::Unknown) and duplicates are rejected.
    fn begin(&self, intent: &Intent, on_duplicate: OnDuplicate) -> Result<(), Error>;

    /// Records an intent and locks it, unless the same request of the same account has a job that
    /// [can be resumed](Entry::can_be_resumed). Returns the entry of that job.
    ///
    /// # Errors
    /// As [`Store::begin`]. An entry that is [`Submitting`](crate::EntryStatus::Submitting) is refused as a duplicate too.
    fn begin_or_find(&self, intent: &Intent) -> Result<Option<Entry>, Error>;

    /// Records a job that another program submitted, unless an entry has its request id. Returns the intent of the entry.
    fn adopt(&self, intent: &Intent) -> Result<Intent, Error>;

    /// Records an event. An event that [ends the submit](Event::ends_submit) unlocks the entry too. When this returns, an
    /// event that [requires a sync](Event::requires_sync) survives a power cut.
    ///
    /// # Errors
    /// [`ErrorKind::NoEntry`](crate::ErrorKind::NoEntry) if the intent has no entry.
    fn record(&self, intent: &IntentId, event: &Event) -> Result<(), Error>;

    /// Locks an entry for this process. Returns `false` if another living process has locked it.
    ///
    /// # Errors
    /// [`ErrorKind::NoEntry`](crate::ErrorKind::NoEntry) if the intent has no entry.
    fn lock(&self, intent: &IntentId) -> Result<bool, Error>;

    /// Unlocks an entry.
    fn unlock(&self, intent: &IntentId) -> Result<(), Error>;

    /// Returns at most two entries whose intent id begins with this text.
    fn find_intents(&self, start: &str) -> Result<Vec<Entry>, Error>;

    /// Returns the newest entry of a job of the API at this origin.
    fn find_job(&self, origin: &str, request_id: &str) -> Result<Option<Entry>, Error>;

    /// Returns one page of entries.
    fn page(&self, query: &Query) -> Result<Page, Error>;

    /// Adds entries of another store, each unless its intent id is known. Returns the number of added entries.
    fn restore(&self, entries: &[Entry]) -> Result<usize, Error>;

    /// Counts the entries that are over and were last changed before a time.
    fn count_prunable(&self, before: SystemTime) -> Result<usize, Error>;

    /// Removes the entries that [`Store::count_prunable`] counts. Returns their number.
    ///
    /// An entry must stay if it is unknown or running, or succeeded without a saved file.
    fn prune(&self, before: SystemTime) -> Result<usize, Error>;

    /// Returns the damage if some entries cannot be read. [`Store::begin`] must refuse until the damage is repaired.
    fn damage(&self) -> Option<Error> {
        None
    }
}

/// Whether to begin a request if the same request has an unknown outcome.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum OnDuplicate {
    /// Refuses such a request.
    #[default]
    Reject,
    /// Begins such a request: **it may pay twice**.
    Allow,
}

/// A query for entries. Unresolved entries come first, then running ones, then unsaved ones, then all others.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Query {
    /// The entries to return.
    pub selection: Selection,
    /// Whether the oldest entry of each group comes first, instead of the newest.
    pub oldest_first: bool,
    /// The most entries on a page, by default 50.
    pub limit: usize,
    /// The place after which the page begins.
    pub after: Option<Cursor>,
    /// The origin of the API, if only its jobs are wanted.
    pub origin: Option<String>,
}

/// The entries that a [`Query`] selects.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Selection {
    /// Every entry.
    All,
    /// Jobs that may still run, and jobs whose outputs are not saved.
    Unfinished,
    /// Submits without a known outcome: [`Unknown`](crate::EntryStatus::Unknown) or
    /// [`Submitting`](crate::EntryStatus::Submitting).
    Unresolved,
}

impl Query {
    /// Creates a query for the first 50 entries of a selection, the newest of each group first.
    pub const fn new(selection: Selection) -> Self {
        Self { selection, oldest_first: false, limit: 50, after: None, origin: None }
    }

    /// Puts the oldest entry of each group first.
    #[must_use]
    pub fn oldest_first(self) -> Self {
        Self { oldest_first: true, ..self }
    }

    /// Sets the most entries on a page.
    #[must_use]
    pub fn with_limit(self, limit: usize) -> Self {
        Self { limit, ..self }
    }

    /// Selects the page after a place, or the first page if that is `None`.
    #[must_use]
    pub fn after(self, cursor: impl Into<Option<Cursor>>) -> Self {
        Self { after: cursor.into(), ..self }
    }

    /// Selects jobs of the API at this origin only.
    #[must_use]
    pub fn of_origin(self, origin: impl Into<String>) -> Self {
        Self { origin: Some(origin.into()), ..self }
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

/// The place of an entry in the results of a [`Query`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Cursor {
    /// The group of the entry, as the store numbers groups.
    pub group: u8,
    /// The place in the group.
    pub position: i64,
}
