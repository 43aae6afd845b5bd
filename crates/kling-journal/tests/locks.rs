//! Locks on entries: one living process at a time works on an entry.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod temp_journal;

use kling_journal::{EntryStatus, Event, SqliteStore, Store};
use temp_journal::{TempJournal, all, begun, statuses};

#[test]
fn living_processes_may_submit_the_same_request_at_once() {
    let temp = TempJournal::new();
    let (ours, theirs) = (temp.open(), temp.open());
    begun(&ours, "a");
    begun(&theirs, "a");
    assert_eq!(statuses(&ours), [EntryStatus::Submitting; 2]);
}

#[test]
fn one_living_process_at_a_time_locks_an_entry() {
    let temp = TempJournal::new();
    let (ours, theirs) = (temp.open(), temp.open());
    let intent = begun(&ours, "a");
    ours.record(intent.id(), &Event::accepted("id-1")).unwrap();
    let lock = theirs.lock(intent.id()).unwrap().expect("the outcome unlocked it");
    assert!(ours.lock(intent.id()).unwrap().is_none());
    assert!(all(&ours)[0].is_locked());
    drop(lock);
    assert!(!all(&ours)[0].is_locked());
    // A process that ends without an unlock.
    let dying = SqliteStore::open(temp.path()).unwrap();
    assert!(dying.lock(intent.id()).unwrap());
    assert!(ours.lock(intent.id()).unwrap().is_none());
    drop(dying);
    assert!(ours.lock(intent.id()).unwrap().is_some());
}

#[test]
fn an_entry_that_is_locked_twice_is_unlocked_with_the_second_guard() {
    let temp = TempJournal::new();
    let (ours, theirs) = (temp.open(), temp.open());
    let intent = begun(&ours, "a");
    ours.record(intent.id(), &Event::accepted("id-1")).unwrap();
    let first = ours.lock(intent.id()).unwrap().unwrap();
    drop(ours.clone().lock(intent.id()).unwrap().unwrap());
    assert!(theirs.lock(intent.id()).unwrap().is_none());
    drop(first);
    assert!(theirs.lock(intent.id()).unwrap().is_some());
}

#[cfg(unix)]
#[test]
fn a_lease_that_was_deleted_is_made_anew() {
    let temp = TempJournal::new();
    let journal = temp.open();
    let first = begun(&journal, "a");
    let leases = || std::fs::read_dir(temp.folder().join("state/journal.db.d")).unwrap().flatten().count();
    assert_eq!(leases(), 1);
    std::fs::remove_dir_all(temp.folder().join("state/journal.db.d")).unwrap();
    std::fs::create_dir(temp.folder().join("state/journal.db.d")).unwrap();
    begun(&journal, "b");
    assert_eq!(leases(), 1);
    journal.record(first.id(), &Event::accepted("id-1")).unwrap();
    assert_eq!(statuses(&journal), [EntryStatus::Submitting, EntryStatus::Running]);
}
