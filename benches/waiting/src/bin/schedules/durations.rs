//! How long jobs take. The distributions are assumed, since no trace of real jobs was available.

use fastrand::Rng;

/// How long a job waits and runs, in seconds.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// In the queue.
    pub(crate) queued: f64,
    /// Running.
    pub(crate) ran: f64,
}

/// A kind of load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    /// Its letter and distribution: the median, and the standard deviation of the logarithm.
    pub(crate) name: &'static str,
    /// Draws a job.
    pub(crate) draw: fn(&mut Rng) -> Times,
}

/// The loads with an unseen queue: it counts as a part of the run.
pub(crate) const LOADS: [Load; 8] = [
    Load { name: "A log-normal, 240 s, 0.25", draw: |rng| runs(log_normal(rng, 240.0, 0.25)) },
    Load { name: "B log-normal, 240 s, 0.35", draw: |rng| runs(log_normal(rng, 240.0, 0.35)) },
    Load { name: "C log-normal, 180 s, 0.50", draw: |rng| runs(log_normal(rng, 180.0, 0.5)) },
    Load { name: "D half queued unseen for 60 s, then 200 s, 0.30", draw: short_queue },
    Load { name: "E clips of 5 s, 150 s, 0.30", draw: |rng| runs(log_normal(rng, 150.0, 0.3)) },
    Load { name: "E clips of 10 s, 300 s, 0.30", draw: |rng| runs(log_normal(rng, 300.0, 0.3)) },
    Load { name: "F 95 % 240 s, 0.30; 5 % Pareto tail from 240 s, index 1.5", draw: heavy_tail },
    Load { name: "M memoryless, 240 s", draw: |rng| runs(exponential(rng, 240.0)) },
];

/// The load with a queue that the API reports.
pub(crate) const QUEUE_SEEN: Load = Load {
    name: "queue of 180 s on average, seen; then median 200 s, spread 0.25",
    draw: |rng| Times { queued: exponential(rng, 180.0), ran: log_normal(rng, 200.0, 0.25) },
};

/// A run without a queue.
pub(crate) const fn runs(ran: f64) -> Times {
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

/// A log-normal distribution by its median and the standard deviation of its logarithm.
pub(crate) fn log_normal(rng: &mut Rng, median: f64, spread: f64) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    median * (spread * radius * (std::f64::consts::TAU * rng.f64()).cos()).exp()
}

fn exponential(rng: &mut Rng, mean: f64) -> f64 {
    -mean * (1.0 - rng.f64()).ln()
}
