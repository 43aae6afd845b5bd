//! The state of a job: the words known, and room for those that are not.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::sanitize;

/// What the API says of a job.
///
/// `/status` and `/result` use different words: `completed` on `/status` says only that the job no longer runs, and a job
/// that failed says it too. Only [`ResultReply::verdict`](crate::ResultReply::verdict) tells success. A word never seen
/// before is kept, and means that the job goes on.
#[derive(Clone, Debug, Deserialize, Eq, Hash, PartialEq, Serialize)]
#[serde(from = "String", into = "String")]
#[non_exhaustive]
pub enum State {
    /// Waiting for its turn: `in_queue`; also `queued`, `pending`, `waiting`.
    InQueue,
    /// Running: `in_progress`; also `starting`, `processing`, `running`.
    InProgress,
    /// Asked to stop, and not yet stopped: `cancellation_requested`.
    CancellationRequested,
    /// No longer running, with an outcome that `/result` tells: `completed`.
    Completed,
    /// It worked: `succeeded`.
    Succeeded,
    /// It did not work: `failed`.
    Failed,
    /// It was cancelled: `cancelled`, `canceled`.
    Cancelled,
    /// Another word, as it came, cut to 64 characters: taken for a job that goes on.
    Other(Box<str>),
}

impl State {
    /// The word, in the API's own spelling.
    #[must_use]
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

    /// Whether the job no longer runs, however it ended.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self, Self::Completed | Self::Succeeded | Self::Failed | Self::Cancelled)
    }

    /// Whether a word never seen before sounds as if the job no longer ran, such as `success` or `error`. It is worth a look at
    /// `/result`, and proves nothing.
    #[must_use]
    pub fn sounds_over(&self) -> bool {
        const OTHERS: [&str; 10] = [
            "aborted",
            "ended",
            "error",
            "errored",
            "expired",
            "failure",
            "rejected",
            "terminated",
            "timed_out",
            "timeout",
        ];
        self.sounds_successful() || self.is_one_of(&OTHERS)
    }

    pub(crate) fn sounds_successful(&self) -> bool {
        self.is_one_of(&["complete", "done", "finished", "succeed", "success", "successful"])
    }

    fn is_one_of(&self, words: &[&str]) -> bool {
        matches!(self, Self::Other(word) if words.contains(&&*plain(word)))
    }
}

impl From<&str> for State {
    fn from(word: &str) -> Self {
        // Nearly every word comes in its usual spelling.
        Self::known(word).or_else(|| Self::known(&plain(word))).unwrap_or_else(|| {
            Self::Other(
                word.chars().filter(|letter| !sanitize::is_unsafe_on_terminal(*letter)).take(64).collect(),
            )
        })
    }
}

/// A word in the spelling that the API uses.
fn plain(word: &str) -> String {
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

impl FromStr for State {
    type Err = std::convert::Infallible;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Ok(word.into())
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
    fn every_word_met_so_far_is_known_and_others_are_kept() {
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
    fn an_endless_word_with_control_sequences_is_cut_and_cleaned() {
        let state = State::from(format!("\u{1b}[2J\u{202e}\u{2028}{}", "x".repeat(500)).as_str());
        assert_eq!(state.as_str().chars().count(), 64);
        assert!(!state.as_str().contains(sanitize::is_unsafe_on_terminal));
    }
}
