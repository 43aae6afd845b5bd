//! How things stand with an intent, in one word.

use std::fmt;

/// How things stand with an intent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum Standing {
    /// The request may have left, and nobody knows whether a job was made: look before paying again.
    Unknown,
    /// A living process has it in hand.
    Submitting,
    /// A job was made, and is not known to be over.
    Running,
    /// The job worked.
    Succeeded,
    /// The job did not work.
    Failed,
    /// The job was cancelled.
    Cancelled,
    /// The API does not know the job any more.
    Gone,
    /// No job was made, and that is certain.
    Refused,
    /// Somebody looked, and no job had been made.
    NotSubmitted,
}

impl Standing {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Submitting => "submitting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Gone => "gone",
            Self::Refused => "refused",
            Self::NotSubmitted => "not_submitted",
        }
    }

    /// Whether nothing can happen any more.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Unknown | Self::Submitting | Self::Running)
    }
}

impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
