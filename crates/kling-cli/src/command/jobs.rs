//! `kling jobs`: the requests that were submitted from this machine, and how an unknown outcome is settled; and `kling resume`,
//! which waits for requests that were left and downloads their outputs. Nothing is ever submitted here.

use std::path::Path;
use std::time::{Duration, SystemTime};

use kling::kling_journal::{
    Cursor, Entry, EntryLock, EntryStatus, ErrorKind, Event, JOURNAL_VARIABLE, Query, Selection,
};
use kling::{Journal, Journaled, OutputKind, RequestId};
use serde_json::{Value, json};

use crate::arguments::hyphen::command_line;
use crate::arguments::{Jobs, JobsCommand, OnInterrupt, Prune, Resume, Settle, WaitArgs};
use crate::connection::Session;
use crate::console::{CliError, Console, ExitStatus, Output};
use crate::interrupts::Interrupts;
use crate::live::ProgressLine;
use crate::target::OutputPath;
use crate::waiting;

/// The entries of a page if all are asked for.
const PAGE: usize = 500;

pub(crate) fn run(arguments: &Jobs, console: Console) -> Result<Output, CliError> {
    let journal = open()?;
    match &arguments.command {
        Some(JobsCommand::Settle(settle)) => close(&journal, settle),
        Some(JobsCommand::Prune(arguments)) => prune(&journal, arguments, console),
        None => list(&journal, arguments, console),
    }
}

/// Opens the journal, which must not be turned off.
pub(crate) fn open() -> Result<Journal, CliError> {
    Journal::from_env()?.ok_or_else(is_off)
}

pub(crate) fn is_off() -> CliError {
    CliError::new(ExitStatus::Usage, format!("the journal is turned off; unset {JOURNAL_VARIABLE} to use it"))
}

/// Warns if some of the journal cannot be read: it may hide jobs.
pub(crate) fn warn_of_damage(journal: &Journal, console: Console) {
    if let Some(damage) = journal.damage() {
        console.note(format!("warning: {damage}"));
    }
}

/// Requests that need a person come first, then the newest.
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
    let wrong = || {
        CliError::new(ExitStatus::Usage, format!("--after {text:?} is not a position that kling jobs prints"))
    };
    parsed.ok_or_else(wrong)
}

