//! The terminal: results on stdout, messages on stderr, one JSON object for scripts, and the exit codes.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Mutex, PoisonError};

use indicatif::ProgressBar;
use kling::journal::{JournalError, JournalErrorKind};
use kling::transport::{CallError, CancelOutcome, is_unsafe_on_terminal};
use kling::wait::WaitError;
use kling::{Error, ErrorKind, RequestId, UnknownOutcome, Violations};
use serde_json::{Map, Value, json};
use unicode_width::UnicodeWidthStr;

/// The live line on the terminal. Messages are printed above it.
pub(crate) static ACTIVE_LINE: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// The result of a command.
#[derive(Debug)]
pub(crate) struct Output {
    /// Lines for people, without the last newline.
    pub(crate) text: String,
    /// One object for scripts.
    pub(crate) json: Value,
}

/// Prints results and messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    json: bool,
}

impl Console {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether stderr is a terminal, so that a live line makes sense.
    pub(crate) fn is_watched(self) -> bool {
        io::stderr().is_terminal()
    }

    /// Prints a message on stderr.
    pub(crate) fn note(self, text: impl AsRef<str>) {
        // An error means that stderr is gone.
        above_the_line(|| _ = writeln!(io::stderr().lock(), "{}", printable(text.as_ref())));
    }

    /// Prints a result, and returns the exit code.
    pub(crate) fn print(self, output: &Output) -> ExitCode {
        let text = if self.json { escaped(&output.json) } else { printable(&output.text) };
        // The command has printed its result by itself.
        if text.is_empty() || self.json && output.json.is_null() {
            return ExitCode::SUCCESS;
        }
        match write_line(&text) {
            Ok(()) => ExitCode::SUCCESS,
            // A closed pipe means that its reader has read enough. After any other error, the result did not arrive.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(ExitStatus::Service.code()),
        }
    }

    /// Prints an error, and returns its exit code.
    pub(crate) fn fail(self, error: &CliError) -> ExitCode {
        if let Some(output) = error.output() {
            self.print(output);
            return ExitCode::from(error.exit().code());
        }
        self.note(format!("kling: {}", error.message()));
        self.exit(error)
    }

    /// Prints the JSON of an error after its message, and returns its exit code.
    pub(crate) fn exit(self, error: &CliError) -> ExitCode {
        if self.json {
            // If stdout is gone, the exit code remains.
            let _ = write_line(&escaped(&error.json()));
        }
        ExitCode::from(error.exit().code())
    }
}

/// Prints above the live line.
fn above_the_line(print: impl FnOnce()) {
    let line = ACTIVE_LINE.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match line {
        Some(bar) => bar.suspend(print),
        None => print(),
    }
}

fn write_line(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Replaces every control character but the newline. Text of a server must go through [`one_line`] first, since its newlines
/// could forge a message.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if is_unsafe_on_terminal(letter) && letter != '\n' { '\u{fffd}' } else { letter })
        .collect()
}

/// Returns JSON without control characters. serde_json escapes only some of them.
fn escaped(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(is_unsafe_on_terminal) {
        return text;
    }
    // Compact JSON has them in strings only. Each is below U+10000, so that one escape is enough.
    let escape = |letter: char| match is_unsafe_on_terminal(letter) {
        true => format!("\\u{:04x}", u32::from(letter)),
        false => letter.to_string(),
    };
    text.chars().map(escape).collect()
}

/// The exit codes: those of the provider's own program, and some for outcomes that it does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ExitStatus {
    /// The job failed or was cancelled.
    Failed = 1,
    /// Only texts of a schema changed.
    DriftDocs = 10,
    /// A schema accepts more than before.
    DriftCompatible = 11,
    /// A schema may refuse the same input, or give it another meaning.
    DriftBehaviour = 12,
    /// A schema lost a property, or requires a new one.
    DriftBreaking = 13,
    /// The command line is wrong.
    Usage = 64,
    /// The input is invalid.
    Input = 65,
    /// An input file is missing.
    NoInput = 66,
    /// The service or the disk failed.
    Service = 69,
    /// The outcome of a submit is unknown. Submitting again may pay twice.
    Unknown = 70,
    /// Not done yet. Trying again is safe.
    TryAgain = 75,
    /// The token is missing or not accepted.
    SignIn = 77,
}

impl ExitStatus {
    pub(crate) const fn code(self) -> u8 {
        self as u8
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::DriftDocs => "docs",
            Self::DriftCompatible => "compatible",
            Self::DriftBehaviour => "behaviour",
            Self::DriftBreaking => "breaking",
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

/// The error that ends a command.
#[derive(Debug)]
pub(crate) struct CliError {
    exit: ExitStatus,
    message: String,
    facts: Map<String, Value>,
    output: Option<Box<Output>>,
}

impl CliError {
    pub(crate) fn new(exit: ExitStatus, message: impl Into<String>) -> Self {
        Self { exit, message: message.into(), facts: Map::new(), output: None }
    }

    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Usage, message)
    }

