//! What is about to be paid for, written down before it leaves.

use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Error;

/// The id of an intent, made here; the API never sees it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct IntentId(Uuid);

impl IntentId {
    pub(crate) fn random() -> Self {
        Self(Uuid::new_v4())
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for IntentId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|_| Error::no_entry(text))
    }
}

/// A paid request that is about to leave: what it is, not what it says.
///
/// Neither the input nor the token is in it, only the input's fingerprint and, if given, a hash that tells accounts apart.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Intent {
    id: IntentId,
    at: SystemTime,
    origin: String,
    model: String,
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

impl Intent {
    /// An intent of now, with an id of its own: the API's origin, the model, the fingerprint of the body.
    #[must_use]
    pub fn new(origin: impl Into<String>, model: impl Into<String>, fingerprint: impl Into<String>) -> Self {
        Self {
            id: IntentId::random(),
            at: SystemTime::now(),
            origin: origin.into(),
            model: model.into(),
            fingerprint: fingerprint.into(),
            account: None,
            output: None,
            request_id: None,
        }
    }

    /// A job that was submitted elsewhere, to be taken up here by its id: nothing is sent for it. Its fingerprint is empty, and so
    /// is its model where that is not known.
    #[must_use]
    pub fn of_job(
        origin: impl Into<String>,
        model: impl Into<String>,
        request_id: impl Into<String>,
    ) -> Self {
        Self { request_id: Some(request_id.into()), ..Self::new(origin, model, "") }
    }

    /// With a hash of the account's token. It should tell nothing of the token, only two of them apart.
    #[must_use]
    pub fn with_account(self, account: impl Into<String>) -> Self {
        Self { account: Some(account.into()), ..self }
    }

    /// With the place that the output will be written to: a file, or a folder where it is named later. It should be absolute,
    /// since whoever takes the job up may stand elsewhere. What is not Unicode in it is replaced.
    #[must_use]
    pub fn with_output(self, output: &Path) -> Self {
        Self { output: Some(output.to_string_lossy().into_owned()), ..self }
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> &IntentId {
        &self.id
    }

    /// When it was made, by this machine's clock.
    #[must_use]
    pub const fn at(&self) -> SystemTime {
        self.at
    }

    /// The scheme, host and port of the API.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The model's id.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The fingerprint of the body.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The hash of the account's token, where it was given.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// Where the output is to go, where that was given.
    #[must_use]
    pub fn output(&self) -> Option<&Path> {
        self.output.as_deref().map(Path::new)
    }

    /// The id of the job, where it was submitted elsewhere.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Whether another intent is for the very same thing: one body, for one model of one API.
    #[must_use]
    pub fn is_same_request(&self, other: &Self) -> bool {
        (&self.origin, &self.model, &self.fingerprint) == (&other.origin, &other.model, &other.fingerprint)
    }
}
