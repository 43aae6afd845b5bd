//! The outcome of a submit, as a type.

use std::fmt;

use crate::{AnyModel, Error, Job, Makes, Receipt};

/// What became of a submit. There is no fourth case.
#[derive(Clone, Debug)]
#[must_use = "a paid job may be running: take its id, or look at why there is none"]
pub enum Submission<M: Makes = AnyModel> {
    /// The API took the job.
    Submitted(Job<M>),
    /// No job was made: the server said no in words, or the connection never opened. Safe to submit again.
    Refused(Error),
    /// The request left, in part or whole, and no usable answer came: a job may be running and billed.
    Unknown(Receipt),
}

impl<M: Makes> Submission<M> {
    /// The job, or the reason that there is none to wait for.
    ///
    /// # Errors
    /// [`SubmitError`], which keeps refused and unknown apart.
    pub fn into_result(self) -> Result<Job<M>, SubmitError> {
        match self {
            Self::Submitted(job) => Ok(job),
            Self::Refused(error) => Err(SubmitError::Refused(error)),
            Self::Unknown(receipt) => Err(SubmitError::Unknown(Box::new(receipt))),
        }
    }
}

/// Why a submit brought no job.
#[derive(Clone, Debug)]
pub enum SubmitError {
    /// No job was made. Safe to submit again.
    Refused(Error),
    /// Nobody knows whether a job was made. Submitting again may pay twice.
    Unknown(Box<Receipt>),
}

impl SubmitError {
    /// Whether a job may be running and billed.
    #[must_use]
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown(_))
    }

    /// What is known of the request, where its outcome is not.
    #[must_use]
    pub fn receipt(&self) -> Option<&Receipt> {
        match self {
            Self::Refused(_) => None,
            Self::Unknown(receipt) => Some(receipt),
        }
    }
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "nothing was submitted: {error}"),
            Self::Unknown(receipt) => receipt.fmt(f),
        }
    }
}

impl std::error::Error for SubmitError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            // `Display` has said what the error says.
            Self::Refused(error) => error.source(),
            Self::Unknown(_) => None,
        }
    }
}
