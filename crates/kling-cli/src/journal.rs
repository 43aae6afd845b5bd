//! `kling jobs` and `kling journal`: the record of requests that were submitted from this machine.

use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, BufWriter};
use std::path::Path;
use std::time::{Duration, SystemTime};

use kling::journal::{
    CheckReport, Cursor, Entry, EntryStatus, Event, JOURNAL_VARIABLE, Journal, Query, Selection,
};
use serde_json::{Value, json};

use crate::arguments::hyphen::command_line;
use crate::arguments::{Jobs, JobsCommand, JournalCommand, Prune, Settle};
use crate::console::{CliError, Console, ExitStatus, Output};

/// The entries of a page for `--all`.
const PAGE: usize = 500;

pub(crate) fn jobs(arguments: &Jobs, console: Console) -> Result<Output, CliError> {
    let journal = open()?;
    match &arguments.command {
        Some(JobsCommand::Settle(arguments)) => settle(&journal, arguments),
        Some(JobsCommand::Prune(arguments)) => prune(&journal, arguments, console),
        None => list(&journal, arguments, console),
    }
}

/// Opens the journal, which must not be turned off.
pub(crate) fn open() -> Result<Journal, CliError> {
    Journal::from_env()?.ok_or_else(is_off)
}

pub(crate) fn is_off() -> CliError {
    CliError::usage(format!("the journal is turned off; unset {JOURNAL_VARIABLE} to use it"))
}

/// Warns if the journal is damaged, since damage may hide jobs.
pub(crate) fn warn_of_damage(journal: &Journal, console: Console) {
    if let Some(damage) = journal.damage() {
        console.note(format!("warning: {damage}"));
    }
}

/// Lists requests with an unknown outcome first, then the newest.
fn list(journal: &Journal, arguments: &Jobs, console: Console) -> Result<Output, CliError> {
    let query = Query::new(Selection::All);
    let (entries, next) = if arguments.all {
        (journal.entries(query.with_limit(PAGE)).collect::<Result<Vec<_>, _>>()?, None)
    } else {
        let after = arguments.after.as_deref().map(cursor).transpose()?;
        let limit = usize::try_from(arguments.limit).unwrap_or(usize::MAX);
        let page = journal.page(&query.with_limit(limit).after(after))?;
        (page.entries, page.next)
    };
    warn_of_damage(journal, console);
    let next = next.map(|Cursor { group, position }| format!("{group}.{position}"));
    let mut lines: Vec<_> = entries.iter().map(line).collect();
    if let Some(next) = &next {
        lines.push(format!("for more: kling jobs --after {next}, or --all"));
    }
    if entries.iter().any(|entry| entry.status() == EntryStatus::Unknown) {
        lines.push(
            "unknown outcome: check the account's history, then run: kling jobs settle INTENT --id ID (or --not-submitted)"
                .to_owned(),
        );
    }
    let json = json!({
        "jobs": entries.iter().map(describe).collect::<Value>(), "next": next,
        "damage": journal.damage().map(|damage| damage.to_string()),
    });
    Ok(Output { text: lines.join("\n"), json })
}

fn cursor(text: &str) -> Result<Cursor, CliError> {
    let parsed = text.split_once('.').and_then(|(group, position)| {
        Some(Cursor { group: group.parse().ok()?, position: position.parse().ok()? })
    });
    let wrong = || CliError::usage(format!("--after {text:?} is not a position that kling jobs prints"));
    parsed.ok_or_else(wrong)
}

/// Settles an unknown outcome. A known one never changes.
fn settle(journal: &Journal, arguments: &Settle) -> Result<Output, CliError> {
    let entry = journal.find_intent(&arguments.intent)?;
    let (intent, status) = (entry.intent().id(), entry.status());
    if status != EntryStatus::Unknown {
        return Err(CliError::usage(format!(
            "intent {intent} is {status}; only unknown outcomes can be settled"
        )));
    }
    let event = match &arguments.settled_as.id {
        Some(id) => Event::accepted(id.as_str()),
        None => Event::NotSubmitted,
    };
    journal.record(intent, &event)?;
    let settled = journal.find_intent(&intent.to_string())?;
    let text = match settled.request_id() {
        Some(id) => {
            let command = command_line("resume", id, "");
            format!("intent {intent} is request {id}; to resume: {command}")
        }
        None => format!("intent {intent} was not submitted"),
    };
    Ok(Output { text, json: describe(&settled) })
}

