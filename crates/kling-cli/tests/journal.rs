//! The journal of paid jobs.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod program;

use std::time::Duration;

use kling_sim::{Call, Fault, Reply, Sim};
use program::{Program, until};
use serde_json::Value;

const INPUT: &str = r#"{"image_url": "https://example.com/start.jpg"}"#;

fn fast() -> Sim {
    Sim::builder().speed(200.0).start().unwrap()
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
    let jobs = program.jobs();
    let file = program.folder().canonicalize().unwrap().join("clip.mp4");
    assert_eq!(jobs.len(), 1);
    assert_eq!(jobs[0]["request_id"], sim.billed()[0].request_id);
    assert_eq!((&jobs[0]["state"], &jobs[0]["in_hand"]), (&"succeeded".into(), &false.into()));
    assert_eq!(jobs[0]["files"][0], file.to_str().unwrap());
    assert_eq!(jobs[0]["output"], file.to_str().unwrap());
    assert!(program.run(&["jobs"]).stdout.starts_with("succeeded"));
    assert!(!program.journal_text().contains(sim.token()), "the token was written down");
}

#[test]
fn an_unknown_outcome_stands_on_top_and_is_not_paid_for_again_unless_that_is_meant() {
    let sim = fast();
    let (program, intent) = with_an_unknown(&sim);
    program.run(&["submit", "--input", r#"{"image_url": "https://example.com/other.jpg"}"#]);
    assert_eq!(program.states(), ["unknown", "running"]);
    assert_eq!(program.jobs()[0]["request_id"], Value::Null);
    assert!(program.run(&["jobs"]).stdout.starts_with(&format!("unknown       intent {intent}")));

    let refused = program.run(&["submit", "--input", INPUT]);
    assert_eq!(refused.code, 70, "{}", refused.stderr);
    assert!(
        refused.stderr.contains("nothing was submitted") && refused.stderr.contains(&intent),
        "{refused:?}"
    );
    assert_eq!(posts(&sim), 2);
    assert_eq!(program.run(&["submit", "--input", INPUT, "--allow-duplicate"]).code, 0);
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
    assert_eq!(program.states(), ["succeeded"]);
}

#[test]
fn an_unknown_outcome_that_never_was_may_be_submitted_anew() {
    let sim = fast();
    sim.fault_next(Call::Submit, Fault::DropUnread);
    let program = Program::at(&sim);
    assert_eq!(program.run(&["submit", "--input", INPUT]).code, 70);
    let intent = program.jobs()[0]["intent"].as_str().unwrap().to_owned();
    assert_eq!(program.run(&["jobs", "settle", &intent, "--not-submitted"]).code, 0);
    assert_eq!(program.run(&["submit", "--input", INPUT]).code, 0);
    assert_eq!(program.states(), ["running", "not_submitted"]);
    assert_eq!(sim.billed().len(), 1);
}

#[test]
fn what_was_refused_in_words_may_be_submitted_again() {
    let sim = fast();
    sim.answer_next(Call::Submit, Reply::error(402, 400_002, "no credit"));
    let program = Program::at(&sim);
    assert_eq!(program.run(&["submit", "--input", INPUT]).code, 69);
    assert_eq!(program.states(), ["rejected"]);
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

#[cfg(unix)]
#[test]
fn without_a_journal_nobody_is_sent_to_one() {
    let sim = fast();
    sim.fault_next(Call::Submit, Fault::Stall(Duration::from_secs(600)));
    let program = Program::at(&sim);
    let mut running = program.start(&["submit", "--input", INPUT, "--no-journal"]);
    until(|| posts(&sim) == 1);
    running.interrupt();
    running.wait_for("interrupted");
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 70, "{ended:?}");
    assert!(ended.stderr.contains("is unknown") && !ended.stderr.contains("kling jobs"), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn a_submit_is_submitting_while_its_process_lives_and_unknown_after_the_second_ctrl_c() {
    let sim = fast();
    sim.fault_next(Call::Submit, Fault::Stall(Duration::from_secs(600)));
    let program = Program::at(&sim);
    let mut running = program.start(&["submit", "--input", INPUT]);
    until(|| posts(&sim) == 1);
    running.interrupt();
    running.wait_for("interrupted");
    assert_eq!(program.states(), ["submitting"]);
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 70, "{ended:?}");
    assert_eq!(program.states(), ["unknown"]);
    assert_eq!(program.run(&["submit", "--input", INPUT]).code, 70);
    assert_eq!(posts(&sim), 1);
}

#[cfg(unix)]
#[test]
fn ctrl_c_in_the_pause_before_another_attempt_submits_nothing() {
    let sim = fast();
    sim.answer_next(Call::Submit, Reply::busy(429, Duration::from_secs(20)));
    let program = Program::at(&sim);
    let running = program.start(&["submit", "--input", INPUT]);
    until(|| posts(&sim) == 1);
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 75, "{ended:?}");
    assert!(ended.stderr.contains("nothing was submitted: abandoned"), "{}", ended.stderr);
    assert_eq!((posts(&sim), sim.billed().len(), program.states()), (1, 0, vec!["rejected".to_owned()]));
}
