//! What is known of a paid request whose outcome is not.

use std::fmt;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::{Fingerprint, ModelId, Phase};

/// A paid request left in part or whole, and no usable answer came: the job may exist and be billed, or not.
///
/// It is not sent again, since nobody can tell whether that would pay twice: the API has neither an idempotency key nor a
/// list of one's requests. Compare the account's balance or the site's own history with [`Receipt::started_at`], then
/// submit again knowingly. Keep it: it can be serialised.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Receipt {
    pub(crate) model: ModelId,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) started_at: SystemTime,
    pub(crate) phase: Phase,
    pub(crate) attempts: u32,
    pub(crate) status: Option<u16>,
    pub(crate) message: String,
    pub(crate) excerpt: Option<String>,
}

impl Receipt {
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

impl fmt::Display for Receipt {
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
