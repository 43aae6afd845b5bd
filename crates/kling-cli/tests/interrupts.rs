//! Ctrl-C, other signals, and the deadline.

mod program;

use std::time::Duration;

use kling_sim::{Call, Fault, Sim};
use program::{Program, photo, until};

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_a_queued_job() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let mut running = program.start(&["generate", &photo(), "--json"]);
    let id = running.wait_for("request ");
    running.wait_for("in_queue");
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 1, "{ended:?}");
    assert_eq!(ended.json()["error"]["request_id"], id);
    assert!(ended.stderr.contains("was cancelled while it was in the queue"), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_queued_job_if_chosen() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let mut running = program.start(&["generate", &photo(), "--json", "--on-interrupt", "leave"]);
    let id = running.wait_for("request ");
    running.wait_for("in_queue");
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 75, "{ended:?}");
    assert_eq!(ended.json()["error"]["request_id"], id);
    assert_eq!(program.run(&["status", &id]).stdout.trim(), "in_queue, position 1");
}

#[cfg(unix)]
#[test]
fn sigterm_leaves_a_queued_job_unless_cancel_is_chosen() {
    let choices: [(&[&str], i32, &str); 2] =
        [(&[], 75, "in_queue, position 1"), (&["--on-interrupt", "cancel"], 1, "cancelled")];
    for (choice, code, state) in choices {
        let sim = Sim::builder().manual_time().start().unwrap();
        let program = Program::at(&sim);
        let mut running = program.start(&[&["generate", &photo()], choice].concat());
        let id = running.wait_for("request ");
        running.wait_for("in_queue");
        running.terminate();
        let ended = running.end();
        assert_eq!(ended.code, code, "{ended:?}");
        assert_eq!(program.run(&["status", &id]).stdout.trim(), state);
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_leaves_a_running_job_and_prints_the_resume_command() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let mut running = program.start(&["generate", &photo()]);
    let id = running.wait_for("request ");
    sim.advance(Duration::from_secs(10));
    running.wait_for("in_progress");
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 75, "{ended:?}");
    assert!(ended.stderr.contains("is still running and may be billed"), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("kling wait {id}")), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_during_a_submit_waits_for_the_reply_then_cancels_or_leaves() {
    for (choice, code, state) in [("cancel", 1, "cancelled"), ("leave", 75, "in_queue, position 1")] {
        let sim = Sim::builder().manual_time().start().unwrap();
        sim.fault_next(Call::Submit, Fault::Drip(Duration::from_millis(200)));
        let program = Program::at(&sim);
        let mut running = program.start(&["generate", &photo(), "--on-interrupt", choice]);
        until(|| sim.requests().iter().any(|call| call.call == Call::Submit));
        running.interrupt();
        running.wait_for("interrupted");
        let id = running.wait_for("request ");
        let ended = running.end();
        assert_eq!(ended.code, code, "{ended:?}");
        assert_eq!(program.run(&["status", &id]).stdout.trim(), state);
        assert_eq!(sim.billed().len(), 1);
    }
}

#[cfg(unix)]
#[test]
fn a_closed_terminal_or_a_supervisor_never_tears_a_paid_request() {
    for signal in ["-HUP", "-TERM", "-QUIT"] {
        let sim = Sim::builder().manual_time().start().unwrap();
        sim.fault_next(Call::Submit, Fault::Drip(Duration::from_millis(200)));
        let program = Program::at(&sim);
        let mut running = program.start(&["generate", &photo()]);
        until(|| sim.requests().iter().any(|call| call.call == Call::Submit));
        running.signal(signal);
        running.wait_for("interrupted");
        // A closed terminal sends its signal more than once.
        running.signal(signal);
        let id = running.wait_for("request ");
        let ended = running.end();
        assert_eq!(ended.code, 75, "{signal}: {ended:?}");
        assert_eq!(program.run(&["status", &id]).stdout.trim(), "in_queue, position 1", "{signal}");
        assert_eq!(program.jobs()[0]["request_id"], id, "{signal}");
        assert_eq!(sim.billed().len(), 1, "{signal}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn nohup_outlives_its_terminal() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let mut running = Program::start_command(
        program.command_after("trap '' HUP", &["generate", &photo(), "-o", "clip.mp4"]),
    );
    running.wait_for("in_queue");
    running.signal("-HUP");
    sim.advance(Duration::from_secs(3600));
    let ended = running.end();
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(program.files(), ["clip.mp4"]);
}

#[cfg(unix)]
#[test]
fn a_limit_on_the_size_of_files_is_an_error_and_not_the_end_of_the_process() {
    let sim = Sim::builder().start().unwrap();
    let program = Program::at(&sim);
    let ended =
        Program::run_command(program.command_after("ulimit -f 0", &["generate", &photo(), "--no-wait"]));
    assert_eq!(ended.code, 69, "{ended:?}");
    assert!(ended.stderr.contains("nothing was submitted"), "{}", ended.stderr);
    assert!(sim.billed().is_empty());
}

#[test]
fn at_the_deadline_a_request_is_left_or_cancelled_as_chosen() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let left = program.run(&["generate", &photo(), "--timeout", "0s", "--json"]);
    assert_eq!(left.code, 75, "{}", left.stderr);
    let id = left.json()["error"]["request_id"].as_str().unwrap().to_owned();
    assert_eq!(program.run(&["status", &id]).stdout.trim(), "in_queue, position 1");
    let cancelled = program.run(&["wait", &id, "--timeout", "0s", "--at-deadline", "cancel", "--json"]);
    assert_eq!(cancelled.code, 1, "{}", cancelled.stderr);
    assert_eq!(cancelled.json()["error"]["cancel"], "cancelled");
    assert!(cancelled.stderr.contains("the job was cancelled"), "{}", cancelled.stderr);
}
