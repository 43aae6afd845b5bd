//! A handle on a paid job as plain data, kept and taken up again anywhere, and the ids of jobs and models.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use kling_types::{Model, ModelOutput};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::Error;

/// What a job makes: a model's typed output, or raw JSON for [`DynModel`].
pub trait JobModel: 'static {
    /// The output.
    type Output: Send;
    /// The model's id, where the type tells it.
    const MODEL: Option<&'static str>;

    /// Reads the output, with tolerance: it has been paid for.
    fn read(output: Value) -> Self::Output;
}

impl<M: Model> JobModel for M {
    type Output = M::Output;
    const MODEL: Option<&'static str> = Some(M::ID);

    fn read(output: Value) -> M::Output {
        M::Output::from_json(output)
    }
}

/// Any model, known at run time or not at all: its output is raw JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DynModel {}

impl JobModel for DynModel {
    type Output = Value;
    const MODEL: Option<&'static str> = None;

    fn read(output: Value) -> Value {
        output
    }
}

/// A job that was submitted, by its request id; `M` is the model, so that its output can be typed.
///
/// A job holds no connection and no token. It can be serialised, kept, and waited for by another process; making one from
/// an id sends nothing.
///
/// ```
/// use kling_transport::Job;
///
/// let job: Job = Job::from_id("5e1f-09c".parse()?);
/// let kept = serde_json::to_string(&job).unwrap();
/// assert_eq!(kept, r#"{"request_id":"5e1f-09c"}"#);
/// assert_eq!(serde_json::from_str::<Job>(&kept).unwrap(), job);
/// # Ok::<(), kling_transport::Error>(())
/// ```
pub struct Job<M: JobModel = DynModel> {
    id: RequestId,
    model: Option<ModelId>,
    submitted_at: Option<SystemTime>,
    duration: Option<Box<str>>,
    warning: Option<Box<str>>,
    makes: PhantomData<fn() -> M>,
}

impl<M: JobModel> Job<M> {
    /// Takes up a job that was submitted before, by its id.
    #[must_use]
    pub fn from_id(id: RequestId) -> Self {
        let model = M::MODEL.and_then(|model| model.parse().ok());
        Self { id, model, submitted_at: None, duration: None, warning: None, makes: PhantomData }
    }

    /// The id, which is all that is needed to find the job again.
    #[must_use]
    pub const fn id(&self) -> &RequestId {
        &self.id
    }

    /// The model, where it is known.
    #[must_use]
    pub const fn model(&self) -> Option<&ModelId> {
        self.model.as_ref()
    }

    /// When the API took the job, by this machine's clock, where this machine submitted it.
    #[must_use]
    pub const fn submitted_at(&self) -> Option<SystemTime> {
        self.submitted_at
    }

    /// The `duration` of the input, as JSON, if the input had one. Jobs of one model run about as long as their clips last.
    #[must_use]
    pub fn duration(&self) -> Option<&str> {
        self.duration.as_deref()
    }

    /// The same job with the time of its submit, for a job that was kept by its id alone.
    #[must_use]
    pub fn with_submitted_at(self, at: SystemTime) -> Self {
        Self { submitted_at: Some(at), ..self }
    }

    /// What was wrong with the answer to the submit, in one line, if it was broken and the id could be read all the same. Not
    /// kept when the job is serialised.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// How long ago it was submitted, where that is known and the clock did not go backwards.
    #[must_use]
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        now.duration_since(self.submitted_at?).ok()
    }

    /// The same job without its model's type.
    #[must_use]
    pub fn untyped(self) -> Job {
        self.retyped()
    }

    pub(crate) fn submitted(
        id: RequestId,
        model: ModelId,
        at: SystemTime,
        duration: Option<Box<str>>,
        warning: Option<Box<str>>,
    ) -> Self {
        Self { id, model: Some(model), submitted_at: Some(at), duration, warning, makes: PhantomData }
    }

    fn retyped<N: JobModel>(self) -> Job<N> {
        let Self { id, model, submitted_at, duration, warning, .. } = self;
        Job { id, model, submitted_at, duration, warning, makes: PhantomData }
    }
}

impl Job {
    /// The same job with its model, for a job that was kept by its id alone.
    #[must_use]
    pub fn with_model(self, model: ModelId) -> Self {
        Self { model: Some(model), ..self }
    }

    /// The same job with its model's type.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where the job is known to be of another model.
    pub fn typed<M: JobModel>(self) -> Result<Job<M>, Error> {
        match (&self.model, M::MODEL) {
            (Some(model), Some(expected)) if model.as_str() != expected => {
                Err(Error::config(format!("request {} is of the model {model}, not of {expected}", self.id)))
            }
            (None, Some(_)) => {
                let Self { id, submitted_at, duration, warning, .. } = self;
                Ok(Job { submitted_at, duration, warning, ..Job::from_id(id) })
            }
            _ => Ok(self.retyped()),
        }
    }
}

impl<M: JobModel> Clone for Job<M> {
    fn clone(&self) -> Self {
        let Self { id, model, submitted_at, duration, warning, makes } = self;
        Self {
            id: id.clone(),
            model: model.clone(),
            submitted_at: *submitted_at,
            duration: duration.clone(),
            warning: warning.clone(),
            makes: *makes,
        }
    }
}

