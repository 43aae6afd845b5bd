//! An entry of the journal: an intent, and everything that is known of it since.

use std::fmt;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::Intent;
use crate::intent::millis;

/// One paid request: its intent, and the state that was last recorded.
///
/// Serialises to one JSON object, the form of [`Journal::export`](crate::Journal::export).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Entry {
    intent: Intent,
    #[serde(with = "millis")]
    changed_at: SystemTime,
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    #[serde(default, skip_serializing_if = "Outputs::is_empty")]
    outputs: Outputs,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cost_usd: Option<f64>,
    #[serde(skip)]
    is_locked: bool,
}

/// Everything that is certain about the submit and the job.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Outcome {
    Open,
    Unknown,
    Rejected,
    NotSubmitted,
    Succeeded,
    Failed,
    Cancelled,
    Gone,
}

/// Everything that a store keeps of an entry beside its intent.
#[cfg(feature = "sqlite")]
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) changed_at: SystemTime,
    pub(crate) outcome: Outcome,
    pub(crate) request_id: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) outputs: Outputs,
    pub(crate) files: Vec<String>,
    pub(crate) cost_usd: Option<f64>,
}

impl Entry {
    /// The entry of an intent that was just recorded.
    #[must_use]
    pub fn new(intent: Intent) -> Self {
        Self {
            changed_at: intent.at(),
            outcome: Outcome::Open,
            request_id: intent.request_id().map(str::to_owned),
            intent,
            state: None,
            message: None,
            outputs: Outputs::default(),
            files: Vec::new(),
            cost_usd: None,
            is_locked: false,
        }
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn from_parts(intent: Intent, parts: Parts) -> Self {
        let Parts { changed_at, outcome, request_id, state, message, outputs, files, cost_usd } = parts;
        Self {
            intent,
            changed_at,
            outcome,
            request_id,
            state,
            message,
            outputs,
            files,
            cost_usd,
            is_locked: false,
        }
    }

    /// Applies an event that happened at a time. A final status holds against states that arrive late, and an id against
    /// doubts.
    pub fn apply(&mut self, at: SystemTime, event: &Event) {
        self.changed_at = millis::whole(at);
        match event {
            Event::Accepted { request_id } => {
                self.request_id = Some(request_id.clone());
                self.settle(Outcome::Open, None);
            }
            // An id proves that the job exists.
            Event::Rejected { .. } | Event::Unknown { .. } | Event::NotSubmitted
                if self.request_id.is_some() => {}
            Event::Rejected { message } => self.settle(Outcome::Rejected, Some(message)),
            Event::Unknown { message } => self.settle(Outcome::Unknown, Some(message)),
            Event::NotSubmitted => self.settle(Outcome::NotSubmitted, None),
            Event::StateChanged { state } => self.state = Some(state.clone()),
            Event::Finished { status, outputs, cost_usd } => {
                self.settle((*status).into(), None);
                if !outputs.is_empty() {
                    self.outputs = outputs.clone();
                }
                self.cost_usd = cost_usd.or(self.cost_usd);
            }
            Event::Saved { files } => self.files.clone_from(files),
        }
    }

    fn settle(&mut self, outcome: Outcome, message: Option<&String>) {
        self.outcome = outcome;
        self.message = message.cloned();
    }

    /// The same record for another intent of the same job.
    #[cfg(feature = "sqlite")]
    pub(crate) fn with_intent(self, intent: Intent) -> Self {
        Self { intent, ..self }
    }

    /// The same entry, locked by a living process or not.
    #[must_use]
    pub fn with_locked(self, is_locked: bool) -> Self {
        Self { is_locked, ..self }
    }

    /// The intent.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }

    /// The status of the submit or of the job.
    #[must_use]
    pub const fn status(&self) -> EntryStatus {
        match (self.outcome, &self.request_id) {
            (Outcome::Rejected, _) => EntryStatus::Rejected,
            (Outcome::NotSubmitted, _) => EntryStatus::NotSubmitted,
            (Outcome::Succeeded, _) => EntryStatus::Succeeded,
            (Outcome::Failed, _) => EntryStatus::Failed,
            (Outcome::Cancelled, _) => EntryStatus::Cancelled,
            (Outcome::Gone, _) => EntryStatus::Gone,
            (Outcome::Open | Outcome::Unknown, Some(_)) => EntryStatus::Running,
            (Outcome::Open, None) if self.is_locked => EntryStatus::Submitting,
            (Outcome::Open | Outcome::Unknown, None) => EntryStatus::Unknown,
        }
    }

    /// The request id that the API gave the job, if it is known.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The last status word of the API.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Why the outcome is unknown, or why the submit was rejected.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The URLs of the job's outputs.
    #[must_use]
    pub const fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// The files that hold the outputs, by absolute paths.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The cost in US dollars, if the API reported one.
    #[must_use]
    pub const fn cost_usd(&self) -> Option<f64> {
        self.cost_usd
    }

    /// When the entry was last changed, by this machine's clock.
    #[must_use]
    pub const fn changed_at(&self) -> SystemTime {
        self.changed_at
    }

    /// Whether a living process works on the entry: submits it, or waits for its job.
    #[must_use]
    pub const fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Whether a job still has to be waited for, or its outputs have to be saved.
    #[must_use]
    pub const fn is_unfinished(&self) -> bool {
        matches!(self.stage(), Stage::Running | Stage::Unsaved)
    }

    #[cfg(feature = "sqlite")]
    pub(crate) const fn outcome(&self) -> Outcome {
        self.outcome
    }

    /// The group of entries that this one belongs to, whichever process is alive.
    pub(crate) const fn stage(&self) -> Stage {
        match self.status() {
            EntryStatus::Unknown | EntryStatus::Submitting => Stage::Unresolved,
            EntryStatus::Running => Stage::Running,
            EntryStatus::Succeeded if self.files.is_empty() => Stage::Unsaved,
            _ => Stage::Over,
        }
    }
}

/// Groups of entries, for queries. The order is the order of a list: what needs a person first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    Over = 0,
    /// Submitted or not: the outcome is not known, or not known yet.
    Unresolved = 1,
    Running = 2,
    /// Succeeded, but no file is recorded.
    Unsaved = 3,
}

