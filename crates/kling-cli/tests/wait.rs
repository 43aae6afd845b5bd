//! `kling wait` for many requests.

mod program;

use std::fs;
use std::time::Duration;

use kling_sim::{Call, Reply, Sim};
use program::Program;
use serde_json::Value;

const INPUT: &str = r#"{"image_url": "https://127.0.0.1:9/start.jpg"}"#;

fn simulator() -> Sim {
    Sim::builder().queue_time(Duration::ZERO).run_time(Duration::from_millis(20)).start().unwrap()
}

/// Submits so many jobs from another place: the journal of the program does not know them.
fn submitted(sim: &Sim, count: usize) -> Vec<String> {
    let elsewhere = Program::at(sim);
    let submit =
        |_| elsewhere.run(&["submit", "--no-media-check", "--input", INPUT]).stdout.trim().to_owned();
    (0..count).map(submit).collect()
}

fn wait<'a>(ids: &'a [String], further: &[&'a str]) -> Vec<&'a str> {
    ["wait"].into_iter().chain(ids.iter().map(String::as_str)).chain(further.iter().copied()).collect()
}

#[test]
fn each_of_many_requests_prints_its_id_and_url() {
    let sim = simulator();
    let ids = submitted(&sim, 3);
    let program = Program::at(&sim);
    let ended = program.run(&wait(&ids, &[]));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let mut told: Vec<_> = ended.stdout.lines().map(|line| line.split_once(' ').unwrap()).collect();
    told.sort_unstable();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    assert_eq!(told.iter().map(|(id, _)| *id).collect::<Vec<_>>(), sorted);
    assert!(told.iter().all(|(_, url)| url.starts_with("http")), "{told:?}");
    assert!(ended.stderr.contains("3 succeeded, 0 failed, 0 unfinished, in "), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("{}: succeeded", ids[0])), "{}", ended.stderr);
    let jobs = program.run(&["jobs", "--json"]).json();
    let states: Vec<_> = jobs["jobs"].as_array().unwrap().iter().map(|job| job["state"].clone()).collect();
    assert_eq!(states, ["succeeded"; 3], "the journal knows them by now: {jobs}");
}

#[test]
fn json_prints_one_object_per_event_and_a_summary() {
    let sim = simulator();
    let ids = submitted(&sim, 2);
    let gone = "no-such-request".to_owned();
    let all = [ids[0].clone(), gone.clone(), ids[1].clone(), ids[0].clone()];
    let program = Program::at(&sim);
    fs::create_dir(program.folder().join("clips")).unwrap();
    let ended = program.run(&wait(&all, &["--json", "-o", "clips"]));
    let events: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str, id: &str| {
        events.iter().filter(|one| one["event"] == event && one["request_id"] == id).count()
    };
    assert_eq!((of("succeeded", &ids[0]), of("succeeded", &ids[1]), of("failed", &gone)), (1, 1, 1));
    assert!(of("update", &ids[0]) > 0);
    let succeeded = events.iter().find(|one| one["event"] == "succeeded").unwrap();
    let file = succeeded["files"][0]["path"].as_str().unwrap();
    assert!(program.folder().join(file).metadata().unwrap().len() > 1000, "{succeeded}");
    let summary = events.last().unwrap();
    assert_eq!(
        (&summary["event"], &summary["succeeded"], &summary["failed"], &summary["left"]),
        (&"summary".into(), &2.into(), &1.into(), &0.into())
    );
    assert_eq!(ended.code, 65, "a request that nobody knows decides: {}", ended.stderr);
}

#[test]
fn several_requests_need_a_folder() {
    let sim = simulator();
    let ended = Program::at(&sim).run(&["wait", "a", "b", "-o", "clip.mp4"]);
    assert_eq!(ended.code, 64);
    assert!(ended.stderr.contains("clip.mp4 is not a folder"), "{}", ended.stderr);
    assert_eq!(Program::at(&sim).run(&["wait"]).code, 64);
}

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_all_that_is_queued_or_leaves_them() {
    for (choice, code, words) in
        [("cancel", 1, "2 failed, 0 unfinished"), ("leave", 75, "0 failed, 2 unfinished")]
    {
        let sim = Sim::builder().queue_time(Duration::from_secs(3600)).start().unwrap();
        let ids = submitted(&sim, 2);
        let program = Program::at(&sim);
        let mut running = program.start(&wait(&ids, &["--on-interrupt", choice]));
        running.wait_for(&format!("{}: in_queue", ids[1]));
        running.interrupt();
        let ended = running.end();
        assert_eq!(ended.code, code, "{}", ended.stderr);
        assert!(ended.stderr.contains(words), "{}", ended.stderr);
    }
}

