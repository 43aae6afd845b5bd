//! A handle on a paid job: plain data, kept and taken up again anywhere.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use kling_types::{Model, ModelOutput};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use crate::{Error, ModelId, RequestId};

/// What a job makes: a model's typed output, or raw JSON for [`AnyModel`].
pub trait Makes: 'static {
    /// The output.
    type Output: Send;
    /// The model's id, where the type tells it.
    const MODEL: Option<&'static str>;

    /// Reads the output, with tolerance: it has been paid for.
    fn read(output: Value) -> Self::Output;
}

impl<M: Model> Makes for M {
    type Output = M::Output;
    const MODEL: Option<&'static str> = Some(M::ID);

    fn read(output: Value) -> M::Output {
        M::Output::from_json(output)
    }
}

/// Any model, known at run time or not at all: its output is raw JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum AnyModel {}

impl Makes for AnyModel {
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
pub struct Job<M: Makes = AnyModel> {
    id: RequestId,
    model: Option<ModelId>,
    submitted_at: Option<SystemTime>,
    warning: Option<Box<str>>,
    makes: PhantomData<fn() -> M>,
}

impl<M: Makes> Job<M> {
    /// Takes up a job that was submitted before, by its id.
    #[must_use]
    pub fn from_id(id: RequestId) -> Self {
        let model = M::MODEL.and_then(|model| model.parse().ok());
        Self { id, model, submitted_at: None, warning: None, makes: PhantomData }
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
        warning: Option<Box<str>>,
    ) -> Self {
        Self { id, model: Some(model), submitted_at: Some(at), warning, makes: PhantomData }
    }

    fn retyped<N: Makes>(self) -> Job<N> {
        let Self { id, model, submitted_at, warning, .. } = self;
        Job { id, model, submitted_at, warning, makes: PhantomData }
    }
}

impl Job {
    /// The same job with its model's type.
    ///
    /// # Errors
    /// [`Error::is_config`] where the job is known to be of another model.
    pub fn typed<M: Makes>(self) -> Result<Job<M>, Error> {
        match (&self.model, M::MODEL) {
            (Some(model), Some(expected)) if model.as_str() != expected => {
                Err(Error::config(format!("request {} is of the model {model}, not of {expected}", self.id)))
            }
            (None, Some(_)) => {
                let Self { id, submitted_at, warning, .. } = self;
                Ok(Job { submitted_at, warning, ..Job::from_id(id) })
            }
            _ => Ok(self.retyped()),
        }
    }
}

impl<M: Makes> Clone for Job<M> {
    fn clone(&self) -> Self {
        let Self { id, model, submitted_at, warning, makes } = self;
        Self {
            id: id.clone(),
            model: model.clone(),
            submitted_at: *submitted_at,
            warning: warning.clone(),
            makes: *makes,
        }
    }
}

impl<M: Makes> PartialEq for Job<M> {
    fn eq(&self, other: &Self) -> bool {
        (&self.id, &self.model, self.submitted_at) == (&other.id, &other.model, other.submitted_at)
    }
}

impl<M: Makes> Eq for Job<M> {}

impl<M: Makes> fmt::Debug for Job<M> {
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
}

impl<M: Makes> Serialize for Job<M> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, model, submitted_at, .. } = self.clone();
        Kept { request_id: id, model, submitted_at }.serialize(serializer)
    }
}

impl<'de, M: Makes> Deserialize<'de> for Job<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Kept { request_id: id, model, submitted_at } = Kept::deserialize(deserializer)?;
        let job = Job { id, model, submitted_at, warning: None, makes: PhantomData };
        job.typed().map_err(serde::de::Error::custom)
    }
}
