//! The queue: the phase of each job at a given time. No clock, no socket.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// The index of a job in order of acceptance, from zero.
pub(crate) type JobIndex = usize;

/// A first-in-first-out queue with a fixed number of workers. Every phase is a function of time.
#[derive(Debug)]
pub(crate) struct Queue {
    settings: QueueSettings,
    jobs: Vec<Slot>,
    /// The jobs that are not cancelled, in order. Their starts never decrease.
    planned: Vec<JobIndex>,
    /// The time when each worker is free again.
    workers: BinaryHeap<Reverse<Duration>>,
}

/// The number of workers, and the times of jobs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueSettings {
    /// The number of jobs that run at once.
    pub(crate) concurrency: usize,
    /// The least time from submit to start.
    pub(crate) queue_time: Duration,
    /// The time from start to finish.
    pub(crate) run_time: Duration,
}

/// The phase of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Cancelled at this time, before the start.
    Cancelled(Duration),
    /// Finished at this time.
    Completed(Duration),
    /// Waiting, at this position from 1.
    InQueue(usize),
    /// Running.
    InProgress,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    submitted: Duration,
    start: Duration,
    finish: Duration,
    cancelled: Option<Duration>,
}

impl Queue {
    pub(crate) const fn new(settings: QueueSettings) -> Self {
        Self { settings, jobs: Vec::new(), planned: Vec::new(), workers: BinaryHeap::new() }
    }

    /// Adds a job at the end.
    pub(crate) fn push(&mut self, now: Duration) -> JobIndex {
        let index = self.jobs.len();
        self.jobs.push(Slot { submitted: now, start: now, finish: now, cancelled: None });
        self.plan(index);
        index
    }

    /// Cancels a job, and returns whether it was still waiting.
    pub(crate) fn cancel(&mut self, index: JobIndex, now: Duration) -> bool {
        let Some(Phase::InQueue(_)) = self.phase(index, now) else { return false };
        self.jobs[index].cancelled = Some(now);
        self.workers.clear();
        // The jobs behind it move up. No start moves into the past, since the freed slot is in the future.
        for next in std::mem::take(&mut self.planned) {
            if next != index {
                self.plan(next);
            }
        }
        true
    }

    /// Returns the phase of a job, or `None` if there is no such job.
    pub(crate) fn phase(&self, index: JobIndex, now: Duration) -> Option<Phase> {
        let job = self.jobs.get(index)?;
        Some(match job.cancelled {
            Some(at) => Phase::Cancelled(at),
            None if now < job.start => Phase::InQueue(self.position(index, now)),
            None if now < job.finish => Phase::InProgress,
            None => Phase::Completed(job.finish),
        })
    }

    fn position(&self, index: JobIndex, now: Duration) -> usize {
        let ahead = self.planned.partition_point(|&other| other < index);
        let started = self.planned.partition_point(|&other| self.jobs[other].start <= now);
        ahead - started + 1
    }

