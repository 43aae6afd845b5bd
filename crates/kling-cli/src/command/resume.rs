//! `kling resume`: requests that were left are waited for and downloaded. Nothing is ever submitted here.

use std::path::Path;

use kling::kling_journal::{Entry, EntryLock, EntryStatus, Query, Selection};
use kling::{Job, Journal, Journaled, OutputKind, RequestId};
use serde_json::{Value, json};

use crate::arguments::{AtEnd, Patience, Resume};
use crate::connection::Connection;
use crate::console::{Answer, Console};
use crate::exit::{Exit, Stop};
use crate::interrupts::Interrupts;
use crate::live::Live;
use crate::target::Target;
use crate::{command::jobs, waiting};

pub(crate) async fn run(arguments: &Resume, console: Console) -> Result<Answer, Stop> {
    let client = Connection::free(console)?.client;
    let interrupts = Interrupts::new(arguments.patience.interrupting, AtEnd::Leave);
    let output = arguments.output.as_deref();
    let folder = output.filter(|_| arguments.all).map(Target::folder).transpose()?;
    let mut resuming =
        Resuming { client, patience: &arguments.patience, console, interrupts, output, folder };
    match &arguments.id {
        Some(id) => resuming.one(id).await,
        None => resuming.all(&jobs::open()?).await,
    }
}

struct Resuming<'a> {
    client: Journaled,
    patience: &'a Patience,
    console: Console,
    interrupts: Interrupts,
    output: Option<&'a Path>,
    /// The place of every output, where one was named for all.
    folder: Option<Target>,
}

impl Resuming<'_> {
    /// One that was asked for is taken up whether the journal knows it or not.
    async fn one(&mut self, id: &RequestId) -> Result<Answer, Stop> {
        let origin = self.origin();
        let entry = match self.client.journal() {
            Some(journal) => {
                jobs::warn_of_damage(journal, self.console);
                journal.find_job(&origin, id.as_str())?
            }
            None => None,
        };
        let _lock = match &entry {
            Some(entry) => Some(self.lock(entry)?.ok_or_else(|| is_locked(id))?),
            None => None,
        };
        let files = self.finish(id, entry.as_ref()).await?;
        let json = json!({ "request_id": id.as_str(), "status": "succeeded", "files": files });
        Ok(Answer { text: lines(&files), json })
    }

    /// Every one is tried, whatever becomes of the others; the first that goes wrong decides how it all ends. Each is looked at
    /// again when its turn comes: another process may have it in hand by then, or have finished it.
    async fn all(&mut self, journal: &Journal) -> Result<Answer, Stop> {
        let origin = self.origin();
        let query = |selection| Query::new(selection).of_origin(&origin).oldest_first();
        // All are read first: the jobs that are finished here would move the pages.
        let unfinished = journal.entries(query(Selection::Unfinished)).collect::<Result<Vec<_>, _>>()?;
        jobs::warn_of_damage(journal, self.console);
        let (mut texts, mut done, mut wrong) = (Vec::new(), Vec::new(), None);
        for entry in &unfinished {
            let Some(Ok(id)) = entry.request_id().map(str::parse::<RequestId>) else { continue };
            let Some(_lock) = self.lock(entry)? else {
                self.console.say(is_locked(&id).message());
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
                    self.console.say(format!("kling: {}", stop.message()));
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
            None => Ok(Answer { text: texts.join("\n"), json: json!({ "jobs": done, "unknown": unknown }) }),
        }
    }

    /// Locks a request for its wait and its download. Returns `None` if another process has locked it.
    fn lock(&self, entry: &Entry) -> Result<Option<EntryLock>, Stop> {
        match self.client.journal() {
            Some(journal) => Ok(journal.lock(entry.intent().id())?),
            None => Ok(None),
        }
    }

    /// Prints the entry if its outcome is unknown.
    fn report(&self, entry: &Entry) -> Option<Value> {
        let intent = entry.intent().id();
        (entry.status() == EntryStatus::Unknown).then(|| {
            self.console.say(format!(
                "unknown: intent {intent}; look at the account's history, then: kling jobs settle {intent} --id ID, or \
                 --not-submitted"
            ));
            jobs::describe(entry)
        })
    }

    /// Waits and downloads. Ctrl-C leaves the request as it is, unless chosen otherwise: it was not submitted here.
    async fn finish(&mut self, id: &RequestId, entry: Option<&Entry>) -> Result<Vec<Value>, Stop> {
        let live = Live::new(self.console);
        live.say(&format!("request {id}"));
        let target = self.target(id, entry)?;
        let Self { client, patience, interrupts, .. } = self;
        let finished = waiting::wait(client, &Job::from_id(id.clone()), patience, &live, interrupts).await?;
        let saved = waiting::download(client, &finished, &target, patience, &live, interrupts).await?;
        Ok(saved.iter().map(waiting::Saved::json).collect())
    }

    /// The place of the output: the one that is named now, or else the one that was noted at the submit.
    fn target(&self, id: &RequestId, entry: Option<&Entry>) -> Result<Target, Stop> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        let intent = entry.map(Entry::intent);
        let model = intent.and_then(|intent| kling::model(intent.model()));
        let kind = model.map_or(OutputKind::Video, |model| model.output_kind);
        let target = match self.output {
            Some(path) => Target::check(Some(path), kind)?,
            None => {
                let noted = Target::resumed(intent.and_then(|intent| intent.output()), kind);
                let elsewhere = |stop: Stop| stop.resumable(id, &waiting::take_up(id, "-o FILE"));
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

fn is_locked(id: &RequestId) -> Stop {
    let message = format!("another kling process is already waiting for request {id}");
    Stop::new(Exit::TryAgain, message).with("request_id", id.as_str())
}

fn lines(files: &[Value]) -> String {
    files.iter().filter_map(|file| file["path"].as_str()).collect::<Vec<_>>().join("\n")
}
