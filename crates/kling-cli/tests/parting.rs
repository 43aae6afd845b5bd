//! A request that is not waited for any longer: what Ctrl-C and a deadline do to it, as the user chose.

mod program;

use std::time::Duration;

use kling_sim::{Call, Fault, Sim};
use program::{Program, photo, until};

#[cfg(unix)]
#[test]
fn ctrl_c_cancels_what_is_in_the_queue() {
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
fn ctrl_c_leaves_what_is_in_the_queue_where_that_was_chosen() {
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
fn a_machine_that_shuts_down_leaves_what_is_in_the_queue_unless_otherwise_chosen() {
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
fn ctrl_c_leaves_what_runs_and_says_how_to_take_it_up_again() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let mut running = program.start(&["generate", &photo()]);
    let id = running.wait_for("request ");
    sim.advance(Duration::from_secs(10));
    running.wait_for("in_progress");
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 75, "{ended:?}");
    assert!(ended.stderr.contains("runs on and may be billed"), "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("kling wait {id}")), "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn ctrl_c_while_the_request_is_out_waits_for_its_answer_then_cancels_or_leaves_as_was_chosen() {
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

#[test]
fn at_the_deadline_a_request_is_left_or_cancelled_as_was_chosen() {
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
