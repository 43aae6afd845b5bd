//! What the program remembers: every paid job, whatever comes in its way.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod program;

use std::fs;
use std::time::Duration;

use kling_sim::{Call, Fault, Reply, Sim};
use program::Program;
use serde_json::Value;

const INPUT: &str = r#"{"image_url": "https://example.com/start.jpg"}"#;

fn fast() -> Sim {
    Sim::builder().speed(200.0).start().unwrap()
}

fn jobs(program: &Program) -> Vec<Value> {
    let ended = program.run(&["jobs", "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    ended.json()["jobs"].as_array().unwrap().clone()
}

fn states(program: &Program) -> Vec<String> {
    jobs(program).iter().map(|job| job["state"].as_str().unwrap().to_owned()).collect()
}

fn posts(sim: &Sim) -> usize {
    sim.requests().iter().filter(|call| call.call == Call::Submit).count()
}

/// A program whose one submit was cut off after it was billed, and the intent that is left of it.
fn with_an_unknown(sim: &Sim) -> (Program, String) {
    sim.fault_next(Call::Submit, Fault::DropProcessed);
    let program = Program::at(sim);
    let ended = program.run(&["submit", "--input", INPUT, "--json"]);
    assert_eq!(ended.code, 70, "{}", ended.stderr);
    let intent = ended.json()["error"]["intent"].as_str().unwrap().to_owned();
    (program, intent)
}

#[test]
fn a_job_is_listed_with_its_file_and_nothing_secret() {
    let sim = fast();
    let program = Program::at(&sim);
    let ended = program.run(&["generate", "https://example.com/a.jpg", "-o", "clip.mp4"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let jobs = jobs(&program);
    let file = program.folder().canonicalize().unwrap().join("clip.mp4");
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0]["request_id"], sim.billed()[0].request_id);
    assert_eq!((&jobs[0]["state"], &jobs[0]["in_hand"]), (&"succeeded".into(), &false.into()));
    assert_eq!(jobs[0]["files"][0], file.to_str().unwrap());
    assert_eq!(jobs[0]["output"], file.to_str().unwrap());
    assert!(program.run(&["jobs"]).stdout.starts_with("succeeded"));
    let written = fs::read_to_string(program.journal()).unwrap();
    assert!(!written.contains(sim.token()), "the token was written down");
}

#[test]
fn an_unknown_outcome_stands_on_top_and_is_not_paid_for_again_unless_that_is_meant() {
    let sim = fast();
    let (program, intent) = with_an_unknown(&sim);
    program.run(&["submit", "--input", r#"{"image_url": "https://example.com/other.jpg"}"#]);
    assert_eq!(states(&program), ["unknown", "running"]);
    assert_eq!(jobs(&program)[0]["request_id"], Value::Null);
    assert!(program.run(&["jobs"]).stdout.starts_with(&format!("unknown       intent {intent}")));

    let refused = program.run(&["submit", "--input", INPUT]);
    assert_eq!(refused.code, 70, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("nothing was submitted") && refused.stderr.contains(&intent),
        "{refused:?}"
    );
    assert_eq!(posts(&sim), 2);
    assert_eq!(program.run(&["submit", "--input", INPUT, "--again"]).code, 0);
    assert_eq!(posts(&sim), 3);
}

#[test]
fn an_unknown_outcome_is_settled_by_hand_with_an_id_and_then_taken_up() {
    let sim = fast();
    let (program, intent) = with_an_unknown(&sim);
    let id = sim.billed()[0].request_id.clone();
    let settled = program.run(&["jobs", "settle", &intent[..8], "--id", &id]);
    assert_eq!(settled.code, 0, "{}", settled.stderr);
    assert_eq!(program.run(&["jobs", "settle", &intent, "--not-submitted"]).code, 64, "it is known by now");
    let resumed = program.run(&["resume", &id]);
    assert_eq!((resumed.code, resumed.stdout), (0, format!("kling-{id}.mp4\n")), "{}", resumed.stderr);
    assert_eq!(states(&program), ["succeeded"]);
}

#[test]
fn an_unknown_outcome_that_never_was_may_be_submitted_anew() {
    let sim = fast();
    sim.fault_next(Call::Submit, Fault::DropUnread);
    let program = Program::at(&sim);
    assert_eq!(program.run(&["submit", "--input", INPUT]).code, 70);
    let intent = jobs(&program)[0]["intent"].as_str().unwrap().to_owned();
    assert_eq!(program.run(&["jobs", "settle", &intent, "--not-submitted"]).code, 0);
    assert_eq!(program.run(&["submit", "--input", INPUT]).code, 0);
    assert_eq!(states(&program), ["running", "not_submitted"]);
    assert_eq!(sim.billed().len(), 1);
}

#[test]
fn what_was_refused_in_words_may_be_submitted_again() {
    let sim = fast();
    sim.answer_next(Call::Submit, Reply::error(402, 400_002, "no credit"));
    let program = Program::at(&sim);
    assert_eq!(program.run(&["submit", "--input", INPUT]).code, 69);
    assert_eq!(states(&program), ["refused"]);
    assert_eq!(program.run(&["submit", "--input", INPUT]).code, 0);
}

#[test]
fn without_a_record_nothing_is_submitted_unless_that_is_meant() {
    let sim = fast();
    let nowhere = || Program::at(&sim).with("KLING_JOURNAL", "/dev/null/journal");
    let ended = nowhere().run(&["generate", "https://example.com/a.jpg", "--json"]);
    assert_eq!(ended.code, 69, "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was submitted") && ended.stderr.contains("--no-journal"));
    assert_eq!(posts(&sim), 0);
    assert_eq!(nowhere().run(&["submit", "--input", INPUT, "--no-journal"]).code, 0);
    let off = Program::at(&sim).with("KLING_JOURNAL", "off");
    assert_eq!(off.run(&["submit", "--input", INPUT]).code, 0);
    assert_eq!(off.run(&["jobs"]).code, 64);
    assert!(!off.journal().exists());
    // What is free goes on without a record.
    let id = sim.billed()[0].request_id.clone();
    assert_eq!(nowhere().run(&["wait", &id]).code, 0);
}

#[test]
fn jobs_of_a_simulator_inside_the_program_are_not_noted() {
    let program = Program::new();
    let ended = program.run(&["generate", "https://example.com/a.jpg", "--offline", "--no-wait"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(!program.journal().exists());
    assert_eq!(program.run(&["jobs"]).stdout, "");
}

#[test]
fn everything_unfinished_is_taken_up_and_nothing_is_submitted() {
    let (sim, elsewhere) = (fast(), fast());
    let (program, _) = with_an_unknown(&sim);
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
    assert_eq!(states(&program), ["unknown", "running", "succeeded", "succeeded", "succeeded", "failed"]);

    let again = program.run(&["resume", "--all"]);
    assert_eq!((again.code, again.stdout.as_str()), (0, ""), "{}", again.stderr);
    assert_eq!(posts(&sim), 5);
}

#[test]
fn a_request_of_another_machine_is_noted_when_it_is_waited_for_and_then_taken_up() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let id = Program::at(&sim).run(&["submit", "--input", INPUT]).stdout.trim().to_owned();
    let program = Program::at(&sim);
    assert_eq!(program.run(&["wait", &id, "--timeout", "0s", "-o", "clip.mp4"]).code, 75);
    assert_eq!(states(&program), ["running"]);
    assert_eq!(jobs(&program)[0]["model"], Value::Null);
    sim.advance(Duration::from_secs(100));
    let resumed = program.run(&["resume", "--all"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!((states(&program), program.files()), (vec!["succeeded".into()], vec!["clip.mp4".into()]));
    assert_eq!(program.run(&["wait", "no-such-request"]).code, 65);
    assert_eq!(states(&program), ["succeeded", "gone"], "what the API does not know is not taken up again");
}

#[cfg(unix)]
#[test]
fn without_a_journal_nobody_is_sent_to_one() {
    let sim = fast();
    sim.fault_next(Call::Submit, Fault::Stall(Duration::from_secs(600)));
    let program = Program::at(&sim);
    let mut running = program.start(&["submit", "--input", INPUT, "--no-journal"]);
    running.wait_for("submitting");
    running.interrupt();
    running.wait_for("interrupted");
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 70, "{ended:?}");
    assert!(ended.stderr.contains("is unknown") && !ended.stderr.contains("kling jobs"), "{}", ended.stderr);
}

#[test]
fn a_download_that_was_killed_goes_on_where_it_was() {
    let sim = fast();
    sim.fault_next(Call::Output, Fault::StallInBody(Duration::from_secs(600)));
    let program = Program::at(&sim);
    let mut running = program.start(&["generate", "https://example.com/a.jpg", "-o", "clip.mp4"]);
    let id = running.wait_for("request ");
    let part = || program.files().into_iter().find(|name| name.ends_with(".part"));
    let has_begun = |name: String| fs::metadata(program.folder().join(name)).is_ok_and(|file| file.len() > 0);
    while !part().is_some_and(has_begun) {
        std::thread::yield_now();
    }
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
fn a_file_that_was_there_before_its_record_is_taken_for_what_it_is() {
    let sim = fast();
    let program = Program::at(&sim);
    let id = program.run(&["submit", "--input", INPUT]).stdout.trim().to_owned();
    fs::write(program.folder().join(format!("kling-{id}.mp4")), "the whole clip").unwrap();
    assert_eq!(program.run(&["resume", "--all"]).stdout, format!("kling-{id}.mp4\n"));
    assert_eq!(fs::read(program.folder().join(format!("kling-{id}.mp4"))).unwrap(), b"the whole clip");
}

#[cfg(unix)]
#[test]
fn what_another_process_has_in_hand_is_left_to_it() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let mut running = program.start(&["generate", "https://example.com/a.jpg"]);
    let id = running.wait_for("request ");
    running.wait_for("in_queue");
    assert_eq!(jobs(&program)[0]["in_hand"], true);
    assert_eq!(program.run(&["resume", &id]).code, 75);
    assert_eq!(program.run(&["resume", "--all"]).code, 0);
    running.kill();
    assert_eq!(jobs(&program)[0]["in_hand"], false);
    sim.advance(Duration::from_secs(100));
    assert_eq!(
        program.run(&["resume", "--all"]).stdout,
        format!("{}\n", program.folder().canonicalize().unwrap().join(format!("kling-{id}.mp4")).display())
    );
}

#[cfg(unix)]
#[test]
fn a_submit_is_submitting_while_its_process_lives_and_unknown_after_the_second_ctrl_c() {
    let sim = fast();
    sim.fault_next(Call::Submit, Fault::Stall(Duration::from_secs(600)));
    let program = Program::at(&sim);
    let mut running = program.start(&["submit", "--input", INPUT]);
    running.wait_for("submitting");
    running.interrupt();
    running.wait_for("interrupted");
    while posts(&sim) == 0 {
        std::thread::yield_now();
    }
    assert_eq!(states(&program), ["submitting"]);
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 70, "{ended:?}");
    assert_eq!(states(&program), ["unknown"]);
    assert_eq!(program.run(&["submit", "--input", INPUT]).code, 70);
    assert_eq!(posts(&sim), 1);
}
