//! A disk that fills between the intent and the request id: the id is saved, and recorded once there is room.
#![cfg(all(feature = "sqlite", unix))]
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test may panic and print")]

mod temp_journal;

use std::env;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use kling_journal::{EntryStatus, ErrorKind, Event, Journal, OnDuplicate};
use temp_journal::{TempJournal, all, begun, intent, statuses};

const ORIGIN: &str = "https://api.example";
const JOURNAL: &str = "TEST_JOURNAL";

/// Submits until the journal is full, in a process of its own. Prints each request id that was paid for.
#[test]
#[ignore = "a process of the tests below"]
fn submit_until_the_journal_is_full() {
    let Some(path) = env::var_os(JOURNAL) else { return };
    let journal = Journal::open(Path::new(&path)).unwrap();
    let mut stdout = std::io::stdout().lock();
    for number in 0..1000 {
        let intent = intent(&number.to_string());
        if journal.begin(&intent, OnDuplicate::Reject).is_err() {
            break;
        }
        let id = format!("id-{number}");
        let kept = journal.record(intent.id(), &Event::accepted(&id));
        let how = match kept {
            Ok(()) => "recorded".to_owned(),
            Err(error) => format!("{:?}", error.kind()),
        };
        writeln!(stdout, "\npaid {id} {how}").unwrap();
    }
    writeln!(stdout, "\nfull").unwrap();
    // The process ends as if it were killed: neither drops nor retries run.
    std::process::exit(0);
}

/// Runs that process under a limit for the length of files, in kilobytes. Returns the paid ids, and how each was kept.
fn paid_under_a_limit(path: &Path, kilobytes: u32) -> Vec<(String, String)> {
    let limit = format!("trap '' XFSZ; ulimit -f {kilobytes}");
    let text = limited(&limit, "submit_until_the_journal_is_full", path);
    assert!(text.contains("\nfull"), "{text}");
    let paid = text.lines().filter_map(|line| line.strip_prefix("paid ")?.split_once(' '));
    paid.map(|(id, how)| (id.to_owned(), how.to_owned())).collect()
}

/// Runs one of the ignored tests in a process under a limit. Returns its output.
fn limited(limit: &str, test: &str, path: &Path) -> String {
    let script = format!("{limit}; exec \"$0\" \"$@\"");
    let mut command = Command::new("bash");
    command.arg("-c").arg(script).arg(env::current_exe().unwrap());
    command.args([test, "--exact", "--ignored", "--nocapture"]).env(JOURNAL, path);
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_request_id_that_the_full_disk_refused_is_recorded_by_the_next_process() {
    let mut deferred = 0;
    // An intent and a request id take about as much each, so the limit meets the id in some runs.
    for kilobytes in (60..140).step_by(4) {
        let temp = TempJournal::new();
        drop(temp.open());
        let paid = paid_under_a_limit(&temp.path(), kilobytes);
        deferred += paid.iter().filter(|(_, how)| how == "Deferred").count();
        let journal = temp.open();
        for (id, how) in &paid {
            let entry = journal.find_job(ORIGIN, id).unwrap();
            let status = entry.as_ref().map(kling_journal::Entry::status);
            assert_eq!(status, Some(EntryStatus::Running), "{id} was {how} at {kilobytes} kB");
            assert!(!entry.unwrap().intent().fingerprint().is_empty(), "the id belongs to its own intent");
        }
        let unpaid: Vec<_> = all(&journal).into_iter().filter(|entry| entry.request_id().is_none()).collect();
        assert_eq!(unpaid.len(), 0, "{unpaid:?}");
        let leases = fs::read_dir(temp.folder().join("state/journal.db.d")).unwrap().count();
        assert_eq!(leases, 0, "the stale lease is removed");
    }
    assert!(deferred > 0, "no run met the limit at a request id");
}

/// A real file system of two megabytes, if the tests may mount one.
struct SmallDisk(TempJournal);

impl SmallDisk {
    fn mount() -> Option<Self> {
        let temp = TempJournal::new();
        let mount = ["-t", "tmpfs", "-o", "size=2m", "tmpfs"];
        let output = Command::new("mount").args(mount).arg(temp.folder()).output();
        output.is_ok_and(|output| output.status.success()).then_some(Self(temp))
    }

    /// Fills the disk to the last byte with a file, and returns its path.
    fn fill(&self) -> std::path::PathBuf {
        let path = self.0.folder().join("ballast");
        let mut file = fs::File::create(&path).unwrap();
        for length in [4096, 64, 1] {
            while file.write_all(&vec![7; length]).is_ok() {}
        }
        path
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.folder()).status();
    }
}

#[test]
fn a_process_that_goes_on_records_a_refused_id_once_there_is_space() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: this user may not mount a small disk");
        return;
    };
    let temp = &disk.0;
    let journal = temp.open();
    let intents: Vec<_> = (0..20).map(|number| begun(&journal, &number.to_string())).collect();
    let ballast = disk.fill();
    for (number, intent) in intents.iter().enumerate() {
        let error = journal.record(intent.id(), &Event::accepted(format!("id-{number}"))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Deferred, "{error}");
        assert!(error.to_string().contains(&format!("id-{number}")), "{error}");
    }
    let refused = journal.begin(&intent("another"), OnDuplicate::Reject).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Store, "{refused}");
    assert_eq!(statuses(&temp.open()), [EntryStatus::Submitting; 20]);
    fs::remove_file(ballast).unwrap();
    begun(&journal, "another");
    let mut expected = vec![EntryStatus::Submitting];
    expected.extend([EntryStatus::Running; 20]);
    assert_eq!(statuses(&journal), expected);
}

#[test]
fn a_refused_id_is_tried_again_at_the_end_of_the_process() {
    let Some(disk) = SmallDisk::mount() else {
        println!("skipped: this user may not mount a small disk");
        return;
    };
    let journal = disk.0.open();
    let intent = begun(&journal, "a");
    let ballast = disk.fill();
    journal.record(intent.id(), &Event::accepted("id-1")).unwrap_err();
    fs::remove_file(ballast).unwrap();
    drop(journal);
    assert_eq!(fs::read_dir(disk.0.folder().join("state/journal.db.d")).unwrap().count(), 0);
    assert_eq!(statuses(&disk.0.open()), [EntryStatus::Running]);
}

/// Takes every descriptor between the intent and the request id, in a process of its own.
#[test]
#[ignore = "a process of the test below"]
fn submit_without_descriptors() {
    let Some(path) = env::var_os(JOURNAL) else { return };
    let journal = Journal::open(Path::new(&path)).unwrap();
    let first = begun(&journal, "a");
    let taken: Vec<_> = std::iter::from_fn(|| fs::File::open("/dev/null").ok()).collect();
    let recorded = journal.record(first.id(), &Event::accepted("id-1"));
    let begun = journal.begin(&intent("b"), OnDuplicate::Reject);
    drop(taken);
    println!("\n{:?} {:?}", recorded.is_ok(), begun.is_ok());
}

#[test]
fn neither_an_intent_nor_its_id_needs_a_descriptor() {
    let temp = TempJournal::new();
    let text = limited("ulimit -n 40", "submit_without_descriptors", &temp.path());
    assert!(text.contains("\ntrue true\n"), "{text}");
    assert_eq!(statuses(&temp.open()), [EntryStatus::Unknown, EntryStatus::Running]);
}
