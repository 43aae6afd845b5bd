//! The place of a job in a fleet.

use slotmap::SlotMap;

slotmap::new_key_type! {
    struct Key;
}

/// A job's place in a fleet: given out when the job is added, and never again.
///
/// A ticket of a job that is over or was detached, or of another fleet, is harmless: nothing is found by it.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct JobKey(Key);

/// What is found by tickets, each of which it gives out once.
#[derive(Debug)]
pub(super) struct Ticketed<T>(SlotMap<Key, T>);

impl<T> Ticketed<T> {
    pub(super) fn insert(&mut self, value: T) -> JobKey {
        JobKey(self.0.insert(value))
    }

    pub(super) fn remove(&mut self, ticket: JobKey) -> Option<T> {
        self.0.remove(ticket.0)
    }

    pub(super) fn get(&self, ticket: JobKey) -> Option<&T> {
        self.0.get(ticket.0)
    }

    pub(super) fn get_mut(&mut self, ticket: JobKey) -> Option<&mut T> {
        self.0.get_mut(ticket.0)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &T> {
        self.0.values()
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T> Default for Ticketed<T> {
    fn default() -> Self {
        Self(SlotMap::with_key())
    }
}
