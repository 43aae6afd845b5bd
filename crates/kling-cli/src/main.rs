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
    // A message may quote an argument of any length.
    const LONGEST_LINE: usize = 300;
    let text = error.to_string();
    let lines: Vec<Cow<'_, str>> = text.lines().map(|line| console::cut(line, LONGEST_LINE)).collect();
    if lines.iter().any(|line| matches!(line, Cow::Owned(_))) {
        Console::new(false).note(lines.join("\n"));
    } else {
        let _ = error.print();
    }
    // The arguments that failed to parse may still contain --json.
    let is_json = std::env::args_os().any(|argument| argument == "--json");
    let first = lines.first().map(|line| line.trim_start_matches("error: "));
    Console::new(is_json).exit(&CliError::usage(first.unwrap_or_default()))
}
