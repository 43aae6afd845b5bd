//! What is known of one intent: it, and all that happened since, folded into one value.

use std::time::SystemTime;

use crate::{Ending, Event, Intent, Outputs, Standing};

/// One intent and what became of it.
#[derive(Clone, Debug)]
pub struct Entry {
    intent: Intent,
    changed_at: SystemTime,
    request_id: Option<String>,
    state: Option<String>,
    outcome: Outcome,
    outputs: Outputs,
    files: Vec<String>,
    is_held: bool,
}

/// What is certain of the submit and of the job.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Outcome {
    Open,
    Lost(String),
    Refused(String),
    NotSubmitted,
    Ended(Ending),
}

impl Entry {
    /// The entry of an intent that was just written down.
    #[must_use]
    pub fn new(intent: Intent) -> Self {
        Self {
            changed_at: intent.at(),
            request_id: intent.request_id().map(str::to_owned),
            intent,
            state: None,
            outcome: Outcome::Open,
            outputs: Outputs::default(),
            files: Vec::new(),
            is_held: false,
        }
    }

    /// Takes note of what happened at a time. An ending stands against states that arrive late, and an id against doubts.
    pub fn apply(&mut self, at: SystemTime, event: &Event) {
        self.changed_at = at;
        match event {
            Event::Submitted { request_id } => {
                self.request_id = Some(request_id.clone());
                self.outcome = Outcome::Open;
            }
            Event::Refused { message } if self.request_id.is_none() => {
                self.outcome = Outcome::Refused(message.clone());
            }
            Event::Lost { message } if self.request_id.is_none() => {
                self.outcome = Outcome::Lost(message.clone());
            }
            Event::NotSubmitted if self.request_id.is_none() => self.outcome = Outcome::NotSubmitted,
            Event::Refused { .. } | Event::Lost { .. } | Event::NotSubmitted => {}
            Event::Seen { state } => self.state = Some(state.clone()),
            Event::Ended { ending, outputs } => {
                self.outcome = Outcome::Ended(*ending);
                if !outputs.is_empty() {
                    self.outputs = outputs.clone();
                }
            }
            Event::Saved { files } => self.files.clone_from(files),
        }
    }

    /// The same of another intent for the same job.
    pub(crate) fn with_intent(self, intent: Intent) -> Self {
        Self { intent, ..self }
    }

    /// The same entry, held by a living process or not.
    #[must_use]
    pub fn with_held(self, is_held: bool) -> Self {
        Self { is_held, ..self }
    }

    /// The intent.
    #[must_use]
    pub const fn intent(&self) -> &Intent {
        &self.intent
    }

    /// How things stand.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        match (&self.outcome, &self.request_id) {
            (Outcome::Refused(_), _) => Standing::Refused,
            (Outcome::NotSubmitted, _) => Standing::NotSubmitted,
            (Outcome::Ended(Ending::Succeeded), _) => Standing::Succeeded,
            (Outcome::Ended(Ending::Failed), _) => Standing::Failed,
            (Outcome::Ended(Ending::Cancelled), _) => Standing::Cancelled,
            (Outcome::Ended(Ending::Gone), _) => Standing::Gone,
            (_, Some(_)) => Standing::Running,
            (Outcome::Open, None) if self.is_held => Standing::Submitting,
            _ => Standing::Unknown,
        }
    }

    /// The id that the API gave the job, where it is known.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }

    /// The API's last word on the job.
    #[must_use]
    pub fn state(&self) -> Option<&str> {
        self.state.as_deref()
    }

    /// Why the outcome is not known, or why no job was made, where that was told.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Lost(message) | Outcome::Refused(message) => Some(message),
            _ => None,
        }
    }

    /// What the job made.
    #[must_use]
    pub const fn outputs(&self) -> &Outputs {
        &self.outputs
    }

    /// The files that the outputs were written to.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// When something was last written down of it.
    #[must_use]
    pub const fn changed_at(&self) -> SystemTime {
        self.changed_at
    }

    /// Whether a living process has it in hand: submits it, or waits for it.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.is_held
    }

    /// Whether there is a job to wait for, or an output to fetch.
    #[must_use]
    pub const fn is_unfinished(&self) -> bool {
        match self.standing() {
            Standing::Running => true,
            Standing::Succeeded => self.files.is_empty(),
            _ => false,
        }
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

    #[test]
    fn what_is_certain_stands_against_what_is_not() {
        let id = Event::submitted("id");
        let lost = Event::Lost { message: "cut".into() };
        let ended = Event::ended(Ending::Failed);
        let cases: [(&[Event], Standing); 8] = [
            (&[], Standing::Unknown),
            (&[lost.clone(), lost.clone()], Standing::Unknown),
            (&[id.clone(), lost.clone()], Standing::Running),
            (&[lost.clone(), id.clone()], Standing::Running),
            (&[lost, Event::NotSubmitted], Standing::NotSubmitted),
            (&[id.clone(), Event::NotSubmitted], Standing::Running),
            (&[id.clone(), ended.clone(), Event::seen("in_queue")], Standing::Failed),
            (&[id, ended, Event::ended(Ending::Succeeded)], Standing::Succeeded),
        ];
        for (events, standing) in cases {
            assert_eq!(after(events).standing(), standing, "{events:?}");
        }
    }

    #[test]
    fn only_a_living_process_makes_an_open_intent_submitting() {
        assert_eq!(after(&[]).with_held(true).standing(), Standing::Submitting);
        let lost = after(&[Event::Lost { message: "cut".into() }]);
        assert_eq!(lost.with_held(true).standing(), Standing::Unknown);
    }

    #[test]
    fn a_job_is_finished_when_its_files_are_saved() {
        let urls = ["https://a.runcomfy.net/x?key=secret"].into_iter().collect();
        let ended = Event::Ended { ending: Ending::Succeeded, outputs: urls };
        let entry = after(&[Event::submitted("id"), ended.clone()]);
        assert!(entry.is_unfinished() && entry.standing().is_over());
        assert!(!format!("{entry:?} {ended:?}").contains("secret"));
        assert!(!after(&[Event::submitted("id"), ended, Event::saved(["/tmp/clip.mp4"])]).is_unfinished());
    }
}
