//! The outcome of a submit, and the record of an unknown one.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{DynModel, Error, Fingerprint, Job, JobModel, ModelId, Phase};

/// The outcome of a submit.
#[derive(Clone, Debug)]
#[must_use = "a paid job may be running: check the outcome"]
pub enum SubmitOutcome<M: JobModel = DynModel> {
    /// The API accepted the job.
    Accepted(Job<M>),
    /// No job was created: the server rejected the request, or the connection never opened. Another submit is safe.
    Rejected(Error),
    /// The request was sent in part or whole, and no usable reply came. A job may be running and billed.
    Unknown(UnknownOutcome),
}

impl<M: JobModel> SubmitOutcome<M> {
    /// Returns the job, or the reason for its absence.
    ///
    /// # Errors
    /// [`SubmitError`], which tells rejected and unknown apart.
    pub fn into_result(self) -> Result<Job<M>, SubmitError> {
        match self {
            Self::Accepted(job) => Ok(job),
            Self::Rejected(error) => Err(SubmitError::Rejected(error)),
            Self::Unknown(unknown) => Err(SubmitError::Unknown(Box::new(unknown))),
        }
    }
}

/// The error of a submit without a job.
#[derive(Clone, Debug)]
pub enum SubmitError {
    /// No job was created. Another submit is safe.
    Rejected(Error),
    /// The outcome is unknown. Another submit may pay twice.
    Unknown(Box<UnknownOutcome>),
}

impl SubmitError {
    /// Whether a job may be running and billed.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// Returns the unknown outcome, if it is one.
    pub fn unknown_outcome(&self) -> Option<&UnknownOutcome> {
        match self {
            Self::Rejected(_) => None,
            Self::Unknown(unknown) => Some(unknown),
        }
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(error) => write!(f, "nothing was submitted: {error}"),
            Self::Unknown(unknown) => unknown.fmt(f),
        }
    }
}

impl std::error::Error for SubmitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // `Display` already includes the error.
            Self::Rejected(error) => error.source(),
            Self::Unknown(_) => None,
        }
    }
}

/// A paid request was sent in part or whole, and no usable reply came. The job may exist and be billed.
///
/// The request is not retried, since the API has neither an idempotency key nor a list of requests. Compare the
/// account's balance or the site's history with [`UnknownOutcome::started_at`] before another submit. The value can be
/// serialised, and should be stored.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct UnknownOutcome {
    pub(crate) model: ModelId,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) started_at: SystemTime,
    pub(crate) phase: Phase,
    pub(crate) attempts: u32,
    pub(crate) status: Option<u16>,
    pub(crate) message: String,
    pub(crate) excerpt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) intent_id: Option<String>,
}

impl UnknownOutcome {
    /// Returns the model.
    pub const fn model(&self) -> &ModelId {
        &self.model
    }

    /// Returns the fingerprint of the body.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns the id of its journal entry, if a client with a journal sent it.
    pub fn intent_id(&self) -> Option<&str> {
        self.intent_id.as_deref()
    }

    #[doc(hidden)]
    pub fn with_intent_id(self, id: String) -> Self {
        Self { intent_id: Some(id), ..self }
    }

    /// Returns when the first attempt began, by this machine's clock.
    pub const fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// Returns the phase in which the last attempt ended.
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// Returns the number of attempts. All but the last created no job.
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Returns the HTTP status, if a reply began.
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// Returns the error as one line.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Returns the beginning of the reply as one line, shortened.
    pub fn excerpt(&self) -> Option<&str> {
        self.excerpt.as_deref()
    }
}

impl fmt::Display for UnknownOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the outcome of the submit to {} is unknown: {} while {}",
            self.model, self.message, self.phase
        )?;
        if let Some(status) = self.status {
            write!(f, ", HTTP {status}")?;
        }
        // A truncated reply may contain the id of the job.
        if let Some(excerpt) = self.excerpt().filter(|excerpt| !self.message.contains(excerpt)) {
            write!(f, ", after reading {excerpt}")?;
        }
        f.write_str(
            "; the job may be running and billed, so the submit was not retried: check the account before you submit again",
        )
    }
}
