//! The seam under the journal: where its entries are kept.

use std::fmt;

use crate::{Entry, Error, Event, Intent, IntentId};

/// Whether a request is meant although the very same one has an unknown outcome.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Again {
    /// It is refused.
    #[default]
    No,
    /// It is begun: paying twice is accepted.
    Yes,
}

/// Keeps entries, durably. [`FileStore`](crate::FileStore) comes with this crate; a table of one's own database serves as well.
///
/// The calls may block. Where several processes share a store, each call is one step that no other comes between.
pub trait Store: fmt::Debug + Send + Sync {
    /// Writes an intent down and takes hold of it. When this returns, it has outlived a power cut; the request leaves only
    /// afterwards.
    ///
    /// # Errors
    /// [`Error::is_unresolved`] where an entry for the [same request](Intent::is_same_request) stands as
    /// [`Unknown`](crate::Standing::Unknown), unless it is meant again; [`Error::is_store`] where it cannot be kept.
    fn begin(&self, intent: &Intent, again: Again) -> Result<(), Error>;

    /// Takes a job in by its id, as [`Store::begin`] does, unless an entry has it. Gives the intent that has it.
    ///
    /// A store that several processes share makes one step of it, so that a job is taken in once.
    ///
    /// # Errors
    /// [`Error::is_store`].
    fn adopt(&self, intent: &Intent) -> Result<Intent, Error> {
        let known = match intent.request_id() {
            Some(id) => self.find_job(intent.origin(), id)?,
            None => None,
        };
        match known {
            Some(entry) => Ok(entry.intent().clone()),
            None => self.begin(intent, Again::Yes).map(|()| intent.clone()),
        }
    }

    /// Adds what happened to an intent; a [precious](Event::is_precious) event has outlived a power cut when this returns.
    /// What tells the outcome of a submit also lets go of it.
    ///
    /// # Errors
    /// [`Error::is_no_entry`], [`Error::is_store`].
    fn record(&self, intent: &IntentId, event: &Event) -> Result<(), Error>;

    /// Takes hold of an intent, so that no other process works on it; `false` where a living one does.
    ///
    /// # Errors
    /// [`Error::is_no_entry`], [`Error::is_store`].
    fn hold(&self, intent: &IntentId) -> Result<bool, Error>;

    /// Lets go of an intent.
    ///
    /// # Errors
    /// [`Error::is_store`].
    fn release(&self, intent: &IntentId) -> Result<(), Error>;

    /// Every entry, the oldest first.
    ///
    /// # Errors
    /// [`Error::is_store`].
    fn entries(&self) -> Result<Vec<Entry>, Error>;

    /// The entry of a job.
    ///
    /// # Errors
    /// [`Error::is_store`].
    fn find_job(&self, origin: &str, request_id: &str) -> Result<Option<Entry>, Error> {
        let is_it =
            |entry: &Entry| entry.intent().origin() == origin && entry.request_id() == Some(request_id);
        Ok(self.entries()?.into_iter().rfind(is_it))
    }

    /// How many lines of the record cannot be read.
    fn damaged_lines(&self) -> usize {
        0
    }
}
