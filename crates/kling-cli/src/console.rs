//! The terminal: results on stdout, everything else on stderr, and one JSON object for machines.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;

use kling::kling_transport::is_unsafe_on_terminal;
use serde_json::Value;

use crate::exit::{Exit, Stop};
use crate::live;

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
        live::above_the_line(|| _ = writeln!(io::stderr().lock(), "{}", printable(text.as_ref())));
    }

    /// Ends well.
    pub(crate) fn answer(self, answer: &Answer) -> ExitCode {
        let text = if self.json { escaped(&answer.json) } else { printable(&answer.text) };
        // A command that printed its result by itself has no answer.
        if text.is_empty() || self.json && answer.json.is_null() {
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
        if let Some(answer) = stop.answer() {
            self.answer(answer);
            return ExitCode::from(stop.exit().code());
        }
        self.say(format!("kling: {}", stop.message()));
        self.exit(stop)
    }

    /// Ends otherwise, where the message has been printed.
    pub(crate) fn exit(self, stop: &Stop) -> ExitCode {
        if self.json {
            // The exit code tells the same.
            let _ = print(&escaped(&stop.json()));
        }
        ExitCode::from(stop.exit().code())
    }
}

fn print(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}")?;
    stdout.flush()
}

/// Text from anywhere as it may be shown on a terminal: of all that a terminal obeys, the newline alone. Text of a server
/// goes through [`one_line`](crate::table::one_line) first, so that every newline is one of ours.
pub(crate) fn printable(text: &str) -> String {
    text.chars()
        .map(|letter| if is_unsafe_on_terminal(letter) && letter != '\n' { '\u{fffd}' } else { letter })
        .collect()
}

/// JSON that says the same and may be shown on a terminal: serde_json lets some control characters through.
fn escaped(value: &Value) -> String {
    let text = value.to_string();
    if !text.contains(is_unsafe_on_terminal) {
        return text;
    }
    // Compact JSON has them in texts only, where each has an escape of its own: all of them lie in the first plane.
    let escape = |letter: char| match is_unsafe_on_terminal(letter) {
        true => format!("\\u{:04x}", u32::from(letter)),
        false => letter.to_string(),
    };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_says_the_same_without_what_a_terminal_would_obey() {
        let value = Value::from("\u{9b}31m \u{7f} \u{202e} \u{2028}\u{61c}\u{feff} \"ü\n");
        let text = escaped(&value);
        assert!(!text.contains(is_unsafe_on_terminal), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn no_character_begins_a_line_or_turns_the_text_but_our_own_newline() {
        let text = "a\nb\u{2028}c\u{2029}d\u{85}e\u{202e}f\u{61c}g\u{2066}h\r";
        assert_eq!(printable(text), "a\nb\u{fffd}c\u{fffd}d\u{fffd}e\u{fffd}f\u{fffd}g\u{fffd}h\u{fffd}");
    }
}
