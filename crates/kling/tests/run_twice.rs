//! The first program of the documentation, run twice and killed: one bill, and one file.
#![cfg(all(feature = "async", feature = "journal", feature = "kling-1-6"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod programs;

use std::process::{Child, Stdio};
use std::time::Duration;

use kling_sim::{Call, Fault, Sim};
use programs::{Workplace, until};

/// Starts the program, and kills it as soon as a condition holds.
fn kill_when(place: &Workplace, condition: impl FnMut() -> bool) {
    let mut program: Child = place.command("one_clip").stdout(Stdio::null()).spawn().unwrap();
    until(condition);
    program.kill().unwrap();
    assert!(!program.wait().unwrap().success(), "the program ended before it was killed");
}

#[test]
fn a_second_run_takes_up_the_job_and_the_file_of_the_first() {
    let place = Workplace::new(Sim::builder().speed(200.0));
    assert_eq!(place.run("one_clip"), ["saved clip.mp4"]);
    let downloads = place.calls(Call::Output);
    let again = place.run("one_clip");
    assert!(matches!(&again[..], [line] if line.ends_with("clip.mp4")), "{again:?}");
    assert_eq!((place.sim.billed().len(), place.clips(".")), (1, vec!["clip.mp4".to_owned()]));
    assert_eq!(place.calls(Call::Output), downloads, "the file is not downloaded again");
}

#[test]
fn a_program_killed_during_its_wait_finishes_the_job_in_the_next_run() {
    let place = Workplace::new(Sim::builder().manual_time());
    kill_when(&place, || place.calls(Call::Status) > 0);
    assert_eq!((place.sim.billed().len(), place.clips(".").len()), (1, 0));
    place.sim.advance(Duration::from_secs(600));
    place.run("one_clip");
    assert_eq!((place.sim.billed().len(), place.clips(".")), (1, vec!["clip.mp4".to_owned()]));
}

#[test]
fn a_program_killed_before_the_reply_to_its_submit_pays_nothing_in_the_next_run() {
    let place = Workplace::new(Sim::builder().speed(200.0));
    place.sim.fault_next(Call::Submit, Fault::Stall(Duration::from_secs(90)));
    kill_when(&place, || !place.sim.billed().is_empty());
    let output = place.output("one_clip");
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success() && message.contains("DuplicateRequest"), "{message}");
    assert_eq!((place.sim.billed().len(), place.clips(".").len()), (1, 0));
    // The program that lists the leftovers names the submit.
    let lines = place.run("resume");
    assert!(matches!(&lines[..], [line] if line.contains("may be billed")), "{lines:?}");
}
