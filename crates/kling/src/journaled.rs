//! The async client with a journal: an intent is on disk before its paid request leaves, and nothing tears a submit.

use std::convert::Infallible;
use std::future::{Future, pending, poll_fn};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::SystemTime;

use kling_journal::{Error as JournalError, Event, Journal, OnDuplicate};
use kling_poll::{CompletedJob, JobSetEvent, Update, WaitError, WaitOptions};
use kling_transport::{
    CancelReply, Client, Error, Job, JobModel, ModelId, PendingSubmit, RequestId, Reqwest, SubmitOutcome,
    Transport,
};
use kling_types::ModelInput;
use serde_json::Value;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, spawn_blocking};

use crate::keeping::{JobSetJournal, JournalWriter, Note, TrackedJob};

/// A [`Client`] that writes down what it pays for; `blocking::Journaled` is its like.
///
/// An intent is on disk before the POST leaves, the id before anything waits, then the last state, the outputs, the files. After
/// a crash at any moment [`Journal::page`] has every job that may be paid for: with its id, or as *unknown*. If the intent
/// cannot be written, nothing is sent: [`Error::is_journal`]. If the very same request has an unknown outcome, nothing is sent
/// either: [`Error::is_duplicate_request`].
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
/// Abandoning the future of a submit does not tear it: an attempt that is out is seen to its end in a task of its own, and its
/// id reaches the journal while the runtime lives. No further attempt is made then, so that whoever submits anew pays once.
#[derive(Debug)]
pub struct Journaled<T = Reqwest> {
    client: Client<T>,
    keeping: JournalWriter,
    fleet: Arc<JobSetJournal>,
}

impl<T> Clone for Journaled<T> {
    fn clone(&self) -> Self {
        Self { client: self.client.clone(), keeping: self.keeping.clone(), fleet: Arc::clone(&self.fleet) }
    }
}

impl<T> Journaled<T> {
    /// A client with a journal; with `None` it works the same, and nothing is noted.
    pub fn new(client: Client<T>, journal: impl Into<Option<Journal>>) -> Self {
        Self { client, keeping: JournalWriter::new(journal.into()), fleet: Arc::default() }
    }

    /// The same client with a callback for errors of the journal after a request was sent. The job goes on, and its entry
    /// stays as it was, at worst *unknown*. A request id that the journal refused is in the message. Without a callback,
    /// such errors are silent.
    #[must_use]
    pub fn on_journal_error(mut self, callback: impl Fn(&JournalError) + Send + Sync + 'static) -> Self {
        self.keeping.on_journal_error = Arc::new(callback);
        self
    }

    /// The same client with a callback for request ids: it is called with each one before the id is recorded, so that a
    /// person sees it even if the disk fails. It may block. If it panics, the id is recorded all the same.
    #[must_use]
    pub fn on_accepted(mut self, callback: impl Fn(&RequestId) + Send + Sync + 'static) -> Self {
        self.keeping.on_accepted = Arc::new(callback);
        self
    }

    /// The same client with a rule for requests that were submitted before with an unknown outcome. By default they are
    /// rejected. **[`OnDuplicate::Allow`] may pay twice.**
    #[must_use]
    pub fn on_duplicate(mut self, on_duplicate: OnDuplicate) -> Self {
        self.keeping.on_duplicate = on_duplicate;
        self
    }

    /// The same client with the path that outputs will be written to, which is recorded: an absolute path of a file or a
    /// folder.
    #[must_use]
    pub fn with_output_path(mut self, path: impl Into<PathBuf>) -> Self {
        self.keeping.output = Some(path.into());
        self
    }

    /// The client underneath, for the calls that nothing is noted of.
    pub fn client(&self) -> &Client<T> {
        &self.client
    }

    /// The journal, if there is one.
    pub fn journal(&self) -> Option<&Journal> {
        self.keeping.journal.as_ref()
    }
}

