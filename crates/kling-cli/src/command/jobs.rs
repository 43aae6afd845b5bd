//! `kling jobs`: the requests that were submitted from this machine, and how an unknown outcome is settled.

use std::time::{Duration, SystemTime};

use kling::Journal;
use kling::kling_journal::{Cursor, Entry, EntryStatus, Event, JOURNAL_VARIABLE, Query, Selection};
use serde_json::{Value, json};

use crate::arguments::hyphen::command_line;
use crate::arguments::{Jobs, JobsCommand, Prune, Settle};
use crate::console::{Answer, Console};
use crate::exit::{Exit, Stop};

/// The entries of a page if all are asked for.
const PAGE: usize = 500;

pub(crate) fn run(arguments: &Jobs, console: Console) -> Result<Answer, Stop> {
    let journal = open()?;
    match &arguments.command {
        Some(JobsCommand::Settle(settle)) => close(&journal, settle),
        Some(JobsCommand::Prune(arguments)) => prune(&journal, arguments, console),
        None => list(&journal, arguments, console),
    }
}

/// Opens the journal, which must not be turned off.
pub(crate) fn open() -> Result<Journal, Stop> {
    Journal::from_env()?.ok_or_else(is_off)
}

pub(crate) fn is_off() -> Stop {
    Stop::new(Exit::Usage, format!("the journal is turned off by {JOURNAL_VARIABLE}"))
}

/// Warns if some of the journal cannot be read: it may hide jobs.
pub(crate) fn warn_of_damage(journal: &Journal, console: Console) {
    if let Some(damage) = journal.damage() {
        console.say(format!("warning: {damage}"));
    }
}

/// Requests that need a person come first, then the newest.
fn list(journal: &Journal, arguments: &Jobs, console: Console) -> Result<Answer, Stop> {
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
            "unknown: look at the account's history, then: kling jobs settle INTENT --id ID, or --not-submitted"
                .to_owned(),
        );
    }
    let json = json!({
        "jobs": entries.iter().map(describe).collect::<Value>(), "next": next,
        "damage": journal.damage().map(|damage| damage.to_string()),
    });
    Ok(Answer { text: lines.join("\n"), json })
}

fn cursor(text: &str) -> Result<Cursor, Stop> {
    let parsed = text.split_once('.').and_then(|(group, position)| {
        Some(Cursor { group: group.parse().ok()?, position: position.parse().ok()? })
    });
    let wrong = || Stop::new(Exit::Usage, format!("--after {text:?} is no place that kling jobs prints"));
    parsed.ok_or_else(wrong)
}

/// A known outcome is not changed.
fn close(journal: &Journal, settle: &Settle) -> Result<Answer, Stop> {
    let entry = journal.find_intent(&settle.intent)?;
    let (intent, status) = (entry.intent().id(), entry.status());
    if status != EntryStatus::Unknown {
        return Err(Stop::new(Exit::Usage, format!("intent {intent} is {status}, not unknown")));
    }
    let event = match &settle.finding.id {
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
    Ok(Answer { text, json: describe(&settled) })
}

/// Says what is removed before it is removed: nothing else ever removes an entry.
fn prune(journal: &Journal, arguments: &Prune, console: Console) -> Result<Answer, Stop> {
    let too_long = || Stop::new(Exit::Usage, "--older-than reaches back further than any clock");
    let before = SystemTime::now().checked_sub(arguments.older_than).ok_or_else(too_long)?;
    let count = journal.count_prunable(before)?;
    let date = humantime::format_rfc3339_seconds(before);
    let what = format!("{count} requests that are over and last changed before {date}");
    if !arguments.yes || count == 0 {
        let hint = if count == 0 { "" } else { "; to remove them: kling jobs prune --yes" };
        let json = json!({ "prunable": count, "removed": 0, "before": date.to_string() });
        return Ok(Answer { text: format!("{what}{hint}"), json });
    }
    console.say(format!("removing {what}"));
    let removed = journal.prune(before)?;
    let json = json!({ "prunable": count, "removed": removed, "before": date.to_string() });
    Ok(Answer { text: format!("removed {removed} requests"), json })
}

fn line(entry: &Entry) -> String {
    let intent = entry.intent();
    let id = entry.request_id().map_or_else(|| format!("intent {}", intent.id()), str::to_owned);
    let age = SystemTime::now().duration_since(intent.at()).unwrap_or_default();
    let age = humantime::format_duration(Duration::from_secs(age.as_secs())).to_string();
    // The two largest units say enough.
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

/// An entry for machines, without the URLs of its outputs: `kling result` prints those.
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
