//! The file of the journal: pages, pruning, damage, export and import.
#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a test may panic and print")]

mod program;

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use kling_sim::{Call, Fault, Sim};
use program::{Program, until};

const INPUT: &str = r#"{"image_url": "https://example.com/start.jpg"}"#;

fn fast() -> Sim {
    Sim::builder().speed(200.0).start().unwrap()
}

fn posts(sim: &Sim) -> usize {
    sim.requests().iter().filter(|call| call.call == Call::Submit).count()
}

fn input(name: &str) -> String {
    INPUT.replace("start", name)
}

/// A program whose journal has a running job and one that is damaged.
fn damaged(sim: &Sim) -> (Program, [String; 2]) {
    let program = Program::at(sim);
    let ids = ["a", "b"].map(|name| {
        let ended = program.run(&["submit", "--input", &input(name)]);
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.stdout.trim().to_owned()
    });
    // One digit of a paid id is changed on the disk, in the row and in the index.
    let mut bytes = fs::read(program.journal()).unwrap();
    let (from, mut to) = (ids[1].as_bytes(), ids[1].clone().into_bytes());
    to[0] = if to[0] == b'0' { b'1' } else { b'0' };
    let places: Vec<usize> =
        (0..bytes.len() - from.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty());
    places.into_iter().for_each(|at| bytes[at..at + from.len()].copy_from_slice(&to));
    fs::write(program.journal(), bytes).unwrap();
    (program, ids)
}

#[test]
fn damage_stops_whatever_pays_and_warns_whatever_resumes_until_it_is_checked() {
    let sim = fast();
    let (program, ids) = damaged(&sim);
    let resumed = program.run(&["resume", "--all"]);
    assert!(resumed.stderr.contains("warning: the journal at"), "{}", resumed.stderr);
    assert!(resumed.stderr.contains("run kling journal check"), "{}", resumed.stderr);
    assert_eq!(program.files(), [format!("kling-{}.mp4", ids[0])], "the whole entry is resumed all the same");
    for again in [input("a"), input("c")] {
        let refused = program.run(&["submit", "--input", &again]);
        assert_eq!(refused.code, 69, "{}", refused.stderr);
        assert!(refused.stderr.contains("run kling journal check"), "{}", refused.stderr);
    }
    assert_eq!(posts(&sim), 2);
    assert!(program.run(&["jobs"]).stderr.contains("warning: the journal at"));

    let checked = program.run(&["journal", "check", "--json"]);
    assert_eq!(checked.code, 69, "{}", checked.stderr);
    assert_eq!(checked.json()["entries"], 1);
    assert!(fs::exists(checked.json()["damaged_file"].as_str().unwrap()).unwrap());
    assert_eq!(checked.json()["rescued_ids"].as_array().unwrap().len(), 1);
    assert!(program.run(&["journal", "check"]).stdout.starts_with("the journal is intact: 2 entries"));
    assert_eq!(program.run(&["submit", "--input", &input("c")]).code, 0);
    assert_eq!(posts(&sim), 3);
}

#[test]
fn a_job_whose_entry_is_damaged_is_resumed_by_its_id() {
    let sim = fast();
    let program = Program::at(&sim);
    let id = program.run(&["submit", "--input", INPUT]).stdout.trim().to_owned();
    let mut bytes = fs::read(program.journal()).unwrap();
    let model = b"kling/kling-1-6/pro";
    let at = (0..bytes.len()).find(|at| bytes[*at..].starts_with(model)).unwrap();
    bytes[at] = b'K';
    fs::write(program.journal(), bytes).unwrap();
    let resumed = program.run(&["resume", &id]);
    assert_eq!((resumed.code, program.files()), (0, vec![format!("kling-{id}.mp4")]), "{}", resumed.stderr);
    assert!(resumed.stderr.contains("warning: the journal at"), "{}", resumed.stderr);
}

#[test]
fn a_journal_goes_to_another_machine_as_lines() {
    let sim = fast();
    let (here, there) = (Program::at(&sim), Program::at(&sim));
    for name in ["a", "b", "c"] {
        here.run(&["submit", "--input", &input(name)]);
    }
    let exported = here.run(&["journal", "export", "--json"]);
    assert_eq!((exported.code, exported.stdout.lines().count()), (0, 3), "{exported:?}");
    assert_eq!(here.run(&["journal", "export", "all.jsonl"]).code, 0);
    assert_eq!(here.run(&["journal", "export", "all.jsonl"]).code, 64, "a file is never overwritten");
    let lines = here.folder().join("all.jsonl");
    assert_eq!(fs::read_to_string(&lines).unwrap(), exported.stdout);
    let imported = there.run(&["journal", "import", lines.to_str().unwrap()]);
    assert_eq!((imported.code, imported.stdout.as_str()), (0, "added 3 entries\n"), "{imported:?}");
    assert_eq!(there.run(&["journal", "import", lines.to_str().unwrap()]).stdout, "added 0 entries\n");
    assert_eq!(there.run(&["resume", "--all"]).stdout.lines().count(), 3);
    fs::write(&lines, "no entry\n").unwrap();
    assert_eq!(there.run(&["journal", "import", lines.to_str().unwrap()]).code, 65);
    assert_eq!(there.run(&["journal", "import", "missing.jsonl"]).code, 66);
}

