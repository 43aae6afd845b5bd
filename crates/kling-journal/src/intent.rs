//! The intent to pay for a request, recorded before the request is sent.

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of an intent. It is made on this machine, and the API never sees it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct IntentId(Uuid);

impl IntentId {
    pub(crate) fn random() -> Self {
        Self(Uuid::new_v4())
    }

    #[cfg(feature = "sqlite")]
    pub(crate) const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    #[cfg(feature = "sqlite")]
    pub(crate) const fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }
}

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A paid request that is about to be sent.
///
/// It holds neither the input nor the token: of the input only a fingerprint, and of the token a hash that tells accounts
/// apart.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Intent {
    id: IntentId,
    #[serde(with = "millis")]
    at: SystemTime,
    origin: String,
    model: String,
    fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    batch: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    row_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
}

/// The columns of an intent, for a store that reads them back.
#[cfg(feature = "sqlite")]
#[derive(Debug)]
pub(crate) struct IntentParts {
    pub(crate) id: IntentId,
    pub(crate) at: SystemTime,
    pub(crate) origin: String,
    pub(crate) model: String,
    pub(crate) fingerprint: String,
    pub(crate) account: Option<String>,
    pub(crate) output: Option<String>,
    pub(crate) batch: Option<String>,
    pub(crate) row_key: Option<String>,
    pub(crate) request_id: Option<String>,
}

impl Intent {
    /// A new intent with an id of its own: the API's origin, the model's id, and the fingerprint of the body.
    #[must_use]
    pub fn new(origin: impl Into<String>, model: impl Into<String>, fingerprint: impl Into<String>) -> Self {
        Self {
            id: IntentId::random(),
            at: millis::whole(SystemTime::now()),
            origin: origin.into(),
            model: model.into(),
            fingerprint: fingerprint.into(),
            account: None,
            output: None,
            batch: None,
            row_key: None,
            request_id: None,
        }
    }

    /// A job that another program submitted, known by its request id. Its fingerprint is empty, and so is its model if the
    /// model is not known.
    #[must_use]
    pub fn of_job(
        origin: impl Into<String>,
        model: impl Into<String>,
        request_id: impl Into<String>,
    ) -> Self {
        Self { request_id: Some(request_id.into()), ..Self::new(origin, model, "") }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn from_parts(parts: IntentParts) -> Self {
        let IntentParts { id, at, origin, model, fingerprint, account, output, batch, row_key, request_id } =
            parts;
        Self { id, at, origin, model, fingerprint, account, output, batch, row_key, request_id }
    }

    /// The same intent with a hash of the account's token. The hash must reveal nothing of the token.
    #[must_use]
    pub fn with_account(self, account: impl Into<String>) -> Self {
        Self { account: Some(account.into()), ..self }
    }

    /// The same intent with the path that the output will be written to: a file, or a folder. Use an absolute path, since
    /// another process may read it elsewhere. Bytes that are not Unicode are replaced.
    #[must_use]
    pub fn with_output(self, output: &Path) -> Self {
        Self { output: Some(output.to_string_lossy().into_owned()), ..self }
    }

    /// The same intent as one row of a batch: the batch's name, and the row's key in it.
    #[must_use]
    pub fn with_batch(self, batch: impl Into<String>, row_key: impl Into<String>) -> Self {
        Self { batch: Some(batch.into()), row_key: Some(row_key.into()), ..self }
    }

    /// The id of the intent.
    #[must_use]
    pub const fn id(&self) -> &IntentId {
        &self.id
    }

    /// When the intent was made, by this machine's clock, to the millisecond.
    #[must_use]
    pub const fn at(&self) -> SystemTime {
        self.at
    }

    /// The scheme, host and port of the API.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The id of the model.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The fingerprint of the body.
    #[must_use]
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The hash of the account's token, if it was given.
    #[must_use]
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The path for the output, if it was given.
    #[must_use]
    pub fn output(&self) -> Option<&Path> {
        self.output.as_deref().map(Path::new)
    }

    /// The batch that the request belongs to.
    #[must_use]
    pub fn batch(&self) -> Option<&str> {
        self.batch.as_deref()
    }

    /// The key of the request's row in its batch.
    #[must_use]
    pub fn row_key(&self) -> Option<&str> {
        self.row_key.as_deref()
    }

    /// The request id, if another program submitted the job.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Whether another intent is for the very same request: one body, for one model of one API.
    #[must_use]
    pub fn is_same_request(&self, other: &Self) -> bool {
        (&self.origin, &self.model, &self.fingerprint) == (&other.origin, &other.model, &other.fingerprint)
    }
}

/// Times as whole milliseconds since 1970, the form of every store.
pub(crate) mod millis {
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use serde::{Deserialize, Deserializer, Serializer};

    /// Milliseconds since 1970; negative before it.
    pub(crate) fn of(time: SystemTime) -> i64 {
        let whole = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        match time.duration_since(UNIX_EPOCH) {
            Ok(since) => whole(since),
            Err(before) => -whole(before.duration()),
        }
    }

    /// The time of so many milliseconds since 1970. A number that no clock of this system can show is taken as 1970.
    pub(crate) fn time(millis: i64) -> SystemTime {
        let span = Duration::from_millis(millis.unsigned_abs());
        let time = if millis < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
        time.unwrap_or(UNIX_EPOCH)
    }

    /// The time without its fraction of a millisecond.
    pub(crate) fn whole(at: SystemTime) -> SystemTime {
        time(of(at))
    }

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(of(*time))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        i64::deserialize(deserializer).map(time)
    }
}
