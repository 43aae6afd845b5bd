//! A temporary folder with a journal.
#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};

use kling_journal::{Entry, EntryStatus, Intent, Journal, OnDuplicate, Query, Selection};
use tempfile::TempDir;

pub(crate) struct TempJournal(TempDir);

impl TempJournal {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder().join("state/journal.db")
    }

    pub(crate) fn open(&self) -> Journal {
        Journal::open(self.path()).unwrap()
    }

    /// A plain connection, to read the file or damage it.
    pub(crate) fn raw(&self) -> rusqlite::Connection {
        rusqlite::Connection::open(self.path()).unwrap()
    }
}

pub(crate) fn intent(body: &str) -> Intent {
    Intent::new("https://api.example", "maker/model", body)
}

pub(crate) fn begun(journal: &Journal, body: &str) -> Intent {
    let intent = intent(body);
    journal.begin(&intent, OnDuplicate::Reject).unwrap();
    intent
}

/// Every entry, in small pages.
pub(crate) fn all(journal: &Journal) -> Vec<Entry> {
    let query = Query::new(Selection::All).oldest_first().with_limit(3);
    journal.entries(query).collect::<Result<_, _>>().unwrap()
}

pub(crate) fn statuses(journal: &Journal) -> Vec<EntryStatus> {
    all(journal).iter().map(Entry::status).collect()
}
