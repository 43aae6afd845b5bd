//! Finds the fewest polls for a mean delay if the distribution of durations is known, by dynamic programming over a grid.

use std::time::Duration;

/// Moments are this far apart, in seconds.
const STEP: f64 = 0.25;

/// The optimum for one distribution.
pub(crate) struct Optimum {
    /// The share of jobs that are over at each moment of the grid.
    over: Vec<f64>,
    /// The integral of that share.
    lived: Vec<f64>,
}

/// Polls and mean delay of a schedule.
#[derive(Clone, Copy, Debug)]
struct Cost {
    polls: f64,
    delay: f64,
}

impl Optimum {
    /// For durations drawn from a distribution, in seconds: a million of them.
    pub(crate) fn of(mut draw: impl FnMut() -> f64) -> Self {
        const DRAWS: usize = 1_000_000;
        let mut durations: Vec<_> = (0..DRAWS).map(|_| draw()).collect();
        durations.sort_unstable_by(f64::total_cmp);
        let moments = (durations[DRAWS - 1] / STEP) as usize + 2;
        let mut below = 0;
        let over = (0..moments).map(|moment| {
            while below < DRAWS && durations[below] <= moment as f64 * STEP {
                below += 1;
            }
            below as f64 / DRAWS as f64
        });
        let over: Vec<_> = over.collect();
        let mut lived = vec![0.0; moments];
        for at in 1..moments {
            lived[at] = lived[at - 1] + STEP * (over[at - 1] + over[at]) / 2.0;
        }
        Self { over, lived }
    }

    /// Returns the fewest polls at this mean delay if no gap is longer than a bound.
    pub(crate) fn polls_at(&self, delay: f64, longest: Duration) -> f64 {
        let longest = (longest.as_secs_f64() / STEP) as usize;
        let (mut cheap, mut dear) = (1e-4, 1e4);
        for _ in 0..30 {
            let price = f64::sqrt(cheap * dear);
            if self.at_price(price, longest).delay > delay { cheap = price } else { dear = price }
        }
        // The grid has only so many schedules: between two of them polls go with the inverse of the delay.
        let found = self.at_price(dear, longest);
        found.polls * found.delay / delay
    }

    /// Returns the cost of the best schedule if a second of delay costs so many polls.
    fn at_price(&self, price: f64, longest: usize) -> Cost {
        let moments = self.over.len();
        let mut cost = vec![0.0; moments];
        let mut next = vec![0; moments];
        for at in (0..moments - 1).rev() {
            let (alive, best) = (1.0 - self.over[at], at + 1..moments.min(at + 1 + longest));
            let of = |to: usize| alive + price * self.gathered(at, to) + cost[to];
            let best = best.map(|to| (of(to), to)).min_by(|one, other| one.0.total_cmp(&other.0));
            (cost[at], next[at]) = best.unwrap_or((0.0, moments - 1));
        }
        let (mut at, mut sum) = (0, Cost { polls: 0.0, delay: 0.0 });
        while at < moments - 1 && self.over[at] < 1.0 {
            sum.polls += 1.0 - self.over[at];
            sum.delay += self.gathered(at, next[at]);
            at = next[at];
        }
        sum
    }

    /// The delay of jobs that end between two polls.
    fn gathered(&self, from: usize, to: usize) -> f64 {
        self.lived[to] - self.lived[from] - self.over[from] * (to - from) as f64 * STEP
    }
}
