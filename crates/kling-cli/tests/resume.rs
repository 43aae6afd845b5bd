//! `kling resume`: unfinished requests are waited for and downloaded, and none is submitted again.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod program;

use std::fs;
use std::time::Duration;

use kling_sim::{Call, Fault, Sim};
use program::{Program, until};
use serde_json::Value;

const INPUT: &str = r#"{"image_url": "https://example.com/start.jpg"}"#;

fn fast() -> Sim {
    Sim::builder().speed(200.0).start().unwrap()
}

#[test]
fn resume_all_resumes_every_unfinished_request_and_submits_nothing() {
    let (sim, elsewhere) = (fast(), fast());
    let program = Program::at(&sim);
    sim.fault_next(Call::Submit, Fault::DropProcessed);
    assert_eq!(program.run(&["submit", "--input", INPUT]).code, 70);
    let foreign = [("RUNCOMFY_MODEL_API_BASE", elsewhere.base_url()), ("RUNCOMFY_TOKEN", elsewhere.token())];
    let other = program.command(&["submit", "--input", INPUT]).envs(foreign).output().unwrap();
    assert!(other.status.success());
    let url = |name: &str| format!("https://example.com/{name}.jpg");
    program.run(&["generate", &url("a"), "--no-wait", "-o", "a.mp4"]);
    program.run(&["generate", &url("b"), "--no-wait"]);
    program.run(&["generate", &url("c"), "--no-wait", "-o", "c.mp4"]);
    sim.fail_next_job("nothing is on the picture");
    program.run(&["generate", &url("d"), "--no-wait", "-o", "d.mp4"]);
    // Somebody else's by now.
    fs::write(program.folder().join("c.mp4"), "mine").unwrap();

    let resumed = program.run(&["resume", "--all", "--json"]);
    assert_eq!(resumed.code, 1, "the job that failed: {}", resumed.stderr);
    let report = &resumed.json()["error"];
    assert_eq!(report["jobs"].as_array().unwrap().len(), 4);
    assert_eq!(report["unknown"].as_array().unwrap().len(), 1);
    assert!(resumed.stderr.contains("kling jobs settle"), "{}", resumed.stderr);
    assert_eq!(fs::read(program.folder().join("c.mp4")).unwrap(), b"mine");
    let named = |at: usize| format!("kling-{}.mp4", sim.billed()[at].request_id);
    assert_eq!(program.files().len(), 4);
    assert!(
        program.files().contains(&named(2)) && program.files().contains(&named(3)),
        "{:?}",
        program.files()
    );
    assert_eq!(program.states(), ["unknown", "running", "failed", "succeeded", "succeeded", "succeeded"]);

    let again = program.run(&["resume", "--all"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{}", again.stderr);
    assert_eq!(sim.requests().iter().filter(|call| call.call == Call::Submit).count(), 5);
}

#[test]
fn a_request_of_another_machine_is_recorded_by_wait_and_then_resumed() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let id = Program::at(&sim).run(&["submit", "--input", INPUT]).stdout.trim().to_owned();
    let program = Program::at(&sim);
    assert_eq!(program.run(&["wait", &id, "--timeout", "0s", "-o", "clip.mp4"]).code, 75);
    assert_eq!(program.states(), ["running"]);
    assert_eq!(program.jobs()[0]["model"], Value::Null);
    sim.advance(Duration::from_secs(100));
    let resumed = program.run(&["resume", "--all"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!((program.states(), program.files()), (vec!["succeeded".into()], vec!["clip.mp4".into()]));
    assert_eq!(program.run(&["wait", "no-such-request"]).code, 65);
    assert_eq!(program.states(), ["gone", "succeeded"], "what the API does not know is not taken up again");
}

#[test]
fn a_killed_download_continues_from_its_part() {
    let sim = fast();
    sim.fault_next(Call::Output, Fault::StallInBody(Duration::from_secs(600)));
    let program = Program::at(&sim);
    let mut running = program.start(&["generate", "https://example.com/a.jpg", "-o", "clip.mp4"]);
    let id = running.wait_for("request ");
    let part = || program.files().into_iter().find(|name| name.ends_with(".part"));
    let has_begun = |name: String| fs::metadata(program.folder().join(name)).is_ok_and(|file| file.len() > 0);
    until(|| part().is_some_and(has_begun));
    let taken = program.run(&["wait", &id, "-o", "clip.mp4"]);
    assert_eq!(taken.code, 75, "it is being downloaded by another process: {}", taken.stderr);
    running.kill();
    assert!(!program.files().contains(&"clip.mp4".to_owned()), "a part is no clip");

    assert_eq!(program.run(&["resume", "--all"]).code, 0);
    let statuses =
        sim.requests().into_iter().filter(|call| call.call == Call::Output).map(|call| call.status);
    assert_eq!(statuses.collect::<Vec<_>>(), [None, Some(206)], "the rest alone");
    assert_eq!(program.run(&["wait", &id, "-o", "whole.mp4"]).code, 0);
    assert_eq!(program.files(), ["clip.mp4", "whole.mp4"]);
    let read = |name| fs::read(program.folder().join(name)).unwrap();
    assert!(read("clip.mp4") == read("whole.mp4"));
}

#[test]
fn an_existing_file_named_by_the_request_id_counts_as_downloaded() {
    let sim = fast();
    let program = Program::at(&sim);
    let id = program.run(&["submit", "--input", INPUT]).stdout.trim().to_owned();
    fs::write(program.folder().join(format!("kling-{id}.mp4")), "the whole clip").unwrap();
    assert_eq!(program.run(&["resume", "--all"]).stdout, format!("kling-{id}.mp4\n"));
    assert_eq!(fs::read(program.folder().join(format!("kling-{id}.mp4"))).unwrap(), b"the whole clip");
}

#[cfg(unix)]
#[test]
fn a_request_locked_by_another_process_is_skipped() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let mut running = program.start(&["generate", "https://example.com/a.jpg"]);
    let id = running.wait_for("request ");
    running.wait_for("in_queue");
    assert_eq!(program.jobs()[0]["in_hand"], true);
    assert_eq!(program.run(&["resume", &id]).code, 75);
    assert_eq!(program.run(&["resume", "--all"]).code, 0);
    running.kill();
    assert_eq!(program.jobs()[0]["in_hand"], false);
    sim.advance(Duration::from_secs(100));
    assert_eq!(
        program.run(&["resume", "--all"]).stdout,
        format!("{}\n", program.folder().canonicalize().unwrap().join(format!("kling-{id}.mp4")).display())
    );
}

#[cfg(unix)]
#[test]
fn two_resumes_share_the_requests_and_both_succeed() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let ids = ["a", "b"].map(|name| {
        let url = format!("https://example.com/{name}.jpg");
        program.run(&["generate", &url, "--no-wait"]).stdout.trim().to_owned()
    });
    let mut first = program.start(&["resume", "--all", "--json"]);
    assert_eq!(first.wait_for("request "), ids[0]);
    first.wait_for("in_queue");
    let mut second = program.start(&["resume", "--all", "--json"]);
    assert_eq!(second.wait_for("another kling process is already waiting for request "), ids[0]);
    assert_eq!(second.wait_for("request "), ids[1]);
    second.wait_for("in_queue");
    sim.advance(Duration::from_secs(200));
    for ended in [first.end(), second.end()] {
        assert_eq!(ended.code, 0, "{ended:?}");
        let taken = ended.json()["jobs"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|job| job["status"] == "succeeded")
            .count();
        assert_eq!(taken, 1, "{ended:?}");
    }
    assert_eq!(program.states(), ["succeeded", "succeeded"]);
    assert_eq!(program.files().len(), 2);
}
