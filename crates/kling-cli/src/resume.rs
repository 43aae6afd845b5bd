//! `kling resume`: waits for unfinished requests and downloads their outputs. Submits nothing.

use std::path::Path;

use kling::journal::{Entry, EntryLock, EntryStatus, Journal, JournalErrorKind, Query, Selection};
use kling::{Client, RequestId};
use serde_json::{Value, json};

use crate::arguments::{OnInterrupt, Resume, WaitArgs};
use crate::console::{CliError, Console, Output};
use crate::interrupts::Interrupts;
use crate::journal::{describe, open, warn_of_damage};
use crate::output_path::OutputPath;
use crate::outputs;
use crate::pipeline::Pipeline;
use crate::progress::ProgressLine;
use crate::session::Session;

pub(crate) async fn run(arguments: &Resume, console: Console) -> Result<Output, CliError> {
    let client = Session::free(console)?.client;
    let interrupts = Interrupts::new(arguments.wait_args.interrupt_args, OnInterrupt::Leave);
    let output = arguments.output.as_deref();
    let folder = output.filter(|_| arguments.all).map(OutputPath::folder).transpose()?;
    let mut resumer =
        Resumer { client, wait_args: &arguments.wait_args, console, interrupts, output, folder };
    match &arguments.id {
        Some(id) => resumer.one(id).await,
        None => resumer.all(&open()?).await,
    }
}

struct Resumer<'a> {
    client: Client,
    wait_args: &'a WaitArgs,
    console: Console,
    interrupts: Interrupts,
    output: Option<&'a Path>,
    /// The folder of `--all`, if one is given.
    folder: Option<OutputPath>,
}

impl Resumer<'_> {
    /// Resumes one request, whether the journal knows it or not.
    async fn one(&mut self, id: &RequestId) -> Result<Output, CliError> {
        let origin = self.origin();
        let entry = match self.client.journal() {
            Some(journal) => {
                let found = match journal.find_job(&origin, id.as_str()) {
                    // A damaged entry is no reason to leave a paid job.
                    Err(error) if error.kind() == JournalErrorKind::Damaged => None,
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
        let (text, files) = self.finish(id, entry.as_ref()).await?;
        let json = json!({ "request_id": id.as_str(), "status": "succeeded", "files": files });
        Ok(Output { text, json })
    }

    /// Resumes every request, and returns the first error. Each entry is read again before its turn, since another process may
    /// have locked or finished it.
    async fn all(&mut self, journal: &Journal) -> Result<Output, CliError> {
        let origin = self.origin();
        let query = |selection| Query::new(selection).of_origin(&origin).oldest_first();
        // Read before the first wait, since finished jobs would move the pages.
        let unfinished = journal.entries(query(Selection::Unfinished)).collect::<Result<Vec<_>, _>>()?;
        warn_of_damage(journal, self.console);
        let (mut texts, mut done, mut first_error) = (Vec::new(), Vec::new(), None);
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
                Ok((text, files)) => {
                    texts.push(text);
                    done.push(json!({ "request_id": id.as_str(), "status": "succeeded", "files": files }));
                }
                Err(error) => {
                    self.console.note(format!("kling: {}", error.message()));
                    done.push(error.json());
                    first_error.get_or_insert(error);
                }
            }
            if self.interrupts.were_heard() {
                break;
            }
        }
        let unresolved = journal.entries(query(Selection::Unresolved)).collect::<Result<Vec<_>, _>>()?;
        let unknown: Value = unresolved.iter().filter_map(|entry| self.report(entry)).collect();
        match first_error {
            Some(error) => Err(error.with("jobs", done).with("unknown", unknown)),
            None => Ok(Output { text: texts.join("\n"), json: json!({ "jobs": done, "unknown": unknown }) }),
        }
    }

    /// Locks an entry. Returns `None` if another process has locked it.
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

    /// Waits for a request and downloads its outputs.
    async fn finish(&mut self, id: &RequestId, entry: Option<&Entry>) -> Result<(String, Value), CliError> {
        let progress = &ProgressLine::new(self.console);
        self.console.note(format!("request {id}"));
        let output_path = self.output_path(id, entry)?;
        let job = self.client.job(id.clone()).await;
        let mut pipeline = Pipeline { client: &self.client, progress, interrupts: &mut self.interrupts };
        let (_, saved) = pipeline.finish(&job, self.wait_args, &output_path).await?;
        Ok(outputs::report(&saved))
    }

    /// Returns the place that the command names, or else the recorded one.
    fn output_path(&self, id: &RequestId, entry: Option<&Entry>) -> Result<OutputPath, CliError> {
        if let Some(folder) = &self.folder {
            return Ok(folder.clone());
        }
        if let Some(path) = self.output {
            return OutputPath::check(Some(path));
        }
        let recorded = OutputPath::resumed(entry.and_then(|entry| entry.intent().output()));
        let elsewhere = |error: CliError| error.resumable(id, &outputs::resume_command(id, "-o FILE"));
        recorded.try_names().map_err(elsewhere)?;
        Ok(recorded)
    }

    fn origin(&self) -> String {
        self.client.api().settings().base().origin()
    }
}

fn is_locked(id: &RequestId) -> CliError {
    let message = format!("another kling process is already waiting for request {id}");
    CliError::try_again(message).with("request_id", id.as_str())
}