#[cfg(unix)]
#[test]
fn a_cancel_by_ctrl_c_survives_a_bad_answer() {
    let sim = Sim::builder().queue_time(Duration::from_secs(3600)).start().unwrap();
    let ids = submitted(&sim, 2);
    let program = Program::at(&sim);
    let mut running = program.start(&wait(&ids, &[]));
    running.wait_for(&format!("{}: in_queue", ids[1]));
    (0..2).for_each(|_| sim.answer_next(Call::Cancel, Reply::empty(503)));
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    for id in &ids {
        assert_eq!(program.run(&["status", id]).stdout.trim(), "cancelled");
    }
}

#[cfg(unix)]
#[test]
fn a_running_job_is_left_on_ctrl_c() {
    let sim = Sim::builder().queue_time(Duration::ZERO).run_time(Duration::from_secs(3600)).start().unwrap();
    let ids = submitted(&sim, 2);
    let program = Program::at(&sim);
    let mut running = program.start(&wait(&ids, &[]));
    running.wait_for(&format!("{}: in_progress", ids[0]));
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 75, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("{}: could not be cancelled", ids[0])), "{}", ended.stderr);
    assert!(ended.stderr.contains(" unfinished, in "), "{}", ended.stderr);
}

#[test]
fn a_bad_answer_for_one_does_not_end_the_wait_for_another() {
    let sim = simulator();
    let ids = submitted(&sim, 2);
    sim.answer_next(Call::Status, Reply::html(502, "<html>"));
    let ended = Program::at(&sim).run(&wait(&ids, &[]));
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("retrying after: "), "{}", ended.stderr);
}

/// Submits a request, and returns its id.
fn submit(program: &Program) -> String {
    program.run(&["submit", "--no-media-check", "--input", INPUT]).stdout.trim().to_owned()
}

#[test]
fn a_line_says_how_long_such_jobs_still_run() {
    let sim = Sim::builder().queue_time(Duration::ZERO).run_time(Duration::from_secs(600)).start().unwrap();
    let program = Program::at(&sim);
    let ids = [submit(&program), submit(&program)];
    let model = program::default_model().id;
    let known = serde_json::json!({ "loopback": { model: [170, 190, 200, 210, 230] } });
    fs::write(program.durations(), known.to_string()).unwrap();
    let one = program.run(&["wait", &ids[0], "--timeout", "4s"]);
    assert!(one.code == 75 && one.stderr.starts_with("in_progress, about 3 min left\n"), "{one:?}");
    let many = program.run(&["wait", &ids[0], &ids[1], "--timeout", "4s"]);
    let line = format!("{}: in_progress, about 3 min left\n", ids[1]);
    assert!(many.code == 75 && many.stderr.contains(&line), "{many:?}");
    let known = serde_json::json!({ "loopback": { model: [1, 1, 1, 1, 1] } });
    fs::write(program.durations(), known.to_string()).unwrap();
    let late = program.run(&["resume", &ids[0], "--timeout", "1s"]);
    assert!(late.code == 75 && late.stderr.contains("in_progress, longer than usual"), "{late:?}");
}

#[test]
fn the_program_remembers_how_long_jobs_ran() {
    let sim = simulator();
    let program = Program::at(&sim);
    let ids = [submit(&program), submit(&program), submit(&program)];
    assert_eq!(program.run(&["wait", &ids[0]]).code, 0);
    assert_eq!(program.run(&["wait", &ids[1], &ids[2]]).code, 0);
    assert_eq!(program.run(&["generate", program::photo().as_str(), "--duration", "5"]).code, 0);
    let known: Value = serde_json::from_slice(&fs::read(program.durations()).unwrap()).unwrap();
    let model = program::default_model().id;
    assert_eq!(known["loopback"][model].as_array().unwrap().len(), 4, "{known}");
    assert_eq!(known["loopback"][format!("{model} duration=5")].as_array().unwrap().len(), 1, "{known}");
}
