//! The terminal: results on stdout, everything else on stderr, and one JSON object for machines.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use serde_json::Value;

use crate::exit::{Exit, Stop};

/// What a command has to say when it went well.
#[derive(Debug)]
pub(crate) struct Answer {
    /// For people: a line or a few, without the last newline.
    pub(crate) text: String,
    /// For machines: one object.
    pub(crate) json: Value,
}

/// Where everything is printed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Console {
    json: bool,
}

impl Console {
    pub(crate) const fn new(json: bool) -> Self {
        Self { json }
    }

    /// Whether somebody watches, so that a line may change as time goes by.
    pub(crate) fn is_watched(self) -> bool {
        io::stderr().is_terminal()
    }

    /// Says something beside the result.
    pub(crate) fn say(self, text: impl AsRef<str>) {
        // Where stderr is gone, nobody reads it.
        let _ = writeln!(io::stderr().lock(), "{}", printable(text.as_ref()));
    }

    /// Ends well.
    pub(crate) fn answer(self, answer: &Answer) -> ExitCode {
        let text = if self.json { answer.json.to_string() } else { printable(&answer.text) };
        if text.is_empty() {
            return ExitCode::SUCCESS;
        }
        match print(&text) {
            Ok(()) => ExitCode::SUCCESS,
            // Whoever closed the pipe has read enough; any other trouble means that the result did not arrive.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(Exit::Service.code()),
        }
    }

    /// Ends otherwise.
    pub(crate) fn stop(self, stop: &Stop) -> ExitCode {
        self.say(format!("kling: {}", stop.message()));
        self.exit(stop)
    }

    /// Ends otherwise, where the message has been printed.
    pub(crate) fn exit(self, stop: &Stop) -> ExitCode {
        if self.json {
            // The exit code tells the same.
            let _ = print(&stop.json().to_string());
        }
        ExitCode::from(stop.exit().code())
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Text from anywhere as it may be shown on a terminal: no control characters but the newline.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() && letter != '\n' { '\u{fffd}' } else { letter })
        .collect()
}
