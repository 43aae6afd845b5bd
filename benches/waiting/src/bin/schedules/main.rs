//! Compares schedules in virtual time, through the real machine: `schedules [step|age|queue|budget|speed-up|plot]`.
//!
//! Delay is the time from a job's end to the answer that tells it, the network left out. Every figure is a ratio of two runs
//! of one process; seeds are fixed and printed.

mod age;
mod budget;
mod step;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kling_bench_waiting::durations::{self, Load, Times};
use kling_bench_waiting::simulation::{Outcome, Simulation, Summary};
use kling_poll::{Aim, Learned, RateLimit, Schedule, WaitOptions};

const SEEDS: [u64; 2] = [1, 2];
const SECOND: Duration = Duration::from_secs(1);
const UNBOUNDED: RateLimit = RateLimit::new(usize::MAX);
/// Jobs under way at once, jobs that teach, and jobs that are counted.
const UNDER_WAY: usize = 20;
const TAUGHT: usize = 100 + UNDER_WAY;
const COUNTED: usize = 4000;

fn main() {
    let part = std::env::args().nth(1).unwrap_or_default();
    if part == "plot" {
        return print!("{}", age::plot());
    }
    println!("virtual time, seeds {SEEDS:?}, {COUNTED} jobs each after {TAUGHT}, {UNDER_WAY} under way\n");
    let parts: [(&str, fn()); 5] = [
        ("step", step::print),
        ("age", age::print),
        ("queue", with_the_queue_seen),
        ("budget", budget::print),
        ("speed-up", after_a_speed_up),
    ];
    parts.iter().filter(|(name, _)| part.is_empty() || part == *name).for_each(|(_, run)| run());
}

fn with_the_queue_seen() {
    let mut fixed = 0.0;
    let found = over_seeds(|seed| {
        let learned = options(Learned::new(Arc::default(), Aim::Delay(SECOND)));
        run(seed, UNDER_WAY, UNBOUNDED, &|rng, _| (durations::long_queue(rng), learned.clone()))
    });
    let mut rng = Rng::with_seed(98);
    for _ in 0..100_000 {
        fixed += total(durations::long_queue(&mut rng)) / 100_000.0;
    }
    fixed = fixed / (2.0 * found.delay) + 0.5;
    println!("\nqueue of 180 s on average seen, then 200 s, spread 0.25; aim a delay of 1 s:");
    println!(
        "  learned {:.1} polls at {:.2} s, fixed {fixed:.1} at the same; ratio {:.2}",
        found.polls,
        found.delay,
        found.polls / fixed
    );
}

fn after_a_speed_up() {
    println!(
        "\na service 3.5 times as fast overnight (median 350 s to 100 s, spread 0.35), aim a delay of 1 s:"
    );
    for longest in [30, 15] {
        let (mut first, mut later) = (Vec::new(), Vec::new());
        for seed in 1..=50 {
            let learned =
                options(Learned::new(Arc::default(), Aim::Delay(SECOND)).with_longest_gap(SECOND * longest));
            let turned = RefCell::new(f64::INFINITY);
            let draw = |rng: &mut Rng, now: f64| {
                let median = if now >= *turned.borrow() { 100.0 } else { 350.0 };
                (durations::runs(durations::log_normal(rng, median, 0.35)), learned.clone())
            };
            let mut simulation = Simulation::new(seed, UNDER_WAY, UNBOUNDED, &draw);
            let before = simulation.run(200);
            let last = before.iter().map(|outcome| outcome.added).fold(0.0, f64::max);
            *turned.borrow_mut() = last;
            let after = simulation.run(240);
            let fast: Vec<Outcome> = after.into_iter().filter(|outcome| outcome.added > last).collect();
            first.extend_from_slice(&fast[..30]);
            later.extend_from_slice(&fast[100..]);
        }
        let (first, later) = (Summary::of(&first), Summary::of(&later));
        println!(
            "  gaps to {longest} s: first 30 jobs {:.2} s ({:.1} polls), after 100 jobs {:.2} s ({:.1} polls)",
            first.delay, first.polls, later.delay, later.polls
        );
    }
}

fn on(load: &Load, options: &dyn Fn() -> WaitOptions) -> Summary {
    over_seeds(|seed| {
        let options = options();
        run(seed, UNDER_WAY, UNBOUNDED, &|rng, _| ((load.draw)(rng), options.clone()))
    })
}

fn over_seeds(run: impl Fn(u64) -> Vec<Outcome>) -> Summary {
    Summary::of(&SEEDS.map(run).concat())
}

type Draw<'a> = &'a dyn Fn(&mut Rng, f64) -> (Times, WaitOptions);

fn run(seed: u64, jobs: usize, pace: RateLimit, draw: Draw<'_>) -> Vec<Outcome> {
    let mut simulation = Simulation::new(seed, jobs, pace, draw);
    simulation.run(TAUGHT);
    simulation.run(COUNTED)
}

fn options(schedule: impl Schedule + 'static) -> WaitOptions {
    WaitOptions::default().with_schedule(schedule).with_deadline(None)
}

const fn total(times: Times) -> f64 {
    times.queued + times.ran
}
