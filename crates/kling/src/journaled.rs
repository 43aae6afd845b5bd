//! The client with a journal. An intent is on disk before its paid request is sent.

#[cfg(feature = "async")]
use std::convert::Infallible;
#[cfg(feature = "async")]
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
#[cfg(feature = "async")]
use std::time::SystemTime;

use kling_journal::{Error as JournalError, Event, Journal, OnDuplicate};
use kling_poll::{CompletedJob, JobSetEvent, Update, WaitError, WaitOptions};
#[cfg(feature = "async")]
use kling_transport::ModelId;
use kling_transport::{CancelReply, Client, Error, Job, JobModel, PendingSubmit, RequestId, SubmitOutcome};
#[cfg(feature = "async")]
use kling_types::ModelInput;
#[cfg(feature = "async")]
use serde_json::Value;
#[cfg(feature = "async")]
use tokio::{sync::oneshot, task::JoinError};

use crate::journal_writer::{JobSetJournal, JournalWriter, TrackedJob};

/// A [`Client`] that records paid jobs; `blocking::Journaled` has the same methods.
///
/// An intent is on disk before the POST is sent, and the request id before any wait. After a crash [`Journal::page`] has every
/// job that may be billed, with its id or as *unknown*. A submit is rejected before it is sent if its intent cannot be
/// recorded ([`ErrorKind::Journal`](crate::ErrorKind::Journal)), or if an identical request has an unknown outcome
/// ([`ErrorKind::DuplicateRequest`](crate::ErrorKind::DuplicateRequest)).
///
/// ```no_run
/// use kling::{Client, Journal, Journaled, WaitOptions};
///
/// # async fn run(input: kling::kling_1_6_pro_image_to_video::Input) -> Result<(), Box<dyn std::error::Error>> {
/// let client = Journaled::new(Client::from_env()?, Journal::from_env()?);
/// let job = client.submit(&input).await.into_result()?;
/// let clip = client.wait(&job, &WaitOptions::default(), |_| {}).await?;
/// # Ok(())
/// # }
/// ```
///
/// Dropping the future of a submit does not interrupt it: a task of its own awaits the attempt in flight and records its id,
/// as long as the runtime runs. It makes no further attempt, so that a new submit pays once.
#[derive(Clone, Debug)]
pub struct Journaled {
    client: Client,
    writer: JournalWriter,
    job_sets: Arc<JobSetJournal>,
}

impl Journaled {
    /// A client with a journal. With `None` the client keeps no records.
    pub fn new(client: Client, journal: impl Into<Option<Journal>>) -> Self {
        Self { client, writer: JournalWriter::new(journal.into()), job_sets: Arc::default() }
    }

    /// Calls back on errors of the journal after a request was sent. The job continues, and its entry stays as it was, at
    /// worst *unknown*. If the journal refused a request id, the message has it. Without a callback, such errors are silent.
    #[must_use]
    pub fn on_journal_error(mut self, callback: impl Fn(&JournalError) + Send + Sync + 'static) -> Self {
        self.writer.on_journal_error = Arc::new(callback);
        self
    }

    /// Calls back with each request id before it is recorded, so that a person sees it even if the disk fails. The callback
    /// may block. If it panics, the id is recorded all the same.
    #[must_use]
    pub fn on_accepted(mut self, callback: impl Fn(&RequestId) + Send + Sync + 'static) -> Self {
        self.writer.on_accepted = Arc::new(callback);
        self
    }

    /// Sets the rule for requests that were submitted before with an unknown outcome. By default they are rejected.
    /// **[`OnDuplicate::Allow`] may pay twice.**
    #[must_use]
    pub fn on_duplicate(mut self, on_duplicate: OnDuplicate) -> Self {
        self.writer.on_duplicate = on_duplicate;
        self
    }

