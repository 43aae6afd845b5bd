//! Cargo, started by cargo: the programs behind these commands stand in other crates, so that this one
//! stays light.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Output};

/// A command of cargo in a folder.
pub(crate) fn cargo(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(folder).args(arguments);
    command
}

/// Runs a command to its end; `failed` says what it means that it fails.
pub(crate) fn run(command: &mut Command, failed: &str) -> Result<(), String> {
    let status = command.status().map_err(|error| unstarted(&error))?;
    if status.success() { Ok(()) } else { Err(failed.to_owned()) }
}

/// Runs a command to its end, and takes what it prints.
pub(crate) fn output(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|error| unstarted(&error))
}

fn unstarted(error: &std::io::Error) -> String {
    format!("cargo cannot be run: {error}")
}
