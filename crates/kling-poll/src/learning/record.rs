//! How long the last jobs of one kind ran.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::Fit;

/// How many jobs are remembered: enough to tell their spread within a tenth, few enough to forget in a hundred jobs.
const REMEMBERED: usize = 100;

/// So many of the last jobs have to be strange before all that was before them is forgotten.
const STRANGE: usize = 3;
const AMONG_LAST: usize = 4;

/// How long the last jobs of one kind ran: a model with the options that matter. Shared by every schedule that learns from it.
#[derive(Debug, Default)]
pub struct Record(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// Seconds, the last job's last.
    ran: VecDeque<f32>,
    fit: Option<Arc<Fit>>,
}

impl Record {
    /// Takes up a record that was kept, the last job's duration last, in seconds. What is no duration is left out.
    #[must_use]
    pub fn from_seconds(seconds: impl IntoIterator<Item = f32>) -> Self {
        let mut ran: VecDeque<_> = seconds.into_iter().filter(|ran| is_usable(*ran)).collect();
        ran.drain(..ran.len().saturating_sub(REMEMBERED));
        let fit = Fit::of(ran.make_contiguous()).map(Arc::new);
        Self(Mutex::new(Memory { ran, fit }))
    }

    /// How long the jobs remembered ran, in seconds, the last job's duration last.
    #[must_use]
    pub fn seconds(&self) -> Vec<f32> {
        self.lock().ran.iter().copied().collect()
    }

    /// Takes note of one more job.
    ///
    /// Where most of the last few ran much longer or much shorter than those before had let expect, all those before are
    /// forgotten: the service became slower or faster.
    pub fn add(&self, ran: Duration) {
        let ran = ran.as_secs_f32();
        if !is_usable(ran) {
            return;
        }
        let mut memory = self.lock();
        memory.ran.push_back(ran);
        memory.forget();
        memory.fit = Fit::of(memory.ran.make_contiguous()).map(Arc::new);
    }

    /// What these jobs let expect of the next; `None` while there are fewer than [`Fit::FEWEST`].
    #[must_use]
    pub fn fit(&self) -> Option<Arc<Fit>> {
        self.lock().fit.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Memory {
    fn forget(&mut self) {
        let before = self.ran.len().saturating_sub(AMONG_LAST);
        let known = Fit::of(&self.ran.make_contiguous()[..before]);
        if let Some(known) = known {
            let strange = |side: i8| {
                self.ran.iter().skip(before).filter(|ran| known.strangeness(**ran) == side).count()
            };
            if strange(-1).max(strange(1)) >= STRANGE {
                self.ran.drain(..before);
            }
        }
        self.ran.drain(..self.ran.len().saturating_sub(REMEMBERED));
    }
}

fn is_usable(ran: f32) -> bool {
    ran.is_finite() && ran > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(seconds: impl IntoIterator<Item = u64>) -> Record {
        let record = Record::default();
        seconds.into_iter().for_each(|seconds| record.add(Duration::from_secs(seconds)));
        record
    }

    #[test]
    fn the_last_hundred_jobs_are_remembered() {
        let record = after((0..250).map(|job| 100 + job % 7));
        assert_eq!(record.seconds().len(), REMEMBERED);
        assert_eq!(Record::from_seconds(record.seconds()).seconds(), record.seconds());
    }

    #[test]
    fn a_service_that_became_faster_or_slower_is_believed_after_a_few_jobs() {
        let usual = || (0..60).map(|job| 180 + job % 40);
        assert_eq!(after(usual().chain([60, 62, 58])).seconds(), [199.0, 60.0, 62.0, 58.0]);
        assert_eq!(after(usual().chain([900, 950, 870])).seconds().len(), 4);
        assert_eq!(
            after(usual().chain([900, 190, 180, 910])).seconds().len(),
            64,
            "two strange ones are chance"
        );
        assert_eq!(after(usual().chain([900, 60, 910, 70])).seconds().len(), 64, "no one side");
    }

    #[test]
    fn what_is_no_duration_is_left_out() {
        let record = Record::from_seconds([1.0, f32::NAN, -3.0, f32::INFINITY, 0.0, 2.0]);
        assert_eq!(record.seconds(), [1.0, 2.0]);
        record.add(Duration::ZERO);
        assert_eq!(record.seconds().len(), 2);
    }
}
