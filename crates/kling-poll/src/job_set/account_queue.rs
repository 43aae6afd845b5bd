//! The queues of the accounts: which job is next, and when an account may make a call.

use std::collections::VecDeque;
use std::time::Duration;

use kling_transport::ApiBase;
use slotmap::SlotMap;

use super::JobKey;

/// The calls of this time may be sent at once.
const BURST: Duration = Duration::from_millis(100);

slotmap::new_key_type! {
    /// An account of a job set.
    pub(super) struct AccountKey;
}

/// The bounds on the calls of one account: how many at once, and how many a second.
///
/// The provider publishes neither. The calls in flight also bound the connections, and on a slow link the calls a second: 64
/// in flight at 100 ms each are 640 calls a second at most.
///
/// The calls at a job's deadline and those of a cancel do not wait for their turn. They may exceed the bounds, up to as many
/// calls again.
///
/// ```
/// use kling_poll::RateLimit;
///
/// let gentle = RateLimit::new(8).with_per_second(20.0);
/// assert_eq!((gentle.in_flight, gentle.per_second), (8, Some(20.0)));
/// assert_eq!(RateLimit::default().in_flight, 64);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RateLimit {
    /// The most calls at once; 64. At least one is made.
    pub in_flight: usize,
    /// The most calls a second, evenly spread, though a tenth of a second's calls may be sent at once; no bound. A value that
    /// is not above zero means one call an hour.
    pub per_second: Option<f64>,
}

impl RateLimit {
    /// Bounds the calls at once, and not those a second.
    pub const fn new(in_flight: usize) -> Self {
        Self { in_flight, per_second: None }
    }

    /// Bounds the calls a second as well.
    pub const fn with_per_second(self, per_second: f64) -> Self {
        Self { per_second: Some(per_second), ..self }
    }
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::new(64)
    }
}

/// All accounts of a set.
#[derive(Debug, Default)]
pub(super) struct AccountQueues {
    pub(super) queues: SlotMap<AccountKey, AccountQueue>,
    /// The order of turns.
    turns: VecDeque<AccountKey>,
}

impl AccountQueues {
    /// Adds an account, which keeps a pause that another account of its server has.
    pub(super) fn add(&mut self, base: &ApiBase, limit: RateLimit) -> AccountKey {
        let origin = base.origin();
        let others = self.queues.values().filter(|queue| queue.origin == origin);
        let paused_until = others.map(|queue| queue.paused_until).max().unwrap_or_default();
        let key = self.queues.insert(AccountQueue { origin, limit, paused_until, ..AccountQueue::default() });
        self.turns.push_back(key);
        key
    }

    /// Counts a job in; returns whether the account takes one.
    pub(super) fn join(&mut self, key: AccountKey) -> bool {
        let queue = self.queues.get_mut(key).filter(|queue| !queue.is_closed);
        queue.map(|queue| queue.jobs += 1).is_some()
    }

    /// Changes an account, and forgets one that is closed and has neither job nor call.
    pub(super) fn change(&mut self, key: AccountKey, change: impl FnOnce(&mut AccountQueue)) {
        let Some(queue) = self.queues.get_mut(key) else { return };
        change(queue);
        if queue.is_closed && queue.jobs == 0 && queue.in_flight == 0 {
            self.queues.remove(key);
            self.turns.retain(|turn| *turn != key);
        }
    }

    /// Returns the account whose turn it is, and gives the next one its turn.
    pub(super) fn next_turn(&mut self) -> Option<AccountKey> {
        self.turns.rotate_left(1.min(self.turns.len()));
        self.turns.back().copied()
    }

    /// Keeps a pause that the account's server asked for, for all accounts of the server.
    pub(super) fn pause(&mut self, key: AccountKey, until: Duration) {
        let Some(origin) = self.queues.get(key).map(|queue| queue.origin.clone()) else { return };
        for queue in self.queues.values_mut().filter(|queue| queue.origin == origin) {
            queue.paused_until = queue.paused_until.max(until);
        }
    }

    /// Returns when the next call of a waiting job may be sent.
    pub(super) fn next_moment(&self) -> Option<Duration> {
        let waiting = self.queues.values().filter(|queue| queue.len() > 0);
        waiting.filter_map(AccountQueue::opens_at).min()
    }
}

