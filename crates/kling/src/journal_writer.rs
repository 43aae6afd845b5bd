//! Records a paid job in the journal, from its intent to its end.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kling_journal::{
    Entry, EntryLock, Error as JournalError, ErrorKind, Event, FinalStatus, Intent, IntentId, Journal,
    OnDuplicate,
};
use kling_poll::{CompletedJob, JobSetEvent, JobSetUpdate, Update, WaitError};
use kling_transport::{
    CancelOutcome, CancelReply, Error, JobModel, ModelId, PendingSubmit, RequestId, Settings, State,
    SubmitOutcome,
};

pub(crate) type OnJournalError = Arc<dyn Fn(&JournalError) + Send + Sync>;
type OnAccepted = Arc<dyn Fn(&RequestId) + Send + Sync>;

/// A journal with the options of its client.
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

    /// Returns the intent of a submit.
    pub(crate) fn intent<M: JobModel>(&self, settings: &Settings, pending: &PendingSubmit<M>) -> Intent {
        let fingerprint = pending.fingerprint().to_string();
        let intent = Intent::new(settings.base().origin(), pending.model().as_str(), fingerprint)
            .with_account(settings.token().account_hash());
        self.with_output(intent)
    }

    /// Records an intent, before its request is sent. The guard lives as long as the submit.
    ///
    /// With `resumes`, returns a job of the same request instead, if the journal has one that can be resumed.
    ///
    /// # Errors
    /// If the intent could not be recorded, or an identical request has an unknown outcome. The request must not be sent then.
    pub(crate) fn begin(&self, intent: &Intent, resumes: bool) -> Result<Begun, Error> {
        if let Some(journal) = &self.journal {
            let begun = if resumes && self.on_duplicate == OnDuplicate::Reject {
                journal.begin_or_find(intent)
            } else {
                journal.begin(intent, self.on_duplicate).map(|()| None)
            };
            if let Some(known) = begun.map_err(refused)? {
                return Ok(Begun::Known(Box::new(known)));
            }
        }
        let outcome =
            Event::Unknown { message: "the program stopped before the submit was confirmed".to_owned() };
        Ok(Begun::New(SubmitGuard { writer: self.clone(), intent: *intent.id(), outcome }))
    }

    /// Returns the entry of a job and locks it. The lock is missing if another process has it.
    pub(crate) fn find_and_lock(&self, origin: &str, id: &RequestId) -> Option<(Entry, Option<EntryLock>)> {
        let journal = self.journal.as_ref()?;
        let found = journal.find_job(origin, id.as_str());
        let entry = found.inspect_err(|error| (self.on_journal_error)(error)).ok()??;
        let lock = journal.lock(entry.intent().id()).ok().flatten();
        Some((entry, lock))
    }

    /// Records that a job was cancelled, if the reply says so.
    pub(crate) fn record_cancel(&self, origin: &str, id: &RequestId, reply: &CancelReply) {
        if reply.outcome == CancelOutcome::Cancelled {
            self.record_job(origin, id, &Event::finished(FinalStatus::Cancelled));
        }
    }

    /// Records an event of a job, if the job is in the journal.
    pub(crate) fn record_job(&self, origin: &str, id: &RequestId, event: &Event) {
        let Some(journal) = &self.journal else { return };
        match journal.find_job(origin, id.as_str()) {
            Ok(Some(entry)) => self.record(entry.intent().id(), event),
            Ok(None) => {}
            Err(error) => (self.on_journal_error)(&error),
        }
    }

    /// Locks the entry of a job, so that no other process waits for it. A job without an entry gets one.
    pub(crate) fn track(&self, settings: &Settings, id: &RequestId, model: Option<&ModelId>) -> TrackedJob {
        let (origin, account) = (settings.base().origin(), settings.token().account_hash());
        let find_or_adopt = |journal: &Journal| {
            if let Some(entry) = journal.find_job(&origin, id.as_str())? {
                return Ok(entry.intent().clone());
            }
            let intent = Intent::of_job(origin.clone(), model.map_or("", ModelId::as_str), id.as_str());
            journal.adopt(&self.with_output(intent.with_account(account.clone())))
        };
        let intent = self.journal.as_ref().and_then(|journal| {
            find_or_adopt(journal).inspect_err(|error| (self.on_journal_error)(error)).ok()
        });
        let id = intent.as_ref().map(|intent| *intent.id());
        TrackedJob {
            is_own: intent.as_ref().is_some_and(|intent| intent.account() == Some(&account)),
            is_adopted: intent.is_some_and(|intent| intent.request_id().is_some()),
            // A wait is free, so it continues even if another process has the lock.
            _lock: id.and_then(|id| self.journal.as_ref()?.lock(&id).ok().flatten()),
            intent: id,
            seen: None,
            writer: self.clone(),
        }
    }

    fn with_output(&self, intent: Intent) -> Intent {
        match &self.output {
            Some(path) => intent.with_output(path),
            None => intent,
        }
    }

    /// Records an event. The money is spent, so an error is reported and the job continues.
    fn record(&self, intent: &IntentId, event: &Event) {
        let Some(journal) = &self.journal else { return };
        if let Err(error) = journal.record(intent, event) {
            (self.on_journal_error)(&error);
        }
    }
}

impl fmt::Debug for JournalWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalWriter").field("journal", &self.journal).finish_non_exhaustive()
    }
}

/// The beginning of a submit.
pub(crate) enum Begun {
    /// The intent is recorded, and the request may be sent.
    New(SubmitGuard),
    /// A job of the same request can be resumed.
    Known(Box<Entry>),
}

fn refused(error: JournalError) -> Error {
    match error.kind() {
        ErrorKind::DuplicateRequest => Error::unresolved(error),
        _ => Error::journal(error),
    }
}

