//! The client: checks an input, submits it once, and keeps the journal.

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use kling_journal::{Entry, EntryLock, Event, Journal, Query, Selection};
use kling_poll::{CompletedJob as JobResult, JobSetEvent, Update, WaitError, WaitOptions};
use kling_schema::ModelSchema;
use kling_transport::{
    Balance, CancelReply, Client as ApiClient, Job as JobRef, JobModel, ListModels, ModelId, PendingSubmit,
    RequestId, ResultReply,
};
use kling_types::{MediaField, ModelInfo, ModelInput, Violations};
use serde_json::{Value, json};

use crate::catalog::{self, Catalog, CatalogEntry, Drift};
use crate::journal_writer::{Begun, JobSetJournal, JournalWriter, TrackedJob};
use crate::media_check::{self, MediaPolicy, UrlChecker};
use crate::{ClientBuilder, CompletedJob, Error, Job, UnknownSubmit};

/// A client that checks inputs, submits each once, and records paid jobs. `blocking::Client` has the same methods.
///
/// With the feature `journal`, an intent is on disk before the POST is sent, and the request id before any wait. After a crash,
/// [`Client::unfinished`] has the jobs that are paid and not saved.
///
/// Clones share the connections and the journal.
///
/// ```no_run
/// use kling::{Client, models::kling_1_6_pro_image_to_video::Input};
///
/// # async fn run() -> Result<(), kling::Error> {
/// let client = Client::from_env()?;
/// let input = Input::builder().image_url("https://example.com/start.jpg").prompt("slow dolly-in").build()?;
/// let files = client.run(&input).await?.save_as("clip.mp4").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client {
    pub(crate) api: ApiClient,
    pub(crate) writer: JournalWriter,
    pub(crate) wait_options: WaitOptions,
    pub(crate) media: MediaPolicy,
    pub(crate) urls: Option<UrlChecker>,
    /// Whether the calls block the thread, so that no task can be spawned.
    #[cfg_attr(not(feature = "async"), expect(dead_code, reason = "without the async client, each blocks"))]
    pub(crate) is_blocking: bool,
}

/// Whether a known job of the same request is resumed, or a new one submitted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum OnKnown {
    Resume,
    Submit,
}

impl Client {
    /// Returns a client with the token, the base URL and the journal that the environment names. Base and journal have defaults.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    #[cfg(feature = "async")]
    pub fn from_env() -> Result<Self, Error> {
        Self::builder().build()
    }

    /// Returns a builder.
    pub fn builder() -> ClientBuilder {
        ClientBuilder::default()
    }

    /// Returns the result of an input: resumes its known job, or submits the input, and waits. **This may cost money**, once.
    ///
    /// The journal knows jobs by input, model, API and token. A job is resumed in three cases: it may still run, its outputs
    /// are not saved, or its files are still on this machine. So a program that crashed can run again. If the files are there,
    /// no call is made, and the output has only the recorded URLs. [`Client::submit`] always makes a new job.
    ///
    /// # Errors
    /// As [`Client::submit`] and [`Wait`](crate::Wait).
    /// [`ErrorKind::DuplicateRequest`](crate::ErrorKind::DuplicateRequest) also if the same input is being submitted at this
    /// moment.
    pub async fn run<I: ModelInput>(&self, input: &I) -> Result<CompletedJob<I::Model>, Error> {
        self.obtain(input).await?.wait().run().await
    }

    /// Submits an input to its model. **This costs money**, and is sent once.
    ///
    /// Dropping the future does not interrupt a request in flight. A task of its own records the request id, as long as tokio's
    /// runtime runs. The task makes no further attempt.
    ///
    /// # Errors
    /// - [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) if an image breaks a media rule. Nothing is sent then.
    /// - [`ErrorKind::UnknownOutcome`](crate::ErrorKind::UnknownOutcome) if the job may exist. The client does not submit the
    ///   input again.
    /// - [`ErrorKind::DuplicateRequest`](crate::ErrorKind::DuplicateRequest) if an equal request has an unknown outcome.
    /// - [`ErrorKind::Journal`](crate::ErrorKind::Journal) if the intent cannot be recorded. Nothing is sent then.
    /// - Others as for any call. No job was created then.
    pub async fn submit<I: ModelInput>(&self, input: &I) -> Result<Job<I::Model>, Error> {
        let pending = self.checked(input).await?;
        self.launch(pending, std::future::pending(), OnKnown::Submit).await
    }

