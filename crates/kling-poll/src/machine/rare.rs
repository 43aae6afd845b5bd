//! What few jobs have, kept out of the way of all others, of which there may be a hundred thousand.

use kling_transport::{Error, State};

use super::JobMachine;

/// The states known by name; a machine names one by its place here.
static STATES: [State; 7] = [
    State::InQueue,
    State::InProgress,
    State::CancellationRequested,
    State::Completed,
    State::Succeeded,
    State::Failed,
    State::Cancelled,
];

#[derive(Clone, Debug, Default)]
pub(super) struct Rare {
    /// A last state that has no name.
    state: Option<State>,
    /// The last error that was forgiven, if nothing good came since.
    error: Option<Error>,
}

impl JobMachine {
    /// The last state seen.
    #[must_use]
    pub fn state(&self) -> Option<&State> {
        let named = usize::from(self.state).checked_sub(1).and_then(|place| STATES.get(place));
        named.or_else(|| self.rare.as_ref()?.state.as_ref())
    }

    /// The last error that was forgiven, if nothing good came since.
    #[must_use]
    pub fn last_error(&self) -> Option<&Error> {
        self.rare.as_ref()?.error.as_ref()
    }

    pub(super) fn set_state(&mut self, state: State) {
        let place = STATES.iter().position(|named| *named == state);
        self.state = place.map_or(0, |place| place as u8 + 1);
        let error = self.rare.take().and_then(|rare| rare.error);
        self.set_rare(place.is_none().then_some(state), error);
    }

    pub(super) fn set_last_error(&mut self, error: Option<Error>) {
        let state = self.rare.take().and_then(|rare| rare.state);
        self.set_rare(state, error);
    }

    fn set_rare(&mut self, state: Option<State>, error: Option<Error>) {
        let any = state.is_some() || error.is_some();
        self.rare = any.then(|| Rare { state, error }.into());
    }
}
