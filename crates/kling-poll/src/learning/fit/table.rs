//! What schedules ask of a distribution, worked out beforehand at points of time.

use super::Fit;

/// The points of the table, evenly spread over the logarithm of time.
pub(super) const POINTS: usize = 320;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Point {
    pub(super) time: f64,
    /// The share of jobs that run longer.
    pub(super) survival: f64,
    /// The time that jobs spend running until here, on average.
    pub(super) lived: f64,
    /// The integral of √hazard until here.
    pub(super) urge: f64,
}

impl Fit {
    /// Fills the table by the trapezoidal rule.
    pub(super) fn tabulate(&mut self) {
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
    pub(super) fn at(&self, time: f64) -> Point {
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
}
