//! The file under attack: torn ends, damage, other processes, old age, full disks.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use kling_journal::{Again, Ending, Event, Intent, Journal, Standing};
use proptest::prelude::*;
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("state/journal.log");
    (folder, path)
}

fn intent(body: &str) -> Intent {
    Intent::new("https://api.example", "maker/model", body)
}

fn begun(journal: &Journal, body: &str) -> Intent {
    let intent = intent(body);
    journal.begin(&intent, Again::No).unwrap();
    intent
}

fn standings(journal: &Journal) -> Vec<Standing> {
    journal.entries().unwrap().iter().map(|entry| entry.standing()).collect()
}

#[test]
fn another_process_sees_each_step_when_it_is_made() {
    let (_folder, path) = place();
    let (ours, theirs) = (Journal::open(&path).unwrap(), Journal::open(&path).unwrap());
    let intent = begun(&ours, "a");
    assert_eq!(standings(&theirs), [Standing::Submitting]);
    ours.record(intent.id(), &Event::submitted("id-1")).unwrap();
    theirs.record(intent.id(), &Event::seen("in_queue")).unwrap();
    assert_eq!(standings(&ours), [Standing::Running]);
    let entry = ours.find_job("https://api.example", "id-1").unwrap().unwrap();
    assert_eq!(entry.state(), Some("in_queue"));
    assert!(ours.find_job("https://elsewhere.example", "id-1").unwrap().is_none());
    theirs.begin(&Intent::of_job("https://elsewhere.example", "", "id-1"), Again::No).unwrap();
    let found = |origin| ours.find_job(origin, "id-1").unwrap().unwrap().intent().origin().to_owned();
    for origin in ["https://api.example", "https://elsewhere.example"] {
        assert_eq!(found(origin), origin);
    }
}

#[test]
fn an_intent_whose_process_is_gone_is_unknown_and_stops_the_same_request_until_it_is_meant() {
    let (_folder, path) = place();
    let first = begun(&Journal::open(&path).unwrap(), "a");
    let journal = Journal::open(&path).unwrap();
    assert_eq!(standings(&journal), [Standing::Unknown]);

    let refused = journal.begin(&intent("a"), Again::No).unwrap_err();
    assert!(refused.is_unresolved());
    assert_eq!(refused.earlier(), Some(first.id()));
    begun(&journal, "another body");
    journal.begin(&intent("a"), Again::Yes).unwrap();

    journal.record(first.id(), &Event::NotSubmitted).unwrap();
    begun(&journal, "a");
}

#[cfg(unix)]
#[test]
fn all_names_of_a_file_are_one_journal() {
    let (folder, path) = place();
    let link = folder.path().join("link.log");
    std::os::unix::fs::symlink("state/journal.log", &link).unwrap();
    // The file is yet to be made, by either name.
    let (linked, direct) = (Journal::open(&link).unwrap(), Journal::open(&path).unwrap());
    std::thread::scope(|scope| {
        for journal in [&linked, &direct] {
            scope.spawn(move || (0..20).for_each(|job| drop(begun(journal, &job.to_string()))));
        }
    });
    assert_eq!(standings(&linked).len(), 40);
    assert_eq!(linked.damaged_lines() + direct.damaged_lines(), 0);
    assert!(!folder.path().join("link.log.d").exists());
    let ended = begun(&linked, "over");
    linked.record(ended.id(), &Event::Refused { message: "no".into() }).unwrap();
    drop((linked, direct));
    age(&path, 91);
    let reopened = Journal::open(&link).unwrap();
    assert_eq!(standings(&reopened).len(), 40, "what is over was removed");
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn many_threads_and_handles_lose_nothing() {
    let (_folder, path) = place();
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let path = &path;
            scope.spawn(move || {
                let journal = Journal::open(path).unwrap();
                for job in 0..10 {
                    let intent = begun(&journal, &format!("{worker}-{job}"));
                    journal.record(intent.id(), &Event::submitted(format!("id-{worker}-{job}"))).unwrap();
                }
            });
        }
    });
    let journal = Journal::open(&path).unwrap();
    assert_eq!(standings(&journal), [Standing::Running; 40]);
    assert_eq!(journal.damaged_lines(), 0);
}