impl<T: Transport + 'static> Journaled<T> {
    /// Submits a typed input to its model. **This costs money**, and is sent once: see [`SubmitOutcome`].
    pub async fn submit<I: ModelInput>(&self, input: &I) -> SubmitOutcome<I::Model> {
        match PendingSubmit::typed(self.client.settings(), input, SystemTime::now()) {
            Ok(submitting) => self.execute(submitting, pending()).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Submits raw JSON to a model by its id, unchecked. **This costs money**, and is sent once: see [`SubmitOutcome`].
    pub async fn submit_json(&self, model: &ModelId, input: &Value) -> SubmitOutcome {
        match PendingSubmit::json(self.client.settings(), model, input, SystemTime::now()) {
            Ok(submitting) => self.execute(submitting, pending()).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// The same, until it is to stop. **This costs money.** From then on no further attempt is made: one that is out is seen to
    /// its end, and a pause before another ends at once, refused as [`Error::is_abandoned`].
    pub async fn submit_json_until(
        &self,
        model: &ModelId,
        input: &Value,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> SubmitOutcome {
        match PendingSubmit::json(self.client.settings(), model, input, SystemTime::now()) {
            Ok(submitting) => self.execute(submitting, stop).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Waits until a job is over, as [`wait`](crate::wait()) does, and notes what it sees.
    ///
    /// A job that the journal does not know is noted first, so that it can be taken up again after a crash as well.
    ///
    /// # Errors
    /// As [`wait`](crate::wait()).
    pub async fn wait<M: JobModel>(
        &self,
        job: &Job<M>,
        options: &WaitOptions,
        mut on_update: impl FnMut(&Update) + Send,
    ) -> Result<CompletedJob<M>, WaitError> {
        let (own, known) = (self.clone(), (job.id().clone(), job.model().cloned()));
        let (options, kept) = (self.noting_drops(options), Mutex::new(None));
        // Made before the journal is looked into: what was chosen for a drop holds from here on.
        let waiting = kling_poll::wait(&self.client, job, &options, |update| {
            if let Some(kept) = held(&kept).as_mut() {
                update.state.iter().for_each(|state| TrackedJob::see(kept, state));
            }
            on_update(update);
        });
        let taken_up =
            blocking(move || own.keeping.track(own.client.settings(), &known.0, known.1.as_ref())).await;
        *held(&kept) = Some(taken_up);
        let outcome = waiting.await;
        let kept = held(&kept).take();
        if let Some(kept) = kept {
            let ending = kept.ending(&outcome);
            blocking(move || kept.end(ending.as_ref())).await;
        }
        outcome
    }

    /// Cancels a job and finds out what became of it, as [`cancel`](crate::cancel()) does, and notes it.
    ///
    /// # Errors
    /// As [`cancel`](crate::cancel()).
    pub async fn cancel(&self, id: &RequestId) -> Result<CancelReply, Error> {
        let reply = kling_poll::cancel(&self.client, id).await?;
        let (own, id) = (self.clone(), id.clone());
        Ok(blocking(move || {
            own.keeping.cancelled(&own.client.settings().base().origin(), &id, &reply);
            reply
        })
        .await)
    }

    /// Notes that every output of a job lies on disk, by absolute paths.
    pub async fn saved(&self, id: &RequestId, files: impl IntoIterator<Item = impl AsRef<Path>>) {
        let (own, id, event) = (self.clone(), id.clone(), Event::saved(files));
        let origin = self.client.settings().base().origin();
        blocking(move || own.keeping.record_job(&origin, &id, &event)).await;
    }

    /// Notes what a [`JobSet`](crate::JobSet) tells of a job: its states, its outputs, its end.
    ///
    /// The job is taken up with its first news, so that no other process does so too, and let go of with its last. One that the
    /// journal does not know is noted as by [`Journaled::wait`]. Jobs of a fleet that is dropped before they are over stay in hand
    /// until this client and its clones are dropped as well, or each is [released](Journaled::release).
    ///
    /// ```no_run
    /// # async fn run(client: kling::Journaled, jobs: Vec<kling::Job>) {
    /// use kling::{JobSet, RateLimit, WaitOptions};
    ///
    /// let mut fleet = JobSet::new();
    /// let account = fleet.account(client.client().clone(), RateLimit::default());
    /// for job in &jobs {
    ///     account.add(job, &WaitOptions::default());
    /// }
    /// while let Some(event) = fleet.next().await {
    ///     client.record(&event).await;
    /// }
    /// # }
    /// ```
    pub async fn record<M: JobModel>(&self, event: &JobSetEvent<M>) {
        let Some(note) = Note::of(event) else { return };
        let own = self.clone();
        blocking(move || own.fleet.record(&own.keeping, own.client.settings(), note)).await;
    }

    /// Lets go of a job that was detached from its fleet, so that another process may take it up.
    pub async fn release(&self, id: &RequestId) {
        let (fleet, id) = (Arc::clone(&self.fleet), id.clone());
        blocking(move || fleet.release(&id)).await;
    }

    /// Carries a submit in a task of its own, so that dropping this future does not tear it, only keeps it from beginning anew.
    async fn execute<M: JobModel>(
        &self,
        submitting: PendingSubmit<M>,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> SubmitOutcome<M> {
        let (_here, gone) = oneshot::channel::<Infallible>();
        let stop = either(stop, async { drop(gone.await) });
        joined(tokio::spawn(self.clone().keep(submitting, stop))).await
    }

    async fn keep<M: JobModel>(
        self,
        submitting: PendingSubmit<M>,
        stop: impl Future<Output = ()> + Send,
    ) -> SubmitOutcome<M> {
        let Self { client, keeping, .. } = self;
        let intent = keeping.intent(client.settings(), &submitting);
        let mut paying = match blocking(move || keeping.begin(&intent)).await {
            Ok(paying) => paying,
            Err(error) => return SubmitOutcome::Rejected(error),
        };
        let submission = client.execute_until(submitting, stop).await;
        paying.came(&submission);
        blocking(move || drop(paying)).await;
        submission
    }

    /// The same options, where a cancel that follows from a drop is noted before it is told.
    fn noting_drops(&self, options: &WaitOptions) -> WaitOptions {
        let Some(on_drop) = options.on_drop().cloned() else { return options.clone() };
        let (keeping, origin) = (self.keeping.clone(), self.client.settings().base().origin());
        options.clone().with_cancel_on_drop(move |id, outcome| {
            let (keeping, on_drop, origin) = (keeping.clone(), on_drop.clone(), origin.clone());
            let (id, outcome) = (id.clone(), outcome.clone());
            spawn_blocking(move || {
                if let Ok(reply) = &outcome {
                    keeping.cancelled(&origin, &id, reply);
                }
                on_drop.tell(&id, &outcome);
            });
        })
    }
}

/// Runs what waits for a disk away from the threads that drive futures.
fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> impl Future<Output = R> {
    joined(spawn_blocking(work))
}

/// Nothing that could panic runs under the lock.
fn held<T>(kept: &Mutex<T>) -> MutexGuard<'_, T> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn joined<R>(task: JoinHandle<R>) -> R {
    match task.await.map_err(tokio::task::JoinError::try_into_panic) {
        Ok(done) => done,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        // Only a runtime that shuts down stops a task, and it drops this future as well.
        Err(Err(_)) => pending().await,
    }
}

/// Whichever of two comes first.
async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Pending => other.as_mut().poll(context),
        done => done,
    })
    .await;
}
