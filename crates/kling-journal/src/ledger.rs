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
            self.slots.push(Slot { entry: Entry::new(*begun), lease: Some(lease) });
            return;
        }
        let Some(place) = self.places.get(&intent).copied() else { return };
        let slot = &mut self.slots[place];
        match fact {
            Fact::Held { lease } => slot.lease = Some(lease),
            Fact::Event(event) => {
                if let Event::Submitted { request_id } = &event {
                    self.jobs.insert(request_id.clone(), place);
                }
                if tells_outcome(&event) {
                    slot.lease = None;
                }
                slot.entry.apply(at, &event);
            }
            Fact::Begun { .. } | Fact::Released => slot.lease = None,
        }
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
            slot.entry.intent().origin() == origin && slot.entry.request_id() == Some(request_id)
        };
        let newest = self.jobs.get(request_id).map(|place| &self.slots[*place])?;
        // Two APIs may give out the same id.
        let slot = Some(newest).filter(is_it).or_else(|| self.slots.iter().rfind(is_it))?;
        Some(slot.read(is_alive))
    }

    /// Every entry; `is_alive` tells whether the process of a lease lives.
    pub(crate) fn entries(&self, mut is_alive: impl FnMut(Uuid) -> bool) -> Vec<Entry> {
        self.slots.iter().map(|slot| slot.read(&mut is_alive)).collect()
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
