//! The file and its entries: other processes, other files, duplicates, pages, age.
#![cfg(feature = "sqlite")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod temp_journal;

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use kling_journal::{
    EntryStatus, ErrorKind, Event, FinalStatus, Intent, Journal, OnDuplicate, Query, Selection,
};
use proptest::prelude::*;
use temp_journal::{TempJournal, all, begun, intent, statuses};

#[test]
fn another_process_sees_each_record_at_once() {
    let temp = TempJournal::new();
    let (ours, theirs) = (temp.open(), temp.open());
    let intent = begun(&ours, "a");
    assert_eq!(statuses(&theirs), [EntryStatus::Submitting]);
    ours.record(intent.id(), &Event::accepted("id-1")).unwrap();
    theirs.record(intent.id(), &Event::state_changed("in_queue")).unwrap();
    assert_eq!(statuses(&ours), [EntryStatus::Running]);
    let entry = ours.find_job("https://api.example", "id-1").unwrap().unwrap();
    assert_eq!(entry.state(), Some("in_queue"));
    assert!(ours.find_job("https://elsewhere.example", "id-1").unwrap().is_none());
    let foreign = Intent::of_job("https://elsewhere.example", "", "id-1");
    theirs.begin(&foreign, OnDuplicate::Reject).unwrap();
    let found = |origin| ours.find_job(origin, "id-1").unwrap().unwrap().intent().origin().to_owned();
    for origin in ["https://api.example", "https://elsewhere.example"] {
        assert_eq!(found(origin), origin);
    }
}

#[test]
fn an_unknown_intent_stops_the_same_request_until_a_duplicate_is_allowed() {
    let temp = TempJournal::new();
    let first = begun(&temp.open(), "a");
    let journal = temp.open();
    assert_eq!(statuses(&journal), [EntryStatus::Unknown]);

    let refused = journal.begin(&intent("a"), OnDuplicate::Reject).unwrap_err();
    assert_eq!((refused.kind(), refused.earlier()), (ErrorKind::DuplicateRequest, Some(first.id())));
    begun(&journal, "another body");
    journal.begin(&intent("a"), OnDuplicate::Allow).unwrap();

    journal.record(first.id(), &Event::NotSubmitted).unwrap();
    begun(&journal, "a");
}

#[test]
fn a_request_that_is_made_again_finds_its_job() {
    let temp = TempJournal::new();
    let (journal, file) = (temp.open(), tempfile::NamedTempFile::new().unwrap());
    let [first, second] = ["a", "a"].map(|body| intent(body).with_account("me"));
    assert_eq!(journal.begin_or_find(&first).unwrap(), None);
    let refused = journal.begin_or_find(&second).unwrap_err();
    assert_eq!((refused.kind(), refused.earlier()), (ErrorKind::DuplicateRequest, Some(first.id())));
    assert!(refused.to_string().contains("is being submitted"), "{refused}");

    let found = || journal.begin_or_find(&second).unwrap().map(|entry| *entry.intent().id());
    journal.record(first.id(), &Event::accepted("id-1")).unwrap();
    assert_eq!(found(), Some(*first.id()), "the job runs");
    journal.record(first.id(), &Event::finished(FinalStatus::Succeeded)).unwrap();
    assert_eq!(found(), Some(*first.id()), "the outputs are not saved");
    journal.record(first.id(), &Event::saved([file.path()])).unwrap();
    assert_eq!(found(), Some(*first.id()), "the file is there");
    file.close().unwrap();

    let other = intent("a").with_account("somebody else");
    assert_eq!(found(), None, "the file is gone");
    assert_eq!(statuses(&journal), [EntryStatus::Submitting, EntryStatus::Succeeded]);
    journal.record(second.id(), &Event::accepted("id-2")).unwrap();
    assert_eq!(journal.begin_or_find(&other).unwrap(), None, "the job belongs to another account");
}

#[test]
fn an_unknown_outcome_is_found_behind_any_number_of_later_entries() {
    let temp = TempJournal::new();
    let unknown = begun(&temp.open(), "a");
    let journal = temp.open();
    for _ in 0..150 {
        let later = intent("a");
        journal.begin(&later, OnDuplicate::Allow).unwrap();
        journal.record(later.id(), &Event::Rejected { message: "no credit".to_owned() }).unwrap();
    }
    let refused = journal.begin_or_find(&intent("a")).unwrap_err();
    assert_eq!((refused.kind(), refused.earlier()), (ErrorKind::DuplicateRequest, Some(unknown.id())));
    journal.record(unknown.id(), &Event::accepted("id-1")).unwrap();
    let found = journal.begin_or_find(&intent("a")).unwrap();
    assert_eq!(found.map(|entry| *entry.intent().id()), Some(*unknown.id()), "its job is found as well");
}

