//! How the program ends: exit codes that scripts can trust, and the one line that says why.

use kling::{CancelOutcome, Error, Receipt, RequestId, SubmitError, Violations, WaitError};
use serde_json::{Map, Value, json};

use crate::console::Answer;
use crate::shown;
use crate::table::one_line;

/// The exit codes, those of the provider's own program and two of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The job failed or was cancelled.
    Failed = 1,
    /// Of a schema, only words moved.
    MovedDocs = 10,
    /// A schema allows more than before.
    MovedCompatibly = 11,
    /// Under a schema, the same input may be refused or mean something else.
    MovedBehaviour = 12,
    /// Of a schema, something is gone or required that was not.
    MovedBreaking = 13,
    /// The command line makes no sense.
    Usage = 64,
    /// The input is not what the model takes.
    Input = 65,
    /// An input file is missing.
    NoInput = 66,
    /// The service does not work as it should.
    Service = 69,
    /// Nobody knows whether a job was submitted: trying again may pay twice.
    Unknown = 70,
    /// Not done yet; nothing is lost by trying again.
    TryAgain = 75,
    /// No token, or one that is not accepted.
    SignIn = 77,
}

impl Exit {
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::MovedDocs => "docs",
            Self::MovedCompatibly => "compatible",
            Self::MovedBehaviour => "behaviour",
            Self::MovedBreaking => "breaking",
            Self::Usage => "usage",
            Self::Input => "input",
            Self::NoInput => "no_input",
            Self::Service => "service",
            Self::Unknown => "unknown_outcome",
            Self::TryAgain => "try_again",
            Self::SignIn => "sign_in",
        }
    }
}

/// An end without an answer.
#[derive(Debug)]
pub(crate) struct Stop {
    exit: Exit,
    message: String,
    facts: Map<String, Value>,
    answer: Option<Box<Answer>>,
}

impl Stop {
    pub(crate) fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), facts: Map::new(), answer: None }
    }

    /// A finding that was asked for: the answer says all, and the exit code says it again.
    pub(crate) fn found(exit: Exit, answer: Answer) -> Self {
        Self { answer: Some(answer.into()), ..Self::new(exit, exit.name()) }
    }

    /// Adds a fact for machines, if there is one.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.facts.insert(key.to_owned(), value);
        }
        self
    }

    /// Says that no money is at stake.
    pub(crate) fn before_submit(self) -> Self {
        Self { message: format!("nothing was submitted: {}", self.message), ..self }
    }

    /// Adds the id of a job that goes on without this program, and how to get at it.
    pub(crate) fn resumable(self, id: &RequestId, command: &str) -> Self {
        let message = format!("{}\n  to resume: {command}", self.message);
        Self { message, ..self }.with("request_id", id.as_str()).with("resume", command)
    }

    /// Adds how an unknown outcome is settled.
    pub(crate) fn settled_by(self, intent: &str) -> Self {
        let message = format!(
            "{}\n  once you know: kling jobs settle {intent} --id ID, or --not-submitted",
            self.message
        );
        Self { message, ..self }.with("intent", intent)
    }

    pub(crate) const fn exit(&self) -> Exit {
        self.exit
    }

    pub(crate) fn answer(&self) -> Option<&Answer> {
        self.answer.as_deref()
    }

    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    pub(crate) fn json(&self) -> Value {
        let message = self.message.lines().next().unwrap_or_default();
        let mut error =
            json!({ "kind": self.exit.name(), "exit_code": self.exit.code(), "message": message });
        for (key, value) in &self.facts {
            error[key] = value.clone();
        }
        json!({ "error": error })
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let exit = match &error {
            error if error.is_unresolved() => Exit::Unknown,
            error if error.is_auth() || error.is_permission() => Exit::SignIn,
            error if error.is_output_unavailable() => match error.status() {
                // It may appear.
                Some(404) => Exit::TryAgain,
                _ => Exit::Service,
            },
            error if error.is_in_other_hands() || error.is_given_up() => Exit::TryAgain,
            error if error.is_config() || error.is_file() && !error.is_disk() => Exit::Usage,
            error if error.is_invalid_input() || error.is_not_found() => Exit::Input,
            error if error.is_certificate() || error.is_proxy() => Exit::Service,
            error if error.is_connect() || error.is_rate_limited() || error.is_timeout() => Exit::TryAgain,
            error if error.is_not_ready() => Exit::TryAgain,
            _ => Exit::Service,
        };
        let stop = Self::new(exit, error.to_string()).with("error_code", error.error_code());
        stop.with("http_status", error.status()).with("detail", error.detail().cloned())
    }
}

impl From<SubmitError> for Stop {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::Refused(error) => {
                let advice = match &error {
                    error if error.is_unresolved() => {
                        "\n  look at it: kling jobs; or pay for another: --allow-duplicate"
                    }
                    error if error.is_journal() => "\n  go on without a record: --no-journal",
                    _ => "",
                };
                let message = format!("nothing was submitted: {error}{advice}");
                Self { message, ..error.into() }
            }
            SubmitError::Unknown(receipt) => Self::unknown(&receipt),
        }
    }
}

impl From<&WaitError> for Stop {
    fn from(error: &WaitError) -> Self {
        let exit = match error {
            error if error.is_failed() || error.is_cancelled() || was_cancelled(error) => Exit::Failed,
            error if error.is_deadline() => Exit::TryAgain,
            error if error.is_auth() || error.is_permission() => Exit::SignIn,
            error if error.is_not_found() => Exit::Input,
            _ => Exit::Service,
        };
        let result = error.result().and_then(|reply| reply.error.clone());
        let stop = Self::new(exit, error.to_string()).with("request_id", error.request_id().as_str());
        let cancel = error.cancelling().and_then(|outcome| outcome.as_ref().ok());
        stop.with("state", error.state().map(ToString::to_string))
            .with("detail", result)
            .with("cancel", cancel.and_then(|reply| serde_json::to_value(reply.outcome).ok()))
    }
}

/// Whether the job was cancelled at the deadline.
fn was_cancelled(error: &WaitError) -> bool {
    matches!(error.cancelling(), Some(Ok(reply)) if reply.outcome == CancelOutcome::Cancelled)
}

impl From<Violations> for Stop {
    fn from(violations: Violations) -> Self {
        const MOST: usize = 50;
        const LONGEST: usize = 1000;
        let mut message = "invalid input; nothing was submitted".to_owned();
        for violation in violations.iter().take(MOST) {
            message.push_str("\n  ");
            message.push_str(&shown::cut(&one_line(&violation.to_string()), LONGEST));
        }
        if violations.len() > MOST {
            message.push_str(&format!("\n  and {} more", violations.len() - MOST));
        }
        let json = serde_json::to_value(&violations).unwrap_or_default();
        Self::new(Exit::Input, message).with("violations", json)
    }
}

impl Stop {
    fn unknown(receipt: &Receipt) -> Self {
        let json = serde_json::to_value(receipt).unwrap_or_default();
        Self::new(Exit::Unknown, receipt.to_string()).with("receipt", json)
    }
}
