//! How long jobs take: assumed distributions, since no trace of real jobs was to be had.

use fastrand::Rng;

/// How long a job waits and runs, in seconds.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// In the queue.
    pub queued: f64,
    /// Running.
    pub ran: f64,
}

/// A kind of load.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Its letter and what it is.
    pub name: &'static str,
    /// Draws a job.
    pub draw: fn(&mut Rng) -> Times,
}

/// The loads on which schedules are compared. Where a job waits, the API does not say so: the queue is part of its run.
pub const LOADS: [Load; 8] = [
    Load { name: "A: log-normal, median 240 s, spread 0.25", draw: |rng| runs(log_normal(rng, 240.0, 0.25)) },
    Load { name: "B: log-normal, median 240 s, spread 0.35", draw: |rng| runs(log_normal(rng, 240.0, 0.35)) },
    Load { name: "C: log-normal, median 180 s, spread 0.50", draw: |rng| runs(log_normal(rng, 180.0, 0.5)) },
    Load { name: "D: half wait 60 s on average, then 200 s, spread 0.30", draw: short_queue },
    Load {
        name: "E5: clips of 5 s, median 150 s, spread 0.3",
        draw: |rng| runs(log_normal(rng, 150.0, 0.3)),
    },
    Load {
        name: "E10: clips of 10 s, median 300 s, spread 0.3",
        draw: |rng| runs(log_normal(rng, 300.0, 0.3)),
    },
    Load { name: "F: 95 % median 240 s, spread 0.3; 5 % Pareto from 240 s, index 1.5", draw: heavy_tail },
    Load { name: "M: memoryless, mean 240 s", draw: |rng| runs(exponential(rng, 240.0)) },
];

/// Images: a median of 12 s.
pub fn image(rng: &mut Rng) -> Times {
    runs(log_normal(rng, 12.0, 0.4))
}

/// A queue of 180 s on average, seen, then 200 s with a spread of 0.25.
pub fn long_queue(rng: &mut Rng) -> Times {
    Times { queued: exponential(rng, 180.0), ran: log_normal(rng, 200.0, 0.25) }
}

/// A run without a queue.
pub const fn runs(ran: f64) -> Times {
    Times { queued: 0.0, ran }
}

fn short_queue(rng: &mut Rng) -> Times {
    let waits = if rng.bool() { exponential(rng, 60.0) } else { 0.0 };
    runs(waits + log_normal(rng, 200.0, 0.3))
}

fn heavy_tail(rng: &mut Rng) -> Times {
    if rng.f64() < 0.05 {
        return runs((240.0 * (1.0 - rng.f64()).powf(-1.0 / 1.5)).min(3000.0));
    }
    runs(log_normal(rng, 240.0, 0.3))
}

/// By its median and the standard deviation of its logarithm.
pub fn log_normal(rng: &mut Rng, median: f64, spread: f64) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    median * (spread * radius * (std::f64::consts::TAU * rng.f64()).cos()).exp()
}

fn exponential(rng: &mut Rng, mean: f64) -> f64 {
    -mean * (1.0 - rng.f64()).ln()
}
