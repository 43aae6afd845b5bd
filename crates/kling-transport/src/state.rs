//! The state of a job.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sanitize;

/// The state of a job as the API names it.
///
/// `completed` on `/status` only says that the job no longer runs, even if it failed. Only
/// [`ResultReply::outcome`](crate::ResultReply::outcome) proves success. An unknown state is kept, and counts as
/// running.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum State {
    /// In the queue: `in_queue`, `queued`, `pending`, `waiting`.
    InQueue,
    /// Running: `in_progress`, `starting`, `processing`, `running`.
    InProgress,
    /// Asked to stop, but not stopped yet: `cancellation_requested`.
    CancellationRequested,
    /// No longer running: `completed`. `/result` holds the outcome.
    Completed,
    /// Succeeded: `succeeded`.
    Succeeded,
    /// Failed: `failed`.
    Failed,
    /// Cancelled: `cancelled`, `canceled`.
    Cancelled,
    /// An unknown state, cut to 64 characters. It counts as running.
    Other(Box<str>),
}

impl State {
    /// Returns the state in the API's spelling.
    pub fn as_str(&self) -> &str {
        match self {
            Self::InQueue => "in_queue",
            Self::InProgress => "in_progress",
            Self::CancellationRequested => "cancellation_requested",
            Self::Completed => "completed",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Other(word) => word,
        }
    }

    fn known(word: &str) -> Option<Self> {
        Some(match word {
            "in_queue" | "queued" | "pending" | "waiting" => Self::InQueue,
            "in_progress" | "starting" | "processing" | "running" => Self::InProgress,
            "cancellation_requested" => Self::CancellationRequested,
            "completed" => Self::Completed,
            "succeeded" => Self::Succeeded,
            "failed" => Self::Failed,
            "cancelled" | "canceled" => Self::Cancelled,
            _ => return None,
        })
    }

    /// Whether the job no longer runs, in any final state.
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Completed | Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether an unknown state sounds final, such as `success` or `error`. Then `/result` is worth a call.
    pub fn sounds_over(&self) -> bool {
        const OTHERS: &str =
            "aborted ended error errored expired failure rejected terminated timed_out timeout";
        self.sounds_successful() || self.is_one_of(OTHERS)
    }

    pub(crate) fn sounds_successful(&self) -> bool {
        self.is_one_of("complete done finished succeed success successful")
    }

    fn is_one_of(&self, words: &str) -> bool {
        matches!(self, Self::Other(word) if words.split(' ').any(|one| one == normalised(word)))
    }
}

impl From<&str> for State {
    fn from(word: &str) -> Self {
        // Nearly every state comes in its usual spelling.
        Self::known(word).or_else(|| Self::known(&normalised(word))).unwrap_or_else(|| {
            Self::Other(
                word.chars().filter(|letter| !sanitize::is_unsafe_on_terminal(*letter)).take(64).collect(),
            )
        })
    }
}

/// Returns a word in the API's spelling.
fn normalised(word: &str) -> String {
    word.trim().to_ascii_lowercase().replace(['-', ' '], "_")
}

impl From<String> for State {
    fn from(word: String) -> Self {
        word.as_str().into()
    }
}

impl From<State> for String {
    fn from(state: State) -> Self {
        state.as_str().to_owned()
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_states_are_recognised_and_others_are_kept() {
        let cases = [
            ("in_queue", State::InQueue),
            ("pending", State::InQueue),
            ("waiting", State::InQueue),
            ("starting", State::InProgress),
            ("processing", State::InProgress),
            ("IN_PROGRESS", State::InProgress),
            ("canceled", State::Cancelled),
            ("cancelled", State::Cancelled),
            ("warming_up", State::Other("warming_up".into())),
        ];
        for (word, state) in cases {
            assert_eq!(State::from(word), state);
        }
        assert!(!State::from("warming_up").is_over() && !State::CancellationRequested.is_over());
    }

    #[test]
    fn a_long_state_with_control_characters_is_cut_and_cleaned() {
        let state = State::from(format!("\u{1b}[2J\u{202e}\u{2028}{}", "x".repeat(500)).as_str());
        assert_eq!(state.as_str().chars().count(), 64);
        assert!(!state.as_str().contains(sanitize::is_unsafe_on_terminal));
    }
}
