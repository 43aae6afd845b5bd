//! A damaged file: found at the next read, repaired by a check, and never overwritten.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod temp_journal;

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};

use kling_journal::{Entry, EntryStatus, ErrorKind, Event, Intent, Journal, OnDuplicate, SqliteStore};
use proptest::prelude::*;
use temp_journal::{TempJournal, all, begun, intent, statuses};

const ORIGIN: &str = "https://api.example";

/// A closed journal of running jobs `id-0`, `id-1`, ….
fn with_jobs(count: usize) -> TempJournal {
    let temp = TempJournal::new();
    let job = |number| Entry::new(Intent::of_job(ORIGIN, "maker/model", format!("id-{number}")));
    let lines: Vec<_> = (0..count).map(|number| serde_json::to_string(&job(number)).unwrap()).collect();
    temp.open().import(lines.join("\n").as_bytes()).unwrap();
    temp
}

#[test]
fn a_changed_digit_of_a_request_id_is_damage_and_stops_every_submit() {
    let temp = with_jobs(3);
    temp.raw().execute_batch("UPDATE entry SET request_id = 'id-9' WHERE request_id = 'id-1'").unwrap();
    let journal = temp.open();
    journal.begin(&intent("another"), OnDuplicate::Reject).expect("the damage is not known yet");
    assert!(journal.damage().is_none());
    assert_eq!(journal.find_job(ORIGIN, "id-9").unwrap_err().kind(), ErrorKind::Damaged);
    for journal in [&journal, &temp.open()] {
        // The other entries are still shown.
        let shown: Vec<_> =
            all(journal).iter().filter_map(|entry| entry.request_id().map(str::to_owned)).collect();
        assert_eq!(shown, ["id-0", "id-2"]);
        let refused = journal.begin(&intent("more"), OnDuplicate::Allow).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Damaged);
        assert!(refused.to_string().contains("run kling journal check"), "{refused}");
    }
    let other = journal.find_job(ORIGIN, "id-2").unwrap().unwrap();
    journal.record(other.intent().id(), &Event::saved(["/tmp/a.mp4"])).unwrap();
}

#[test]
fn a_check_rescues_what_can_be_read_and_keeps_the_damaged_file() {
    let temp = with_jobs(5);
    temp.raw().execute_batch("UPDATE entry SET message = 'x' WHERE request_id = 'id-1'").unwrap();
    let damaged = fs::read(temp.path()).unwrap();
    let journal = temp.open();
    assert_eq!(
        SqliteStore::check(temp.path()).unwrap().entries,
        4,
        "a process without a lease does not stop a check"
    );
    drop(journal);

    let temp = with_jobs(5);
    temp.raw().execute_batch("UPDATE entry SET message = 'x' WHERE request_id = 'id-1'").unwrap();
    let before = fs::read(temp.path()).unwrap();
    assert_eq!(before.len(), damaged.len());
    let report = SqliteStore::check(temp.path()).unwrap();
    assert_eq!((report.entries, &*report.rescued_ids, report.lost), (4, &["id-1".to_owned()][..], 0));
    assert_eq!(fs::read(report.damaged_file.unwrap()).unwrap(), before);
    let journal = temp.open();
    assert_eq!(statuses(&journal), [EntryStatus::Running; 5]);
    assert_eq!(journal.find_job(ORIGIN, "id-1").unwrap().unwrap().status(), EntryStatus::Running);
    begun(&journal, "submits are allowed again");
}

#[test]
fn a_whole_journal_is_reported_and_not_changed() {
    let temp = with_jobs(3);
    let before = fs::read(temp.path()).unwrap();
    let report = SqliteStore::check(temp.path()).unwrap();
    assert!(report.is_whole() && report.entries == 3 && report.damaged_file.is_none(), "{report:?}");
    assert_eq!(fs::read(temp.path()).unwrap(), before);
    let none = SqliteStore::check(temp.folder().join("none.db")).unwrap_err();
    assert!(none.to_string().contains("there is no journal"), "{none}");
    assert!(!temp.folder().join("none.db").exists());
}

#[test]
fn a_journal_in_use_is_not_checked() {
    let temp = with_jobs(1);
    let journal = temp.open();
    begun(&journal, "a");
    assert_eq!(SqliteStore::check(temp.path()).unwrap_err().kind(), ErrorKind::Busy);
}

#[test]
fn a_file_without_a_first_page_is_not_written_and_a_check_replaces_it() {
    let temp = with_jobs(200);
    overwrite(&temp, 0, &[0; 4096]);
    let error = Journal::open(temp.path()).unwrap_err();
    assert!(error.to_string().contains("run kling journal check"), "{error}");
    let report = SqliteStore::check(temp.path()).unwrap();
    assert!(!report.is_whole() && report.entries == 0);
    assert!(report.damaged_file.unwrap().exists());
    assert_eq!(all(&temp.open()).len(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// After one page is overwritten, each request id is in the new journal, or the report counts a loss.
    #[test]
    fn no_bad_page_loses_a_request_id_without_a_report(page in 1..100_u64, filler: u8) {
        let temp = with_jobs(200);
        let pages = fs::metadata(temp.path()).unwrap().len() / 4096;
        overwrite(&temp, page % (pages - 1) + 1, &[filler; 4096]);
        let report = SqliteStore::check(temp.path()).unwrap();
        let journal = temp.open();
        let known = (0..200).filter(|number| {
            matches!(journal.find_job(ORIGIN, &format!("id-{number}")), Ok(Some(entry)) if entry.is_unfinished())
        });
        let known = known.count();
        prop_assert!(known == 200 || report.lost > 0, "{known} {report:?}");
        begun(&journal, "submits are allowed again");
    }
}

fn overwrite(temp: &TempJournal, page: u64, bytes: &[u8]) {
    let mut file = OpenOptions::new().write(true).open(temp.path()).unwrap();
    file.seek(SeekFrom::Start(page * 4096)).unwrap();
    file.write_all(bytes).unwrap();
}
