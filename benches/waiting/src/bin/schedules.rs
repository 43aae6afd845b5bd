//! Compares schedules in virtual time, through the real machine: `schedules [step|age|queue|budget|speed-up|plot]`.
//!
//! Delay is the time from a job's end to the answer that tells it, the network left out. Every figure is a ratio of two runs
//! of one process; seeds are fixed and printed.

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kling_bench_waiting::durations::{self, LOADS, Load, Times};
use kling_bench_waiting::optimum::Optimum;
use kling_bench_waiting::plot::{self, Line};
use kling_bench_waiting::simulation::{Outcome, Simulation, Summary, Words};
use kling_poll::{Aim, Event, Fixed, Growing, JobMachine, Learned, Pace, Schedule, Seen, WaitOptions};

const SEEDS: [u64; 2] = [1, 2];
const SECOND: Duration = Duration::from_secs(1);
const UNBOUNDED: Pace = Pace { in_flight: usize::MAX, per_second: None };
/// Jobs under way at once, jobs that teach, and jobs that are counted.
const UNDER_WAY: usize = 20;
const TAUGHT: usize = 100 + UNDER_WAY;
const COUNTED: usize = 4000;

fn main() {
    let part = std::env::args().nth(1).unwrap_or_default();
    if part == "plot" {
        return print!("{}", plot());
    }
    println!("virtual time, seeds {SEEDS:?}, {COUNTED} jobs each after {TAUGHT}, {UNDER_WAY} under way\n");
    let parts: [(&str, fn()); 5] = [
        ("step", step),
        ("age", by_age_alone),
        ("queue", with_the_queue_seen),
        ("budget", under_a_budget),
        ("speed-up", after_a_speed_up),
    ];
    parts.iter().filter(|(name, _)| part.is_empty() || part == *name).for_each(|(_, run)| run());
}

/// What one poll costs the machine of a job: a question and its answer, without a call.
fn step() {
    const POLLS: u32 = 5_000_000;
    let options = options(Fixed(SECOND * 2));
    let mut machine = JobMachine::new(None);
    let reply = Words::read().running;
    let begun = std::time::Instant::now();
    for poll in 0..POLLS {
        let now = SECOND * poll;
        std::hint::black_box(machine.step(&options, now, 0.5, Event::Due));
        std::hint::black_box(machine.step(&options, now, 0.5, Event::Status(Ok(reply.clone()))));
    }
    let nanos = begun.elapsed().as_nanos() / u128::from(POLLS);
    println!("one poll: {nanos} ns in the machine of a job, {} bytes each\n", size_of::<JobMachine>());
}

fn by_age_alone() {
    println!(
        "| load | schedule | polls | mean delay s | p95 s | polls ÷ optimum | polls ÷ fixed | p95 ÷ fixed |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for load in &LOADS {
        let mut rng = Rng::with_seed(99);
        let optimum = Optimum::of(|| total((load.draw)(&mut rng)));
        let mean = mean(load);
        for (name, options) in schedules() {
            let found = on(load, options.as_ref());
            let best = optimum.at_delay(found.delay).polls;
            // A fixed interval of twice the delay; its delays are even over the interval.
            let fixed = mean / (2.0 * found.delay) + 0.5;
            println!(
                "| {} | {name} | {:.1} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
                load.name.split(':').next().unwrap_or_default(),
                found.polls,
                found.delay,
                found.p95,
                found.polls / best,
                found.polls / fixed,
                found.p95 / (1.9 * found.delay)
            );
        }
    }
}

type Making = Box<dyn Fn() -> WaitOptions>;

