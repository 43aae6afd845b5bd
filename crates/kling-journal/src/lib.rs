#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod entry;
mod error;
mod journal;
#[cfg(feature = "sqlite")]
mod sqlite_store;
mod store;

pub use crate::entry::{Entry, EntryStatus, Event, FinalStatus, Intent, IntentId, Outputs};
pub use crate::error::{Error, ErrorKind};
pub use crate::journal::{EntryLock, Journal};
#[cfg(feature = "sqlite")]
pub use crate::sqlite_store::{CheckReport, JOURNAL_VARIABLE, RETENTION, SqliteStore, journal_file};
pub use crate::store::{Cursor, OnDuplicate, Page, Query, Selection, Store};
