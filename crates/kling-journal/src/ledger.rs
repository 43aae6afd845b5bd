//! Records folded into entries.

use std::collections::HashMap;

use uuid::Uuid;

use crate::record::{Fact, Record};
use crate::{Entry, Error, Event, Intent, IntentId, Standing};

/// Every entry, with the lease of who works on it.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    slots: Vec<Slot>,
    places: HashMap<IntentId, usize>,
    /// The newest place of each request id.
    jobs: HashMap<String, usize>,
}

#[derive(Debug)]
struct Slot {
    entry: Entry,
    lease: Option<Uuid>,
    /// Whether the job is told of in another place.
    is_merged: bool,
}

impl Ledger {
    /// Takes a record in. One of an intent that was never begun says nothing.
    pub(crate) fn fold(&mut self, record: Record) {
        let Record { intent, at, fact } = record;
        if let Fact::Begun { intent: begun, lease } = fact {
            self.places.insert(intent, self.slots.len());
            if let Some(id) = begun.request_id() {
                self.jobs.insert(id.to_owned(), self.slots.len());
            }
            self.slots.push(Slot { entry: Entry::new(*begun), lease: Some(lease), is_merged: false });
            return;
        }
        let Some(place) = self.places.get(&intent).copied() else { return };
        let slot = &mut self.slots[place];
        match fact {
            Fact::Held { lease } => slot.lease = Some(lease),
            Fact::Event(event) => {
                if tells_outcome(&event) {
                    slot.lease = None;
                }
                slot.entry.apply(at, &event);
                if let Event::Submitted { request_id } = event {
                    let known = self.jobs.insert(request_id, place);
                    known.into_iter().for_each(|known| self.merge(known, place));
                }
            }
            Fact::Begun { .. } | Fact::Released => slot.lease = None,
        }
    }

    /// Tells of a job that was taken in by its id where its intent is, once that is settled.
    fn merge(&mut self, known: usize, place: usize) {
        let (adopted, settled) = (self.slots[known].entry.intent(), self.slots[place].entry.intent());
        if known == place || adopted.request_id().is_none() || adopted.origin() != settled.origin() {
            return;
        }
        // Whoever works on the job goes on to write under the id that it was taken in by.
        self.places.insert(*adopted.id(), place);
        let entry = self.slots[known].entry.clone().with_intent(settled.clone());
        let lease = self.slots[known].lease.take();
        self.slots[known].is_merged = true;
        self.slots[place] = Slot { entry, lease, is_merged: false };
    }

    /// The lease of who works on an intent.
    ///
    /// # Errors
    /// [`Error::is_no_entry`]
    pub(crate) fn lease(&self, intent: &IntentId) -> Result<Option<Uuid>, Error> {
        let place = self.places.get(intent).ok_or_else(|| Error::no_entry(intent))?;
        Ok(self.slots[*place].lease)
    }

    /// The newest entry of a job of the API at this origin.
    pub(crate) fn find_job(
        &self,
        origin: &str,
        request_id: &str,
        is_alive: impl FnMut(Uuid) -> bool,
    ) -> Option<Entry> {
        let is_it = |slot: &&Slot| {
            let is_known = slot.entry.request_id() == Some(request_id);
            is_known && !slot.is_merged && slot.entry.intent().origin() == origin
        };
        let newest = self.jobs.get(request_id).map(|place| &self.slots[*place])?;
        // Two APIs may give out the same id.
        let slot = Some(newest).filter(is_it).or_else(|| self.slots.iter().rfind(is_it))?;
        Some(slot.read(is_alive))
    }

    /// Every entry; `is_alive` tells whether the process of a lease lives.
    pub(crate) fn entries(&self, mut is_alive: impl FnMut(Uuid) -> bool) -> Vec<Entry> {
        self.slots.iter().filter(|slot| !slot.is_merged).map(|slot| slot.read(&mut is_alive)).collect()
    }

    /// An entry for the very same request, whose outcome is unknown.
    pub(crate) fn unresolved(
        &self,
        intent: &Intent,
        mut is_alive: impl FnMut(Uuid) -> bool,
    ) -> Option<Entry> {
        let same = self.slots.iter().filter(|slot| slot.entry.intent().is_same_request(intent));
        same.map(|slot| slot.read(&mut is_alive)).find(|entry| entry.standing() == Standing::Unknown)
    }

    /// The entry of an intent.
    pub(crate) fn entry(&self, intent: &IntentId) -> Option<&Entry> {
        self.places.get(intent).map(|place| &self.slots[*place].entry)
    }

    /// Whether any entry answers to this.
    pub(crate) fn any(&self, is_it: impl Fn(&Entry) -> bool) -> bool {
        self.slots.iter().any(|slot| is_it(&slot.entry))
    }
}

impl Slot {
    fn read(&self, is_alive: impl FnMut(Uuid) -> bool) -> Entry {
        self.entry.clone().with_held(self.lease.is_some_and(is_alive))
    }
}

/// Whoever submitted has nothing more to do.
const fn tells_outcome(event: &Event) -> bool {
    matches!(
        event,
        Event::Submitted { .. } | Event::Refused { .. } | Event::Lost { .. } | Event::NotSubmitted
    )
}
