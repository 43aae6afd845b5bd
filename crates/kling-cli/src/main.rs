//! The program `kling`: a photo on disk becomes a clip, with one command.

mod arguments;
mod attachments;
mod board;
mod catalog;
mod command;
mod connection;
mod console;
mod exit;
mod input;
mod interrupts;
mod live;
mod making;
mod picture;
mod pictures;
mod settings;
mod submitting;
mod table;
mod target;
mod waiting;

use std::process::ExitCode;

use clap::Parser;

use crate::arguments::Arguments;
use crate::console::Console;
use crate::exit::{Exit, Stop};

fn main() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage(&error),
    };
    let console = Console::new(arguments.json);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            return console.stop(&Stop::new(Exit::Service, format!("no runtime can be started: {error}")));
        }
    };
    let outcome = runtime.block_on(async {
        #[cfg(unix)]
        interrupts::outlive_file_size_limit();
        command::run(arguments.command, &console).await
    });
    // What still runs in the background has been told of; it is not waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(answer) => console.answer(&answer),
        Err(stop) => console.stop(&stop),
    }
}

/// Help and version are answers; everything else is 64, as for the provider's own program.
fn usage(error: &clap::Error) -> ExitCode {
    // Where the terminal is gone, nobody reads it.
    let _ = error.print();
    if !error.use_stderr() {
        return ExitCode::SUCCESS;
    }
    // What could not be parsed may still have asked for JSON.
    let is_json = std::env::args_os().any(|argument| argument == "--json");
    Console::new(is_json).exit(&Stop::new(Exit::Usage, first_line(error)))
}

fn first_line(error: &clap::Error) -> String {
    let text = error.to_string();
    text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned()
}