/// A submit that has begun. Dropping the guard records the outcome, also after a panic or at the end of the runtime: without
/// one, it records an unknown outcome.
pub(crate) struct SubmitGuard {
    writer: JournalWriter,
    intent: IntentId,
    outcome: Event,
}

impl SubmitGuard {
    /// Takes the outcome of the submit, which is recorded when the guard is dropped.
    pub(crate) fn complete<M: JobModel>(&mut self, outcome: SubmitOutcome<M>) -> SubmitOutcome<M> {
        self.outcome = match &outcome {
            SubmitOutcome::Accepted(job) => Event::accepted(job.id().as_str()),
            SubmitOutcome::Rejected(error) => Event::Rejected { message: error.to_string() },
            SubmitOutcome::Unknown(unknown) => Event::Unknown { message: unknown.to_string() },
        };
        match outcome {
            SubmitOutcome::Accepted(job) => {
                // The callback comes before the record, so that a person has the id even if the disk fails.
                (self.writer.on_accepted)(job.id());
                SubmitOutcome::Accepted(job)
            }
            SubmitOutcome::Unknown(unknown) if self.writer.journal.is_some() => {
                SubmitOutcome::Unknown(unknown.with_intent_id(self.intent.to_string()))
            }
            outcome => outcome,
        }
    }

    /// Records the outcome, and locks the entry of an accepted job.
    pub(crate) fn record_and_lock(self) -> Option<EntryLock> {
        let (journal, intent) = (self.writer.journal.clone()?, self.intent);
        let is_accepted = matches!(self.outcome, Event::Accepted { .. });
        drop(self);
        if is_accepted { journal.lock(&intent).ok().flatten() } else { None }
    }
}

impl Drop for SubmitGuard {
    fn drop(&mut self) {
        self.writer.record(&self.intent, &self.outcome);
    }
}

/// The jobs of job sets, each tracked from its first event to its last.
#[derive(Debug, Default)]
pub(crate) struct JobSetJournal(Mutex<HashMap<RequestId, TrackedJob>>);

impl JobSetJournal {
    /// Records an event of a job.
    pub(crate) fn record<M: JobModel>(
        &self,
        writer: &JournalWriter,
        settings: &Settings,
        event: &JobSetEvent<M>,
    ) {
        let mut jobs = self.lock();
        let mut track = || {
            let model: Option<ModelId> = M::MODEL.and_then(|model| model.parse().ok());
            let tracked = jobs.remove(&event.request_id);
            tracked.unwrap_or_else(|| writer.track(settings, &event.request_id, model.as_ref()))
        };
        match &event.update {
            JobSetUpdate::Update(Update { state: Some(state), .. }) => {
                let mut job = track();
                job.see(state);
                jobs.insert(event.request_id.clone(), job);
            }
            JobSetUpdate::Done(outcome) => track().end(outcome),
            // The end of the wait reports the outcome of a cancel.
            _ => {}
        }
    }

    /// Unlocks the entry of a job.
    pub(crate) fn release(&self, id: &RequestId) {
        drop(self.lock().remove(id));
    }

    /// Ignores poison, since a panic breaks no record.
    fn lock(&self) -> MutexGuard<'_, HashMap<RequestId, TrackedJob>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job of a wait, with its entry if it has one.
#[derive(Debug)]
pub(crate) struct TrackedJob {
    writer: JournalWriter,
    intent: Option<IntentId>,
    /// Whether the account of the wait is the one that submitted.
    is_own: bool,
    /// Whether the job was submitted elsewhere.
    is_adopted: bool,
    _lock: Option<EntryLock>,
    seen: Option<State>,
}

impl TrackedJob {
    /// Records a new state. Such a record is not synced, so it takes microseconds.
    pub(crate) fn see(&mut self, state: &State) {
        let Some(intent) = &self.intent else { return };
        if self.seen.as_ref() != Some(state) {
            self.writer.record(intent, &Event::state_changed(state.as_str()));
            self.seen = Some(state.clone());
        }
    }

    /// Records the end of a wait, and unlocks the entry.
    pub(crate) fn end<M: JobModel>(self, outcome: &Result<CompletedJob<M>, WaitError>) {
        if let (Some(intent), Some(event)) = (&self.intent, self.final_event(outcome)) {
            self.writer.record(intent, &event);
        }
    }

    /// Returns the event of a final outcome, or `None` if the job may still run.
    ///
    /// The API hides jobs from other accounts, so "not found" counts for the job's own account only. An adopted job that its
    /// account may not see was adopted by mistake.
    fn final_event<M: JobModel>(&self, outcome: &Result<CompletedJob<M>, WaitError>) -> Option<Event> {
        let status = match outcome {
            Ok(completed) => {
                // A file inside the reply is not a link. The API sends it again.
                let is_link =
                    |url: &&str| !url.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("data:"));
                let outputs = completed.reply().output_urls().into_iter().filter(is_link).collect();
                let (status, cost_usd) = (FinalStatus::Succeeded, completed.cost_usd());
                return Some(Event::Finished { status, outputs, cost_usd });
            }
            Err(error) if error.is_failed() => FinalStatus::Failed,
            Err(error) if error.is_cancelled() || is_cancelled_at_deadline(error) => FinalStatus::Cancelled,
            Err(error) if error.is_not_found() && self.is_own => FinalStatus::Gone,
            Err(error) if error.is_permission() && self.is_own && self.is_adopted => FinalStatus::Gone,
            Err(_) => return None,
        };
        Some(Event::finished(status))
    }
}

fn is_cancelled_at_deadline(error: &WaitError) -> bool {
    matches!(error.cancelling(), Some(Ok(reply)) if reply.outcome == CancelOutcome::Cancelled)
}