    fn plan(&mut self, index: JobIndex) {
        let job = &mut self.jobs[index];
        let ready = job.submitted.saturating_add(self.settings.queue_time);
        let free = if self.workers.len() < self.settings.concurrency { None } else { self.workers.pop() };
        job.start = free.map_or(ready, |Reverse(free)| ready.max(free));
        job.finish = job.start.saturating_add(self.settings.run_time);
        self.workers.push(Reverse(job.finish));
        self.planned.push(index);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn queue(concurrency: usize) -> Queue {
        Queue::new(QueueSettings { concurrency, queue_time: at(2), run_time: at(10) })
    }

    fn phases(queue: &Queue, now: u64) -> Vec<Phase> {
        (0..queue.jobs.len()).map(|index| queue.phase(index, at(now)).unwrap()).collect()
    }

    #[test]
    fn a_job_waits_runs_and_completes() {
        let mut queue = queue(1);
        let index = queue.push(at(5));
        assert_eq!(queue.phase(index, at(5)), Some(Phase::InQueue(1)));
        assert_eq!(queue.phase(index, at(7)), Some(Phase::InProgress));
        assert_eq!(queue.phase(index, at(17)), Some(Phase::Completed(at(17))));
        assert_eq!(queue.phase(index + 1, at(17)), None);
    }

    #[test]
    fn positions_go_down_as_workers_become_free() {
        use Phase::{Completed, InProgress, InQueue};
        let mut queue = queue(1);
        for _ in 0..3 {
            queue.push(at(0));
        }
        assert_eq!(phases(&queue, 0), [InQueue(1), InQueue(2), InQueue(3)]);
        assert_eq!(phases(&queue, 2), [InProgress, InQueue(1), InQueue(2)]);
        assert_eq!(phases(&queue, 12), [Completed(at(12)), InProgress, InQueue(1)]);
        assert_eq!(phases(&queue, 32), [Completed(at(12)), Completed(at(22)), Completed(at(32))]);
    }

    #[test]
    fn as_many_jobs_run_at_once_as_there_are_workers() {
        use Phase::{InProgress, InQueue};
        let mut queue = queue(2);
        for _ in 0..3 {
            queue.push(at(0));
        }
        assert_eq!(phases(&queue, 2), [InProgress, InProgress, InQueue(1)]);
    }

    #[test]
    fn only_a_waiting_job_is_cancelled_and_later_jobs_move_up() {
        use Phase::{Cancelled, InProgress, InQueue};
        let mut queue = queue(1);
        for _ in 0..3 {
            queue.push(at(0));
        }
        assert!(!queue.cancel(0, at(3)), "the job runs");
        assert!(queue.cancel(1, at(3)));
        assert!(!queue.cancel(1, at(4)), "the job is already cancelled");
        assert!(!queue.cancel(9, at(4)), "no such job");
        assert_eq!(phases(&queue, 4), [InProgress, Cancelled(at(3)), InQueue(1)]);
        assert_eq!(phases(&queue, 12)[2], InProgress);
    }

    proptest! {
        /// Steps of time between calls; each call joins, or cancels the job with the number given.
        #[test]
        fn the_queue_is_fair_and_never_exceeds_its_concurrency(
            concurrency in 1..4_usize,
            calls in prop::collection::vec((0..9_u64, prop::option::of(0..9_usize)), 1..40),
        ) {
            let (mut queue, mut now) = (queue(concurrency), 0);
            for (step, cancelled) in calls {
                now += step;
                let before = phases(&queue, now);
                match cancelled {
                    Some(index) => {
                        let was_waiting = matches!(before.get(index), Some(Phase::InQueue(_)));
                        prop_assert_eq!(queue.cancel(index, at(now)), was_waiting);
                    }
                    None => _ = queue.push(at(now)),
                }
                let after = phases(&queue, now);
                let running = after.iter().filter(|&&phase| phase == Phase::InProgress).count();
                prop_assert!(running <= concurrency);
                let positions: Vec<usize> = after.iter().filter_map(|phase| match phase {
                    Phase::InQueue(position) => Some(*position),
                    _ => None,
                }).collect();
                prop_assert_eq!(positions.clone(), (1..=positions.len()).collect::<Vec<_>>());
                let moved = |(old, new): (&Phase, &Phase)| match old {
                    Phase::InQueue(place) => matches!(new, Phase::InQueue(next) if next <= place)
                        || matches!(new, Phase::Cancelled(_)),
                    _ => old == new,
                };
                prop_assert!(before.iter().zip(&after).all(moved));
            }
        }
    }

    #[test]
    fn cancelling_the_first_job_moves_no_start_into_the_past() {
        let mut queue = queue(1);
        queue.push(at(0));
        queue.push(at(1));
        assert!(queue.cancel(0, at(1)));
        assert_eq!(queue.phase(1, at(1)), Some(Phase::InQueue(1)));
        assert_eq!(queue.phase(1, at(3)), Some(Phase::InProgress));
    }
}
