//! What a record of durations lets expect: a log-normal distribution, and a broad one for what does not fit it.

use std::f64::consts::{PI, SQRT_2};

/// How far the table reaches from the median, as a factor.
const REACH: f64 = 40.0;

/// The least spread, in logarithms, of what does not fit: a factor of e to either side.
const BROAD: f64 = 1.0;

/// The spread that is expected before anything is known, and how many jobs' worth of evidence that is.
const PRIOR_SPREAD: f64 = 0.5;
const PRIOR_JOBS: f64 = 1.0;

/// No spread is believed to be smaller.
const LEAST_SPREAD: f64 = 0.03;

/// How many spreads from the middle a duration may be before it does not fit.
const FITS: f64 = 2.5;

/// The share of a normal distribution that is further off than [`FITS`].
const CHANCE: f64 = 0.0124;

/// What is left of a normal spread where everything beyond [`FITS`] is cut off.
const CUT: f64 = 0.954;

/// The points of the table, evenly spread over the logarithm of time.
const POINTS: usize = 320;

/// The distribution of the durations of jobs, in seconds, with what schedules need of it in a table.
///
/// The logarithms of nearly all are taken for normal; a share that grows with the number of outliers is taken for a broad
/// distribution around the same middle. So a slow straggler neither widens the whole nor is forgotten.
#[derive(Clone, Debug)]
pub struct Fit {
    middle: f64,
    spread: f64,
    /// The share of the broad part.
    strange: f64,
    /// The logarithm of the first point's time, and the step to the next.
    start: f64,
    step: f64,
    table: Box<[Point]>,
    /// The integral of √(density × survival) over all time.
    effort: f64,
}

impl Fit {
    /// Fewer durations tell nothing.
    pub const FEWEST: usize = 5;

    /// Fits durations in seconds; `None` where there are fewer than [`Fit::FEWEST`].
    #[must_use]
    pub fn of(seconds: &[f32]) -> Option<Self> {
        if seconds.len() < Self::FEWEST {
            return None;
        }
        let mut logs: Vec<_> = seconds.iter().map(|ran| f64::from(*ran).ln()).collect();
        logs.sort_unstable_by(f64::total_cmp);
        let median = logs[logs.len() / 2];
        let mut off: Vec<_> = logs.iter().map(|log| (log - median).abs()).collect();
        off.sort_unstable_by(f64::total_cmp);
        // Half of a normal distribution lies within 0.6745 spreads of its middle.
        let bound = FITS * (off[off.len() / 2] / 0.6745).max(LEAST_SPREAD);
        let fitting: Vec<_> = logs.iter().copied().filter(|log| (log - median).abs() <= bound).collect();
        let jobs = fitting.len() as f64;
        let middle = fitting.iter().sum::<f64>() / jobs;
        let squares: f64 = fitting.iter().map(|log| ((log - middle) / CUT).powi(2)).sum();
        let variance = (squares + PRIOR_JOBS * PRIOR_SPREAD.powi(2)) / (jobs - 1.0 + PRIOR_JOBS);
        let outliers = logs.len() as f64 - jobs;
        // Some are far off by chance alone.
        let strange = ((outliers - CHANCE * logs.len() as f64).max(0.0) + 0.5) / (logs.len() as f64 + 1.0);
        Some(Self::with(middle, variance.sqrt().max(LEAST_SPREAD), strange))
    }

    /// The duration that half of the jobs do not reach, in seconds.
    #[must_use]
    pub fn median(&self) -> f64 {
        self.middle.exp()
    }

    /// The duration, in seconds, that all but a hundredth of the jobs that fit reach.
    #[must_use]
    pub fn earliest(&self) -> f64 {
        (self.middle - 2.33 * self.spread).exp()
    }

    /// The delay, in seconds, that has gathered on average for a job of this age that was last known to run at `known`.
    #[must_use]
    pub fn gathered(&self, known: f64, age: f64) -> f64 {
        let (known, age) = (known.max(0.0), age.max(known));
        let (then, now) = (self.at(known), self.at(age));
        (age - known - (now.lived - then.lived) / then.survival).max(0.0)
    }

