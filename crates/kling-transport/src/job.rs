//! A job as plain data, and the models that type its output.

use std::fmt;
use std::marker::PhantomData;
use std::time::{Duration, SystemTime};

use kling_types::{Model, ModelOutput};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::{Error, ModelId, RequestId};

/// The model of a job: a typed one, or [`DynModel`] for raw JSON.
pub trait JobModel: Clone + fmt::Debug + 'static {
    /// The output of the job.
    type Output: Send + Sync;
    /// The model's id, if the type names it.
    const MODEL: Option<&'static str>;

    /// Reads the output leniently, since it has been paid for.
    fn read(output: Value) -> Self::Output;
}

impl<M: Model> JobModel for M {
    type Output = M::Output;
    const MODEL: Option<&'static str> = Some(M::ID);

    fn read(output: Value) -> M::Output {
        M::Output::from_json(output)
    }
}

/// Any model. The output is raw JSON.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DynModel {}

impl JobModel for DynModel {
    type Output = Value;
    const MODEL: Option<&'static str> = None;

    fn read(output: Value) -> Value {
        output
    }
}

/// A submitted job, named by its request id. `M` is the model that types its output.
///
/// A job holds no connection and no token. It can be serialised, stored, and waited for by another process.
///
/// ```
/// use kling_transport::Job;
///
/// let job: Job = Job::from_id("5e1f-09c".parse()?);
/// let stored = serde_json::to_string(&job).unwrap();
/// assert_eq!(stored, r#"{"request_id":"5e1f-09c"}"#);
/// assert_eq!(serde_json::from_str::<Job>(&stored).unwrap(), job);
/// # Ok::<(), kling_transport::Error>(())
/// ```
#[derive(Clone, Debug, Serialize)]
#[serde(bound = "", transparent)]
pub struct Job<M: JobModel = DynModel> {
    data: JobData,
    #[serde(skip)]
    output: PhantomData<fn() -> M>,
}

/// The data of a job, whatever its model.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct JobData {
    #[serde(rename = "request_id")]
    pub(crate) id: RequestId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<ModelId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) submitted_at: Option<SystemTime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<Box<str>>,
    #[serde(skip)]
    pub(crate) warning: Option<Box<str>>,
}

impl<M: JobModel> Job<M> {
    /// Returns the job of a request id, without a call.
    pub fn from_id(id: RequestId) -> Self {
        Self::new(JobData {
            id,
            model: None,
            submitted_at: None,
            duration: None,
            account: None,
            warning: None,
        })
    }

    pub(crate) fn new(mut data: JobData) -> Self {
        data.model = data.model.or_else(|| M::MODEL?.parse().ok());
        Self { data, output: PhantomData }
    }

    /// Returns the request id.
    pub const fn id(&self) -> &RequestId {
        &self.data.id
    }

    /// Returns the model, if it is known.
    pub const fn model(&self) -> Option<&ModelId> {
        self.data.model.as_ref()
    }

    /// Returns when the API accepted the job, by the clock of the machine that submitted it.
    pub const fn submitted_at(&self) -> Option<SystemTime> {
        self.data.submitted_at
    }

    /// Returns the `duration` of the input as JSON, if the input had one. Jobs of one model run about as long as their clips
    /// last.
    pub fn duration(&self) -> Option<&str> {
        self.data.duration.as_deref()
    }

    /// Returns the hash of the account that submitted the job, if it is known: [`Token::account_hash`](crate::Token::account_hash).
    pub fn account(&self) -> Option<&str> {
        self.data.account.as_deref()
    }

    /// Returns the job with the hash of its account.
    #[must_use]
    pub fn with_account(mut self, hash: impl Into<String>) -> Self {
        self.data.account = Some(hash.into().into());
        self
    }

    /// Returns the job with the time of its submit, for a job that is known by its id alone.
    #[must_use]
    pub fn with_submitted_at(mut self, at: SystemTime) -> Self {
        self.data.submitted_at = Some(at);
        self
    }

    /// Returns the damage of the reply to the submit as one line, if the reply was damaged but named the job. It is not
    /// serialised.
    pub fn warning(&self) -> Option<&str> {
        self.data.warning.as_deref()
    }

    /// Returns the time since the submit, if it is known and the clock did not go backwards.
    pub fn age(&self, now: SystemTime) -> Option<Duration> {
        now.duration_since(self.data.submitted_at?).ok()
    }
}

impl Job {
    /// Returns the job with its model, for a job that is known by its id alone.
    #[must_use]
    pub fn with_model(mut self, model: ModelId) -> Self {
        self.data.model = Some(model);
        self
    }

    /// Returns the job with its model's type.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the job is known to be of another model.
    pub fn typed<M: JobModel>(self) -> Result<Job<M>, Error> {
        match (&self.data.model, M::MODEL) {
            (Some(model), Some(expected)) if model.as_str() != expected => {
                Err(Error::config(format!("request {} is of model {model}; expected {expected}", self.id())))
            }
            _ => Ok(Job::new(self.data)),
        }
    }
}

impl<M: JobModel> PartialEq for Job<M> {
    fn eq(&self, other: &Self) -> bool {
        let (one, other) = (&self.data, &other.data);
        (&one.id, &one.model, one.submitted_at) == (&other.id, &other.model, other.submitted_at)
    }
}

impl<M: JobModel> Eq for Job<M> {}

impl<'de, M: JobModel> Deserialize<'de> for Job<M> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let data = JobData::deserialize(deserializer)?;
        Job::new(data).typed().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_job_keeps_its_model_its_age_and_its_duration() {
        let stored = r#"{"request_id":"a","model":"maker/model","submitted_at":{"secs_since_epoch":7,"nanos_since_epoch":0},"duration":"5"}"#;
        let job: Job = serde_json::from_str(stored).unwrap();
        assert_eq!(job.duration(), Some("5"));
        assert_eq!(serde_json::to_string(&job).unwrap(), stored);
        let known: Job = Job::from_id("a".parse().unwrap());
        let known = known
            .with_model("maker/model".parse().unwrap())
            .with_submitted_at(SystemTime::UNIX_EPOCH + Duration::from_secs(7));
        assert_eq!(known, job, "the duration does not identify a job");
    }
}