#[test]
fn a_damaged_line_is_skipped_counted_and_kept() {
    let (_folder, path) = place();
    let journal = Journal::open(&path).unwrap();
    begun(&journal, "a");
    append(&path, b"00000000 {\"not\": \"ours\"}\n\xff\xfe\n");
    begun(&journal, "b");
    assert_eq!(standings(&journal).len(), 2);
    assert_eq!(journal.damaged_lines(), 2);
    let before = fs::read(&path).unwrap();
    assert_eq!(Journal::open(&path).unwrap().damaged_lines(), 2);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn another_file_is_refused_and_left_as_it_is() {
    let (folder, _) = place();
    for text in ["my diary", "my diary\nday one", "kling-journal 2 00000000-0000-0000-0000-000000000000\n"] {
        let path = folder.path().join("diary");
        fs::write(&path, text).unwrap();
        let error = Journal::open(&path).unwrap_err();
        assert!(error.is_store() && error.to_string().contains("no journal"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

#[test]
fn a_journal_that_was_deleted_meanwhile_begins_anew() {
    let (folder, path) = place();
    let journal = Journal::open(&path).unwrap();
    begun(&journal, "a");
    fs::remove_dir_all(folder.path().join("state")).unwrap();
    assert_eq!(standings(&journal), []);
    begun(&journal, "b");
    assert_eq!(standings(&Journal::open(&path).unwrap()), [Standing::Submitting]);
}

#[test]
fn entries_are_found_by_the_start_of_their_intent() {
    let (_folder, path) = place();
    let journal = Journal::open(&path).unwrap();
    let intent = begun(&journal, "a");
    begun(&journal, "b");
    let id = intent.id().to_string();
    assert_eq!(journal.find_intent(&id[..13].to_uppercase()).unwrap().intent(), &intent);
    for start in ["", "no such id"] {
        assert!(journal.find_intent(start).unwrap_err().is_no_entry());
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = place();
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, "").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    begun(&Journal::open(&path).unwrap(), "a");
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let locks = path.with_file_name("journal.log.d");
    assert_eq!((mode(&path), mode(&locks), mode(&locks.join("lock"))), (0o600, 0o700, 0o600));
}

#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_kept_is_not_begun() {
    for place in ["/dev/full", "/proc/none/journal.log"] {
        assert!(Journal::open(place).unwrap_err().is_store(), "{place}");
    }
}

#[test]
fn what_is_over_is_removed_by_age_and_nothing_else() {
    let (_folder, path) = place();
    let journal = Journal::open(&path).unwrap();
    let [unknown, running, over] = ["a", "b", "c"].map(|body| begun(&journal, body));
    journal.record(unknown.id(), &Event::Lost { message: "cut".into() }).unwrap();
    for (intent, id) in [(&running, "id-1"), (&over, "id-2")] {
        journal.record(intent.id(), &Event::submitted(id)).unwrap();
    }
    journal.record(over.id(), &Event::ended(Ending::Failed)).unwrap();
    age(&path, 91);
    let reopened = Journal::open(&path).unwrap();
    assert_eq!(standings(&reopened), [Standing::Unknown, Standing::Running]);
    // Who had it open before goes on with the new file.
    assert_eq!(standings(&journal), [Standing::Unknown, Standing::Running]);
    begun(&journal, "d");
    assert_eq!(standings(&reopened).len(), 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn wherever_the_end_is_torn_all_before_it_is_kept(cut in 1..400_usize, garbage in prop::collection::vec(0..9_u8, 0..40)) {
        let (_folder, path) = place();
        let journal = Journal::open(&path).unwrap();
        let first = begun(&journal, "a");
        journal.record(first.id(), &Event::submitted("id-1")).unwrap();
        let kept = fs::metadata(&path).unwrap().len();
        begun(&journal, "b");
        drop(journal);
        let len = fs::metadata(&path).unwrap().len();
        let file = OpenOptions::new().write(true).open(&path).unwrap();
        file.set_len(len.saturating_sub(cut as u64).max(kept)).unwrap();
        append(&path, &garbage);

        let journal = Journal::open(&path).unwrap();
        prop_assert_eq!(standings(&journal)[0], Standing::Running);
        begun(&journal, "c");
        drop(journal);
        let entries = Journal::open(&path).unwrap().entries().unwrap();
        prop_assert_eq!(entries.last().unwrap().intent().fingerprint(), "c");
        prop_assert_eq!(entries[0].request_id(), Some("id-1"));
    }
}

fn append(path: &Path, bytes: &[u8]) {
    OpenOptions::new().append(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Sets every time in the file back by days.
fn age(path: &Path, days: u64) {
    let text = fs::read_to_string(path).unwrap();
    let mut lines = text.lines();
    let mut aged = format!("{}\n", lines.next().unwrap());
    for line in lines {
        let mut record: serde_json::Value = serde_json::from_str(&line[9..]).unwrap();
        let back = |value: &mut serde_json::Value| {
            *value = (value.as_u64().unwrap() - days * 24 * 3600).into();
        };
        back(&mut record["at"]["secs_since_epoch"]);
        let json = record.to_string();
        aged.push_str(&format!("{:08x} {json}\n", crc32fast::hash(json.as_bytes())));
    }
    fs::write(path, aged).unwrap();
}
