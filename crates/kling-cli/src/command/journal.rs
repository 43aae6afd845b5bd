//! `kling journal`: the journal as lines of JSON, and its check.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter};
use std::path::Path;

use kling::Journal;
use kling::kling_journal::{CheckReport, Error as JournalError};
use serde_json::json;

use crate::arguments::JournalCommand;
use crate::command::jobs;
use crate::console::{CliError, Console, ExitStatus, Output};

pub(crate) fn run(command: &JournalCommand, console: Console) -> Result<Output, CliError> {
    match command {
        JournalCommand::Export { file } => export(&jobs::open()?, file, console),
        JournalCommand::Import { file } => import(&jobs::open()?, file, console),
        JournalCommand::Check => check(console),
    }
}

fn export(journal: &Journal, file: &Path, console: Console) -> Result<Output, CliError> {
    jobs::warn_of_damage(journal, console);
    let count = if file == Path::new("-") {
        journal.export(BufWriter::new(io::stdout().lock()))?
    } else {
        journal.export(BufWriter::new(create(file)?))?
    };
    console.note(format!("exported {count} {}", entries(count)));
    Ok(Output { text: String::new(), json: json!(null) })
}

/// The lines open outputs without a token, so that only the owner may read them.
fn create(path: &Path) -> Result<File, CliError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
        .open(path)
        .map_err(|error| CliError::new(ExitStatus::Usage, format!("{}: {error}", path.display())))
}

fn import(journal: &Journal, file: &Path, console: Console) -> Result<Output, CliError> {
    let added = if file == Path::new("-") {
        journal.import(io::stdin().lock())
    } else {
        let opened = File::open(file);
        let opened = opened
            .map_err(|error| CliError::new(ExitStatus::NoInput, format!("{}: {error}", file.display())))?;
        journal.import(BufReader::new(opened))
    };
    let added = added.map_err(|error| CliError::new(ExitStatus::Input, error.to_string()))?;
    jobs::warn_of_damage(journal, console);
    Ok(Output { text: format!("added {added} {}", entries(added)), json: json!({ "added": added }) })
}

fn check(console: Console) -> Result<Output, CliError> {
    let report = Journal::check_from_env()?.ok_or_else(jobs::is_off)?;
    let CheckReport { entries: count, damage, rescued_ids, lost, damaged_file, .. } = &report;
    let json = json!({
        "entries": count, "damage": damage, "rescued_ids": rescued_ids, "lost": lost,
        "damaged_file": damaged_file.as_ref().map(|path| path.display().to_string()),
    });
    if report.is_whole() {
        return Ok(Output { text: format!("the journal is intact: {count} {}", entries(*count)), json });
    }
    for line in damage {
        console.note(format!("damaged: {line}"));
    }
    let mut lines = vec![format!("rescued {count} {} into a new journal", entries(*count))];
    if !rescued_ids.is_empty() {
        lines.push(format!(
            "rescued {} more request ids; to resume them: kling resume --all",
            rescued_ids.len()
        ));
    }
    if let Some(path) = damaged_file {
        lines.push(format!("the damaged journal is kept at {}", path.display()));
    }
    if *lost > 0 {
        lines.push(format!(
            "{lost} {} could not be read and may be paid jobs: check the account's history",
            entries(*lost)
        ));
    }
    let answer = Output { text: lines.join("\n"), json };
    Err(CliError::found(ExitStatus::Service, answer))
}

const fn entries(count: usize) -> &'static str {
    if count == 1 { "entry" } else { "entries" }
}

impl From<JournalError> for CliError {
    fn from(error: JournalError) -> Self {
        use kling::kling_journal::ErrorKind;
        let exit = match error.kind() {
            ErrorKind::NoEntry => ExitStatus::Usage,
            ErrorKind::Busy => ExitStatus::TryAgain,
            _ => ExitStatus::Service,
        };
        Self::new(exit, error.to_string())
    }
}
