//! Schedules that know a job's age only, beside the optimum and a fixed interval.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use kling_bench_waiting::durations::{LOADS, Load};
use kling_bench_waiting::optimum::Optimum;
use kling_bench_waiting::plot::{self, Line};
use kling_poll::{Aim, ExponentialInterval, FixedInterval, Learned, WaitOptions};

use crate::{SECOND, on, options, total};

/// Prints polls and delays of every schedule on every load.
pub(crate) fn print() {
    println!(
        "| load | schedule | polls | mean delay s | p95 s | polls ÷ optimum | ÷ optimum of gaps to 15 s | polls ÷ fixed | p95 ÷ fixed |"
    );
    println!("|---|---|---|---|---|---|---|---|---|");
    for load in &LOADS {
        let mut rng = Rng::with_seed(99);
        let optimum = Optimum::of(|| total((load.draw)(&mut rng)));
        let mean = mean(load);
        for (name, options) in schedules() {
            let found = on(load, options.as_ref());
            let best = |longest| found.polls / optimum.at_delay(found.delay, longest).polls;
            // A fixed interval of twice the delay; its delays are even over the interval.
            let fixed = mean / (2.0 * found.delay) + 0.5;
            println!(
                "| {} | {name} | {:.1} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} | {:.2} |",
                load.name.split(':').next().unwrap_or_default(),
                found.polls,
                found.delay,
                found.p95,
                best(SECOND * 200),
                best(SECOND * 15),
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
        ("fixed 2 s", Box::new(|| options(FixedInterval(SECOND * 2)))),
        ("growing to 10 s", Box::new(|| options(ExponentialInterval::default()))),
        ("learned, steady 2 s", learned(Aim::Steady(SECOND * 2), 15)),
        ("learned, delay 1 s", learned(Aim::Delay(SECOND), 30)),
        ("learned, delay 1 s, gaps to 15 s", learned(Aim::Delay(SECOND), 15)),
    ]
}

/// Draws polls against delay for load B.
pub(crate) fn plot() -> String {
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
            points: delays
                .iter()
                .map(|delay| (*delay, optimum.at_delay(*delay, SECOND * 200).polls))
                .collect(),
        },
        line("learned, aiming at the delay", &|delay| {
            options(Learned::new(Arc::default(), Aim::Delay(secs(delay))))
        }),
        line("learned, steady", &|delay| {
            options(Learned::new(Arc::default(), Aim::Steady(secs(2.0 * delay))))
        }),
        line("fixed interval", &|delay| options(FixedInterval(secs(2.0 * delay)))),
        line("growing by a quarter up to a cap", &|delay| {
            options(ExponentialInterval { cap: secs(2.2 * delay), ..ExponentialInterval::default() })
        }),
    ];
    plot::svg("Polls against delay: durations log-normal, median 240 s, spread 0.35", &lines)
}

fn mean(load: &Load) -> f64 {
    let mut rng = Rng::with_seed(97);
    (0..200_000).map(|_| total((load.draw)(&mut rng))).sum::<f64>() / 200_000.0
}
