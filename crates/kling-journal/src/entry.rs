//! One recorded request: its intent, the events since, and the entry that they add up to.

use std::fmt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The id of an intent. It is made on this machine, and the API never sees it.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct IntentId(pub(crate) Uuid);

impl fmt::Display for IntentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A paid request that is about to be sent.
///
/// It holds neither the input nor the token: only a fingerprint of the input, and a hash that tells accounts apart.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Intent {
    pub(crate) id: IntentId,
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) origin: String,
    pub(crate) model: String,
    pub(crate) fingerprint: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) account: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) output: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
}

impl Intent {
    /// Creates an intent with an id of its own: the API's origin, the model's id, and the fingerprint of the body.
    pub fn new(origin: impl Into<String>, model: impl Into<String>, fingerprint: impl Into<String>) -> Self {
        Self {
            id: IntentId(Uuid::new_v4()),
            at: to_millis(SystemTime::now()),
            origin: origin.into(),
            model: model.into(),
            fingerprint: fingerprint.into(),
            account: None,
            output: None,
            request_id: None,
        }
    }

    /// Creates the intent of a job that another program submitted. Its fingerprint is empty, and so is an unknown model.
    pub fn of_job(
        origin: impl Into<String>,
        model: impl Into<String>,
        request_id: impl Into<String>,
    ) -> Self {
        Self { request_id: Some(request_id.into()), ..Self::new(origin, model, "") }
    }

    /// Adds a hash of the account's token. The hash must not reveal the token.
    #[must_use]
    pub fn with_account(self, account: impl Into<String>) -> Self {
        Self { account: Some(account.into()), ..self }
    }

    /// Adds the path of the output, a file or a folder. Bytes that are not Unicode are replaced.
    ///
    /// The path should be absolute, since a process with another working directory may read it.
    #[must_use]
    pub fn with_output(self, output: &Path) -> Self {
        Self { output: Some(output.to_string_lossy().into_owned()), ..self }
    }

    /// The id of the intent.
    pub const fn id(&self) -> &IntentId {
        &self.id
    }

    /// The time when the intent was made, by this machine's clock, to the millisecond.
    pub fn at(&self) -> SystemTime {
        from_millis(self.at)
    }

    /// The scheme, host and port of the API.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The id of the model.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The fingerprint of the body.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// The hash of the account's token, if one was given.
    pub fn account(&self) -> Option<&str> {
        self.account.as_deref()
    }

    /// The path of the output, if one was given.
    pub fn output(&self) -> Option<&Path> {
        self.output.as_deref().map(Path::new)
    }

    /// The request id, if another program submitted the job.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// Whether another intent is for the same request: one body, for one model of one API.
    pub fn is_same_request(&self, other: &Self) -> bool {
        (&self.origin, &self.model, &self.fingerprint) == (&other.origin, &other.model, &other.fingerprint)
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
    /// The submit made no job: the API rejected it, or it was never sent.
    Rejected {
        /// The reason, in one line.
        message: String,
    },
    /// The request was sent and no usable reply came. Whether it made a job is unknown.
    Unknown {
        /// The reason, in one line.
        message: String,
    },
    /// A person checked: the submit made no job.
    NotSubmitted,
    /// The API reported a state.
    StateChanged {
        /// The API's word for the state.
        state: String,
    },
    /// The job is over.
    Finished {
        /// The final status.
        status: FinalStatus,
        /// The URLs of the outputs.
        outputs: Outputs,
        /// The cost in US dollars, if the API reported one.
        cost_usd: Option<f64>,
    },
    /// Every output was written to disk.
    Saved {
        /// The absolute paths of the files.
        files: Vec<String>,
    },
}

impl Event {
    /// Creates [`Event::Accepted`].
    pub fn accepted(request_id: impl Into<String>) -> Self {
        Self::Accepted { request_id: request_id.into() }
    }

    /// Creates [`Event::StateChanged`].
    pub fn state_changed(state: impl Into<String>) -> Self {
        Self::StateChanged { state: state.into() }
    }

    /// Creates [`Event::Finished`] without outputs.
    pub fn finished(status: FinalStatus) -> Self {
        Self::Finished { status, outputs: Outputs::default(), cost_usd: None }
    }

    /// Creates [`Event::Saved`]. Bytes of a path that are not Unicode are replaced.
    pub fn saved(files: impl IntoIterator<Item = impl AsRef<Path>>) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Self::Saved { files: files.into_iter().map(|path| text(path.as_ref())).collect() }
    }

    /// Whether the event ends the submit, so that its process holds the entry no longer.
    pub const fn ends_submit(&self) -> bool {
        matches!(
            self,
            Self::Accepted { .. } | Self::Rejected { .. } | Self::Unknown { .. } | Self::NotSubmitted
        )
    }

    /// Whether the loss of the event would hide something paid for.
    pub const fn requires_sync(&self) -> bool {
        !matches!(self, Self::StateChanged { .. })
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
    /// The API no longer knows the job.
    Gone,
}

/// One paid request: its intent, and the state that was last recorded.
///
/// It serialises to one JSON object, the form of [`Journal::export`](crate::Journal::export).
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Entry {
    pub(crate) intent: Intent,
    /// Milliseconds since 1970.
    pub(crate) changed_at: i64,
    pub(crate) outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) state: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(default, skip_serializing_if = "Outputs::is_empty")]
    pub(crate) outputs: Outputs,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) files: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cost_usd: Option<f64>,
    #[serde(skip)]
    pub(crate) is_locked: bool,
}