    /// As [`Client::run`], for any model of the catalog and an input in JSON.
    ///
    /// A compiled-in model is checked by its own rules, any other model by the schema of the live catalog.
    ///
    /// # Errors
    /// As [`Client::run`] and [`Client::schema`].
    pub async fn run_json(&self, model: &ModelId, input: &Value) -> Result<CompletedJob, Error> {
        self.obtain_json(model, input).await?.wait().run().await
    }

    /// As [`Client::submit`], for any model of the catalog and an input in JSON, which is checked as by [`Client::run_json`].
    ///
    /// # Errors
    /// As [`Client::submit`] and [`Client::run_json`].
    pub async fn submit_json(&self, model: &ModelId, input: &Value) -> Result<Job, Error> {
        let pending = self.checked_json(model, input).await?;
        self.launch(pending, std::future::pending(), OnKnown::Submit).await
    }

    /// Submits a JSON object without any check of its content. **This costs money.**
    ///
    /// When `stop` is ready, no further attempt begins. An attempt in flight is awaited. A pause before another attempt ends at
    /// once, as [`ErrorKind::Abandoned`](crate::ErrorKind::Abandoned). The future [`std::future::pending`] never stops a submit.
    ///
    /// # Errors
    /// As [`Client::submit`]. [`ErrorKind::Config`](crate::ErrorKind::Config) if the input is no JSON object.
    pub async fn submit_unchecked(
        &self,
        model: &ModelId,
        input: &Value,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> Result<Job, Error> {
        let pending = PendingSubmit::json(self.api.settings(), model, input, SystemTime::now())?;
        self.launch(pending, stop, OnKnown::Submit).await
    }

    /// Makes every check of [`Client::submit`], and sends nothing that costs money.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) with every violation.
    pub async fn check<I: ModelInput>(&self, input: &I) -> Result<(), Error> {
        self.checked(input).await.map(drop)
    }

    /// Makes every check of [`Client::submit_json`], and sends nothing that costs money.
    ///
    /// # Errors
    /// As [`Client::run_json`].
    pub async fn check_json(&self, model: &ModelId, input: &Value) -> Result<(), Error> {
        self.checked_json(model, input).await.map(drop)
    }

    /// Returns the handle of a job that is known by its request id, without a call. [`Job::typed`] types its output.
    ///
    /// The journal completes the model and the time of the submit. The job is locked unless another process works on it.
    pub async fn job(&self, id: RequestId) -> Job {
        let (entry, lock) = self.find(&id).await.unzip();
        let job = entry.as_ref().and_then(job_of).unwrap_or_else(|| JobRef::from_id(id));
        Job::new(self.clone(), job, entry.as_ref(), lock.flatten(), None)
    }

    /// Returns the handle of a job that was submitted earlier, without a call. A [`Job`] serialises to such facts.
    pub async fn attach<M: JobModel>(&self, job: JobRef<M>) -> Job<M> {
        let (entry, lock) = self.find(job.id()).await.unzip();
        Job::new(self.clone(), job, entry.as_ref(), lock.flatten(), None)
    }

    /// Returns the jobs that may still run, and then those whose outputs are not saved. The oldest of each come first.
    ///
    /// They are jobs of this API, submitted by any token. Each is locked until its handle and its result are dropped. A job that
    /// another process works on is left out. So is a submit with an unknown outcome: see [`Client::unknown_outcomes`]. Without a
    /// journal the list is empty.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) if the journal cannot be read.
    pub async fn unfinished(&self) -> Result<Vec<Job>, Error> {
        let query = self.query(Selection::Unfinished);
        let found = self.with_journal(move |journal| {
            let entries = journal.entries(query).collect::<Result<Vec<_>, _>>()?;
            let mut jobs = Vec::new();
            for entry in entries {
                // Another process may have finished the job since.
                if let Some(lock) = journal.lock(entry.intent().id())?
                    && let Some(id) = entry.request_id()
                    && let Some(entry) = journal.find_job(entry.intent().origin(), id)?
                    && entry.is_unfinished()
                {
                    jobs.push((entry, lock));
                }
            }
            Ok(jobs)
        });
        let jobs = found.await?.into_iter().filter_map(|(entry, lock)| {
            let job = job_of(&entry)?;
            Some(Job::new(self.clone(), job, Some(&entry), Some(lock), None))
        });
        Ok(jobs.collect())
    }

    /// Returns the submits whose outcome is unknown. Each should be compared with the account's history, and settled. Without a
    /// journal the list is empty.
    ///
    /// # Errors
    /// [`ErrorKind::Journal`](crate::ErrorKind::Journal) if the journal cannot be read.
    pub async fn unknown_outcomes(&self) -> Result<Vec<UnknownSubmit>, Error> {
        let query = self.query(Selection::Unresolved);
        let found = self.with_journal(move |journal| {
            let entries = journal.entries(query).collect::<Result<Vec<_>, _>>()?;
            Ok(entries.into_iter().filter_map(|entry| UnknownSubmit::new(journal, entry)).collect())
        });
        found.await
    }

    /// Returns the account's balance.
    ///
    /// # Errors
    /// As for any call.
    pub async fn balance(&self) -> Result<Balance, Error> {
        Ok(self.api.balance().await?)
    }

    /// Returns the pages of the live catalog. The limit of the query bounds the whole.
    pub fn catalog(&self, query: ListModels) -> Catalog {
        Catalog::new(self.api.clone(), query)
    }

    /// Returns the entry of a model in the live catalog.
    ///
    /// # Errors
    /// As for any call.
    pub async fn model(&self, id: &ModelId) -> Result<CatalogEntry, Error> {
        catalog::entry(&self.api, id).await
    }

    /// Returns the input schema of a model: the compiled-in one, or else that of the live catalog.
    ///
    /// # Errors
    /// As for any call. [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) if the schema cannot be read.
    pub async fn schema(&self, id: &ModelId) -> Result<ModelSchema, Error> {
        match kling_types::models::find(id.as_str()) {
            Some(model) => Ok(ModelSchema::of(model)?),
            None => Ok(self.model(id).await?.schema()?),
        }
    }

    /// Compares the schema of a compiled-in model with its entry in the live catalog.
    ///
    /// # Errors
    /// As for any call. An unknown model is no error, but [`Drift::Gone`].
    pub async fn drift(&self, model: &ModelInfo) -> Result<Drift, Error> {
        catalog::drift(&self.api, model).await
    }

    /// Returns the client below, which makes single calls without journal and checks.
    pub fn api(&self) -> &ApiClient {
        &self.api
    }

    /// Returns the journal, unless the client was built without one.
    pub fn journal(&self) -> Option<&Journal> {
        self.writer.journal.as_ref()
    }

    /// Returns a client that records a path for the outputs with each submit. It should be absolute, of a file or a folder.
    ///
    /// [`Job::output_path`] returns the path, also in a later process. The client saves nothing there by itself.
    #[must_use]
    pub fn with_output_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.writer.output = Some(path.into());
        self
    }

