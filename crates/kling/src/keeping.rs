//! Records a paid job in the journal, from its intent to its end, for both journaled clients and their fleets.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kling_journal::{
    EntryLock, Error as JournalError, ErrorKind, Event, FinalStatus, Intent, IntentId, Journal, OnDuplicate,
};
use kling_poll::{CompletedJob, JobSetEvent, JobSetUpdate, WaitError};
use kling_transport::{
    CancelOutcome, CancelReply, Error, JobModel, ModelId, PendingSubmit, RequestId, Settings, State,
    SubmitOutcome,
};

type OnJournalError = Arc<dyn Fn(&JournalError) + Send + Sync>;
type OnAccepted = Arc<dyn Fn(&RequestId) + Send + Sync>;

/// A journal, and how it is kept.
#[derive(Clone)]
pub(crate) struct JournalWriter {
    pub(crate) journal: Option<Journal>,
    pub(crate) on_duplicate: OnDuplicate,
    pub(crate) output: Option<PathBuf>,
    pub(crate) on_journal_error: OnJournalError,
    /// Called with a request id before the id is recorded.
    pub(crate) on_accepted: OnAccepted,
}

impl JournalWriter {
    pub(crate) fn new(journal: Option<Journal>) -> Self {
        Self {
            journal,
            on_duplicate: OnDuplicate::Reject,
            output: None,
            on_journal_error: Arc::new(|_| {}),
            on_accepted: Arc::new(|_| {}),
        }
    }

    /// What a submit is about to pay for.
    pub(crate) fn intent<M: JobModel>(&self, settings: &Settings, submitting: &PendingSubmit<M>) -> Intent {
        let fingerprint = submitting.fingerprint().to_string();
        let intent = Intent::new(settings.base().origin(), submitting.model().as_str(), fingerprint)
            .with_account(settings.token().account_hash());
        self.bound_for_output(intent)
    }

    /// Writes an intent down, before its request leaves. What it gives lives as long as the submit.
    ///
    /// # Errors
    /// [`Error::is_duplicate_request`], [`Error::is_journal`]: then nothing may be sent.
    pub(crate) fn begin(&self, intent: &Intent) -> Result<SubmitGuard, Error> {
        if let Some(journal) = &self.journal {
            journal.begin(intent, self.on_duplicate).map_err(|error| match error.kind() {
                ErrorKind::DuplicateRequest => Error::unresolved(error),
                _ => Error::journal(error),
            })?;
        }
        let outcome =
            Event::Unknown { message: "the program stopped before the submit was confirmed".to_owned() };
        Ok(SubmitGuard { keeping: self.clone(), intent: *intent.id(), outcome })
    }

    /// Writes down that a job was cancelled, if it was.
    pub(crate) fn cancelled(&self, origin: &str, id: &RequestId, reply: &CancelReply) {
        if reply.outcome == CancelOutcome::Cancelled {
            self.record_job(origin, id, &Event::finished(FinalStatus::Cancelled));
        }
    }

    /// Writes down what happened to a job, where it is in the journal.
    pub(crate) fn record_job(&self, origin: &str, id: &RequestId, event: &Event) {
        let Some(journal) = &self.journal else { return };
        match journal.find_job(origin, id.as_str()) {
            Ok(Some(entry)) => self.record(entry.intent().id(), event),
            Ok(None) => {}
            Err(error) => (self.on_journal_error)(&error),
        }
    }

    /// Takes up a job that is waited for, so that no other process does so too. One that the journal does not know is noted.
    pub(crate) fn track(&self, settings: &Settings, id: &RequestId, model: Option<&ModelId>) -> TrackedJob {
        let account = settings.token().account_hash();
        let intent = self.journal.as_ref().and_then(|journal| {
            let found = self.find_or_adopt(journal, settings, id, model);
            found.inspect_err(|error| (self.on_journal_error)(error)).ok()
        });
        let is_own = intent.as_ref().is_some_and(|intent| intent.account() == Some(&account));
        let is_adopted = intent.as_ref().is_some_and(|intent| intent.request_id().is_some());
        let intent = intent.map(|intent| *intent.id());
        TrackedJob {
            is_own,
            is_adopted,
            // A wait costs nothing, so it goes on where another process waits as well.
            lock: intent.and_then(|intent| self.journal.as_ref()?.lock(&intent).ok().flatten()),
            intent,
            seen: None,
            keeping: self.clone(),
        }
    }

    /// The intent of a job, also of one that was submitted elsewhere.
    fn find_or_adopt(
        &self,
        journal: &Journal,
        settings: &Settings,
        id: &RequestId,
        model: Option<&ModelId>,
    ) -> Result<Intent, JournalError> {
        let origin = settings.base().origin();
        if let Some(entry) = journal.find_job(&origin, id.as_str())? {
            return Ok(entry.intent().clone());
        }
        let intent = Intent::of_job(origin, model.map_or("", ModelId::as_str), id.as_str())
            .with_account(settings.token().account_hash());
        journal.adopt(&self.bound_for_output(intent))
    }

    fn bound_for_output(&self, intent: Intent) -> Intent {
        match &self.output {
            Some(path) => intent.with_output(path),
            None => intent,
        }
    }

    /// The money is spent, so the job goes on where this fails; whoever listens is told.
    fn record(&self, intent: &IntentId, event: &Event) {
        let Some(journal) = &self.journal else { return };
        if let Err(error) = journal.record(intent, event) {
            (self.on_journal_error)(&error);
        }
    }
}

impl fmt::Debug for JournalWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { journal, on_duplicate, output, .. } = self;
        f.debug_struct("JournalWriter")
            .field("journal", journal)
            .field("on_duplicate", on_duplicate)
            .field("output", output)
            .finish_non_exhaustive()
    }
}