    /// How long after `age` the next question comes, in seconds, where their density follows √hazard with this strength.
    pub(super) fn gap(&self, age: f64, strength: f64, longest: f64) -> f64 {
        let wanted = self.at(age).urge + 1.0 / strength;
        if self.at(age + longest).urge <= wanted {
            return longest;
        }
        // The urge grows with time, so that halving finds the moment.
        let (mut early, mut late) = (age, age + longest);
        for _ in 0..24 {
            let middle = early.midpoint(late);
            if self.at(middle).urge < wanted { early = middle } else { late = middle }
        }
        late - age
    }

    /// The integral of √(density × survival): polls times delay cannot be less than half its square.
    pub(super) const fn effort(&self) -> f64 {
        self.effort
    }

    /// Whether a duration is far too short (-1) or too long (1) for what fits.
    pub(super) fn strangeness(&self, ran: f32) -> i8 {
        let z = (f64::from(ran).ln() - self.middle) / self.spread;
        if z.abs() < FITS { 0 } else { z.signum() as i8 }
    }

    fn with(middle: f64, spread: f64, strange: f64) -> Self {
        let step = 2.0 * REACH.ln() / (POINTS - 1) as f64;
        let start = middle - REACH.ln();
        let mut fit = Self {
            middle,
            spread,
            strange,
            start,
            step,
            table: [Point::default(); POINTS].into(),
            effort: 0.0,
        };
        fit.tabulate();
        fit
    }

    /// Fills the table by the trapezoidal rule.
    fn tabulate(&mut self) {
        let first = self.start.exp();
        self.table[0] = Point { time: first, survival: 1.0, lived: first, urge: 0.0 };
        let (mut hazard, mut root) = (0.0_f64, 0.0);
        for at in 1..POINTS {
            let time = (self.start + self.step * at as f64).exp();
            let (survival, density) = self.shape(time);
            let last = self.table[at - 1];
            let (span, next) = (time - last.time, density / survival);
            self.table[at] = Point {
                time,
                survival,
                lived: last.lived + span * (last.survival + survival) / 2.0,
                urge: last.urge + span * (hazard.sqrt() + next.sqrt()) / 2.0,
            };
            let weight = (density * survival).sqrt();
            self.effort += span * (root + weight) / 2.0;
            (hazard, root) = (next, weight);
        }
    }

    /// The table at a time; beyond its end nothing new is known.
    fn at(&self, time: f64) -> Point {
        if time <= self.table[0].time {
            return Point { time, survival: 1.0, lived: time, urge: 0.0 };
        }
        let index = ((time.ln() - self.start) / self.step) as usize;
        let Some(&[early, late]) = self.table.get(index..index + 2) else { return self.beyond(time) };
        let span = time - early.time;
        let part = span / (late.time - early.time);
        let survival = early.survival + (late.survival - early.survival) * part;
        Point {
            time,
            survival,
            // What lies under a straight line: gaps are shorter than the steps of the table, and their delay must not be lost.
            lived: early.lived + span * (early.survival + survival) / 2.0,
            urge: early.urge + (late.urge - early.urge) * part,
        }
    }

    fn beyond(&self, time: f64) -> Point {
        let (before, last) = (self.table[POINTS - 2], self.table[POINTS - 1]);
        let slope = (last.urge - before.urge) / (last.time - before.time);
        Point { time, urge: last.urge + slope * (time - last.time), ..last }
    }

    /// The share that runs longer than a time, and the density there.
    fn shape(&self, time: f64) -> (f64, f64) {
        let part = |spread: f64| {
            let z = (time.ln() - self.middle) / spread;
            (libm::erfc(z / SQRT_2) / 2.0, (-z * z / 2.0).exp() / (time * spread * (2.0 * PI).sqrt()))
        };
        let ((main, main_density), (broad, broad_density)) =
            (part(self.spread), part(BROAD.max(2.0 * self.spread)));
        let share = self.strange;
        (main + (broad - main) * share, main_density + (broad_density - main_density) * share)
    }
}