#[cfg(unix)]
#[test]
fn every_link_to_a_file_opens_the_same_journal() {
    let temp = TempJournal::new();
    let link = temp.folder().join("link.db");
    std::os::unix::fs::symlink("state/journal.db", &link).unwrap();
    // The file does not exist yet, by either name.
    let (linked, direct) = (Journal::open(&link).unwrap(), temp.open());
    std::thread::scope(|scope| {
        for journal in [&linked, &direct] {
            scope.spawn(move || (0..20).for_each(|job| drop(begun(journal, &job.to_string()))));
        }
    });
    assert_eq!(all(&linked).len(), 40);
    assert!(!temp.folder().join("link.db.d").exists());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn many_threads_and_handles_lose_no_record() {
    let temp = TempJournal::new();
    std::thread::scope(|scope| {
        for worker in 0..8 {
            let journal = if worker % 2 == 0 { temp.open() } else { temp.open().clone() };
            scope.spawn(move || {
                for job in 0..10 {
                    let intent = begun(&journal, &format!("{worker}-{job}"));
                    journal.record(intent.id(), &Event::accepted(format!("id-{worker}-{job}"))).unwrap();
                }
            });
        }
    });
    assert_eq!(statuses(&temp.open()), [EntryStatus::Running; 80]);
}

#[test]
fn an_entry_is_read_back_unchanged() {
    let temp = TempJournal::new();
    let journal = temp.open();
    let intent = intent("f\n\"ü").with_account("x").with_output("/ä b".as_ref());
    journal.begin(&intent, OnDuplicate::Reject).unwrap();
    let finished = Event::Finished {
        status: FinalStatus::Succeeded,
        outputs: ["https://a.example/1?x=%3D", "https://a.example/2"].into_iter().collect(),
        cost_usd: Some(0.35),
    };
    let saved = Event::saved(["/tmp/a \"1\".mp4", "/tmp/b.mp4"]);
    for event in [Event::accepted("5e1f-09c"), Event::state_changed("completed"), finished, saved] {
        journal.record(intent.id(), &event).unwrap();
    }
    drop(journal);
    let entry = all(&temp.open()).remove(0);
    assert_eq!(entry.intent(), &intent);
    assert_eq!(
        entry.outputs().iter().collect::<Vec<_>>(),
        ["https://a.example/1?x=%3D", "https://a.example/2"]
    );
    assert_eq!((entry.request_id(), entry.state()), (Some("5e1f-09c"), Some("completed")));
    assert_eq!(
        (entry.files(), entry.cost_usd()),
        (&["/tmp/a \"1\".mp4".into(), "/tmp/b.mp4".into()][..], Some(0.35))
    );
}

#[test]
fn a_file_of_another_program_is_refused_and_not_changed() {
    let temp = TempJournal::new();
    for text in ["my diary", "kling-journal 1 00000000-0000-0000-0000-000000000000\n"] {
        let path = temp.folder().join("diary");
        fs::write(&path, text.repeat(200)).unwrap();
        let error = Journal::open(&path).unwrap_err();
        assert!(
            error.kind() == ErrorKind::Store && error.to_string().contains("is not a journal"),
            "{error}"
        );
        assert_eq!(fs::read_to_string(&path).unwrap(), text.repeat(200));
    }
    let path = temp.folder().join("notes.db");
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE note(text)").unwrap();
    let before = fs::read(&path).unwrap();
    let error = Journal::open(&path).unwrap_err();
    assert!(error.to_string().contains("a database of another program"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_newer_version_is_refused() {
    let temp = TempJournal::new();
    begun(&temp.open(), "a");
    temp.raw().execute_batch("PRAGMA user_version = 2").unwrap();
    let error = Journal::open(temp.path()).unwrap_err();
    assert!(error.to_string().contains("use a newer kling"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_journal_that_was_deleted_while_open_refuses_intents() {
    for deleted in ["journal.db", "journal.db-wal"] {
        let temp = TempJournal::new();
        let journal = temp.open();
        let intent = begun(&journal, "a");
        fs::remove_file(temp.folder().join("state").join(deleted)).unwrap();
        let error = journal.begin(&temp_journal::intent("b"), OnDuplicate::Reject).unwrap_err();
        assert!(error.to_string().contains("deleted or replaced"), "{deleted}: {error}");
        // The request id of the submit under way is kept, and reaches whichever file is there next.
        let deferred = journal.record(intent.id(), &Event::accepted("id-1")).unwrap_err();
        assert_eq!(deferred.kind(), ErrorKind::Deferred, "{deferred}");
        drop(journal);
        let entry = temp.open().find_job("https://api.example", "id-1").unwrap();
        assert_eq!(entry.map(|entry| entry.status()), Some(EntryStatus::Running), "{deleted}");
    }
}

#[test]
fn entries_are_found_by_the_start_of_their_intent() {
    let temp = TempJournal::new();
    let journal = temp.open();
    let intent = begun(&journal, "a");
    begun(&journal, "b");
    let id = intent.id().to_string();
    for start in [&id[..13].to_uppercase(), &id, &id[..8]] {
        assert_eq!(journal.find_intent(start).unwrap().intent(), &intent);
    }
    for start in ["", "no such id", "+1", "-", &id.repeat(2)] {
        assert_eq!(journal.find_intent(start).unwrap_err().kind(), ErrorKind::NoEntry, "{start}");
    }
}

#[cfg(unix)]
#[test]
fn only_the_owner_can_read_the_file() {
    use std::os::unix::fs::PermissionsExt;
    let temp = TempJournal::new();
    fs::create_dir_all(temp.path().parent().unwrap()).unwrap();
    fs::write(temp.path(), "").unwrap();
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o644)).unwrap();
    let journal = temp.open();
    begun(&journal, "a");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let beside = |suffix: &str| temp.folder().join(format!("state/journal.db{suffix}"));
    let modes = ["", "-wal", "-shm", ".d"].map(|suffix| mode(&beside(suffix)));
    assert_eq!(modes, [0o600, 0o600, 0o600, 0o700]);
    for lease in fs::read_dir(beside(".d")).unwrap() {
        assert_eq!(mode(&lease.unwrap().path()), 0o600);
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_is_refused() {
    for device in ["/dev/full", "/dev/null", "/proc/none/journal.db"] {
        assert_eq!(Journal::open(device).unwrap_err().kind(), ErrorKind::Store, "{device}");
    }
}

#[test]
fn opening_removes_nothing_and_pruning_removes_only_entries_that_are_over() {
    let temp = TempJournal::new();
    let journal = temp.open();
    let [unknown, running, unsaved, over] = ["a", "b", "c", "d"].map(|body| begun(&journal, body));
    journal.record(unknown.id(), &Event::Unknown { message: "cut".into() }).unwrap();
    for (intent, id) in [(&running, "id-1"), (&unsaved, "id-2"), (&over, "id-3")] {
        journal.record(intent.id(), &Event::accepted(id)).unwrap();
    }
    journal.record(unsaved.id(), &Event::finished(FinalStatus::Succeeded)).unwrap();
    journal.record(over.id(), &Event::finished(FinalStatus::Failed)).unwrap();
    drop(journal);
    // A clock that is years ahead, at every open and at the removal.
    let ahead = SystemTime::now() + Duration::from_secs(10 * 365 * 24 * 3600);
    let journal = temp.open();
    assert_eq!(all(&journal).len(), 4);
    assert_eq!(journal.count_prunable(SystemTime::now() - Duration::from_secs(3600)).unwrap(), 0);
    assert_eq!(journal.count_prunable(ahead).unwrap(), 1);
    assert_eq!(journal.prune(ahead).unwrap(), 1);
    assert_eq!(statuses(&journal), [EntryStatus::Unknown, EntryStatus::Running, EntryStatus::Succeeded]);
    let unfinished = journal.page(&Query::new(Selection::Unfinished)).unwrap().entries;
    assert_eq!(
        unfinished.iter().map(|entry| entry.request_id().unwrap()).collect::<Vec<_>>(),
        ["id-1", "id-2"]
    );
}

#[test]
fn an_export_is_the_whole_journal_and_is_imported_once() {
    let (temp, other) = (TempJournal::new(), TempJournal::new());
    let journal = temp.open();
    for number in 0..7 {
        let intent = begun(&journal, &number.to_string());
        if number % 2 == 0 {
            journal.record(intent.id(), &Event::accepted(format!("id-{number}"))).unwrap();
        }
    }
    drop(journal);
    let (journal, mut lines) = (temp.open(), Vec::new());
    assert_eq!(journal.export(&mut lines).unwrap(), 7);
    let copy = other.open();
    assert_eq!(copy.import(&*lines).unwrap(), 7);
    assert_eq!(copy.import(&*lines).unwrap(), 0);
    assert_eq!(all(&copy), all(&journal));
    let broken = [&lines[..], b"{\"intent\": 7}\n"].concat();
    let error = copy.import(&*broken).unwrap_err();
    assert!(error.to_string().contains("line 8 of the import"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn pages_of_any_size_hold_every_entry_once(accepted: Vec<bool>, limit in 1..9_usize, oldest_first: bool) {
        let temp = TempJournal::new();
        let journal = temp.open();
        for (number, accepted) in accepted.iter().take(30).enumerate() {
            let intent = begun(&journal, &number.to_string());
            if *accepted {
                journal.record(intent.id(), &Event::accepted(number.to_string())).unwrap();
            }
        }
        let query = Query::new(Selection::All).with_limit(limit);
        let query = if oldest_first { query.oldest_first() } else { query };
        let paged: Vec<_> = journal.entries(query).map(|entry| entry.unwrap().intent().id().to_string()).collect();
        let mut whole: Vec<_> = all(&journal).iter().map(|entry| entry.intent().id().to_string()).collect();
        let (mut sorted, in_order) = (paged.clone(), paged);
        sorted.sort();
        whole.sort();
        prop_assert_eq!(sorted, whole);
        let numbers = |stage: bool| {
            let of_stage = all(&journal).into_iter().filter(move |entry| entry.request_id().is_some() == stage);
            let mut ids: Vec<_> = of_stage.map(|entry| entry.intent().id().to_string()).collect();
            if !oldest_first { ids.reverse() }
            ids
        };
        prop_assert_eq!(in_order, [numbers(false), numbers(true)].concat());
    }
}
