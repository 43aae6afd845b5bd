//! A submit whose outcome is unknown, and how to settle it.

use std::time::SystemTime;

use kling_journal::{Entry, EntryStatus, Event, Journal};
use kling_transport::RequestId;

use crate::Error;

/// A submit in the journal whose outcome is unknown: a job may be running and billed.
///
/// Compare it with the account's history on the site, then settle it. Until then an equal request is refused.
#[derive(Clone, Debug)]
pub struct UnknownSubmit {
    journal: Journal,
    entry: Entry,
}

impl UnknownSubmit {
    /// Returns `None` for a submit that a living process makes at this moment.
    pub(crate) fn new(journal: &Journal, entry: Entry) -> Option<Self> {
        (entry.status() == EntryStatus::Unknown).then(|| Self { journal: journal.clone(), entry })
    }

    /// Returns the id of the journal entry.
    #[must_use]
    pub fn intent_id(&self) -> String {
        self.entry.intent().id().to_string()
    }

    /// Returns the id of the model.
    #[must_use]
    pub fn model(&self) -> &str {
        self.entry.intent().model()
    }

    /// Returns when the submit began, by this machine's clock.
    #[must_use]
    pub fn started_at(&self) -> SystemTime {
        self.entry.intent().at()
    }

    /// Returns the reason why the outcome is unknown, as one line.
    #[must_use]
    pub fn message(&self) -> &str {
        self.entry.message().unwrap_or("the program stopped before the submit was confirmed")
    }

    /// Records that the submit made no job, after a look at the account. An equal request may be sent again. Blocks on the disk.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) if the journal cannot be written.
    pub fn settle_as_not_submitted(self) -> Result<(), Error> {
        self.settle(&Event::NotSubmitted)
    }

    /// Records the job that the submit made. [`Client::unfinished`](crate::Client::unfinished) has it from now on. Blocks on the
    /// disk.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) if the journal cannot be written.
    pub fn settle_as_submitted(self, id: &RequestId) -> Result<(), Error> {
        self.settle(&Event::accepted(id.as_str()))
    }

    fn settle(self, event: &Event) -> Result<(), Error> {
        Ok(self.journal.record(self.entry.intent().id(), event)?)
    }
}
