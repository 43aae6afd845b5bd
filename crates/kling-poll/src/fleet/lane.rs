//! The queue of one account: whose turn it is, and when a call may be made.

use std::collections::VecDeque;
use std::time::Duration;

use super::{JobKey, RateLimit};

/// How much of a second's calls may be made at once.
const BURST: Duration = Duration::from_millis(100);

/// One part in this of those that wait is ranked at a time: a rank is as old as so many calls.
const RANKED: usize = 16;

/// How many microseconds apart the deadlines of those that wait are looked after, for each of them.
const LOOK: u64 = 2;

/// What one account still has to ask.
#[derive(Debug)]
pub(super) struct AccountQueue {
    pub(super) origin: usize,
    pace: RateLimit,
    in_flight: usize,
    jobs: usize,
    is_closed: bool,
    /// When the next call would be made at an even pace.
    next_at: Duration,
    /// Calls that no pause and no pace holds up: those at a deadline, and those of cancels that were asked for.
    pressing: VecDeque<JobKey>,
    /// Calls that follow from an answer.
    urgent: VecDeque<JobKey>,
    /// Jobs that are due, in no order.
    due: Vec<JobKey>,
    /// The most worthy of those that were due, the best last.
    ranked: Vec<JobKey>,
    /// The first deadline among those that wait for their turn, or a moment before it, in microseconds.
    deadline: u64,
}

impl AccountQueue {
    pub(super) fn new(origin: usize, pace: RateLimit) -> Self {
        Self {
            origin,
            pace,
            in_flight: 0,
            jobs: 0,
            is_closed: false,
            next_at: Duration::ZERO,
            pressing: VecDeque::new(),
            urgent: VecDeque::new(),
            due: Vec::new(),
            ranked: Vec::new(),
            deadline: u64::MAX,
        }
    }

    pub(super) fn push(&mut self, ticket: JobKey, deadline: u64) {
        self.due.push(ticket);
        self.deadline = self.deadline.min(deadline);
    }

    pub(super) fn push_urgent(&mut self, ticket: JobKey, deadline: u64) {
        self.urgent.push_back(ticket);
        self.deadline = self.deadline.min(deadline);
    }

    pub(super) fn press(&mut self, ticket: JobKey) {
        self.pressing.push_back(ticket);
    }

    /// How many wait for their turn.
    pub(super) fn behind(&self) -> usize {
        self.pressing.len() + self.urgent.len() + self.due.len() + self.ranked.len()
    }

    /// Keeps only some of those that wait.
    pub(super) fn retain(&mut self, keep: impl Fn(JobKey) -> bool) {
        self.pressing.retain(|ticket| keep(*ticket));
        self.urgent.retain(|ticket| keep(*ticket));
        self.due.retain(|ticket| keep(*ticket));
        self.ranked.retain(|ticket| keep(*ticket));
    }

    pub(super) const fn joined(&mut self) {
        self.jobs += 1;
    }

    pub(super) const fn left(&mut self) {
        self.jobs -= 1;
    }

    /// Takes no more jobs.
    pub(super) const fn close(&mut self) {
        self.is_closed = true;
    }

    pub(super) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// Whether nothing is left of it: no way in, no job, no call that is out.
    pub(super) const fn is_gone(&self) -> bool {
        self.is_closed && self.jobs == 0 && self.in_flight == 0
    }

    pub(super) const fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// When a call may be made; `None` while all that are allowed are out.
    pub(super) fn opens_at(&self) -> Option<Duration> {
        (self.in_flight < self.limit()).then(|| self.next_at.saturating_sub(BURST))
    }

    /// When the deadline of any that waits for its turn is to be looked after.
    pub(super) fn deadline(&self) -> Option<Duration> {
        (self.deadline < u64::MAX).then(|| Duration::from_micros(self.deadline))
    }

