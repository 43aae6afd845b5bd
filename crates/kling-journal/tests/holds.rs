//! Who has an intent in hand: one living process at a time.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use kling_journal::{Again, Event, FileStore, Intent, Journal, Standing, Store};
use tempfile::TempDir;

fn begun(journal: &Journal) -> Intent {
    let intent = Intent::new("https://api.example", "maker/model", "a");
    journal.begin(&intent, Again::No).unwrap();
    intent
}

#[test]
fn the_same_request_may_be_submitted_at_once_by_those_who_live() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.log");
    let (ours, theirs) = (Journal::open(&path).unwrap(), Journal::open(&path).unwrap());
    begun(&ours);
    begun(&theirs);
    let standings: Vec<_> = ours.entries().unwrap().iter().map(|entry| entry.standing()).collect();
    assert_eq!(standings, [Standing::Submitting; 2]);
}

#[test]
fn only_one_living_process_works_on_an_intent() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.log");
    let (ours, theirs) = (Journal::open(&path).unwrap(), Journal::open(&path).unwrap());
    let intent = begun(&ours);
    ours.record(intent.id(), &Event::submitted("id-1")).unwrap();
    let hold = theirs.hold(intent.id()).unwrap().expect("the outcome let go of it");
    assert!(ours.hold(intent.id()).unwrap().is_none());
    assert!(ours.entries().unwrap()[0].is_held());
    drop(hold);
    assert!(!ours.entries().unwrap()[0].is_held());
    // As if the process died: nobody lets go.
    let dying = FileStore::open(&path).unwrap();
    assert!(dying.hold(intent.id()).unwrap());
    assert!(ours.hold(intent.id()).unwrap().is_none());
    drop(dying);
    assert!(ours.hold(intent.id()).unwrap().is_some());
}

#[test]
fn who_holds_an_intent_twice_lets_go_with_the_second_guard() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.log");
    let (ours, theirs) = (Journal::open(&path).unwrap(), Journal::open(&path).unwrap());
    let intent = begun(&ours);
    ours.record(intent.id(), &Event::submitted("id-1")).unwrap();
    let first = ours.hold(intent.id()).unwrap().unwrap();
    drop(ours.clone().hold(intent.id()).unwrap().unwrap());
    assert!(theirs.hold(intent.id()).unwrap().is_none());
    drop(first);
    assert!(theirs.hold(intent.id()).unwrap().is_some());
}
