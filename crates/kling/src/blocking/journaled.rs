//! The blocking client with a journal: what is paid for is on disk before it leaves.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use kling_journal::{Error as JournalError, Event, Journal, OnDuplicate};
use kling_poll::{CompletedJob, JobSetEvent, Update, WaitError, WaitOptions};
use kling_transport::blocking::{Client, Transport, Ureq};
use kling_transport::{CancelReply, Error, Job, JobModel, ModelId, PendingSubmit, RequestId, SubmitOutcome};
use kling_types::ModelInput;
use serde_json::Value;

use crate::keeping::{JobSetJournal, JournalWriter, Note};

/// A [`Client`] that writes down what it pays for, with the methods and the promises of the async `Journaled`.
///
/// ```no_run
/// use kling::blocking::{Client, Journaled};
/// use kling::{Journal, WaitOptions};
///
/// # fn run(input: kling::kling_1_6_pro_image_to_video::Input) -> Result<(), Box<dyn std::error::Error>> {
/// let client = Journaled::new(Client::from_env()?, Journal::from_env()?);
/// let job = client.submit(&input).into_result()?;
/// let clip = client.wait(&job, &WaitOptions::default(), |_| {})?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Journaled<T = Ureq> {
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

impl<T: Transport> Journaled<T> {
    /// Submits a typed input to its model. **This costs money**, and is sent once: see [`SubmitOutcome`].
    pub fn submit<I: ModelInput>(&self, input: &I) -> SubmitOutcome<I::Model> {
        match PendingSubmit::typed(self.client.settings(), input, SystemTime::now()) {
            Ok(submitting) => self.keep(submitting),
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Submits raw JSON to a model by its id, unchecked. **This costs money**, and is sent once: see [`SubmitOutcome`].
    pub fn submit_json(&self, model: &ModelId, input: &Value) -> SubmitOutcome {
        match PendingSubmit::json(self.client.settings(), model, input, SystemTime::now()) {
            Ok(submitting) => self.keep(submitting),
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Waits until a job is over, as [`wait`](super::wait()) does, and notes what it sees.
    ///
    /// A job that the journal does not know is noted first, so that it can be taken up again after a crash as well.
    ///
    /// # Errors
    /// As [`wait`](super::wait()).
    pub fn wait<M: JobModel>(
        &self,
        job: &Job<M>,
        options: &WaitOptions,
        mut on_update: impl FnMut(&Update),
    ) -> Result<CompletedJob<M>, WaitError> {
        let mut kept = self.keeping.track(self.client.settings(), job.id(), job.model());
        let outcome = kling_poll::blocking::wait(&self.client, job, options, |update| {
            update.state.iter().for_each(|state| kept.see(state));
            on_update(update);
        });
        let ending = kept.ending(&outcome);
        kept.end(ending.as_ref());
        outcome
    }

    /// Cancels a job and finds out what became of it, as [`cancel`](super::cancel()) does, and notes it.
    ///
    /// # Errors
    /// As [`cancel`](super::cancel()).
    pub fn cancel(&self, id: &RequestId) -> Result<CancelReply, Error> {
        let reply = kling_poll::blocking::cancel(&self.client, id)?;
        self.keeping.cancelled(&self.origin(), id, &reply);
        Ok(reply)
    }

    /// Notes that every output of a job lies on disk, by absolute paths.
    pub fn saved(&self, id: &RequestId, files: impl IntoIterator<Item = impl AsRef<Path>>) {
        self.keeping.record_job(&self.origin(), id, &Event::saved(files));
    }

    /// Notes what a [`JobSet`](super::JobSet) tells of a job: its states, its outputs, its end.
    ///
    /// The job is taken up with its first news, so that no other process does so too, and let go of with its last. One that the
    /// journal does not know is noted as by [`Journaled::wait`]. Jobs of a fleet that is dropped before they are over stay in hand
    /// until this client and its clones are dropped as well, or each is [released](Journaled::release).
    ///
    /// ```no_run
    /// # fn run(client: kling::blocking::Journaled, jobs: Vec<kling::Job>) {
    /// use kling::{RateLimit, WaitOptions, blocking::JobSet};
    ///
    /// let mut fleet = JobSet::new();
    /// let account = fleet.account(client.client().clone(), RateLimit::default());
    /// for job in &jobs {
    ///     account.add(job, &WaitOptions::default());
    /// }
    /// for event in &mut fleet {
    ///     client.record(&event);
    /// }
    /// # }
    /// ```
    pub fn record<M: JobModel>(&self, event: &JobSetEvent<M>) {
        if let Some(note) = Note::of(event) {
            self.fleet.record(&self.keeping, self.client.settings(), note);
        }
    }

    /// Lets go of a job that was detached from its fleet, so that another process may take it up.
    pub fn release(&self, id: &RequestId) {
        self.fleet.release(id);
    }

    fn keep<M: JobModel>(&self, submitting: PendingSubmit<M>) -> SubmitOutcome<M> {
        let intent = self.keeping.intent(self.client.settings(), &submitting);
        let mut paying = match self.keeping.begin(&intent) {
            Ok(paying) => paying,
            Err(error) => return SubmitOutcome::Rejected(error),
        };
        let submission = self.client.execute(submitting);
        paying.came(&submission);
        submission
    }

    fn origin(&self) -> String {
        self.client.settings().base().origin()
    }
}
