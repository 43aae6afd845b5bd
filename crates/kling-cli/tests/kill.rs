//! `kill -9` at any moment: each billed job is in the journal, none is submitted twice, and the rest is resumed.
//!
//! A handful of kills as a test; `cargo xtask kill --kills 200` for more.
#![cfg(unix)]
#![allow(clippy::print_stdout, reason = "the long run is read by a person")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod program;

use std::collections::HashSet;
use std::{env, fs, thread};

use kling_sim::{Call, Sim};
use program::{Program, Running};
use serde_json::Value;

#[test]
fn whatever_is_killed_when_nothing_paid_is_lost_or_paid_twice() {
    let number = |name, default| env::var(name).map_or(default, |text| text.parse().unwrap());
    let (kills, seed) = (number("KLING_KILLS", 8), number("KLING_SEED", 1));
    let sim = Sim::builder().speed(500.0).start().unwrap();
    let program = Program::at(&sim);
    let mut random = fastrand::Rng::with_seed(seed);
    for job in 0..kills {
        let url = format!("https://example.com/{job}.jpg");
        let output = format!("{job}.mp4");
        let running = program.start(&["generate", &url, "-o", &output]);
        kill_sometime(running, &sim, &program, &mut random);
    }

    let unknown = accounted_for(&sim, &program);
    let resumed = program.run(&["resume", "--all", "--json"]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert_eq!(accounted_for(&sim, &program), unknown, "nothing was submitted by taking up");
    let jobs = program.jobs();
    let finished = jobs.iter().filter(|job| job["state"] == "succeeded").count();
    assert_eq!(finished + unknown, jobs.len(), "{jobs:?}");
    assert!(jobs.iter().filter(|job| job["state"] == "succeeded").all(saved), "{jobs:?}");
    println!(
        "seed {seed}: {kills} kills, {} billed, 0 lost, 0 paid twice, {unknown} unknown, {finished} finished",
        sim.billed().len()
    );
}

/// Ends the program after as much as chance wants: some of it written, some of it asked, and a little later.
fn kill_sometime(mut running: Running, sim: &Sim, program: &Program, random: &mut fastrand::Rng) {
    // A commit is appended to the log that SQLite keeps beside the database.
    let log = program.journal().with_extension("db-wal");
    let size = || fs::metadata(&log).map_or(0, |facts| facts.len());
    let asked = sim.requests().len();
    let (commits, calls) = (random.u64(0..6), random.usize(0..5));
    // A commit takes about so many bytes. The log begins anew after a clean end.
    let is_due = || size() >= commits * 12_000 && sim.requests().len() >= asked + calls;
    while !is_due() && running.is_running() {
        thread::yield_now();
    }
    (0..random.u32(0..3000)).for_each(|_| thread::yield_now());
    running.kill();
}

/// Joins the billed jobs with the journal. Returns the number of unknown outcomes.
fn accounted_for(sim: &Sim, program: &Program) -> usize {
    let (jobs, billed) = (program.jobs(), sim.billed());
    let bodies: HashSet<_> = billed.iter().map(|bill| &bill.body_sha256).collect();
    assert_eq!(bodies.len(), billed.len(), "paid twice");
    let posts = sim.requests().iter().filter(|call| call.call == Call::Submit).count();
    assert_eq!(posts, billed.len(), "posted twice");
    for bill in &billed {
        let known = jobs.iter().any(|job| {
            let is_unknown = job["state"] == "unknown" && job["fingerprint"] == bill.body_sha256;
            is_unknown || job["request_id"] == bill.request_id
        });
        assert!(known, "lost: {bill:?}");
    }
    jobs.iter().filter(|job| job["state"] == "unknown").count()
}

fn saved(job: &Value) -> bool {
    job["files"]
        .as_array()
        .unwrap()
        .iter()
        .all(|file| fs::metadata(file.as_str().unwrap()).unwrap().len() > 0)
}