/// The part of an entry's status that is certain, whichever process is alive.
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

/// A group of entries, for queries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Stage {
    Over = 0,
    /// The outcome of the submit is not known, or not known yet.
    Unresolved = 1,
    Running = 2,
    /// The job succeeded, but no file is recorded.
    Unsaved = 3,
}

impl Entry {
    /// Creates the entry of an intent that was just recorded.
    pub fn new(intent: Intent) -> Self {
        Self {
            changed_at: intent.at,
            outcome: Outcome::Open,
            request_id: intent.request_id.clone(),
            intent,
            state: None,
            message: None,
            outputs: Outputs::default(),
            files: Vec::new(),
            cost_usd: None,
            is_locked: false,
        }
    }

    /// Applies an event. A state that arrives late does not change a final status. A doubt does not change an accepted submit.
    pub fn apply(&mut self, at: SystemTime, event: &Event) {
        self.changed_at = to_millis(at);
        match event {
            Event::Accepted { request_id } => {
                self.request_id = Some(request_id.clone());
                self.settle(Outcome::Open, None);
            }
            // A request id proves that the job exists.
            Event::Rejected { .. } | Event::Unknown { .. } | Event::NotSubmitted
                if self.request_id.is_some() => {}
            Event::Rejected { message } => self.settle(Outcome::Rejected, Some(message)),
            Event::Unknown { message } => self.settle(Outcome::Unknown, Some(message)),
            Event::NotSubmitted => self.settle(Outcome::NotSubmitted, None),
            Event::StateChanged { state } => self.state = Some(state.clone()),
            Event::Finished { status, outputs, cost_usd } => {
                let outcome = match status {
                    FinalStatus::Succeeded => Outcome::Succeeded,
                    FinalStatus::Failed => Outcome::Failed,
                    FinalStatus::Cancelled => Outcome::Cancelled,
                    FinalStatus::Gone => Outcome::Gone,
                };
                self.settle(outcome, None);
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

    /// Sets whether a living process has locked the entry.
    #[must_use]
    pub fn with_locked(self, is_locked: bool) -> Self {
        Self { is_locked, ..self }
    }

    /// The intent.
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }

    /// The status of the submit or of the job.
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

    /// The request id of the job, if it is known.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The API's last word for the state.
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// The reason why the outcome is unknown, or why the submit was rejected.
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// The URLs of the outputs.
    pub const fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// The absolute paths of the files that hold the outputs.
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// The cost in US dollars, if the API reported one.
    pub const fn cost_usd(&self) -> Option<f64> {
        self.cost_usd
    }

    /// The time of the last change, by this machine's clock.
    pub fn changed_at(&self) -> SystemTime {
        from_millis(self.changed_at)
    }

    /// Whether a living process works on the entry: submits it, or waits for its job.
    pub const fn is_locked(&self) -> bool {
        self.is_locked
    }

    /// Whether the job may still run, or its outputs are not saved.
    pub const fn is_unfinished(&self) -> bool {
        matches!(self.stage(), Stage::Running | Stage::Unsaved)
    }

    /// Whether the job serves a request that is made again: it is unfinished, or its files are still on this machine.
    #[must_use]
    pub fn can_be_resumed(&self) -> bool {
        let are_there = || self.files.iter().all(|file| Path::new(file).exists());
        self.is_unfinished() || self.status() == EntryStatus::Succeeded && are_there()
    }

    pub(crate) const fn stage(&self) -> Stage {
        match self.status() {
            EntryStatus::Unknown | EntryStatus::Submitting => Stage::Unresolved,
            EntryStatus::Running => Stage::Running,
            EntryStatus::Succeeded if self.files.is_empty() => Stage::Unsaved,
            _ => Stage::Over,
        }
    }
}

/// The status of an entry.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
#[non_exhaustive]
pub enum EntryStatus {
    /// The request may have been sent, and whether it made a job is unknown. Check before another submit.
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
    /// The API no longer knows the job.
    Gone,
    /// It is certain that the submit made no job.
    Rejected,
    /// A person checked: the submit made no job.
    NotSubmitted,
}

impl EntryStatus {
    /// The word for the status.
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

    /// Whether the job cannot change any more. Its outputs may not be saved yet.
    pub const fn is_over(self) -> bool {
        !matches!(self, Self::Unknown | Self::Submitting | Self::Running)
    }
}

impl fmt::Display for EntryStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The URLs of a job's outputs. `Debug` hides them, since they open without a token and hold an account's id.
#[derive(Clone, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(transparent)]
pub struct Outputs(pub(crate) Vec<String>);

impl Outputs {
    /// Returns the URLs, in the order of the API.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// The number of URLs.
    pub const fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no URL.
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

/// Returns the milliseconds since 1970, or a negative number before it.
pub(crate) fn to_millis(time: SystemTime) -> i64 {
    let whole = |span: Duration| i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => whole(since),
        Err(before) => -whole(before.duration()),
    }
}

/// Returns the time of a number of milliseconds, or 1970 if no clock of this system can show it.
fn from_millis(millis: i64) -> SystemTime {
    let span = Duration::from_millis(millis.unsigned_abs());
    let time = if millis < 0 { UNIX_EPOCH.checked_sub(span) } else { UNIX_EPOCH.checked_add(span) };
    time.unwrap_or(UNIX_EPOCH)
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