/// A known outcome is not changed.
fn close(journal: &Journal, settle: &Settle) -> Result<Output, CliError> {
    let entry = journal.find_intent(&settle.intent)?;
    let (intent, status) = (entry.intent().id(), entry.status());
    if status != EntryStatus::Unknown {
        return Err(CliError::new(
            ExitStatus::Usage,
            format!("intent {intent} is {status}; only unknown outcomes can be settled"),
        ));
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
    Ok(Output { text, json: describe(&settled) })
}

/// Says what is removed before it is removed: nothing else ever removes an entry.
fn prune(journal: &Journal, arguments: &Prune, console: Console) -> Result<Output, CliError> {
    let too_long = || CliError::new(ExitStatus::Usage, "--older-than is too long");
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

pub(crate) async fn resume(arguments: &Resume, console: Console) -> Result<Output, CliError> {
    let client = Session::free(console)?.client;
    let interrupts = Interrupts::new(arguments.patience.interrupting, OnInterrupt::Leave);
    let output = arguments.output.as_deref();
    let folder = output.filter(|_| arguments.all).map(OutputPath::folder).transpose()?;
    let mut resuming =
        Resuming { client, patience: &arguments.patience, console, interrupts, output, folder };
    match &arguments.id {
        Some(id) => resuming.one(id).await,
        None => resuming.all(&open()?).await,
    }
}

struct Resuming<'a> {
    client: Journaled,
    patience: &'a WaitArgs,
    console: Console,
    interrupts: Interrupts,
    output: Option<&'a Path>,
    /// The place of every output, where one was named for all.
    folder: Option<OutputPath>,
}

impl Resuming<'_> {
    /// Resumes one request, whether the journal knows it or not.
    async fn one(&mut self, id: &RequestId) -> Result<Output, CliError> {
        let origin = self.origin();
        let entry = match self.client.journal() {
            Some(journal) => {
                let found = match journal.find_job(&origin, id.as_str()) {
                    // A damaged entry is no reason to leave a paid job.
                    Err(error) if error.kind() == ErrorKind::Damaged => None,
                    found => found?,
                };
                warn_of_damage(journal, self.console);
                found
            }
            None => None,
        };
        let _lock = match &entry {
            Some(entry) => Some(self.lock(entry)?.ok_or_else(|| is_locked(id))?),
            None => None,
        };
        let files = self.finish(id, entry.as_ref()).await?;
        let json = json!({ "request_id": id.as_str(), "status": "succeeded", "files": files });
        Ok(Output { text: lines(&files), json })
    }

    /// Every one is tried, whatever becomes of the others; the first that goes wrong decides how it all ends. Each is looked at
    /// again when its turn comes: another process may have it in hand by then, or have finished it.
    async fn all(&mut self, journal: &Journal) -> Result<Output, CliError> {
        let origin = self.origin();
        let query = |selection| Query::new(selection).of_origin(&origin).oldest_first();
        // All are read first: the jobs that are finished here would move the pages.
        let unfinished = journal.entries(query(Selection::Unfinished)).collect::<Result<Vec<_>, _>>()?;
        warn_of_damage(journal, self.console);
        let (mut texts, mut done, mut wrong) = (Vec::new(), Vec::new(), None);
        for entry in &unfinished {
            let Some(Ok(id)) = entry.request_id().map(str::parse::<RequestId>) else { continue };
            let Some(_lock) = self.lock(entry)? else {
                self.console.note(is_locked(&id).message());
                done.push(json!({ "request_id": id.as_str(), "status": "in_hand" }));
                continue;
            };
            let Some(entry) = journal.find_job(&origin, id.as_str())?.filter(Entry::is_unfinished) else {
                continue;
            };
            match self.finish(&id, Some(&entry)).await {
                Ok(files) => {
                    texts.push(lines(&files));
                    done.push(json!({ "request_id": id.as_str(), "status": "succeeded", "files": files }));
                }
                Err(stop) => {
                    self.console.note(format!("kling: {}", stop.message()));
                    done.push(stop.json());
                    wrong.get_or_insert(stop);
                }
            }
            if self.interrupts.were_heard() {
                break;
            }
        }
        let unresolved = journal.entries(query(Selection::Unresolved)).collect::<Result<Vec<_>, _>>()?;
        let unknown: Value = unresolved.iter().filter_map(|entry| self.report(entry)).collect();
        match wrong {
            Some(stop) => Err(stop.with("jobs", done).with("unknown", unknown)),
            None => Ok(Output { text: texts.join("\n"), json: json!({ "jobs": done, "unknown": unknown }) }),
        }
    }

    /// Locks a request for its wait and its download. Returns `None` if another process has locked it.
    fn lock(&self, entry: &Entry) -> Result<Option<EntryLock>, CliError> {
        match self.client.journal() {
            Some(journal) => Ok(journal.lock(entry.intent().id())?),
            None => Ok(None),
        }
    }

    /// Prints the entry if its outcome is unknown.
    fn report(&self, entry: &Entry) -> Option<Value> {
        let intent = entry.intent().id();
        (entry.status() == EntryStatus::Unknown).then(|| {
            self.console.note(format!(
                "unknown outcome: intent {intent}; check the account's history, then run: kling jobs settle {intent} \
                 --id ID (or --not-submitted)"
            ));
            describe(entry)
        })
    }

    /// Waits and downloads. Ctrl-C leaves the request as it is, unless chosen otherwise: it was not submitted here.
    async fn finish(&mut self, id: &RequestId, entry: Option<&Entry>) -> Result<Vec<Value>, CliError> {
        let live = ProgressLine::new(self.console);
        live.note(&format!("request {id}"));
        let target = self.target(id, entry)?;
        let Self { client, patience, interrupts, .. } = self;
        let job = waiting::known_job(id, entry);
        let finished = waiting::wait(client, &job, patience, &live, interrupts).await?;
        let saved = waiting::download(client, &finished, &target, patience, &live, interrupts).await?;
        Ok(saved.iter().map(waiting::Saved::json).collect())
    }

    /// The place of the output: the one that is named now, or else the one that was noted at the submit.
    fn target(&self, id: &RequestId, entry: Option<&Entry>) -> Result<OutputPath, CliError> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        let intent = entry.map(Entry::intent);
        let model = intent.and_then(|intent| kling::model(intent.model()));
        let kind = model.map_or(OutputKind::Video, |model| model.output_kind);
        let target = match self.output {
            Some(path) => OutputPath::check(Some(path), kind)?,
            None => {
                let noted = OutputPath::resumed(intent.and_then(|intent| intent.output()), kind);
                let elsewhere = |stop: CliError| stop.resumable(id, &waiting::take_up(id, "-o FILE"));
                noted.try_names().map_err(elsewhere)?;
                noted
            }
        };
        Ok(if model.is_some() { target } else { target.guessed() })
    }

    fn origin(&self) -> String {
        self.client.client().settings().base().origin()
    }
}

fn is_locked(id: &RequestId) -> CliError {
    let message = format!("another kling process is already waiting for request {id}");
    CliError::new(ExitStatus::TryAgain, message).with("request_id", id.as_str())
}

fn lines(files: &[Value]) -> String {
    files.iter().filter_map(|file| file["path"].as_str()).collect::<Vec<_>>().join("\n")
}
