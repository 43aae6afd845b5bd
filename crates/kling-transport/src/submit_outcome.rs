//! The outcome of a submit, and what is known of a paid request whose outcome is not.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{DynModel, Error, Fingerprint, Job, JobModel, ModelId, Phase};

/// What became of a submit. There is no fourth case.
#[derive(Clone, Debug)]
#[must_use = "a paid job may be running: take its id, or look at why there is none"]
pub enum SubmitOutcome<M: JobModel = DynModel> {
    /// The API took the job.
    Accepted(Job<M>),
    /// No job was made: the server said no in words, or the connection never opened. Safe to submit again.
    Rejected(Error),
    /// The request left, in part or whole, and no usable answer came: a job may be running and billed.
    Unknown(UnknownOutcome),
}

impl<M: JobModel> SubmitOutcome<M> {
    /// The job, or the reason that there is none to wait for.
    ///
    /// # Errors
    /// [`SubmitError`], which keeps refused and unknown apart.
    pub fn into_result(self) -> Result<Job<M>, SubmitError> {
        match self {
            Self::Accepted(job) => Ok(job),
            Self::Rejected(error) => Err(SubmitError::Rejected(error)),
            Self::Unknown(receipt) => Err(SubmitError::Unknown(Box::new(receipt))),
        }
    }
}

/// Why a submit brought no job.
#[derive(Clone, Debug)]
pub enum SubmitError {
    /// No job was made. Safe to submit again.
    Rejected(Error),
    /// Nobody knows whether a job was made. Submitting again may pay twice.
    Unknown(Box<UnknownOutcome>),
}

impl SubmitError {
    /// Whether a job may be running and billed.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// What is known of the request, where its outcome is not.
    #[must_use]
    pub fn unknown_outcome(&self) -> Option<&UnknownOutcome> {
        match self {
            Self::Rejected(_) => None,
            Self::Unknown(receipt) => Some(receipt),
        }
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rejected(error) => write!(f, "nothing was submitted: {error}"),
            Self::Unknown(receipt) => receipt.fmt(f),
        }
    }
}

impl std::error::Error for SubmitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // `Display` has said what the error says.
            Self::Rejected(error) => error.source(),
            Self::Unknown(_) => None,
        }
    }
}

/// A paid request left in part or whole, and no usable answer came: the job may exist and be billed, or not.
///
/// It is not sent again, since nobody can tell whether that would pay twice: the API has neither an idempotency key nor a
/// list of one's requests. Compare the account's balance or the site's own history with [`UnknownOutcome::started_at`], then
/// submit again knowingly. Keep it: it can be serialised.
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
    /// The model that it was sent to.
    #[must_use]
    pub const fn model(&self) -> &ModelId {
        &self.model
    }

    /// The fingerprint of the body.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Returns the id of its journal entry, if a client with a journal sent it.
    #[must_use]
    pub fn intent_id(&self) -> Option<&str> {
        self.intent_id.as_deref()
    }

    #[doc(hidden)]
    #[must_use]
    pub fn with_intent_id(self, id: String) -> Self {
        Self { intent_id: Some(id), ..self }
    }

    /// When the first attempt began, by this machine's clock.
    #[must_use]
    pub const fn started_at(&self) -> SystemTime {
        self.started_at
    }

    /// How far the last attempt got.
    #[must_use]
    pub const fn phase(&self) -> Phase {
        self.phase
    }

    /// How many attempts there were; all but the last were refused or never left.
    #[must_use]
    pub const fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The HTTP status, where an answer had begun.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        self.status
    }

    /// What was found instead of an answer, as one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What was read of an answer, as one line, shortened.
    #[must_use]
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
        // What an answer that broke off said: the id of the job may stand in it.
        if let Some(excerpt) = self.excerpt().filter(|excerpt| !self.message.contains(excerpt)) {
            write!(f, ", after reading {excerpt}")?;
        }
        f.write_str(
            "; it may run and be billed, so it was not sent again: check the account before submitting anew",
        )
    }
}
