//! Input files: regular files, pipes, devices and stdin, each read once and never beyond a limit.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::console::{CliError, ExitStatus};
use crate::shown;

/// The name of stdin.
const STDIN: &str = "-";

/// Reads a file whole. `advice` follows the message about a file that is larger than `limit` bytes.
pub(crate) fn read(path: &Path, limit: u64, advice: &str) -> Result<Vec<u8>, CliError> {
    // One byte more than allowed is enough to know that it is too much.
    let read = |source: &mut dyn Read, length: u64| {
        let mut bytes = Vec::new();
        if length <= limit {
            source.take(limit + 1).read_to_end(&mut bytes)?;
        }
        Ok((length > limit || bytes.len() as u64 > limit, bytes))
    };
    let outcome = if is_stdin(path) {
        take_stdin()?;
        read(&mut io::stdin().lock(), 0)
    } else {
        File::open(path).and_then(|mut file| {
            let length = file.metadata()?.len();
            read(&mut file, length)
        })
    };
    match outcome {
        Ok((false, bytes)) => Ok(bytes),
        Ok((true, _)) => Err(too_large(path, limit, advice)),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// Whether a path names stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

/// Returns the name of a file for messages.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { shown::path(path) }
}

/// Returns the error for an input file over its limit.
pub(crate) fn too_large(path: &Path, limit: u64, advice: &str) -> CliError {
    CliError::new(ExitStatus::Input, format!("{}: larger than {limit} bytes{advice}", name(path)))
}

/// Returns the error for an input file that cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> CliError {
    let problem = match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    CliError::new(ExitStatus::NoInput, format!("{}: {problem}", name(path)))
}

/// Refuses a second input from stdin, which has one content.
fn take_stdin() -> Result<(), CliError> {
    static IS_TAKEN: AtomicBool = AtomicBool::new(false);
    if IS_TAKEN.swap(true, Ordering::Relaxed) {
        return Err(CliError::new(
            ExitStatus::Usage,
            "stdin (-) is given twice; only one input can be read from it",
        ));
    }
    Ok(())
}