fn schedules() -> Vec<(&'static str, Making)> {
    let learned = |aim, longest: u32| {
        Box::new(move || options(Learned::new(Arc::default(), aim).with_longest_gap(SECOND * longest)))
            as Making
    };
    vec![
        ("fixed 2 s", Box::new(|| options(Fixed(SECOND * 2)))),
        ("growing to 10 s", Box::new(|| options(Growing::default()))),
        ("learned, steady 2 s", learned(Aim::Steady(SECOND * 2), 15)),
        ("learned, delay 1 s", learned(Aim::Delay(SECOND), 30)),
        ("learned, delay 1 s, gaps to 15 s", learned(Aim::Delay(SECOND), 15)),
    ]
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

fn under_a_budget() {
    println!(
        "\n1000 jobs waiting under a budget of calls (fixed 2 s would make 500 a second), mean delay:\n"
    );
    println!("| mix | calls a second | round robin s | lag index s | ratio | p95 ratio |");
    println!("|---|---|---|---|---|---|");
    for (name, budgets, kinds) in mixes() {
        for budget in budgets {
            let pace = Pace { in_flight: usize::MAX, per_second: Some(budget) };
            let compared = |learned: bool| {
                over_seeds(|seed| {
                    let options = of_kinds(kinds.len(), learned);
                    run_long(seed, pace, &|rng, _| {
                        let kind = pick(rng, &kinds);
                        ((kinds[kind].1)(rng), options[kind].clone())
                    })
                })
            };
            let (robin, index) = (compared(false), compared(true));
            println!(
                "| {name} | {budget} | {:.2} | {:.2} | {:.2} | {:.2} |",
                robin.delay,
                index.delay,
                index.delay / robin.delay,
                index.p95 / robin.p95
            );
        }
    }
}

type Kinds = Vec<(f64, fn(&mut Rng) -> Times)>;

fn mixes() -> Vec<(&'static str, Vec<f64>, Kinds)> {
    let from_a_twentieth = || vec![25.0, 100.0, 250.0];
    vec![
        ("B", from_a_twentieth(), vec![(1.0, LOADS[1].draw)]),
        (
            "clips of 5 s and 10 s, 70 : 30",
            from_a_twentieth(),
            vec![(0.7, LOADS[4].draw), (0.3, LOADS[5].draw)],
        ),
        // Fewer calls could not even bring the results home.
        (
            "images and videos, 90 : 10",
            vec![100.0, 250.0],
            vec![(0.9, durations::image), (0.1, LOADS[1].draw)],
        ),
        ("M, memoryless", from_a_twentieth(), vec![(1.0, LOADS[7].draw)]),
    ]
}

/// The kind of the next job, by the shares of arrivals.
fn pick(rng: &mut Rng, kinds: &Kinds) -> usize {
    let mut left = rng.f64();
    kinds.iter().position(|kind| (left -= kind.0, left < 0.0).1).unwrap_or(0)
}

fn of_kinds(kinds: usize, learned: bool) -> Vec<WaitOptions> {
    let of = |_| {
        if learned { options(Learned::new(Arc::default(), Aim::Delay(SECOND))) } else { options(RoundRobin) }
    };
    (0..kinds).map(of).collect()
}

/// Everyone in turn: whoever was asked about longest ago.
#[derive(Debug)]
struct RoundRobin;

impl Schedule for RoundRobin {
    fn pause(&self, _: &Seen) -> Duration {
        SECOND * 2
    }

    fn worth(&self, seen: &Seen) -> f64 {
        seen.silence.as_secs_f64()
    }
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

fn plot() -> String {
    let load = &LOADS[1];
    let mut rng = Rng::with_seed(99);
    let optimum = Optimum::of(|| total((load.draw)(&mut rng)));
    let delays = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0];
    let line = |name: &str, of: &dyn Fn(f64) -> WaitOptions| Line {
        name: name.to_owned(),
        points: delays
            .iter()
            .map(|delay| on(load, &|| of(*delay)))
            .map(|found| (found.delay, found.polls))
            .collect(),
    };
    let secs = Duration::from_secs_f64;
    let lines = [
        Line {
            name: "optimum, durations known".to_owned(),
            points: delays.iter().map(|delay| (*delay, optimum.at_delay(*delay).polls)).collect(),
        },
        line("learned, aiming at the delay", &|delay| {
            options(Learned::new(Arc::default(), Aim::Delay(secs(delay))))
        }),
        line("learned, steady", &|delay| {
            options(Learned::new(Arc::default(), Aim::Steady(secs(2.0 * delay))))
        }),
        line("fixed interval", &|delay| options(Fixed(secs(2.0 * delay)))),
        line("growing by a quarter up to a cap", &|delay| {
            options(Growing { cap: secs(2.2 * delay), ..Growing::default() })
        }),
    ];
    plot::svg("Polls against delay: durations log-normal, median 240 s, spread 0.35", &lines)
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

fn run(seed: u64, jobs: usize, pace: Pace, draw: Draw<'_>) -> Vec<Outcome> {
    let mut simulation = Simulation::new(seed, jobs, pace, draw);
    simulation.run(TAUGHT);
    simulation.run(COUNTED)
}

fn run_long(seed: u64, pace: Pace, draw: Draw<'_>) -> Vec<Outcome> {
    let mut simulation = Simulation::new(seed, 1000, pace, draw);
    simulation.run(3000);
    simulation.run(COUNTED)
}

fn options(schedule: impl Schedule + 'static) -> WaitOptions {
    WaitOptions::default().with_schedule(schedule).with_deadline(None)
}

fn mean(load: &Load) -> f64 {
    let mut rng = Rng::with_seed(97);
    (0..200_000).map(|_| total((load.draw)(&mut rng))).sum::<f64>() / 200_000.0
}

const fn total(times: Times) -> f64 {
    times.queued + times.ran
}