/// The jobs of one account that wait for their turn.
///
/// A queue may hold entries of jobs that were called or removed meanwhile. The machine skips them.
#[derive(Debug, Default)]
pub(super) struct AccountQueue {
    origin: String,
    limit: RateLimit,
    pub(super) in_flight: usize,
    pub(super) jobs: usize,
    /// Whether it takes no more jobs.
    pub(super) is_closed: bool,
    /// When an even rate allows the next call.
    next_at: Duration,
    /// The end of the pause that the server asked for.
    paused_until: Duration,
    /// Jobs at their deadline or to be cancelled. They exceed the rate limit, and ignore pauses.
    pub(super) urgent: VecDeque<JobKey>,
    /// Jobs whose next call follows from a reply.
    pub(super) continued: VecDeque<JobKey>,
    /// Jobs that are due, the earliest first.
    pub(super) due: VecDeque<JobKey>,
}

impl AccountQueue {
    /// Takes the next job: an urgent one, or if a call is allowed, one that continues, then the earliest due.
    pub(super) fn pop(&mut self, now: Duration) -> Option<JobKey> {
        let has_urgent_room = self.in_flight < self.max_in_flight().saturating_mul(2);
        let urgent = if has_urgent_room { self.urgent.pop_front() } else { None };
        urgent.or_else(|| {
            self.opens_at().filter(|at| *at <= now)?;
            self.continued.pop_front().or_else(|| self.due.pop_front())
        })
    }

    pub(super) fn len(&self) -> usize {
        self.urgent.len() + self.continued.len() + self.due.len()
    }

    pub(super) fn retain(&mut self, keep: impl Fn(JobKey) -> bool) {
        for queue in [&mut self.urgent, &mut self.continued, &mut self.due] {
            queue.retain(|key| keep(*key));
        }
    }

    /// Counts a call that is sent.
    pub(super) fn call(&mut self, now: Duration) {
        self.in_flight += 1;
        // An urgent call exceeds the rate, so it takes no room from later calls.
        let has_room = self.next_at.saturating_sub(BURST) <= now;
        if let Some(rate) = self.limit.per_second.filter(|_| has_room) {
            let interval = Duration::from_secs_f64(1.0 / rate.max(1.0 / 3600.0));
            self.next_at = self.next_at.max(now) + interval;
        }
    }

    /// Returns when a call may be sent, or `None` if all allowed calls are in flight.
    fn opens_at(&self) -> Option<Duration> {
        let has_room = self.in_flight < self.max_in_flight();
        has_room.then(|| self.next_at.saturating_sub(BURST).max(self.paused_until))
    }

    fn max_in_flight(&self) -> usize {
        self.limit.in_flight.max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urgent_jobs_come_first_then_continued_ones_then_the_earliest_due() {
        let mut keys = SlotMap::<JobKey, _>::with_key();
        let keys: [JobKey; 5] = [(); 5].map(|()| keys.insert(()));
        let mut queue = AccountQueue { paused_until: Duration::from_secs(1), ..AccountQueue::default() };
        queue.due.push_back(keys[0]);
        queue.due.push_back(keys[1]);
        queue.continued.push_back(keys[2]);
        queue.urgent.push_back(keys[3]);
        queue.urgent.push_back(keys[4]);
        assert_eq!(queue.pop(Duration::ZERO), Some(keys[3]));
        let rest: Vec<_> = std::iter::from_fn(|| queue.pop(Duration::from_secs(1))).collect();
        assert_eq!(rest, [keys[4], keys[2], keys[0], keys[1]]);
        assert_eq!(queue.pop(Duration::from_secs(1)), None);
    }

    #[test]
    fn calls_are_spread_over_the_second() {
        let limit = RateLimit { in_flight: usize::MAX, per_second: Some(50.0) };
        let mut queue = AccountQueue { limit, ..AccountQueue::default() };
        let (mut now, mut calls) = (Duration::ZERO, 0);
        while now < Duration::from_secs(10) {
            match queue.opens_at() {
                Some(at) if at <= now => {
                    queue.call(now);
                    calls += 1;
                }
                at => now = at.unwrap_or(Duration::MAX),
            }
        }
        assert!((500..=506).contains(&calls), "{calls}");
    }
}
