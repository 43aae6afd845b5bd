//! Many jobs under a budget of calls: the worth of an answer, beside round robin.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kling_bench_waiting::durations::{self, LOADS, Times};
use kling_bench_waiting::simulation::{Outcome, Simulation};
use kling_poll::{Aim, Learned, PollContext, RateLimit, Schedule, WaitOptions};

use crate::{COUNTED, Draw, SECOND, options, over_seeds};

/// So long jobs come and go before any is counted: several times as long as they run, so that kinds are pending by the shares
/// that their durations make.
const WARM_UP: Duration = Duration::from_secs(1500);

/// Prints mean delays of the fleet and of round robin under the same budgets.
pub(crate) fn print() {
    println!(
        "\n1000 jobs waiting under a budget of calls (fixed 2 s would make 500 a second), mean delay:\n"
    );
    println!("| mix | calls a second | round robin s | lag index s | ratio | p95 ratio |");
    println!("|---|---|---|---|---|---|");
    for (name, budgets, kinds) in mixes() {
        for budget in budgets {
            let pace = RateLimit::new(usize::MAX).with_per_second(budget);
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
    fn next_delay(&self, _: &PollContext) -> Duration {
        SECOND * 2
    }

    fn worth(&self, seen: &PollContext) -> f64 {
        seen.silence.as_secs_f64()
    }
}

fn run_long(seed: u64, pace: RateLimit, draw: Draw<'_>) -> Vec<Outcome> {
    let mut simulation = Simulation::new(seed, 1000, pace, draw);
    simulation.run_for(WARM_UP);
    simulation.run(COUNTED)
}