    pub(crate) fn input(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Input, message)
    }

    pub(crate) fn no_input(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::NoInput, message)
    }

    pub(crate) fn service(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::Service, message)
    }

    pub(crate) fn try_again(message: impl Into<String>) -> Self {
        Self::new(ExitStatus::TryAgain, message)
    }

    /// Returns a result whose exit code is not 0.
    pub(crate) fn found(exit: ExitStatus, output: Output) -> Self {
        Self { output: Some(output.into()), ..Self::new(exit, exit.name()) }
    }

    /// Adds a fact to the JSON, unless it is null.
    pub(crate) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        let value = value.into();
        if !value.is_null() {
            self.facts.insert(key.to_owned(), value);
        }
        self
    }

    /// Adds that no money is at stake.
    pub(crate) fn before_submit(self) -> Self {
        Self { message: format!("nothing was submitted: {}", self.message), ..self }
    }

    /// Adds a line about what to do.
    pub(crate) fn advise(self, advice: &str) -> Self {
        Self { message: format!("{}{advice}", self.message), ..self }
    }

    /// Adds the id of a job that still runs, and the command that resumes it.
    pub(crate) fn resumable(self, id: &RequestId, command: &str) -> Self {
        let message = format!("{}\n  to resume: {command}", self.message);
        Self { message, ..self }.with("request_id", id.as_str()).with("resume", command)
    }

    /// Adds the command that settles an unknown outcome.
    pub(crate) fn settled_by(self, intent: &str) -> Self {
        let message = format!(
            "{}\n  to settle it: kling jobs settle {intent} --id ID (or --not-submitted)",
            self.message
        );
        Self { message, ..self }.with("intent", intent)
    }

    pub(crate) const fn exit(&self) -> ExitStatus {
        self.exit
    }

    pub(crate) fn output(&self) -> Option<&Output> {
        self.output.as_deref()
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

    fn unknown(outcome: &UnknownOutcome) -> Self {
        let json = serde_json::to_value(outcome).unwrap_or_default();
        Self::new(ExitStatus::Unknown, outcome.to_string()).with("receipt", json)
    }
}

impl From<Error> for CliError {
    fn from(error: Error) -> Self {
        if let Some(unknown) = error.unknown_outcome() {
            return Self::unknown(unknown);
        }
        if let Some(violations) = error.violations() {
            return violations.clone().into();
        }
        match (error.wait_error(), error.call_error()) {
            (Some(error), _) => error.into(),
            (None, Some(call)) => call.clone().into(),
            (None, None) => Self::new(exit_status(error.kind()), error.to_string()),
        }
    }
}

impl From<CallError> for CliError {
    fn from(error: CallError) -> Self {
        let exit = match error.kind() {
            // The file may appear later.
            ErrorKind::OutputUnavailable if error.status() == Some(404) => ExitStatus::TryAgain,
            kind => exit_status(kind),
        };
        let is_brief = !matches!(error.kind(), ErrorKind::Certificate | ErrorKind::Proxy)
            && (error.is_connect() || error.is_timeout());
        Self::new(if is_brief { ExitStatus::TryAgain } else { exit }, error.to_string())
            .with("error_code", error.error_code())
            .with("http_status", error.status())
            .with("detail", error.detail().cloned())
    }
}

const fn exit_status(kind: ErrorKind) -> ExitStatus {
    use ErrorKind as Kind;
    match kind {
        Kind::DuplicateRequest => ExitStatus::Unknown,
        Kind::Auth | Kind::Permission => ExitStatus::SignIn,
        Kind::Config | Kind::File | Kind::TooLarge => ExitStatus::Usage,
        Kind::InvalidInput | Kind::NotFound => ExitStatus::Input,
        Kind::Abandoned | Kind::Deadline | Kind::FileLocked | Kind::NotReady | Kind::RateLimited => {
            ExitStatus::TryAgain
        }
        Kind::JobFailed | Kind::JobCancelled => ExitStatus::Failed,
        _ => ExitStatus::Service,
    }
}

