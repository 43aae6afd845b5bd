//! What is written down of the jobs of a fleet, from its news.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kling_poll::{Finished, FleetEvent, FleetNews, WaitError};
use kling_transport::{Makes, ModelId, RequestId, Settings, State};

use crate::keeping::{Keeping, Kept};

/// The jobs that were told of, each taken up with its first news and let go of with its last.
#[derive(Default)]
pub(crate) struct FleetKeeping(Mutex<HashMap<RequestId, Kept>>);

/// What one piece of news says of a job, to be carried to where a disk may be waited for.
pub(crate) struct Note<M: Makes> {
    id: RequestId,
    what: What<M>,
}

enum What<M: Makes> {
    Seen(State),
    Over(Box<Result<Finished<M>, WaitError>>),
}

impl<M: Makes> Note<M> {
    /// Nothing where the news says nothing that is worth keeping.
    pub(crate) fn of(event: &FleetEvent<M>) -> Option<Self> {
        let what = match &event.news {
            FleetNews::Update(update) => What::Seen(update.state.clone()?),
            FleetNews::Done(outcome) => What::Over(outcome.clone().into()),
            // The end of the wait tells what became of a cancel.
            _ => return None,
        };
        Some(Self { id: event.request_id.clone(), what })
    }
}

impl FleetKeeping {
    /// Writes it down.
    pub(crate) fn record<M: Makes>(&self, keeping: &Keeping, settings: &Settings, note: Note<M>) {
        let mut taken = self.lock();
        let mut kept = taken.remove(&note.id).unwrap_or_else(|| {
            let model: Option<ModelId> = M::MODEL.and_then(|model| model.parse().ok());
            keeping.take_up(settings, &note.id, model.as_ref())
        });
        match note.what {
            What::Seen(state) => {
                kept.see(&state);
                taken.insert(note.id, kept);
            }
            What::Over(outcome) => {
                let ending = kept.ending(&outcome);
                kept.end(ending.as_ref());
            }
        }
    }

    /// Lets go of a job.
    pub(crate) fn let_go(&self, id: &RequestId) {
        let kept = self.lock().remove(id);
        drop(kept);
    }

    /// A panic between two records leaves both whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, Kept>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for FleetKeeping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "FleetKeeping({} jobs)", self.lock().len())
    }
}
