//! The blocking face: the same client, jobs and sets on the caller's thread, without an async runtime.
//!
//! ```no_run
//! use kling::{blocking::Client, models::kling_1_6_pro_image_to_video::Input};
//!
//! let client = Client::from_env()?;
//! let input = Input::builder().image_url("https://example.com/start.jpg").build()?;
//! let files = client.run(&input)?.save_as("clip.mp4")?;
//! # Ok::<(), kling::Error>(())
//! ```

use std::fs::File;
use std::future::pending;
use std::path::PathBuf;

use kling_journal::Journal;
use kling_poll::{JobSetStats, RateLimit, Update, WaitOptions};
use kling_schema::ModelSchema;
#[cfg(feature = "unstable-ureq")]
pub use kling_transport::blocking::Ureq;
use kling_transport::blocking::block_on;
#[cfg(all(feature = "unstable-ureq", any(feature = "rustls", feature = "native-tls")))]
pub use kling_transport::blocking::tls_config;
use kling_transport::{
    Balance, CancelReply, DownloadOptions, Downloaded, DynModel, Job as JobRef, JobModel, ListModels,
    ModelId, RequestId, ResultReply, StatusReply,
};
use kling_types::{ModelInfo, ModelInput};
use serde_json::Value;

use crate::catalog::{CatalogEntry, Drift};
use crate::job_set::{Items, ModelEvent};
use crate::{ClientBuilder, Error, JobSetEvent, JobUpdate, UnknownSubmit};

/// A [`Client`](crate::Client) whose methods block the thread. The async client documents them.
#[derive(Clone, Debug)]
pub struct Client(crate::Client);

#[allow(missing_docs, clippy::missing_errors_doc, reason = "the async client documents the same methods")]
impl Client {
    pub(crate) const fn new(client: crate::Client) -> Self {
        Self(client)
    }

    pub fn from_env() -> Result<Self, Error> {
        Self::builder().build_blocking()
    }

    /// Returns a builder, whose `build_blocking` returns this client.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    pub fn run<I: ModelInput>(&self, input: &I) -> Result<CompletedJob<I::Model>, Error> {
        block_on(self.0.run(input)).map(CompletedJob)
    }

    pub fn submit<I: ModelInput>(&self, input: &I) -> Result<Job<I::Model>, Error> {
        block_on(self.0.submit(input)).map(Job)
    }

    pub fn run_json(&self, model: &ModelId, input: &Value) -> Result<CompletedJob, Error> {
        block_on(self.0.run_json(model, input)).map(CompletedJob)
    }

    pub fn submit_json(&self, model: &ModelId, input: &Value) -> Result<Job, Error> {
        block_on(self.0.submit_json(model, input)).map(Job)
    }

    pub fn submit_unchecked(&self, model: &ModelId, input: &Value) -> Result<Job, Error> {
        block_on(self.0.submit_unchecked(model, input, pending())).map(Job)
    }

    pub fn check<I: ModelInput>(&self, input: &I) -> Result<(), Error> {
        block_on(self.0.check(input))
    }

    pub fn check_json(&self, model: &ModelId, input: &Value) -> Result<(), Error> {
        block_on(self.0.check_json(model, input))
    }

    pub fn job(&self, id: RequestId) -> Job {
        Job(block_on(self.0.job(id)))
    }

    pub fn attach<M: JobModel>(&self, job: JobRef<M>) -> Job<M> {
        Job(block_on(self.0.attach(job)))
    }

    pub fn unfinished(&self) -> Result<Vec<Job>, Error> {
        Ok(block_on(self.0.unfinished())?.into_iter().map(Job).collect())
    }

    pub fn unknown_outcomes(&self) -> Result<Vec<UnknownSubmit>, Error> {
        block_on(self.0.unknown_outcomes())
    }

    pub fn balance(&self) -> Result<Balance, Error> {
        block_on(self.0.balance())
    }

    /// Returns every entry of the live catalog that a query selects. The limit of the query bounds the whole.
    pub fn catalog(&self, query: ListModels) -> Result<Vec<CatalogEntry>, Error> {
        block_on(self.0.catalog(query).all())
    }

    pub fn model(&self, id: &ModelId) -> Result<CatalogEntry, Error> {
        block_on(self.0.model(id))
    }

    pub fn schema(&self, id: &ModelId) -> Result<ModelSchema, Error> {
        block_on(self.0.schema(id))
    }

    pub fn drift(&self, model: &ModelInfo) -> Result<Drift, Error> {
        block_on(self.0.drift(model))
    }

    pub fn journal(&self) -> Option<&Journal> {
        self.0.journal()
    }

    /// Returns the client below, whose futures are ready at their first poll.
    pub const fn as_async(&self) -> &crate::Client {
        &self.0
    }
}

