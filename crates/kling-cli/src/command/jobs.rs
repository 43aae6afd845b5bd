//! `kling jobs`: what was submitted from this machine, and how an unknown outcome is settled.

use std::time::SystemTime;

use kling::Journal;
use kling::kling_journal::{Entry, Error, Event, JOURNAL_VARIABLE, Standing};
use serde_json::{Value, json};

use crate::arguments::{Jobs, JobsCommand, Settle};
use crate::console::{Answer, Console};
use crate::exit::{Exit, Stop};

pub(crate) fn run(arguments: &Jobs, console: Console) -> Result<Answer, Stop> {
    let journal = open()?;
    match &arguments.command {
        Some(JobsCommand::Settle(settle)) => close(&journal, settle),
        None => list(&journal, console),
    }
}

/// The journal, which has to be there.
pub(crate) fn open() -> Result<Journal, Stop> {
    let off = || Stop::new(Exit::Usage, format!("the journal is turned off by {JOURNAL_VARIABLE}"));
    Journal::from_env()?.ok_or_else(off)
}

/// What needs a person comes first, then the newest.
fn list(journal: &Journal, console: Console) -> Result<Answer, Stop> {
    let mut entries = journal.entries()?;
    entries.reverse();
    entries.sort_by_key(Entry::standing);
    if journal.damaged_lines() > 0 {
        let lines = journal.damaged_lines();
        console.say(format!("warning: {lines} lines of the journal are damaged and may be jobs"));
    }
    let mut lines: Vec<_> = entries.iter().map(line).collect();
    if entries.first().is_some_and(|entry| entry.standing() == Standing::Unknown) {
        lines.push(
            "unknown: look at the account's history, then: kling jobs settle INTENT --id ID, or --not-submitted"
                .to_owned(),
        );
    }
    let json = json!({
        "jobs": entries.iter().map(describe).collect::<Value>(), "damaged_lines": journal.damaged_lines(),
    });
    Ok(Answer { text: lines.join("\n"), json })
}

/// An outcome that is known is nobody's to change.
fn close(journal: &Journal, settle: &Settle) -> Result<Answer, Stop> {
    let entry = journal.find_intent(&settle.intent)?;
    let (intent, standing) = (entry.intent().id(), entry.standing());
    if standing != Standing::Unknown {
        return Err(Stop::new(Exit::Usage, format!("intent {intent} is {standing}, not unknown")));
    }
    let event = match &settle.finding.id {
        Some(id) => Event::submitted(id.as_str()),
        None => Event::NotSubmitted,
    };
    journal.record(intent, &event)?;
    let settled = journal.find_intent(&intent.to_string())?;
    let text = match settled.request_id() {
        Some(id) => format!("intent {intent} is request {id}; take it up: kling resume {id}"),
        None => format!("intent {intent} was not submitted"),
    };
    Ok(Answer { text, json: describe(&settled) })
}

fn line(entry: &Entry) -> String {
    let intent = entry.intent();
    let id = entry.request_id().map_or_else(|| format!("intent {}", intent.id()), str::to_owned);
    let age = SystemTime::now().duration_since(intent.at()).unwrap_or_default();
    let age = humantime::format_duration(std::time::Duration::from_secs(age.as_secs())).to_string();
    // The two largest units say enough.
    let age = age.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let mut line = format!("{:<13} {id:<43} {age:>9} ago  {}", entry.standing(), intent.model());
    for file in entry.files() {
        line.push_str("  ");
        line.push_str(file);
    }
    if let (Standing::Unknown | Standing::Refused, Some(message)) = (entry.standing(), entry.message()) {
        line.push_str("\n  ");
        line.push_str(message);
    }
    line
}

/// An entry for machines; without the URLs of its outputs, which `kling result` gives.
pub(crate) fn describe(entry: &Entry) -> Value {
    let intent = entry.intent();
    json!({
        "request_id": entry.request_id(),
        "intent": intent.id().to_string(),
        "state": entry.standing().as_str(),
        "api_state": entry.state(),
        "model": Some(intent.model()).filter(|model| !model.is_empty()),
        "origin": intent.origin(),
        "account": intent.account(),
        "fingerprint": Some(intent.fingerprint()).filter(|fingerprint| !fingerprint.is_empty()),
        "begun_at": humantime::format_rfc3339_millis(intent.at()).to_string(),
        "changed_at": humantime::format_rfc3339_millis(entry.changed_at()).to_string(),
        "output": intent.output().map(|path| path.display().to_string()),
        "files": entry.files(),
        "message": entry.message(),
        "in_hand": entry.is_held(),
    })
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        let exit = if error.is_no_entry() { Exit::Usage } else { Exit::Service };
        Self::new(exit, error.to_string())
    }
}
