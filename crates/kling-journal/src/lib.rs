//! A durable record of paid jobs: the intent is on disk before the request leaves, the id before anything waits.
//!
//! A paid POST has no idempotency key, and the API has no list of one's requests. Whoever keeps an id only after the answer
//! came loses the jobs whose answer was cut off; whoever sends again pays twice. Written first, an intent without an id says
//! honestly after a crash: *unknown*, look before you pay again.
//!
//! ```
//! use kling_journal::{Again, Event, Intent, Journal, Standing};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("journal.log");
//! let journal = Journal::open(path)?;
//! let intent = Intent::new("https://model-api.runcomfy.net", "maker/model", "2c26b46b68ffc68f");
//! journal.begin(&intent, Again::No)?; // on disk when this returns; now the request may leave
//! journal.record(intent.id(), &Event::submitted("5e1f-09c"))?; // on disk; now anything may wait
//!
//! let entries = journal.entries()?;
//! assert_eq!(entries[0].standing(), Standing::Running);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! This crate knows neither HTTP nor the API: ids, models and fingerprints are text to it. [`Journal`] is the handle;
//! [`Store`] is the seam under it for those who keep a database of their own; [`FileStore`] is what comes with the crate.
//!
//! # The file
//! One append-only text file: a header, then one line a record, `checksum json`. Each operation locks a file beside it, so any
//! number of processes share it; what others wrote meanwhile is read first. One that waits ten seconds for the lock fails, a
//! minute where it writes down what was paid for. Every record that guards money is synced to the disk before the call
//! returns, at one or two milliseconds a paid job. A line that a power cut tore off at the end is cut away: whoever wrote it
//! was never told that it was kept. A line damaged elsewhere is skipped, counted
//! ([`Journal::damaged_lines`]), and never thrown away. The file is readable by its owner only.
//!
//! An embedded database was measured and not taken. With an intent and an id for each job, synced, one thread of this format
//! made 314 jobs a second, SQLite (rusqlite, WAL) 251, redb 177: each a hundred times what anybody pays for. SQLite costs a C
//! library, ten crates and 76 s of building; redb lets in one process at a time. Here it is the standard library's file
//! locks and a checksum, and a file that a person can read.
//!
//! # Who is at work
//! An intent that a living process holds is *submitting*, one whose process died is *unknown*. A process shows that it lives by
//! a locked file beside the journal; the system drops the lock however the process ends, so no number is mistaken for another
//! process's, and nothing times out.
//!
//! # Jobs of elsewhere
//! A job that another program submitted is taken in by its id, in one record: [`Intent::of_job`]. Nothing is sent for it.
//!
//! # Age
//! Entries that are over are removed [90 days](KEPT_FOR) after they last changed, when a journal is opened. Unfinished and
//! unknown ones are never removed.

mod entry;
mod error;
mod event;
mod file_store;
mod intent;
mod journal;
mod ledger;
mod location;
mod outputs;
mod record;
mod standing;
mod store;

pub use crate::entry::Entry;
pub use crate::error::Error;
pub use crate::event::{Ending, Event};
pub use crate::file_store::{FileStore, KEPT_FOR};
pub use crate::intent::{Intent, IntentId};
pub use crate::journal::{Hold, Journal};
pub use crate::location::JOURNAL_VARIABLE;
pub use crate::outputs::Outputs;
pub use crate::standing::Standing;
pub use crate::store::{Again, Store};