    /// Returns a client that calls back with each request id before the id is recorded.
    ///
    /// So a person sees the id even if the disk fails. The callback may block. If the callback panics, the id is recorded all the
    /// same.
    #[must_use]
    pub fn with_on_accepted(mut self, callback: impl Fn(&RequestId) + Send + Sync + 'static) -> Self {
        self.writer.on_accepted = Arc::new(callback);
        self
    }

    /// Returns the job of an input, which is submitted unless it was submitted before.
    pub(crate) async fn obtain<I: ModelInput>(&self, input: &I) -> Result<Job<I::Model>, Error> {
        let pending = self.checked(input).await?;
        self.launch(pending, std::future::pending(), OnKnown::Resume).await
    }

    pub(crate) async fn obtain_json(&self, model: &ModelId, input: &Value) -> Result<Job, Error> {
        let pending = self.checked_json(model, input).await?;
        self.launch(pending, std::future::pending(), OnKnown::Resume).await
    }

    async fn checked<I: ModelInput>(&self, input: &I) -> Result<PendingSubmit<I::Model>, Error> {
        let fields = <I::Model as kling_types::Model>::INFO.media;
        if self.media != MediaPolicy::Skip
            && let Ok(value) = serde_json::to_value(input)
        {
            self.check_media(fields, &value, Violations::new()).await?;
        }
        Ok(PendingSubmit::typed(self.api.settings(), input, SystemTime::now())?)
    }

    async fn checked_json(&self, model: &ModelId, input: &Value) -> Result<PendingSubmit, Error> {
        match kling_types::models::find(model.as_str()) {
            Some(info) => {
                let broken = (info.validate_input)(input).err().unwrap_or_default();
                self.check_media(info.media, input, broken).await?;
            }
            None => {
                let schema = self.schema(model).await?;
                let broken = schema.validate_input(input).err().unwrap_or_default();
                self.check_media(&schema.media, input, broken).await?;
            }
        }
        Ok(PendingSubmit::json(self.api.settings(), model, input, SystemTime::now())?)
    }