/// What schedules ask of a distribution, worked out beforehand at one point of time.
#[derive(Clone, Copy, Debug, Default)]
struct Point {
    time: f64,
    /// The share of jobs that run longer.
    survival: f64,
    /// The time that jobs spend running until here, on average.
    lived: f64,
    /// The integral of √hazard until here.
    urge: f64,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Durations at even shares of a log-normal distribution, by bisection.
    fn sample(median: f64, spread: f64, jobs: usize) -> Vec<f32> {
        let truth = Fit::with(median.ln(), spread, 0.0);
        let at_share = |share: f64| {
            let (mut low, mut high) = (median / 30.0, median * 30.0);
            for _ in 0..60 {
                let middle = f64::midpoint(low, high);
                if truth.shape(middle).0 > share { low = middle } else { high = middle }
            }
            low as f32
        };
        (0..jobs).map(|job| at_share((job as f64 + 0.5) / jobs as f64)).collect()
    }

    #[test]
    fn middle_and_spread_are_found_and_stragglers_do_not_move_them() {
        let mut durations = sample(240.0, 0.3, 100);
        let fit = Fit::of(&durations).unwrap();
        assert!((fit.median() - 240.0).abs() < 3.0 && (fit.spread - 0.3).abs() < 0.02, "{fit:?}");
        durations.extend([3000.0, 2500.0, 5000.0]);
        let fit = Fit::of(&durations).unwrap();
        assert!((fit.median() - 240.0).abs() < 5.0 && (fit.spread - 0.3).abs() < 0.03, "{}", fit.spread);
        assert!(fit.strange > 0.02);
    }

    #[test]
    fn four_jobs_tell_nothing_and_five_alike_are_believed_with_care() {
        assert!(Fit::of(&[10.0; 4]).is_none());
        let fit = Fit::of(&[10.0; 5]).unwrap();
        assert!(fit.spread > 0.1 && fit.earliest() > 3.0, "{}", fit.spread);
    }

    #[test]
    fn the_effort_is_that_of_the_closed_form() {
        // For a log-normal distribution, G = E[T] / effort² is known: 2.27 for a spread of 0.25, 1.37 for 0.5.
        for (spread, saving) in [(0.25, 2.27), (0.5, 1.37)] {
            let fit = Fit::with(240f64.ln(), spread, 0.0);
            let mean = 240.0 * (spread * spread / 2.0).exp();
            let found = mean / fit.effort().powi(2);
            assert!((found - saving).abs() < 0.03, "{found} for {saving}");
        }
    }

    #[test]
    fn the_delay_of_a_short_gap_grows_with_its_square() {
        let fit = Fit::with(240f64.ln(), 0.35, 0.0);
        for age in [150.0, 239.0, 240.0, 243.0, 400.0] {
            let (short, long) = (fit.gathered(age - 0.5, age), fit.gathered(age - 1.0, age));
            assert!((long / short - 4.0).abs() < 0.5, "{short} and {long} at {age}");
        }
    }

    proptest! {
        #[test]
        fn whatever_was_seen_gaps_and_delays_are_sane(
            durations in proptest::collection::vec(0.001f32..100_000.0, 5..120),
            age in 0.0f64..1_000_000.0,
            known in 0.0f64..1.0,
            strength in 0.001f64..1000.0,
        ) {
            let fit = Fit::of(&durations).unwrap();
            let gap = fit.gap(age, strength, 15.0);
            prop_assert!((0.0..=15.0).contains(&gap), "{gap}");
            let gathered = fit.gathered(age * known, age);
            prop_assert!(gathered >= 0.0 && gathered <= age + 1.0, "{gathered}");
        }
    }
}
