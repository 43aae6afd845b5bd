//! Jobs of elsewhere, taken in by their ids.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use kling_journal::{Again, Ending, Event, Intent, Journal, Standing};
use tempfile::TempDir;

#[test]
fn a_job_that_was_submitted_elsewhere_is_running_from_its_first_record() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.log");
    let journal = Journal::open(&path).unwrap();
    journal.begin(&Intent::of_job("https://api.example", "", "id-1"), Again::No).unwrap();
    assert!(journal.entries().unwrap()[0].is_held());
    drop(journal);
    let journal = Journal::open(&path).unwrap();
    let entry = journal.find_job("https://api.example", "id-1").unwrap().unwrap();
    assert_eq!((entry.standing(), entry.request_id()), (Standing::Running, Some("id-1")));
    assert!(entry.is_unfinished() && !entry.is_held());
}

#[test]
fn two_who_take_a_job_in_at_once_have_one_entry() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.log");
    let adopted: Vec<Intent> = std::thread::scope(|scope| {
        let adopt = || {
            let intent = Intent::of_job("https://api.example", "", "id-1");
            Journal::open(&path).unwrap().adopt(&intent).unwrap()
        };
        let both = [scope.spawn(adopt), scope.spawn(adopt)];
        both.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(adopted[0], adopted[1]);
    assert_eq!(Journal::open(&path).unwrap().entries().unwrap().len(), 1);
}

#[test]
fn a_job_that_was_taken_in_by_its_id_is_one_with_the_unknown_intent_that_is_settled_with_it() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("journal.log");
    let unknown = Intent::new("https://api.example", "maker/model", "a");
    Journal::open(&path).unwrap().begin(&unknown, Again::No).unwrap();
    let journal = Journal::open(&path).unwrap();
    let adopted = Intent::of_job("https://api.example", "", "id-1");
    journal.begin(&adopted, Again::No).unwrap();
    journal.record(adopted.id(), &Event::seen("in_progress")).unwrap();
    let standings: Vec<_> = journal.entries().unwrap().iter().map(|entry| entry.standing()).collect();
    assert_eq!(standings, [Standing::Unknown, Standing::Running]);
    journal.record(unknown.id(), &Event::submitted("id-1")).unwrap();
    journal.record(adopted.id(), &Event::ended(Ending::Succeeded)).unwrap();
    for journal in [journal.clone(), Journal::open(&path).unwrap()] {
        let entries = journal.entries().unwrap();
        assert_eq!((entries.len(), entries[0].intent().fingerprint()), (1, "a"));
        assert_eq!((entries[0].standing(), entries[0].state()), (Standing::Succeeded, Some("in_progress")));
        let found = journal.find_job("https://api.example", "id-1").unwrap().unwrap();
        assert_eq!(found.intent().id(), unknown.id());
    }
}
