//! A durable record of paid jobs: the intent is on disk before the request is sent, the request id before anything waits.
//!
//! A paid POST has no idempotency key, and the API has no list of one's requests. A program that keeps a request id only
//! after the reply loses each job whose reply was cut off. A program that retries pays twice. A journal records the intent
//! first. After a crash, an intent without a request id is honestly *unknown*: look before you pay again.
//!
//! ```
//! use kling_journal::{EntryStatus, Event, Intent, Journal, OnDuplicate, Query, Selection};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("journal.db");
//! let journal = Journal::open(path)?;
//! let intent = Intent::new("https://model-api.runcomfy.net", "maker/model", "2c26b46b68ffc68f");
//! journal.begin(&intent, OnDuplicate::Reject)?; // on disk when this returns: now the request may be sent
//! journal.record(intent.id(), &Event::accepted("5e1f-09c"))?; // on disk: now anything may wait
//!
//! let page = journal.page(&Query::new(Selection::Unfinished))?;
//! assert_eq!(page.entries[0].status(), EntryStatus::Running);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The crate knows neither HTTP nor the API: request ids, models and fingerprints are text. [`Journal`] is the handle,
//! [`Store`] the interface to a database, and [`SqliteStore`] the store that comes with the crate.
//!
//! # The file
//! One SQLite database, in write-ahead mode with `synchronous = FULL`. Any number of processes may use it at once. A call
//! that returns has synced its record to the disk. Many threads that record at once share one sync. Each row has a checksum,
//! since SQLite does not notice a changed digit. A newer kling opens an older file; an older kling refuses a newer one. Only
//! the owner can read the file. Query it with any SQLite tool, but write to it with kling only.
//!
//! Where shared memory is missing, or the SQLite in use has the WAL-reset bug, the file uses a rollback journal.
//!
//! # If the disk fails
//! Each intent reserves 256 bytes in a small file of its process before it is recorded. A request id that the database
//! refuses, on a full disk for example, goes there ([`ErrorKind::Deferred`]). It is recorded with the next event, or by the
//! next process. A journal that was deleted while it was open refuses new intents.
//!
//! # If the file is damaged
//! Each read compares the checksum, and the structure is checked after a disk error and after a process that died. While
//! damage is known, [`Journal::begin`] refuses: a damaged row may be a paid job. [`SqliteStore::check`] rescues every entry
//! that can be read into a new file, and keeps the damaged one.
//!
//! # Processes
//! An intent of a living process is *submitting*, one whose process died is *unknown*. A process shows that it lives by a
//! locked file. The system drops the lock however the process ends, so nothing times out.
//!
//! # Age
//! Nothing is removed by itself. [`Journal::prune`] removes entries that are over, and never one that is unfinished or unknown.
//!
//! # Another SQLite in the same program
//! One program can link one SQLite library. This crate takes rusqlite 0.39 to 0.43, so that cargo finds a version that sqlx
//! 0.9 or diesel 2.3 shares. If none fits, turn the feature `sqlite` off and implement [`Store`] with the database that the
//! program has.

mod entry;
mod error;
mod intent;
mod journal;
#[cfg(feature = "sqlite")]
mod location;
#[cfg(feature = "sqlite")]
mod sqlite_store;
mod store;

pub use crate::entry::{Entry, EntryStatus, Event, FinalStatus, Outputs};
pub use crate::error::{Error, ErrorKind};
pub use crate::intent::{Intent, IntentId};
pub use crate::journal::{EntryLock, Journal};
#[cfg(feature = "sqlite")]
pub use crate::location::JOURNAL_VARIABLE;
#[cfg(feature = "sqlite")]
pub use crate::sqlite_store::{CheckReport, RETENTION, SqliteStore};
pub use crate::store::{Cursor, OnDuplicate, Page, Query, Selection, Store};
