//! The line of jobs: what state each is in at a given moment. No clock, no socket.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::Duration;

/// A job by the order in which it was accepted, from zero.
pub(crate) type Ticket = usize;

/// First come, first served, by a fixed number of workers; every state is a function of time.
#[derive(Debug)]
pub(crate) struct Queue {
    settings: QueueSettings,
    jobs: Vec<Slot>,
    /// The jobs that were not cancelled, in order; their starts never decrease.
    line: Vec<Ticket>,
    /// When each worker is free again.
    workers: BinaryHeap<Reverse<Duration>>,
}

/// How long jobs wait and run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueSettings {
    /// How many jobs run at once.
    pub(crate) concurrency: usize,
    /// The least time from submit to start.
    pub(crate) queue_time: Duration,
    /// The time from start to finish.
    pub(crate) run_time: Duration,
}

/// Where a job is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Cancelled at this moment, before it ran.
    Cancelled(Duration),
    /// No longer running, since this moment.
    Completed(Duration),
    /// Waiting; 1 is the next to start.
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
        Self { settings, jobs: Vec::new(), line: Vec::new(), workers: BinaryHeap::new() }
    }

    /// Puts a job at the end of the line.
    pub(crate) fn join(&mut self, now: Duration) -> Ticket {
        let ticket = self.jobs.len();
        self.jobs.push(Slot { submitted: now, start: now, finish: now, cancelled: None });
        self.plan(ticket);
        ticket
    }

    /// Takes a job out of the line, and says whether it was still waiting.
    pub(crate) fn cancel(&mut self, ticket: Ticket, now: Duration) -> bool {
        let Some(Phase::InQueue(_)) = self.phase(ticket, now) else { return false };
        self.jobs[ticket].cancelled = Some(now);
        self.workers.clear();
        // Those behind move up. Nobody's start moves into the past, since the free place was still to come.
        for next in std::mem::take(&mut self.line) {
            if next != ticket {
                self.plan(next);
            }
        }
        true
    }

    /// The state of a job, or nothing if there is no such job.
    pub(crate) fn phase(&self, ticket: Ticket, now: Duration) -> Option<Phase> {
        let job = self.jobs.get(ticket)?;
        Some(match job.cancelled {
            Some(at) => Phase::Cancelled(at),
            None if now < job.start => Phase::InQueue(self.position(ticket, now)),
            None if now < job.finish => Phase::InProgress,
            None => Phase::Completed(job.finish),
        })
    }

    fn position(&self, ticket: Ticket, now: Duration) -> usize {
        let ahead = self.line.partition_point(|&other| other < ticket);
        let started = self.line.partition_point(|&other| self.jobs[other].start <= now);
        ahead - started + 1
    }

    fn plan(&mut self, ticket: Ticket) {
        let job = &mut self.jobs[ticket];
        let ready = job.submitted.saturating_add(self.settings.queue_time);
        let free = if self.workers.len() < self.settings.concurrency { None } else { self.workers.pop() };
        job.start = free.map_or(ready, |Reverse(free)| ready.max(free));
        job.finish = job.start.saturating_add(self.settings.run_time);
        self.workers.push(Reverse(job.finish));
        self.line.push(ticket);
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
        (0..queue.jobs.len()).map(|ticket| queue.phase(ticket, at(now)).unwrap()).collect()
    }

    #[test]
    fn a_job_waits_runs_and_completes() {
        let mut queue = queue(1);
        let ticket = queue.join(at(5));
        assert_eq!(queue.phase(ticket, at(5)), Some(Phase::InQueue(1)));
        assert_eq!(queue.phase(ticket, at(7)), Some(Phase::InProgress));
        assert_eq!(queue.phase(ticket, at(17)), Some(Phase::Completed(at(17))));
        assert_eq!(queue.phase(ticket + 1, at(17)), None);
    }

    #[test]
    fn positions_go_down_as_workers_become_free() {
        use Phase::{Completed, InProgress, InQueue};
        let mut queue = queue(1);
        for _ in 0..3 {
            queue.join(at(0));
        }
        assert_eq!(phases(&queue, 0), [InQueue(1), InQueue(2), InQueue(3)]);
        assert_eq!(phases(&queue, 2), [InProgress, InQueue(1), InQueue(2)]);
        assert_eq!(phases(&queue, 12), [Completed(at(12)), InProgress, InQueue(1)]);
        assert_eq!(phases(&queue, 32), [Completed(at(12)), Completed(at(22)), Completed(at(32))]);
    }

    #[test]
    fn as_many_run_at_once_as_there_are_workers() {
        use Phase::{InProgress, InQueue};
        let mut queue = queue(2);
        for _ in 0..3 {
            queue.join(at(0));
        }
        assert_eq!(phases(&queue, 2), [InProgress, InProgress, InQueue(1)]);
    }

    #[test]
    fn only_a_waiting_job_is_cancelled_and_those_behind_move_up() {
        use Phase::{Cancelled, InProgress, InQueue};
        let mut queue = queue(1);
        for _ in 0..3 {
            queue.join(at(0));
        }
        assert!(!queue.cancel(0, at(3)), "it runs");
        assert!(queue.cancel(1, at(3)));
        assert!(!queue.cancel(1, at(4)), "it is cancelled already");
        assert!(!queue.cancel(9, at(4)), "there is no such job");
        assert_eq!(phases(&queue, 4), [InProgress, Cancelled(at(3)), InQueue(1)]);
        assert_eq!(phases(&queue, 12)[2], InProgress);
    }

    proptest! {
        /// Steps of time between calls; each call joins, or cancels the job with the number given.
        #[test]
        fn whatever_comes_the_line_is_fair_and_never_too_many_run(
            concurrency in 1..4_usize,
            calls in prop::collection::vec((0..9_u64, prop::option::of(0..9_usize)), 1..40),
        ) {
            let (mut queue, mut now) = (queue(concurrency), 0);
            for (step, cancelled) in calls {
                now += step;
                let before = phases(&queue, now);
                match cancelled {
                    Some(ticket) => {
                        let was_waiting = matches!(before.get(ticket), Some(Phase::InQueue(_)));
                        prop_assert_eq!(queue.cancel(ticket, at(now)), was_waiting);
                    }
                    None => _ = queue.join(at(now)),
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
    fn a_cancelled_head_never_moves_another_start_into_the_past() {
        let mut queue = queue(1);
        queue.join(at(0));
        queue.join(at(1));
        assert!(queue.cancel(0, at(1)));
        assert_eq!(queue.phase(1, at(1)), Some(Phase::InQueue(1)));
        assert_eq!(queue.phase(1, at(3)), Some(Phase::InProgress));
    }
}