    /// Presses those whose deadline has passed. `deadline` tells that of each, and nothing of those that are gone.
    pub(super) fn press_overdue(&mut self, now: u64, deadline: impl Fn(JobKey) -> Option<u64>) {
        if now < self.deadline {
            return;
        }
        let (pressing, mut first) = (&mut self.pressing, u64::MAX);
        let mut keep = |ticket: &JobKey| match deadline(*ticket) {
            Some(deadline) if deadline <= now => {
                pressing.push_back(*ticket);
                false
            }
            Some(deadline) => {
                first = first.min(deadline);
                true
            }
            None => false,
        };
        self.urgent.retain(&mut keep);
        self.due.retain(&mut keep);
        self.ranked.retain(&mut keep);
        // Looking costs as much as many wait, so it is not done for each of many deadlines that are close together.
        let looked = LOOK * (self.urgent.len() + self.due.len() + self.ranked.len()) as u64;
        self.deadline = first.max(now.saturating_add(looked));
    }

    /// Whose turn it is: what is pressing, and where any call may be made what is urgent, then whatever is worth most.
    pub(super) fn pick(&mut self, is_open: bool, worth: impl Fn(JobKey) -> f64) -> Option<JobKey> {
        if self.in_flight < self.limit().saturating_mul(2)
            && let Some(ticket) = self.pressing.pop_front()
        {
            return Some(ticket);
        }
        if !is_open {
            return None;
        }
        if let Some(ticket) = self.urgent.pop_front() {
            return Some(ticket);
        }
        if self.ranked.is_empty() {
            self.rank(worth);
        }
        let picked = self.ranked.pop();
        if picked.is_none() {
            self.deadline = u64::MAX;
        }
        picked
    }

    pub(super) fn called(&mut self, now: Duration) {
        self.in_flight += 1;
        // A call that was pressing comes over and above the pace, where that has no room for it.
        let has_room = self.next_at.saturating_sub(BURST) <= now;
        if let Some(rate) = self.pace.per_second.filter(|_| has_room) {
            let apart = Duration::from_secs_f64(1.0 / rate.max(1.0 / 3600.0));
            self.next_at = self.next_at.max(now) + apart;
        }
    }

    pub(super) const fn answered(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    fn limit(&self) -> usize {
        self.pace.in_flight.max(1)
    }

    fn rank(&mut self, worth: impl Fn(JobKey) -> f64) {
        let mut scored: Vec<_> = self.due.drain(..).map(|ticket| (worth(ticket), ticket)).collect();
        let kept = scored.len() - scored.len().div_ceil(RANKED);
        if kept > 0 {
            scored.select_nth_unstable_by(kept, |one, other| one.0.total_cmp(&other.0));
        }
        scored[kept..].sort_unstable_by(|one, other| one.0.total_cmp(&other.0));
        self.due.extend(scored.iter().take(kept).map(|(_, ticket)| *ticket));
        self.ranked.extend(scored.iter().skip(kept).map(|(_, ticket)| *ticket));
    }
}

#[cfg(test)]
mod tests {
    use super::super::ticket::Ticketed;
    use super::*;

    #[test]
    fn the_worthiest_comes_first_and_what_is_urgent_before_it() {
        let mut values = Ticketed::default();
        let mut lane = AccountQueue::new(0, RateLimit::default());
        for value in [3.0, 1.0, 2.0] {
            lane.push(values.insert(value), u64::MAX);
        }
        lane.push_urgent(values.insert(0.0), u64::MAX);
        lane.press(values.insert(-1.0));
        let picked: Vec<_> =
            std::iter::from_fn(|| lane.pick(true, |ticket| *values.get(ticket).unwrap())).collect();
        let picked: Vec<_> = picked.into_iter().map(|ticket| *values.get(ticket).unwrap()).collect();
        assert_eq!(picked, [-1.0, 0.0, 3.0, 2.0, 1.0]);
    }

    #[test]
    fn calls_are_spread_over_the_second() {
        let mut lane = AccountQueue::new(0, RateLimit { in_flight: usize::MAX, per_second: Some(50.0) });
        let (mut now, mut calls) = (Duration::ZERO, 0);
        while now < Duration::from_secs(10) {
            match lane.opens_at() {
                Some(at) if at <= now => {
                    lane.called(now);
                    calls += 1;
                }
                at => now = at.unwrap_or(Duration::MAX),
            }
        }
        assert!((500..=506).contains(&calls), "{calls}");
    }
}