#[test]
fn a_long_list_is_shown_in_pages() {
    let sim = fast();
    let program = Program::at(&sim);
    for name in ["a", "b", "c", "d", "e"] {
        program.run(&["submit", "--input", &input(name)]);
    }
    let (mut seen, mut after) = (Vec::new(), None::<String>);
    loop {
        let mut arguments = vec!["jobs", "--limit", "2", "--json"];
        if let Some(place) = &after {
            arguments.extend(["--after", place]);
        }
        let page = program.run(&arguments).json();
        seen.extend(page["jobs"].as_array().unwrap().iter().map(|job| job["request_id"].to_string()));
        match page["next"].as_str() {
            Some(place) => after = Some(place.to_owned()),
            None => break,
        }
    }
    let billed: Vec<_> = sim.billed().iter().rev().map(|bill| format!("{:?}", bill.request_id)).collect();
    assert_eq!(seen, billed);
    assert!(program.run(&["jobs", "--limit", "2"]).stdout.contains("for more: kling jobs --after"));
    assert_eq!(program.run(&["jobs", "--after", "soon"]).code, 64);
}

#[test]
fn pruning_says_what_it_removes_and_never_removes_paid_work() {
    let sim = fast();
    let program = Program::at(&sim);
    program.run(&["generate", "https://example.com/saved.jpg", "-o", "saved.mp4"]);
    program.run(&["submit", "--input", &input("running")]);
    sim.fail_next_job("nothing is in the picture");
    program.run(&["generate", "https://example.com/failed.jpg"]);
    let told = program.run(&["jobs", "prune", "--older-than", "0s"]);
    assert!(told.stdout.starts_with("2 finished requests, last changed before"), "{told:?}");
    assert_eq!(program.states().len(), 3);
    assert_eq!(
        program.run(&["jobs", "prune", "--yes"]).stdout.split(' ').next(),
        Some("0"),
        "none is 90 days old"
    );
    let pruned = program.run(&["jobs", "prune", "--older-than", "0s", "--yes"]);
    assert_eq!(pruned.stdout, "removed 2 requests\n", "{}", pruned.stderr);
    assert_eq!(program.states(), ["running"]);
}

/// Submits, and does something while the reply is under way.
fn submit_and_meanwhile(sim: &Sim, program: &Program, meanwhile: impl FnOnce()) -> (String, String) {
    sim.fault_next(Call::Submit, Fault::Drip(Duration::from_millis(100)));
    let running = program.start(&["submit", "--input", INPUT]);
    until(|| posts(sim) == 1);
    meanwhile();
    let ended = running.end();
    assert_eq!(ended.code, 0, "{ended:?}");
    (ended.stdout.trim().to_owned(), ended.stderr)
}

#[cfg(unix)]
#[test]
fn a_journal_that_is_deleted_while_a_submit_is_out_loses_no_id() {
    let sim = fast();
    let program = Program::at(&sim);
    let (id, stderr) = submit_and_meanwhile(&sim, &program, || fs::remove_file(program.journal()).unwrap());
    assert!(stderr.contains("deleted or replaced") && stderr.contains(&id), "{stderr}");
    assert_eq!(
        (program.states(), &program.jobs()[0]["request_id"]),
        (vec!["running".to_owned()], &id.into())
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_while_a_submit_is_out_loses_no_id() {
    let (sim, disk) = (fast(), tempfile::tempdir().unwrap());
    let mount = ["-t", "tmpfs", "-o", "size=2m", "tmpfs"];
    if !Command::new("mount")
        .args(mount)
        .arg(disk.path())
        .output()
        .is_ok_and(|output| output.status.success())
    {
        println!("skipped: this user may not mount a small disk");
        return;
    }
    let ballast = disk.path().join("ballast");
    let program = Program::at(&sim).with("KLING_JOURNAL", disk.path().join("journal.db").to_str().unwrap());
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let (id, stderr) = submit_and_meanwhile(&sim, &program, || fill(&ballast));
        let shown = stderr.find(&format!("request {id}")).unwrap();
        assert!(shown < stderr.find("is full").unwrap(), "the id is printed before it is recorded: {stderr}");
        assert!(stderr.contains("is saved beside the journal"), "{stderr}");
        fs::remove_file(&ballast).unwrap();
        assert_eq!(
            (program.states(), &program.jobs()[0]["request_id"]),
            (vec!["running".to_owned()], &id.into())
        );
        assert!(program.jobs()[0]["fingerprint"].is_string(), "it joins its own intent");
    }));
    let _ = Command::new("umount").arg("-l").arg(disk.path()).status();
    outcome.unwrap();
}

/// Takes a disk to its last byte.
fn fill(path: &Path) {
    let mut file = fs::File::create(path).unwrap();
    for length in [4096, 64, 1] {
        while file.write_all(&vec![7; length]).is_ok() {}
    }
}

#[test]
fn ten_submits_at_once_are_all_served() {
    let sim = fast();
    let program = Program::at(&sim);
    let inputs: Vec<_> = (0..10).map(|number| input(&number.to_string())).collect();
    let running: Vec<_> = inputs.iter().map(|input| program.start(&["submit", "--input", input])).collect();
    for running in running {
        let ended = running.end();
        assert_eq!(ended.code, 0, "{ended:?}");
    }
    assert_eq!((posts(&sim), program.states()), (10, vec!["running".to_owned(); 10]));
}
