//! What happens to an intent after it was written down.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Outputs;

/// What became of a job that is over.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ending {
    /// It worked.
    Succeeded,
    /// It did not work.
    Failed,
    /// It was cancelled.
    Cancelled,
    /// The API does not know it any more.
    Gone,
}

/// Something that happened to an intent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Event {
    /// The API took the job.
    Submitted {
        /// The id that the API gave it.
        request_id: String,
    },
    /// No job was made, as the API said or as is otherwise proven.
    Refused {
        /// Why, in one line.
        message: String,
    },
    /// The request left and no usable answer came: nobody knows whether a job was made.
    Lost {
        /// What was found instead, in one line.
        message: String,
    },
    /// Somebody looked, and no job had been made.
    NotSubmitted,
    /// The state of the job was seen.
    Seen {
        /// The API's word.
        state: String,
    },
    /// The job is over.
    Ended {
        /// How.
        ending: Ending,
        /// What it made.
        #[serde(default, skip_serializing_if = "Outputs::is_empty")]
        outputs: Outputs,
    },
    /// Every output was written to disk.
    Saved {
        /// The files, by absolute paths.
        files: Vec<String>,
    },
}

impl Event {
    /// The API took the job, and gave it this id.
    #[must_use]
    pub fn submitted(request_id: impl Into<String>) -> Self {
        Self::Submitted { request_id: request_id.into() }
    }

    /// The state of the job was seen.
    #[must_use]
    pub fn seen(state: impl Into<String>) -> Self {
        Self::Seen { state: state.into() }
    }

    /// The job is over, and made nothing.
    #[must_use]
    pub fn ended(ending: Ending) -> Self {
        Self::Ended { ending, outputs: Outputs::default() }
    }

    /// Every output was written to these files. What is not Unicode in their names is replaced.
    pub fn saved(files: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        Self::Saved {
            files: files.into_iter().map(|path| path.as_ref().to_string_lossy().into_owned()).collect(),
        }
    }

    /// Whether losing it in a power cut would hide something that was paid for: such an event is synced to the disk.
    #[must_use]
    pub const fn is_precious(&self) -> bool {
        !matches!(self, Self::Seen { .. })
    }
}