/// The status of an entry.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum EntryStatus {
    /// The request may have been sent, and whether it made a job is unknown: look before you pay again.
    Unknown,
    /// A living process is submitting the request.
    Submitting,
    /// The job exists and is not known to be over.
    Running,
    /// The job succeeded.
    Succeeded,
    /// The job failed.
    Failed,
    /// The job was cancelled.
    Cancelled,
    /// The API does not know the job any more.
    Gone,
    /// The submit made no job, which is certain.
    Rejected,
    /// A person looked, and the submit had made no job.
    NotSubmitted,
}

impl EntryStatus {
    /// The word for the status.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Submitting => "submitting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Gone => "gone",
            Self::Rejected => "rejected",
            Self::NotSubmitted => "not_submitted",
        }
    }

    /// Whether the job cannot change any more. Its outputs may still have to be saved.
    #[must_use]
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Unknown | Self::Submitting | Self::Running)
    }
}

impl fmt::Display for EntryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The final status of a job.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FinalStatus {
    /// The job succeeded.
    Succeeded,
    /// The job failed.
    Failed,
    /// The job was cancelled.
    Cancelled,
    /// The API does not know the job any more.
    Gone,
}

impl From<FinalStatus> for Outcome {
    fn from(status: FinalStatus) -> Self {
        match status {
            FinalStatus::Succeeded => Self::Succeeded,
            FinalStatus::Failed => Self::Failed,
            FinalStatus::Cancelled => Self::Cancelled,
            FinalStatus::Gone => Self::Gone,
        }
    }
}

/// An event in the life of an entry.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The API accepted the submit.
    Accepted {
        /// The request id of the job.
        request_id: String,
    },
    /// The submit made no job: the API rejected it, or the request was never sent.
    Rejected {
        /// The reason, in one line.
        message: String,
    },
    /// The request was sent and no usable reply came: whether it made a job is unknown.
    Unknown {
        /// What came instead of a reply, in one line.
        message: String,
    },
    /// A person looked, and the submit had made no job.
    NotSubmitted,
    /// The API reported a state.
    StateChanged {
        /// The word of the API.
        state: String,
    },
    /// The job is over.
    Finished {
        /// Its final status.
        status: FinalStatus,
        /// The URLs of its outputs.
        outputs: Outputs,
        /// Its cost in US dollars, if the API reported one.
        cost_usd: Option<f64>,
    },
    /// Every output was written to disk.
    Saved {
        /// The files, by absolute paths.
        files: Vec<String>,
    },
}