/// A [`Job`](crate::Job) whose methods block the thread. The async handle documents them.
#[derive(Debug)]
pub struct Job<M: JobModel = DynModel>(crate::Job<M>);

#[allow(missing_docs, clippy::missing_errors_doc, reason = "the async handle documents the same methods")]
impl<M: JobModel> Job<M> {
    #[must_use]
    pub fn id(&self) -> &RequestId {
        self.0.id()
    }

    #[must_use]
    pub fn job_ref(&self) -> &JobRef<M> {
        self.0.job_ref()
    }

    /// Waits with the client's options.
    pub fn wait(&self) -> Result<CompletedJob<M>, Error> {
        block_on(self.0.wait().run()).map(CompletedJob)
    }

    /// Waits with these options, and calls back on each change.
    pub fn wait_with(
        &self,
        options: WaitOptions,
        on_update: impl FnMut(&Update) + Send,
    ) -> Result<CompletedJob<M>, Error> {
        block_on(self.0.wait().options(options).on_update(on_update).run()).map(CompletedJob)
    }

    /// Returns the updates of the wait. The iterator ends with the result.
    pub fn updates(&self) -> JobSet<(), M> {
        let mut set = JobSet::with(self.0.client());
        set.wait((), Self::clone(self));
        set
    }

    pub fn status(&self) -> Result<StatusReply, Error> {
        block_on(self.0.status())
    }

    pub fn result(&self) -> Result<ResultReply, Error> {
        block_on(self.0.result())
    }

    pub fn cancel(&self) -> Result<CancelReply, Error> {
        block_on(self.0.cancel())
    }

    #[must_use]
    pub fn detach(self) -> JobRef<M> {
        self.0.detach()
    }
}

impl<M: JobModel> Clone for Job<M> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl Job {
    /// Returns the job with its model's type.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the job is known to be of another model.
    pub fn typed<M: JobModel>(self) -> Result<Job<M>, Error> {
        self.0.typed().map(Job)
    }
}

/// A [`CompletedJob`](crate::CompletedJob) whose methods block the thread. The async one documents them.
#[derive(Debug)]
pub struct CompletedJob<M: JobModel = DynModel>(crate::CompletedJob<M>);

#[allow(missing_docs, clippy::missing_errors_doc, reason = "the async one documents the same methods")]
impl<M: JobModel> CompletedJob<M> {
    #[must_use]
    pub fn id(&self) -> &RequestId {
        self.0.id()
    }

    #[must_use]
    pub const fn output(&self) -> &M::Output {
        self.0.output()
    }

    #[must_use]
    pub fn into_output(self) -> M::Output {
        self.0.into_output()
    }

    #[must_use]
    pub fn urls(&self) -> Vec<&str> {
        self.0.urls()
    }

    #[must_use]
    pub const fn cost_usd(&self) -> Option<f64> {
        self.0.cost_usd()
    }

    pub fn save(&self, folder: impl Into<PathBuf>) -> Result<Vec<Downloaded>, Error> {
        block_on(self.0.save(folder).run())
    }

    pub fn save_as(&self, path: impl Into<PathBuf>) -> Result<Vec<Downloaded>, Error> {
        block_on(self.0.save_as(path).run())
    }