    /// Records the path that outputs will be written to: the absolute path of a file or a folder.
    #[must_use]
    pub fn with_output_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.writer.output = Some(path.into());
        self
    }

    /// Returns the client without the journal.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Returns the journal, if there is one.
    pub fn journal(&self) -> Option<&Journal> {
        self.writer.journal.as_ref()
    }

    /// Submits a typed input to its model. **This costs money**, and is sent once: see [`SubmitOutcome`].
    #[cfg(feature = "async")]
    pub async fn submit<I: ModelInput>(&self, input: &I) -> SubmitOutcome<I::Model> {
        match PendingSubmit::typed(self.client.settings(), input, SystemTime::now()) {
            Ok(pending) => self.spawn(pending, std::future::pending()).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Submits raw JSON to a model by its id, unchecked. **This costs money**, and is sent once: see [`SubmitOutcome`].
    #[cfg(feature = "async")]
    pub async fn submit_json(&self, model: &ModelId, input: &Value) -> SubmitOutcome {
        self.submit_json_until(model, input, std::future::pending()).await
    }

    /// Submits raw JSON until `stop` is ready. **This costs money.** After that no further attempt begins: an attempt in
    /// flight is awaited, and a pause before another one ends at once, rejected as
    /// [`ErrorKind::Abandoned`](crate::ErrorKind::Abandoned).
    #[cfg(feature = "async")]
    pub async fn submit_json_until(
        &self,
        model: &ModelId,
        input: &Value,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> SubmitOutcome {
        match PendingSubmit::json(self.client.settings(), model, input, SystemTime::now()) {
            Ok(pending) => self.spawn(pending, stop).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Waits until a job is over, as [`wait`](kling_poll::wait()) does, and records the progress.
    ///
    /// A job without an entry gets one first, so that it can be resumed after a crash as well.
    ///
    /// # Errors
    /// As [`wait`](kling_poll::wait()).
    pub async fn wait<M: JobModel>(
        &self,
        job: &Job<M>,
        options: &WaitOptions,
        mut on_update: impl FnMut(&Update),
    ) -> Result<CompletedJob<M>, WaitError> {
        let (tracked, options) = (Mutex::new(None::<TrackedJob>), self.recording_drops(options));
        // Made before the journal is read, so that a drop from here on cancels if the options ask for that.
        let waiting = kling_poll::wait(&self.client, job, &options, |update| {
            if let (Some(tracked), Some(state)) = (lock(&tracked).as_mut(), &update.state) {
                tracked.see(state);
            }
            on_update(update);
        });
        let (own, id, model) = (self.clone(), job.id().clone(), job.model().cloned());
        let track = move || own.writer.track(own.client.settings(), &id, model.as_ref());
        *lock(&tracked) = self.client.run_blocking(track).await;
        let outcome = waiting.await;
        let (job, result) = (lock(&tracked).take(), outcome.clone());
        self.client.run_blocking(move || job.map(|job| job.end(&result))).await;
        outcome
    }

    /// Cancels a job and finds out the outcome, as [`cancel`](crate::cancel()) does, and records it.
    ///
    /// # Errors
    /// As [`cancel`](crate::cancel()).
    pub async fn cancel(&self, id: &RequestId) -> Result<CancelReply, Error> {
        let reply = kling_poll::cancel(&self.client, id).await?;
        let (id, recorded) = (id.clone(), reply.clone());
        self.write(move |own| own.writer.record_cancel(&own.origin(), &id, &recorded)).await;
        Ok(reply)
    }

    /// Records that every output of a job is on disk, by absolute paths.
    pub async fn saved(&self, id: &RequestId, files: impl IntoIterator<Item = impl AsRef<Path>>) {
        let (id, event) = (id.clone(), Event::saved(files));
        self.write(move |own| own.writer.record_job(&own.origin(), &id, &event)).await;
    }

    /// Records an event of a [`JobSet`](crate::JobSet): a state, the outputs, the end of a job.
    ///
    /// The entry of a job is locked from its first event to its last, so that no other process waits for it. A job without an
    /// entry gets one. If a set is dropped before its jobs are over, their entries stay locked until this client and its
    /// clones are dropped, or each is [released](Journaled::release).
    ///
    /// ```no_run
    /// # async fn run(client: kling::Journaled, mut set: kling::JobSet) {
    /// while let Some(event) = set.next().await {
    ///     client.record(&event).await;
    /// }
    /// # }
    /// ```
    pub async fn record<M: JobModel>(&self, event: &JobSetEvent<M>) {
        let event = event.clone();
        self.write(move |own| own.job_sets.record(&own.writer, own.client.settings(), &event)).await;
    }

    /// Unlocks the entry of a job that was detached from its set, so that another process may wait for it.
    pub async fn release(&self, id: &RequestId) {
        let id = id.clone();
        self.write(move |own| own.job_sets.release(&id)).await;
    }

    /// Executes a submit between its two records.
    pub(crate) async fn execute<M: JobModel>(
        &self,
        pending: PendingSubmit<M>,
        stop: impl Future<Output = ()> + Send,
    ) -> SubmitOutcome<M> {
        let intent = self.writer.intent(self.client.settings(), &pending);
        let writer = self.writer.clone();
        let mut guard = match self.client.run_blocking(move || writer.begin(&intent)).await {
            Some(Ok(guard)) => guard,
            Some(Err(error)) => return SubmitOutcome::Rejected(error),
            None => return SubmitOutcome::Rejected(Error::journal("the runtime stopped before the write")),
        };
        let outcome = guard.complete(self.client.execute_until(pending, stop).await);
        self.client.run_blocking(move || drop(guard)).await;
        outcome
    }

    /// Executes a submit in a task of its own. Dropping this future stops the task from another attempt, and does not
    /// interrupt one in flight.
    #[cfg(feature = "async")]
    async fn spawn<M: JobModel>(
        &self,
        pending: PendingSubmit<M>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> SubmitOutcome<M> {
        let (_alive, dropped) = oneshot::channel::<Infallible>();
        let own = self.clone();
        let task = tokio::spawn(async move {
            let stop = async {
                tokio::select! {
                    () = stop => {}
                    _ = dropped => {}
                }
            };
            own.execute(pending, stop).await
        });
        match task.await.map_err(JoinError::try_into_panic) {
            Ok(outcome) => outcome,
            Err(Ok(panic)) => resume_unwind(panic),
            // Only a runtime that shuts down stops a task, and it drops this future as well.
            Err(Err(_)) => std::future::pending().await,
        }
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
        self.client.run_blocking(move || work(&own)).await;
    }

    fn origin(&self) -> String {
        self.client.settings().base().origin()
    }
}

/// Ignores poison, since a panic of a callback does not break the job.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