impl From<&WaitError> for CliError {
    fn from(error: &WaitError) -> Self {
        let exit = match error {
            error if error.is_failed() || error.is_cancelled() || was_cancelled(error) => ExitStatus::Failed,
            error if error.is_deadline() => ExitStatus::TryAgain,
            error if error.is_auth() || error.is_permission() => ExitStatus::SignIn,
            error if error.is_not_found() => ExitStatus::Input,
            _ => ExitStatus::Service,
        };
        let result = error.result().and_then(|reply| reply.error.clone());
        let cancel = error.cancelling().and_then(|outcome| outcome.as_ref().ok());
        Self::new(exit, error.to_string())
            .with("request_id", error.request_id().as_str())
            .with("state", error.state().map(ToString::to_string))
            .with("detail", result)
            .with("cancel", cancel.and_then(|reply| serde_json::to_value(reply.outcome).ok()))
    }
}

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> Self {
        let exit = match error.kind() {
            JournalErrorKind::NoEntry => ExitStatus::Usage,
            JournalErrorKind::Busy => ExitStatus::TryAgain,
            _ => ExitStatus::Service,
        };
        Self::new(exit, error.to_string())
    }
}

/// Whether the job was cancelled at the deadline.
fn was_cancelled(error: &WaitError) -> bool {
    matches!(error.cancelling(), Some(Ok(reply)) if reply.outcome == CancelOutcome::Cancelled)
}

impl From<Violations> for CliError {
    fn from(violations: Violations) -> Self {
        const MOST: usize = 50;
        const LONGEST: usize = 1000;
        let mut message = "invalid input; nothing was submitted".to_owned();
        for violation in violations.iter().take(MOST) {
            message.push_str("\n  ");
            message.push_str(&cut(&one_line(&violation.to_string()), LONGEST));
        }
        if violations.len() > MOST {
            message.push_str(&format!("\n  and {} more", violations.len() - MOST));
        }
        let json = serde_json::to_value(&violations).unwrap_or_default();
        Self::new(ExitStatus::Input, message).with("violations", json)
    }
}

/// Separates two columns.
const GAP: &str = "  ";

/// Lays rows out in columns. Line breaks and control characters are removed from the cells.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| one_line(cell))).collect();
    let widths: [usize; N] =
        std::array::from_fn(|column| rows.iter().map(|row| row[column].width()).max().unwrap_or_default());
    let lines: Vec<String> = rows.iter().map(|row| line(row, &widths)).collect();
    lines.join("\n")
}

/// Returns any text as one printable line.
pub(crate) fn one_line(text: &str) -> String {
    printable(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn line(row: &[String], widths: &[usize]) -> String {
    let padded = row.iter().zip(widths).map(|(cell, width)| {
        let blanks = width.saturating_sub(cell.width());
        format!("{cell}{}", " ".repeat(blanks))
    });
    padded.collect::<Vec<_>>().join(GAP).trim_end().to_owned()
}

/// The most characters of one name in a message.
const NAME: usize = 200;

/// A name from the command line, cut in the middle if it is long.
pub(crate) fn name(text: &str) -> Cow<'_, str> {
    cut(text, NAME)
}

/// A path, cut in the middle if it is long.
pub(crate) fn path_name(path: &Path) -> String {
    name(&path.to_string_lossy()).into_owned()
}

/// A text of at most `most` characters, and a count of those left out.
pub(crate) fn cut(text: &str, most: usize) -> Cow<'_, str> {
    let count = text.chars().count();
    if count <= most {
        return text.into();
    }
    let place = |index| text.char_indices().nth(index).map_or(text.len(), |(at, _)| at);
    let (head, tail) = (&text[..place(most * 3 / 4)], &text[place(count - most / 4)..]);
    format!("{head}…{tail} ({count} characters)").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_escapes_every_control_character() {
        let value = Value::from("\u{9b}31m \u{7f} \u{202e} \u{2028}\u{61c}\u{feff} \"ü\n");
        let text = escaped(&value);
        assert!(!text.contains(is_unsafe_on_terminal), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn control_characters_except_newline_are_replaced() {
        let text = "a\nb\u{2028}c\u{2029}d\u{85}e\u{202e}f\u{61c}g\u{2066}h\r";
        assert_eq!(printable(text), "a\nb\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f\u{fffd}g\u{fffd}h\u{fffd}");
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [["a", "b"], ["图像", "c"], ["x\n\u{1b}[31my", ""]].map(|row| row.map(str::to_owned));
        assert_eq!(table(&rows), "a         b\n图像      c\nx \u{fffd}[31my");
    }

    #[test]
    fn a_long_name_is_cut_in_the_middle() {
        assert_eq!(name("clip.mp4"), "clip.mp4");
        assert_eq!(cut("äbcdefghijklmnop", 8), "äbcdef…op (16 characters)");
        assert_eq!(
            name(&"x".repeat(1_000_000)).chars().count(),
            NAME + "… (1000000 characters)".chars().count()
        );
    }
}