/// A submit that was begun. Its outcome is written down when this is dropped, also by a panic or the end of the runtime:
/// as long as none is known, as a lost one.
pub(crate) struct SubmitGuard {
    keeping: JournalWriter,
    intent: IntentId,
    outcome: Event,
}

impl SubmitGuard {
    /// What became of the submit.
    pub(crate) fn came<M: JobModel>(&mut self, submission: &SubmitOutcome<M>) {
        self.outcome = match submission {
            SubmitOutcome::Accepted(job) => Event::accepted(job.id().as_str()),
            SubmitOutcome::Rejected(error) => Event::Rejected { message: error.to_string() },
            SubmitOutcome::Unknown(unknown) => Event::Unknown { message: unknown.to_string() },
        };
        // Shown before it is recorded: if the disk fails, a person still has it. A callback that panics loses nothing.
        if let SubmitOutcome::Accepted(job) = submission {
            (self.keeping.on_accepted)(job.id());
        }
    }
}

impl Drop for SubmitGuard {
    fn drop(&mut self) {
        self.keeping.record(&self.intent, &self.outcome);
    }
}

/// The jobs that were told of, each taken up with its first news and let go of with its last.
#[derive(Default)]
pub(crate) struct JobSetJournal(Mutex<HashMap<RequestId, TrackedJob>>);

impl JobSetJournal {
    /// Writes it down.
    pub(crate) fn record<M: JobModel>(&self, keeping: &JournalWriter, settings: &Settings, note: Note<M>) {
        let mut taken = self.lock();
        let mut kept = taken.remove(&note.id).unwrap_or_else(|| {
            let model: Option<ModelId> = M::MODEL.and_then(|model| model.parse().ok());
            keeping.track(settings, &note.id, model.as_ref())
        });
        match note.what {
            What::Seen(state) => {
                kept.see(&state);
                taken.insert(note.id, kept);
            }
            What::Over(outcome) => {
                let ending = kept.ending(&outcome);
                kept.end(ending.as_ref());
            }
        }
    }

    /// Lets go of a job.
    pub(crate) fn release(&self, id: &RequestId) {
        let kept = self.lock().remove(id);
        drop(kept);
    }

    /// A panic between two records leaves both whole.
    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, TrackedJob>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for JobSetJournal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JobSetJournal({} jobs)", self.lock().len())
    }
}

/// What one piece of news says of a job, to be carried to where a disk may be waited for.
pub(crate) struct Note<M: JobModel> {
    id: RequestId,
    what: What<M>,
}

enum What<M: JobModel> {
    Seen(State),
    Over(Box<Result<CompletedJob<M>, WaitError>>),
}

impl<M: JobModel> Note<M> {
    /// Nothing where the news says nothing that is worth keeping.
    pub(crate) fn of(event: &JobSetEvent<M>) -> Option<Self> {
        let what = match &event.news {
            JobSetUpdate::Update(update) => What::Seen(update.state.clone()?),
            JobSetUpdate::Done(outcome) => What::Over(outcome.clone().into()),
            // The end of the wait tells what became of a cancel.
            _ => return None,
        };
        Some(Self { id: event.request_id.clone(), what })
    }
}

/// A job that is waited for, with its entry, if it has one.
pub(crate) struct TrackedJob {
    keeping: JournalWriter,
    intent: Option<IntentId>,
    /// Whether the account that asks is the one that submitted.
    is_own: bool,
    /// Whether it was submitted elsewhere.
    is_adopted: bool,
    lock: Option<EntryLock>,
    seen: Option<State>,
}

impl TrackedJob {
    /// Writes down the state where it is a new one. Such a record is not synced, so it takes microseconds.
    pub(crate) fn see(&mut self, state: &State) {
        let Some(intent) = &self.intent else { return };
        if self.seen.as_ref() != Some(state) {
            self.keeping.record(intent, &Event::state_changed(state.as_str()));
            self.seen = Some(state.clone());
        }
    }

    /// What the end of a wait says of the job; nothing where it may go on.
    ///
    /// To another account's token a job may seem to be gone, so that is believed of its own only. One that its account may not
    /// ask for was adopted by mistake.
    pub(crate) fn ending<M: JobModel>(&self, outcome: &Result<CompletedJob<M>, WaitError>) -> Option<Event> {
        let ending = match outcome {
            Ok(finished) => {
                // A file inside the answer is no link to keep: the API is asked for it again.
                let is_link =
                    |url: &&str| !url.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"));
                let outputs = finished.reply().output_urls().into_iter().filter(is_link).collect();
                return Some(Event::Finished {
                    status: FinalStatus::Succeeded,
                    outputs,
                    cost_usd: finished.cost_usd(),
                });
            }
            Err(error) if error.is_failed() => FinalStatus::Failed,
            Err(error) if error.is_cancelled() || was_cancelled(error) => FinalStatus::Cancelled,
            Err(error) if error.is_not_found() && self.is_own => FinalStatus::Gone,
            Err(error) if error.is_permission() && self.is_own && self.is_adopted => FinalStatus::Gone,
            Err(_) => return None,
        };
        Some(Event::finished(ending))
    }

    /// Writes the ending down, and lets go of the job.
    pub(crate) fn end(self, ending: Option<&Event>) {
        if let (Some(intent), Some(event)) = (&self.intent, ending) {
            self.keeping.record(intent, event);
        }
        drop(self.lock);
    }
}

/// Whether the job was cancelled at the deadline of its wait.
fn was_cancelled(error: &WaitError) -> bool {
    matches!(error.cancelling(), Some(Ok(reply)) if reply.outcome == CancelOutcome::Cancelled)
}
