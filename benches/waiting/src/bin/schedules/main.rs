//! Compares schedules in virtual time, through the machine that every wait uses.
//!
//! The delay is the time from the end of a job to the reply that shows it, without the network. Each row is run twice, from
//! fixed seeds. The optimum knows the distribution, and the schedules do not.

mod durations;
mod optimum;
mod simulation;

use std::time::Duration;

use fastrand::Rng;
use kling_poll::{ExponentialInterval, FixedInterval, LearnedInterval, Schedule, WaitOptions};

use crate::durations::{LOADS, Load, QUEUE_SEEN, Times};
use crate::optimum::Optimum;
use crate::simulation::{Simulation, Summary};

const SEEDS: [u64; 2] = [1, 2];

/// Jobs that are learned from before the first one is counted, and jobs that are counted.
const LEARNED: usize = 100;
const COUNTED: usize = 10_000;

/// The longest gap of the optimum, which has none, and of the optimum with the cap of the learned schedule.
const UNBOUNDED: Duration = Duration::from_secs(200);
const CAPPED: Duration = Duration::from_secs(15);

fn main() {
    println!(
        "virtual time, seeds {SEEDS:?}, {COUNTED} jobs each after {LEARNED}; ratios are of polls unless named\n"
    );
    println!(
        "| load | polls | delay s | ÷ optimum | ÷ optimum, gaps to 15 s | ÷ fixed of this delay | p95 ÷ fixed | \
         growing: polls | delay s | ÷ optimum | fixed 2 s ÷ optimum |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|");
    for load in &LOADS {
        age_known(load);
    }
    queue_seen();
    faster_service();
}

/// Compares on the age of jobs alone.
fn age_known(load: &Load) {
    let mut rng = Rng::with_seed(99);
    let optimum = Optimum::of(|| total((load.draw)(&mut rng)));
    let learned = run(load.draw, LearnedInterval::default);
    let growing = run(load.draw, ExponentialInterval::default);
    let fixed = run(load.draw, || FixedInterval(Duration::from_secs(2)));
    let (ratio, p95) = beside_fixed(load.draw, &learned);
    let above = |found: &Summary, longest| found.polls / optimum.polls_at(found.delay, longest);
    println!(
        "| {} | {:.1} | {:.2} | {:.2} | {:.2} | {ratio:.2} | {p95:.2} | {:.1} | {:.2} | {:.2} | {:.2} |",
        load.name,
        learned.polls,
        learned.delay,
        above(&learned, UNBOUNDED),
        above(&learned, CAPPED),
        growing.polls,
        growing.delay,
        above(&growing, UNBOUNDED),
        above(&fixed, UNBOUNDED),
    );
}

fn queue_seen() {
    let learned = run(QUEUE_SEEN.draw, LearnedInterval::default);
    let (ratio, p95) = beside_fixed(QUEUE_SEEN.draw, &learned);
    println!(
        "\n{}: {:.1} polls, delay {:.2} s; ÷ fixed of this delay {ratio:.2}, p95 ÷ fixed {p95:.2}",
        QUEUE_SEEN.name, learned.polls, learned.delay
    );
}

/// Polls and p95 beside a fixed interval of the same mean delay.
fn beside_fixed(draw: fn(&mut Rng) -> Times, found: &Summary) -> (f64, f64) {
    let fixed = run(draw, || FixedInterval(Duration::from_secs_f64(2.0 * found.delay)));
    // The fixed interval's delay differs by chance, and its polls go with the inverse of the delay.
    (
        found.polls * found.delay / (fixed.polls * fixed.delay),
        found.p95 / fixed.p95 * fixed.delay / found.delay,
    )
}

/// A service that is suddenly 3.5 times as fast, as often as it takes for a mean.
fn faster_service() {
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for seed in 1..=50 {
        let mut simulation = Simulation::new(seed, options(LearnedInterval::default()));
        simulation.run(200, |rng| durations::runs(durations::log_normal(rng, 350.0, 0.35)));
        let after = simulation.run(300, |rng| durations::runs(durations::log_normal(rng, 100.0, 0.35)));
        first.extend_from_slice(&after[..30]);
        later.extend_from_slice(&after[100..]);
    }
    let (first, later) = (Summary::of(&first), Summary::of(&later));
    println!(
        "service 3.5 times as fast (median 350 s to 100 s): delay of the first 30 jobs {:.2} s, after 100 jobs {:.2} s",
        first.delay, later.delay
    );
}

fn run<S: Schedule + 'static>(draw: fn(&mut Rng) -> Times, schedule: impl Fn() -> S) -> Summary {
    let runs = SEEDS.map(|seed| {
        let mut simulation = Simulation::new(seed, options(schedule()));
        simulation.run(LEARNED, draw);
        simulation.run(COUNTED, draw)
    });
    Summary::of(&runs.concat())
}

fn options(schedule: impl Schedule + 'static) -> WaitOptions {
    WaitOptions::default().with_schedule(schedule).with_deadline(None)
}

const fn total(times: Times) -> f64 {
    times.queued + times.ran
}