    /// Returns every violation: those of the schema, which `broken` has, and those of the media rules.
    async fn check_media(
        &self,
        fields: &[MediaField],
        input: &Value,
        mut broken: Violations,
    ) -> Result<(), Error> {
        let found = media_check::check(self.media, self.urls.as_ref(), fields, input, &broken).await;
        broken.extend(found);
        Ok(broken.into_result()?)
    }

    /// Executes a submit. The async client does so in a task of its own: dropping this future keeps the task from another
    /// attempt, and does not interrupt one in flight.
    async fn launch<M: JobModel>(
        &self,
        pending: PendingSubmit<M>,
        stop: impl Future<Output = ()> + Send + 'static,
        on_known: OnKnown,
    ) -> Result<Job<M>, Error> {
        #[cfg(feature = "async")]
        if !self.is_blocking {
            return self.spawn(pending, stop, on_known).await;
        }
        self.execute(pending, stop, on_known).await
    }

    #[cfg(feature = "async")]
    async fn spawn<M: JobModel>(
        &self,
        pending: PendingSubmit<M>,
        stop: impl Future<Output = ()> + Send + 'static,
        on_known: OnKnown,
    ) -> Result<Job<M>, Error> {
        let (_alive, dropped) = tokio::sync::oneshot::channel::<std::convert::Infallible>();
        let own = self.clone();
        let task = tokio::spawn(async move {
            let stop = async {
                tokio::select! {
                    () = stop => {}
                    _ = dropped => {}
                }
            };
            own.execute(pending, stop, on_known).await
        });
        match task.await.map_err(tokio::task::JoinError::try_into_panic) {
            Ok(outcome) => outcome,
            Err(Ok(panic)) => std::panic::resume_unwind(panic),
            // Only a runtime that shuts down stops a task, and it drops this future as well.
            Err(Err(_)) => std::future::pending().await,
        }
    }

    /// Executes a submit between its two records.
    async fn execute<M: JobModel>(
        &self,
        pending: PendingSubmit<M>,
        stop: impl Future<Output = ()> + Send,
        on_known: OnKnown,
    ) -> Result<Job<M>, Error> {
        let (writer, resumes) = (self.writer.clone(), on_known == OnKnown::Resume);
        let intent = writer.intent(self.api.settings(), &pending);
        let begun = self.api.run_blocking(move || writer.begin(&intent, resumes)).await;
        let mut guard = match begun.ok_or_else(stopped)?? {
            Begun::New(guard) => guard,
            Begun::Known(entry) => return self.resume(&entry).await,
        };
        let outcome = guard.complete(self.api.execute_until(pending, stop).await);
        let lock = self.api.run_blocking(move || guard.record_and_lock()).await;
        let job = outcome.into_result()?.with_account(self.api.settings().token().account_hash());
        Ok(Job::new(self.clone(), job, None, lock.flatten(), None))
    }

    /// Returns the handle of a known job. If every output is on disk, its wait makes no call.
    async fn resume<M: JobModel>(&self, entry: &Entry) -> Result<Job<M>, Error> {
        let Some(job) = job_of(entry) else {
            return Err(kling_transport::Error::journal("an entry without id").into());
        };
        let lock = self.find(job.id()).await.and_then(|(_, lock)| lock);
        Ok(Job::new(self.clone(), job.typed()?, Some(entry), lock, recorded_result(entry)))
    }

    /// Returns the entry of a job, and its lock unless another process has it.
    async fn find(&self, id: &RequestId) -> Option<(Entry, Option<EntryLock>)> {
        let (writer, origin, id) = (self.writer.clone(), self.origin(), id.clone());
        self.api.run_blocking(move || writer.find_and_lock(&origin, &id)).await.flatten()
    }

    /// Waits for a job and records the progress. A job without an entry gets one first.
    pub(crate) async fn wait_for<M: JobModel>(
        &self,
        job: &JobRef<M>,
        options: &WaitOptions,
        mut on_update: impl FnMut(&Update),
    ) -> Result<JobResult<M>, WaitError> {
        let (tracked, options) = (Mutex::new(None::<TrackedJob>), self.recording_drops(options));
        // Made before the journal is read, so that a drop from here on cancels if the options ask for that.
        let waiting = kling_poll::wait(&self.api, job, &options, |update| {
            if let (Some(tracked), Some(state)) = (lock(&tracked).as_mut(), &update.state) {
                tracked.see(state);
            }
            on_update(update);
        });
        let (own, id, model) = (self.clone(), job.id().clone(), job.model().cloned());
        let track = move || own.writer.track(own.api.settings(), &id, model.as_ref());
        *lock(&tracked) = self.api.run_blocking(track).await;
        let outcome = waiting.await;
        let (job, result) = (lock(&tracked).take(), outcome.clone());
        self.api.run_blocking(move || job.map(|job| job.end(&result))).await;
        outcome
    }

