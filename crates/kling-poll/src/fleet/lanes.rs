//! The accounts of a fleet and the servers behind them: whose turn it is, and who may call when.

use std::time::Duration;

use kling_transport::ApiBase;

use super::lane::AccountQueue;
use super::slot::Slot;
use super::{LaneId, RateLimit};

/// As many as two bytes can name.
const MOST: usize = 1 << 16;

#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: Vec<AccountQueue>,
    /// The places of lanes that are gone, for others to take.
    free: Vec<usize>,
    origins: Vec<Origin>,
    last: usize,
}

/// One server, behind however many accounts.
#[derive(Debug)]
struct Origin {
    base: ApiBase,
    quiet_until: Duration,
}

impl Lanes {
    /// Adds a lane, in the place of one that is gone if there is one. The most that jobs can name are 65,536 at a time.
    pub(super) fn add(&mut self, base: &ApiBase, pace: RateLimit) -> LaneId {
        let origin = self.origins.iter().position(|origin| origin.base == *base).unwrap_or_else(|| {
            self.origins.push(Origin { base: base.clone(), quiet_until: Duration::ZERO });
            self.origins.len() - 1
        });
        let lane = AccountQueue::new(origin, pace);
        if let Some(place) = self.free.pop() {
            self.lanes[place] = lane;
            return LaneId(place);
        }
        if self.lanes.len() < MOST {
            self.lanes.push(lane);
            return LaneId(self.lanes.len() - 1);
        }
        LaneId(MOST)
    }

    /// Counts a job in, where its lane is one of these and open.
    pub(super) fn join(&mut self, lane: LaneId) -> Option<u16> {
        self.lanes.get_mut(lane.0).filter(|lane| !lane.is_closed())?.joined();
        u16::try_from(lane.0).ok()
    }

    pub(super) fn leave(&mut self, lane: u16) {
        self.change(LaneId(lane.into()), AccountQueue::left);
    }

    /// Takes no more jobs for an account.
    pub(super) fn close(&mut self, lane: LaneId) {
        self.change(lane, AccountQueue::close);
    }

    pub(super) fn answered(&mut self, lane: LaneId) {
        self.change(lane, AccountQueue::answered);
    }

    fn change(&mut self, id: LaneId, change: impl FnOnce(&mut AccountQueue)) {
        let Some(lane) = self.lanes.get_mut(id.0).filter(|lane| !lane.is_gone()) else { return };
        change(lane);
        if lane.is_gone() {
            self.free.push(id.0);
        }
    }

    pub(super) fn get_mut(&mut self, lane: LaneId) -> Option<&mut AccountQueue> {
        self.lanes.get_mut(lane.0)
    }

    /// The account of a job.
    pub(super) fn of(&mut self, slot: &Slot) -> &mut AccountQueue {
        &mut self.lanes[usize::from(slot.lane)]
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &AccountQueue> {
        self.lanes.iter()
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut AccountQueue> {
        self.lanes.iter_mut()
    }

    /// Every account once, from the one whose turn it is.
    pub(super) fn turns(&mut self) -> impl Iterator<Item = LaneId> + use<> {
        let (last, lanes) = (self.last, self.lanes.len());
        (1..=lanes).map(move |turn| LaneId((last + turn) % lanes))
    }

    /// Notes that an account had its turn.
    pub(super) const fn had_turn(&mut self, lane: LaneId) {
        self.last = lane.0;
    }

    /// Keeps a pause that the server of an account asked for.
    pub(super) fn keep_quiet(&mut self, lane: LaneId, until: Duration) {
        if let Some(origin) = self.lanes.get(lane.0).map(|lane| lane.origin) {
            let quiet_until = &mut self.origins[origin].quiet_until;
            *quiet_until = until.max(*quiet_until);
        }
    }

    /// Whether an account may make any call, by its own pace and by what its server asked for.
    pub(super) fn is_open(&self, now: Duration, lane: LaneId) -> bool {
        self.lanes.get(lane.0).and_then(|lane| self.opens_at(lane)).is_some_and(|at| at <= now)
    }

    /// When the next of those that wait for their turn may be asked for, or has its deadline.
    pub(super) fn next_moment(&self) -> Option<Duration> {
        let behind = self.lanes.iter().filter(|lane| lane.behind() > 0);
        behind.flat_map(|lane| self.opens_at(lane).into_iter().chain(lane.deadline())).min()
    }

    fn opens_at(&self, lane: &AccountQueue) -> Option<Duration> {
        lane.opens_at().map(|at| at.max(self.origins[lane.origin].quiet_until))
    }
}
