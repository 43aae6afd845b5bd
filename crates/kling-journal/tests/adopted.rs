//! Jobs that another program submitted, adopted by their request ids.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod temp_journal;

use kling_journal::{EntryStatus, Event, FinalStatus, Intent, Journal, OnDuplicate};
use temp_journal::{TempJournal, all, statuses};

const ORIGIN: &str = "https://api.example";

#[test]
fn an_adopted_job_runs_from_its_first_record() {
    let temp = TempJournal::new();
    let journal = temp.open();
    journal.begin(&Intent::of_job(ORIGIN, "", "id-1"), OnDuplicate::Reject).unwrap();
    assert!(all(&journal)[0].is_locked());
    drop(journal);
    let journal = temp.open();
    let entry = journal.find_job(ORIGIN, "id-1").unwrap().unwrap();
    assert_eq!((entry.status(), entry.request_id()), (EntryStatus::Running, Some("id-1")));
    assert!(entry.is_unfinished() && !entry.is_locked());
    assert_eq!(entry.intent().request_id(), Some("id-1"));
}

#[test]
fn two_processes_that_adopt_a_job_at_once_make_one_entry() {
    let temp = TempJournal::new();
    let adopted: Vec<Intent> = std::thread::scope(|scope| {
        let adopt = || temp.open().adopt(&Intent::of_job(ORIGIN, "", "id-1")).unwrap();
        let both = [scope.spawn(adopt), scope.spawn(adopt)];
        both.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(adopted[0], adopted[1]);
    assert_eq!(all(&temp.open()).len(), 1);
}

#[test]
fn an_adopted_job_is_merged_into_the_unknown_intent_that_is_settled_with_its_id() {
    let temp = TempJournal::new();
    let unknown = Intent::new(ORIGIN, "maker/model", "a");
    temp.open().begin(&unknown, OnDuplicate::Reject).unwrap();
    let journal = temp.open();
    let adopted = Intent::of_job(ORIGIN, "", "id-1");
    journal.begin(&adopted, OnDuplicate::Reject).unwrap();
    journal.record(adopted.id(), &Event::state_changed("in_progress")).unwrap();
    assert_eq!(statuses(&journal), [EntryStatus::Unknown, EntryStatus::Running]);
    journal.record(unknown.id(), &Event::accepted("id-1")).unwrap();
    // The process that waits for the job goes on under the intent that it adopted the job with.
    journal.record(adopted.id(), &Event::finished(FinalStatus::Succeeded)).unwrap();
    let reopened: Journal = temp.open();
    for journal in [&journal, &reopened] {
        let entries = all(journal);
        assert_eq!((entries.len(), entries[0].intent().fingerprint()), (1, "a"));
        assert_eq!((entries[0].status(), entries[0].state()), (EntryStatus::Succeeded, Some("in_progress")));
        let found = journal.find_job(ORIGIN, "id-1").unwrap().unwrap();
        assert_eq!(found.intent().id(), unknown.id());
    }
}