impl Event {
    /// The API accepted the submit and gave the job this request id.
    #[must_use]
    pub fn accepted(request_id: impl Into<String>) -> Self {
        Self::Accepted { request_id: request_id.into() }
    }

    /// The API reported this state.
    #[must_use]
    pub fn state_changed(state: impl Into<String>) -> Self {
        Self::StateChanged { state: state.into() }
    }

    /// The job is over and has no output.
    #[must_use]
    pub fn finished(status: FinalStatus) -> Self {
        Self::Finished { status, outputs: Outputs::default(), cost_usd: None }
    }

    /// Every output was written to these files. Bytes of a name that are not Unicode are replaced.
    pub fn saved(files: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        Self::Saved {
            files: files.into_iter().map(|path| path.as_ref().to_string_lossy().into_owned()).collect(),
        }
    }

    /// Whether the event ends the submit, so that its process holds the entry no longer.
    #[must_use]
    pub const fn ends_submit(&self) -> bool {
        matches!(
            self,
            Self::Accepted { .. } | Self::Rejected { .. } | Self::Unknown { .. } | Self::NotSubmitted
        )
    }

    /// Whether the loss of the event would hide something that was paid for.
    #[must_use]
    pub const fn requires_sync(&self) -> bool {
        !matches!(self, Self::StateChanged { .. })
    }
}

/// The URLs of a job's outputs. They open without a token and carry an account's id, so `Debug` shows only their number.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Outputs(Vec<String>);

impl Outputs {
    /// The URLs, in the order of the API.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The number of URLs.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<U: Into<String>> FromIterator<U> for Outputs {
    fn from_iter<I: IntoIterator<Item = U>>(urls: I) -> Self {
        Self(urls.into_iter().map(Into::into).collect())
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outputs({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(events: &[Event]) -> Entry {
        let mut entry = Entry::new(Intent::new("https://a", "m", "f"));
        for event in events {
            entry.apply(SystemTime::now(), event);
        }
        entry
    }

    fn unknown() -> Event {
        Event::Unknown { message: "cut".into() }
    }

    #[test]
    fn a_certain_event_holds_against_an_uncertain_one() {
        let id = Event::accepted("id");
        let failed = Event::finished(FinalStatus::Failed);
        let succeeded = Event::finished(FinalStatus::Succeeded);
        let cases: [(&[Event], EntryStatus); 8] = [
            (&[], EntryStatus::Unknown),
            (&[unknown(), unknown()], EntryStatus::Unknown),
            (&[id.clone(), unknown()], EntryStatus::Running),
            (&[unknown(), id.clone()], EntryStatus::Running),
            (&[unknown(), Event::NotSubmitted], EntryStatus::NotSubmitted),
            (&[id.clone(), Event::NotSubmitted], EntryStatus::Running),
            (&[id.clone(), failed.clone(), Event::state_changed("in_queue")], EntryStatus::Failed),
            (&[id, failed, succeeded], EntryStatus::Succeeded),
        ];
        for (events, status) in cases {
            assert_eq!(after(events).status(), status, "{events:?}");
        }
    }

    #[test]
    fn only_a_living_process_makes_an_open_intent_submitting() {
        assert_eq!(after(&[]).with_locked(true).status(), EntryStatus::Submitting);
        assert_eq!(after(&[unknown()]).with_locked(true).status(), EntryStatus::Unknown);
    }

    #[test]
    fn a_job_is_finished_when_its_files_are_saved() {
        let outputs = ["https://a.runcomfy.net/x?key=secret"].into_iter().collect();
        let ended = Event::Finished { status: FinalStatus::Succeeded, outputs, cost_usd: Some(0.35) };
        let entry = after(&[Event::accepted("id"), ended.clone()]);
        assert!(entry.is_unfinished() && entry.status().is_over());
        assert_eq!(entry.cost_usd(), Some(0.35));
        assert!(!format!("{entry:?} {ended:?}").contains("secret"));
        assert!(!after(&[Event::accepted("id"), ended, Event::saved(["/tmp/clip.mp4"])]).is_unfinished());
    }
}