    /// Cancels a job, finds out the outcome and records it.
    pub(crate) async fn cancel(&self, id: &RequestId) -> Result<CancelReply, Error> {
        let reply = kling_poll::cancel(&self.api, id).await?;
        let (id, recorded) = (id.clone(), reply.clone());
        self.write(move |own| own.writer.record_cancel(&own.origin(), &id, &recorded)).await;
        Ok(reply)
    }

    /// Records that every output of a job is on disk, by absolute paths.
    pub(crate) async fn saved(&self, id: &RequestId, files: impl IntoIterator<Item = impl AsRef<Path>>) {
        let (id, event) = (id.clone(), Event::saved(files));
        self.write(move |own| own.writer.record_job(&own.origin(), &id, &event)).await;
    }

    /// Records an event of a job set. The entry of a job is locked from its first event to its last.
    pub(crate) async fn record<M: JobModel>(&self, jobs: Arc<JobSetJournal>, event: JobSetEvent<M>) {
        self.write(move |own| jobs.record(&own.writer, own.api.settings(), &event)).await;
    }

    /// Records a cancel that follows from a dropped wait before its callback.
    #[cfg(feature = "async")]
    fn recording_drops(&self, options: &WaitOptions) -> WaitOptions {
        let Some(on_drop) = options.on_drop().cloned() else { return options.clone() };
        let own = self.clone();
        options.clone().with_cancel_on_drop(move |id, outcome| {
            let (own, on_drop, id, outcome) = (own.clone(), on_drop.clone(), id.clone(), outcome.clone());
            tokio::task::spawn_blocking(move || {
                if let Ok(reply) = &outcome {
                    own.writer.record_cancel(&own.origin(), &id, reply);
                }
                on_drop.notify(&id, &outcome);
            });
        })
    }

    #[cfg(not(feature = "async"))]
    fn recording_drops(&self, options: &WaitOptions) -> WaitOptions {
        options.clone()
    }

    /// Runs work on the journal away from the threads that drive futures.
    async fn write(&self, work: impl FnOnce(&Self) + Send + 'static) {
        let own = self.clone();
        self.api.run_blocking(move || work(&own)).await;
    }

    async fn with_journal<T: Default + Send + 'static>(
        &self,
        read: impl FnOnce(&Journal) -> Result<T, kling_journal::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let Some(journal) = self.writer.journal.clone() else { return Ok(T::default()) };
        match self.api.run_blocking(move || read(&journal)).await {
            Some(found) => Ok(found?),
            None => Err(stopped()),
        }
    }

    fn query(&self, selection: Selection) -> Query {
        Query::new(selection).of_origin(self.origin()).oldest_first()
    }

    fn origin(&self) -> String {
        self.api.settings().base().origin()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { api, writer, media, .. } = self;
        f.debug_struct("Client").field("api", api).field("journal", writer).field("media", media).finish()
    }
}

/// Returns the job of an entry, with the time of its submit.
fn job_of(entry: &Entry) -> Option<JobRef> {
    let intent = entry.intent();
    let job: JobRef = JobRef::from_id(entry.request_id()?.parse().ok()?);
    let job = match intent.model().parse() {
        Ok(model) => job.with_model(model),
        Err(_) => job,
    };
    let job = match intent.account() {
        Some(account) => job.with_account(account),
        None => job,
    };
    // The intent of a job that was submitted elsewhere is as old as its first wait here.
    Some(if intent.request_id().is_none() { job.with_submitted_at(intent.at()) } else { job })
}

/// Returns the result of an entry whose outputs are all on disk.
fn recorded_result(entry: &Entry) -> Option<ResultReply> {
    if entry.is_unfinished() || !entry.can_be_resumed() {
        return None;
    }
    let outputs: Vec<&str> = entry.outputs().iter().collect();
    let output = match outputs.as_slice() {
        [url] => json!(url),
        urls => json!(urls),
    };
    let reply = json!({
        "request_id": entry.request_id()?, "status": "completed", "output": output, "cost": entry.cost_usd(),
    });
    serde_json::from_value(reply).ok()
}

fn stopped() -> Error {
    kling_transport::Error::journal("the runtime stopped before the write").into()
}

/// Ignores poison, since a panic of a callback does not break the job.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
