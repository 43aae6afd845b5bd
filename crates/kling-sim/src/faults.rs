//! Which calls go wrong, and how: planned by call and count, or drawn by a seed.

use std::ops::RangeInclusive;
use std::time::Duration;

use crate::{Call, Fault, random_fault};

/// A plan of faults for [`Builder::faults`](crate::Builder::faults).
///
/// Planned faults come first, then those drawn at random. The same seed does the same to the first, second, third… call of
/// each kind, in whichever order the kinds come.
///
/// ```
/// use kling_sim::{Call, Fault, FaultPlan, Reply, Sim};
///
/// let plan = FaultPlan::none()
///     .on(Call::Submit, 1, Reply::empty(429).header("retry-after", "1"))
///     .on_each(Call::Status, 2..=4, Fault::ResetInBody);
/// let planned = Sim::builder().faults(plan).start()?;
/// let unlucky = Sim::builder().faults(FaultPlan::random(7, 0.2)).start()?; // every fifth call goes wrong
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "a plan does something once a simulator is built with it"]
pub struct FaultPlan {
    planned: Vec<(Call, RangeInclusive<u64>, Fault)>,
    seed: u64,
    rate: f64,
    stall: Duration,
}

impl Default for FaultPlan {
    fn default() -> Self {
        Self { planned: Vec::new(), seed: 0, rate: 0.0, stall: Duration::from_secs(90) }
    }
}

impl FaultPlan {
    /// No faults.
    pub fn none() -> Self {
        Self::default()
    }

    /// Draws a fault for a share of all calls, from 0 to 1: of those that may happen to a call of its kind, each as likely.
    ///
    /// They all pass: no job is forgotten, and no output is replaced, so that a client which forgives enough of them gets
    /// every result that it knows the id of.
    pub fn random(seed: u64, rate: f64) -> Self {
        Self { seed, rate, ..Self::default() }
    }

    /// How long drawn stalls last, in real time; by default 90 s. A dripping answer takes half of it.
    pub fn stall(mut self, time: Duration) -> Self {
        self.stall = time;
        self
    }

    /// What happens to a certain call of a kind, the first being 1.
    pub fn on(self, call: Call, nth: u64, fault: impl Into<Fault>) -> Self {
        self.on_each(call, nth..=nth, fault)
    }

    /// What happens to several calls of a kind in a row, the first being 1.
    pub fn on_each(mut self, call: Call, range: RangeInclusive<u64>, fault: impl Into<Fault>) -> Self {
        self.planned.push((call, range, fault.into()));
        self
    }

    /// What happens to the `nth` call of a kind.
    pub(crate) fn find(&self, call: Call, nth: u64) -> Option<Fault> {
        let planned = self.planned.iter().find(|(kind, range, _)| *kind == call && range.contains(&nth));
        planned.map(|(_, _, fault)| fault.clone()).or_else(|| self.draw(call, nth))
    }

    fn draw(&self, call: Call, nth: u64) -> Option<Fault> {
        let place = (nth << 4 | call as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let mut random = fastrand::Rng::with_seed(self.seed ^ place);
        (random.f64() < self.rate).then(|| random_fault::draw(&mut random, call, self.stall))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reply;

    fn drawn(faults: &FaultPlan, call: Call) -> Vec<Option<String>> {
        (1..=200).map(|nth| faults.find(call, nth).map(|fault| fault.to_string())).collect()
    }

    #[test]
    fn a_plan_is_by_call_and_count() {
        let faults = FaultPlan::none().on(Call::Status, 2, Fault::Html).on_each(
            Call::Submit,
            1..=2,
            Reply::empty(503),
        );
        let found = |call, nth| faults.find(call, nth).map(|fault| fault.to_string());
        assert_eq!(found(Call::Status, 1), None);
        assert_eq!(found(Call::Status, 2).as_deref(), Some("html"));
        assert_eq!(found(Call::Submit, 2).as_deref(), Some("answer 503"));
        assert_eq!(found(Call::Submit, 3), None);
    }

    #[test]
    fn a_seed_repeats_itself_and_differs_from_others() {
        let calls = [Call::Submit, Call::Status, Call::Output];
        for call in calls {
            let faults = FaultPlan::random(7, 0.5);
            assert_eq!(drawn(&faults, call), drawn(&faults.clone(), call));
            assert_ne!(drawn(&faults, call), drawn(&FaultPlan::random(8, 0.5), call));
        }
    }

    #[test]
    fn the_rate_is_the_share_of_calls_that_go_wrong() {
        let share = |rate| drawn(&FaultPlan::random(1, rate), Call::Status).iter().flatten().count();
        assert_eq!((share(0.0), share(1.0)), (0, 200));
        assert!((60..140).contains(&share(0.5)), "{}", share(0.5));
    }
}