    /// Saves with these options: see [`Save::options`](crate::Save::options).
    pub fn save_with(
        &self,
        folder: impl Into<PathBuf>,
        options: DownloadOptions,
    ) -> Result<Vec<Downloaded>, Error> {
        block_on(self.0.save(folder).options(options).run())
    }

    /// Saves with these options: see [`Save::options`](crate::Save::options).
    pub fn save_as_with(
        &self,
        path: impl Into<PathBuf>,
        options: DownloadOptions,
    ) -> Result<Vec<Downloaded>, Error> {
        block_on(self.0.save_as(path).options(options).run())
    }

    pub fn reader(&self, index: usize) -> Result<File, Error> {
        block_on(self.0.reader(index))
    }

    pub fn bytes(&self, index: usize) -> Result<Vec<u8>, Error> {
        block_on(self.0.bytes(index))
    }
}

/// An iterator of events that submits inputs and waits for jobs. `kling::JobSet` is its async twin.
///
/// Inputs are submitted one after the other on the thread of the iterator. Each poll in flight has a thread.
#[must_use = "a job set runs while it is iterated"]
pub struct JobSet<K, M: JobModel = DynModel> {
    set: kling_poll::blocking::JobSet<M>,
    items: Items<K, M>,
}

#[allow(missing_docs, reason = "the async set documents the same methods")]
impl<K: Clone, M: JobModel> JobSet<K, M> {
    pub fn new(client: &Client) -> Self {
        Self::with(&client.0)
    }

    fn with(client: &crate::Client) -> Self {
        let mut set = kling_poll::blocking::JobSet::new();
        let account = set.account(client.api().clone().into(), RateLimit::default());
        Self { set, items: Items::new(client, account) }
    }

    pub fn with_max_unfinished(mut self, jobs: usize) -> Self {
        self.items.max_unfinished = jobs.max(1);
        self
    }

    pub fn with_options(mut self, options: WaitOptions) -> Self {
        self.items.options = options;
        self
    }

    pub fn run<I: ModelInput<Model = M> + Clone + 'static>(&mut self, key: K, input: &I) {
        self.items.run(key, input);
    }

    pub fn wait(&mut self, key: K, job: Job<M>) {
        self.items.wait(key, job.0);
    }

    pub fn cancel(&self, key: &K) -> bool
    where
        K: PartialEq,
    {
        self.items.cancel(key)
    }

    pub fn detach(&mut self, key: &K) -> Option<Job<M>>
    where
        K: PartialEq,
    {
        self.items.detach(key).map(Job)
    }

    #[must_use]
    pub fn stats(&self) -> JobSetStats {
        self.set.stats()
    }
}

#[allow(missing_docs, reason = "the async set documents the same methods")]
impl<K: Clone> JobSet<K, DynModel> {
    pub fn run_json(&mut self, key: K, model: &ModelId, input: &Value) {
        self.items.run_json(key, model, input);
    }
}

impl<K: Clone, M: JobModel> Iterator for JobSet<K, M> {
    type Item = JobSetEvent<K, JobUpdate<Job<M>, CompletedJob<M>>>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(event) = self.items.ready.pop_front() {
                return Some(event_of(event));
            }
            if let Some((key, launch)) = self.items.next_launch(0) {
                self.items.launched(key, block_on(launch));
                continue;
            }
            let event = self.set.next()?;
            block_on(self.items.polled(event));
        }
    }
}

/// Returns an event with blocking handles.
fn event_of<K, M: JobModel>(event: ModelEvent<K, M>) -> JobSetEvent<K, JobUpdate<Job<M>, CompletedJob<M>>> {
    let update = match event.update {
        JobUpdate::Submitted(job) => JobUpdate::Submitted(Job(job)),
        JobUpdate::Changed(update) => JobUpdate::Changed(update),
        JobUpdate::Cancelling(outcome) => JobUpdate::Cancelling(outcome),
        JobUpdate::Done(outcome) => JobUpdate::Done(outcome.map(CompletedJob)),
    };
    JobSetEvent { key: event.key, update }
}