impl<M: JobModel> PartialEq for Job<M> {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, &self.model, self.submitted_at) == (&other.id, &other.model, other.submitted_at)
    }
}

impl<M: JobModel> Eq for Job<M> {}

impl<M: JobModel> fmt::Debug for Job<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("id", &self.id)
            .field("model", &self.model)
            .field("submitted_at", &self.submitted_at)
            .finish()
    }
}

/// The form in which a job is kept.
#[derive(Deserialize, Serialize)]
struct Kept {
    request_id: RequestId,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model: Option<ModelId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    submitted_at: Option<SystemTime>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration: Option<Box<str>>,
}

impl<M: JobModel> Serialize for Job<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, model, submitted_at, duration, .. } = self.clone();
        Kept { request_id: id, model, submitted_at, duration }.serialize(serializer)
    }
}

impl<'de, M: JobModel> Deserialize<'de> for Job<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Kept { request_id: id, model, submitted_at, duration } = Kept::deserialize(deserializer)?;
        let job = Job { id, model, submitted_at, duration, warning: None, makes: PhantomData };
        job.typed().map_err(serde::de::Error::custom)
    }
}

/// Unreserved characters of RFC 3986 stay as they are, so that a plain id looks like itself in a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A model's id, such as `kling/kling-1-6/pro/image-to-video`.
///
/// Ids of the catalog have 2 to 5 segments and may hold dots, capitals and blanks; any number of segments is taken. Each is
/// percent-encoded on its own when the id becomes a path. Empty segments, `.` and `..` are refused: they would name another
/// path than they show.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ModelId(Box<str>);

impl ModelId {
    /// The longest id accepted, in bytes.
    pub const MAX_LENGTH: usize = 512;

    /// The id as text, not encoded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a path: each segment percent-encoded, the slashes kept.
    #[must_use]
    pub fn encoded(&self) -> String {
        let segments: Vec<_> =
            self.0.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect();
        segments.join("/")
    }
}

impl FromStr for ModelId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let whole = text.len() <= Self::MAX_LENGTH
            && !text.chars().any(char::is_control)
            && text.split('/').all(|segment| !matches!(segment.trim(), "" | "." | ".."));
        if whole {
            return Ok(Self(text.into()));
        }
        let shown = crate::sanitize::name(text);
        Err(Error::config(format!(
            "{shown:?} is no model id: names joined by single slashes are allowed, such as kling/kling-1-6/pro/image-to-video"
        )))
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ModelId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The id that the API gave to a job: 1 to 128 characters of `A-Z a-z 0-9 _ -`.
///
/// Ids come from servers and from users, and become part of a path, so nothing else is let in. That is the form the
/// provider's own clients accept.
///
/// ```
/// use kling_transport::RequestId;
///
/// let id: RequestId = "5e1f-09_c".parse()?;
/// assert_eq!(id.as_str(), "5e1f-09_c");
/// assert!("../balance".parse::<RequestId>().is_err());
/// # Ok::<(), kling_transport::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// The longest id accepted, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
            return Ok(Self(text.into()));
        }
        let shown = crate::sanitize::name(text);
        Err(Error::config(format!(
            "{shown:?} is no request id: 1 to 128 letters, digits, `_` or `-` are allowed"
        )))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn each_segment_is_encoded_and_the_slashes_are_kept() {
        let id: ModelId = "maker/Model 1.5/50%?#x".parse().unwrap();
        assert_eq!(id.encoded(), "maker/Model%201.5/50%25%3F%23x");
    }

    #[test]
    fn segments_that_would_change_the_path_are_refused() {
        for text in ["", "/", "a//b", "/a", "a/", "a/../b", "./a", "a/ /b", "a\nb", &"x/".repeat(300)] {
            assert!(text.parse::<ModelId>().unwrap_err().kind() == ErrorKind::Config, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_passes_is_one_plain_segment(text in ".{0,140}") {
            let expected = !text.is_empty()
                && text.len() <= 128
                && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
            prop_assert_eq!(text.parse::<RequestId>().is_ok(), expected);
        }
    }

    #[test]
    fn a_stored_job_keeps_its_model_its_age_and_its_duration() {
        let kept = r#"{"request_id":"a","model":"maker/model","submitted_at":{"secs_since_epoch":7,"nanos_since_epoch":0},"duration":"5"}"#;
        let job: Job = serde_json::from_str(kept).unwrap();
        assert_eq!(job.duration(), Some("5"));
        assert_eq!(serde_json::to_string(&job).unwrap(), kept);
        let known: Job = Job::from_id("a".parse().unwrap());
        let known = known
            .with_model("maker/model".parse().unwrap())
            .with_submitted_at(SystemTime::UNIX_EPOCH + Duration::from_secs(7));
        assert_eq!(known, job, "the duration is no part of which job it is");
    }

    #[test]
    fn a_stored_id_is_checked_again_when_read() {
        assert!(serde_json::from_str::<RequestId>("\"abc\"").is_ok());
        assert!(serde_json::from_str::<RequestId>("\"a/../b\"").is_err());
    }
}