/// Removes finished entries, or prints their number. No other command removes an entry.
fn prune(journal: &Journal, arguments: &Prune, console: Console) -> Result<Output, CliError> {
    let too_long = || CliError::usage("--older-than is too long");
    let before = SystemTime::now().checked_sub(arguments.older_than).ok_or_else(too_long)?;
    let count = journal.count_prunable(before)?;
    let date = humantime::format_rfc3339_seconds(before);
    let what = format!("{count} finished requests, last changed before {date}");
    if !arguments.yes || count == 0 {
        let hint = if count == 0 { "" } else { "; to remove them: kling jobs prune --yes" };
        let json = json!({ "prunable": count, "removed": 0, "before": date.to_string() });
        return Ok(Output { text: format!("{what}{hint}"), json });
    }
    console.note(format!("removing {what}"));
    let removed = journal.prune(before)?;
    let json = json!({ "prunable": count, "removed": removed, "before": date.to_string() });
    Ok(Output { text: format!("removed {removed} requests"), json })
}

fn line(entry: &Entry) -> String {
    let intent = entry.intent();
    let id = entry.request_id().map_or_else(|| format!("intent {}", intent.id()), str::to_owned);
    let age = SystemTime::now().duration_since(intent.at()).unwrap_or_default();
    let age = humantime::format_duration(Duration::from_secs(age.as_secs())).to_string();
    // Two units are precise enough.
    let age = age.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let mut line = format!("{:<13} {id:<43} {age:>9} ago  {}", entry.status(), intent.model());
    for file in entry.files() {
        line.push_str("  ");
        line.push_str(file);
    }
    if let (EntryStatus::Unknown | EntryStatus::Rejected, Some(message)) = (entry.status(), entry.message()) {
        line.push_str("\n  ");
        line.push_str(message);
    }
    line
}

/// Returns an entry as JSON. `kling result` prints the URLs of its outputs.
pub(crate) fn describe(entry: &Entry) -> Value {
    let intent = entry.intent();
    json!({
        "request_id": entry.request_id(),
        "intent": intent.id().to_string(),
        "state": entry.status().as_str(),
        "api_state": entry.state(),
        "model": Some(intent.model()).filter(|model| !model.is_empty()),
        "origin": intent.origin(),
        "account": intent.account(),
        "fingerprint": Some(intent.fingerprint()).filter(|fingerprint| !fingerprint.is_empty()),
        "begun_at": humantime::format_rfc3339_millis(intent.at()).to_string(),
        "changed_at": humantime::format_rfc3339_millis(entry.changed_at()).to_string(),
        "output": intent.output().map(|path| path.display().to_string()),
        "files": entry.files(),
        "cost_usd": entry.cost_usd(),
        "message": entry.message(),
        "in_hand": entry.is_locked(),
    })
}

pub(crate) fn journal(command: &JournalCommand, console: Console) -> Result<Output, CliError> {
    match command {
        JournalCommand::Export { file } => export(&open()?, file, console),
        JournalCommand::Import { file } => import(&open()?, file, console),
        JournalCommand::Check => check(console),
    }
}

fn export(journal: &Journal, file: &Path, console: Console) -> Result<Output, CliError> {
    warn_of_damage(journal, console);
    let count = if file == Path::new("-") {
        journal.export(BufWriter::new(io::stdout().lock()))?
    } else {
        journal.export(BufWriter::new(create(file)?))?
    };
    console.note(format!("exported {count} {}", entries(count)));
    Ok(Output { text: String::new(), json: json!(null) })
}

/// Creates a file that only the owner can read, since its URLs open without a token.
fn create(path: &Path) -> Result<File, CliError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| CliError::usage(format!("{}: {error}", path.display())))
}

fn import(journal: &Journal, file: &Path, console: Console) -> Result<Output, CliError> {
    let added = if file == Path::new("-") {
        journal.import(io::stdin().lock())
    } else {
        let opened = File::open(file);
        let opened = opened.map_err(|error| CliError::no_input(format!("{}: {error}", file.display())))?;
        journal.import(BufReader::new(opened))
    };
    let added = added.map_err(|error| CliError::input(error.to_string()))?;
    warn_of_damage(journal, console);
    Ok(Output { text: format!("added {added} {}", entries(added)), json: json!({ "added": added }) })
}

fn check(console: Console) -> Result<Output, CliError> {
    let report = Journal::check_from_env()?.ok_or_else(is_off)?;
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
    let output = Output { text: lines.join("\n"), json };
    Err(CliError::found(ExitStatus::Service, output))
}

const fn entries(count: usize) -> &'static str {
    if count == 1 { "entry" } else { "entries" }
}
