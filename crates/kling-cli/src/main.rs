//! The program `kling` generates a clip from an image with one command.

mod arguments;
mod catalog;
mod command;
mod console;
mod durations;
mod generate;
mod inline_files;
mod input;
mod interrupts;
mod journal;
mod media_checker;
mod output_path;
mod outputs;
mod pipeline;
mod progress;
mod resume;
mod session;
mod wait;

use std::borrow::Cow;
use std::process::ExitCode;

use clap::Parser;

use crate::arguments::{Arguments, hyphen};
use crate::console::{CliError, Console};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse_from(hyphen::separate_ids(std::env::args_os())) {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let console = Console::new(arguments.json);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return console.fail(&CliError::service(format!("cannot start the async runtime: {error}")));
        }
    };
    let outcome = runtime.block_on(async {
        #[cfg(unix)]
        interrupts::outlive_file_size_limit();
        command::run(arguments.command, &console).await
    });
    // Background tasks have been reported; nobody waits for them.
    runtime.shutdown_background();
    match outcome {
        Ok(output) => console.print(&output),
        Err(error) => console.fail(&error),
    }
}

/// Prints help or version and succeeds, or prints the error and exits with 64, as the provider's own program does.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        // An error means that the terminal is gone.
        let _ = error.print();
        return ExitCode::SUCCESS;
    }
    let text = error.to_string();
    if text.lines().any(is_long) {
        Console::new(false).note(text.lines().map(shorten).collect::<Vec<_>>().join("\n"));
    } else {
        let _ = error.print();
    }
    // The arguments that failed to parse may still contain --json.
    let is_json = std::env::args_os().any(|argument| argument == "--json");
    Console::new(is_json).exit(&CliError::usage(first_line(error)))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    shorten(text.lines().next().unwrap_or_default().trim_start_matches("error: ")).into_owned()
}

/// The most characters of a usage message, which may quote an argument of any length.
const LONGEST_LINE: usize = 300;

fn is_long(line: &str) -> bool {
    line.chars().count() > LONGEST_LINE
}

fn shorten(line: &str) -> Cow<'_, str> {
    console::cut(line, LONGEST_LINE)
}
