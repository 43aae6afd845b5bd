//! `kling wait`: waits for one request, or for many at once.

use std::collections::HashMap;
use std::time::Duration;

use kling::transport::{CancelOutcome, DownloadOptions, Downloaded};
use kling::{Client, CompletedJob, Job, JobSet, JobSetEvent, JobUpdate, RequestId, Update};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::arguments::{OnInterrupt, Wait};
use crate::console::{CliError, Console, ExitStatus, Output};
use crate::durations::Durations;
use crate::interrupts::Interrupts;
use crate::output_path::OutputPath;
use crate::outputs;
use crate::pipeline::{self, Pipeline};
use crate::progress::{ProgressLine, ProgressTable};
use crate::session::Session;

pub(crate) async fn run(arguments: &Wait, console: Console) -> Result<Output, CliError> {
    let mut ids = Vec::new();
    for id in &arguments.ids {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    match ids.as_slice() {
        [id] => one(arguments, id, console).await,
        ids => many(arguments, ids, console).await,
    }
}

async fn one(arguments: &Wait, id: &RequestId, console: Console) -> Result<Output, CliError> {
    let output = arguments.output.as_deref();
    let output_path = output.map(|path| OutputPath::check(Some(path))).transpose()?;
    let (client, wait_args) = (client(output_path.as_ref(), console)?, &arguments.wait_args);
    let progress = &ProgressLine::new(console);
    let mut interrupts = Interrupts::new(wait_args.interrupt_args, OnInterrupt::Cancel);
    let job = client.job(id.clone()).await;
    let mut pipeline = Pipeline { client: &client, progress, interrupts: &mut interrupts };
    let reply = |completed: &CompletedJob| serde_json::to_value(completed.reply()).unwrap_or_default();
    let Some(output_path) = output_path else {
        let completed = pipeline.wait(&job, wait_args).await?;
        let lines = outputs::lines(&completed).ok_or_else(|| outputs::no_file(&completed))?;
        return Ok(Output { text: lines.join("\n"), json: reply(&completed) });
    };
    let (completed, saved) = pipeline.finish(&job, wait_args, &output_path).await?;
    let (text, files) = outputs::report(&saved);
    let mut json = reply(&completed);
    json["files"] = files;
    Ok(Output { text, json })
}

/// Waits for many requests. The exit code is that of the first error, in the order of the command line.
async fn many(arguments: &Wait, ids: &[RequestId], console: Console) -> Result<Output, CliError> {
    let output_path = arguments.output.as_deref().map(OutputPath::folder).transpose()?;
    let (client, wait_args) = (client(output_path.as_ref(), console)?, &arguments.wait_args);
    let mut interrupts = Interrupts::new(wait_args.interrupt_args, OnInterrupt::Cancel);
    let durations = Durations::read(&client);
    let options = pipeline::options(wait_args, &durations);
    let mut set = JobSet::new(&client).with_options(options.clone());
    let mut jobs: Vec<Job> = Vec::new();
    for id in ids {
        jobs.push(client.job(id.clone()).await);
    }
    jobs.iter().for_each(|job| set.wait(job.id().clone(), job.clone()));
    let downloads = wait_args.download.options();
    let table = ProgressTable::new(console, &jobs, &options);
    let mut waiting =
        MultiWait { console, table, output_path, downloads, saving: JoinSet::new(), exits: HashMap::new() };
    let started = Instant::now();
    let (mut is_waiting, mut is_interrupted) = (true, false);
    while is_waiting || !waiting.saving.is_empty() {
        tokio::select! {
            event = set.next(), if is_waiting => match event {
                Some(event) => waiting.handle(event, &mut set),
                None => is_waiting = false,
            },
            Some(saved) = waiting.saving.join_next() => waiting.saved(saved),
            _ = interrupts.next() => {
                if is_interrupted || interrupts.choice() == OnInterrupt::Leave {
                    break;
                }
                is_interrupted = true;
                ids.iter().for_each(|id| _ = set.cancel(id));
            }
        }
    }
    durations.save();
    waiting.summary(ids, started.elapsed())
}

fn client(output_path: Option<&OutputPath>, console: Console) -> Result<Client, CliError> {
    let client = Session::free(console)?.client;
    Ok(match output_path {
        Some(output_path) => client.with_output_path(output_path.to_record()),
        None => client,
    })
}

/// The wait for many requests.
struct MultiWait {
    console: Console,
    table: ProgressTable,
    output_path: Option<OutputPath>,
    downloads: DownloadOptions,
    saving: JoinSet<(CompletedJob, Result<Vec<Downloaded>, CliError>)>,
    exits: HashMap<RequestId, Option<ExitStatus>>,
}

impl MultiWait {
    fn handle(&mut self, event: JobSetEvent<RequestId>, set: &mut JobSet<RequestId>) {
        let id = event.key;
        match event.update {
            JobUpdate::Changed(update) => self.updated(&id, &update),
            JobUpdate::Cancelling(outcome) => {
                let text = match &outcome {
                    Ok(reply) => serde_json::to_value(reply.outcome).unwrap_or_default(),
                    Err(error) => error.to_string().into(),
                };
                self.emit("cancelling", &id, json!({ "outcome": text }));
                let is_ending = outcome.is_ok_and(|reply| {
                    matches!(reply.outcome, CancelOutcome::Cancelled | CancelOutcome::AlreadyOver)
                });
                if is_ending {
                    self.table.show(&id, "cancellation requested");
                } else {
                    // After a Ctrl-C, a job that runs on counts as left.
                    set.detach(&id);
                    self.table.fail(&id, "could not be cancelled: still running and may be billed");
                }
            }
            JobUpdate::Done(Ok(completed)) => self.completed(completed),
            JobUpdate::Done(Err(error)) => self.failed(&id, &CliError::from(error)),
            _ => {}
        }
    }

    fn updated(&self, id: &RequestId, update: &Update) {
        if ProgressLine::status_text(update).is_none() {
            return;
        }
        self.table.update(id, update);
        self.emit(
            "update",
            id,
            json!({
                "status": update.state.as_ref().map(ToString::to_string),
                "queue_position": update.queue_position,
                "error": update.error.as_ref().map(ToString::to_string),
            }),
        );
    }

    /// Starts the downloads of a completed job, if any are wanted.
    fn completed(&mut self, completed: CompletedJob) {
        for note in pipeline::notes(&completed) {
            self.table.suspend(|| self.console.note(format!("{}: {note}", completed.id())));
        }
        let Some(output_path) = self.output_path.clone() else { return self.succeeded(&completed, None) };
        self.table.show(completed.id(), "downloading");
        let options = self.downloads.clone();
        self.saving.spawn(async move {
            let saved = outputs::save(&completed, &output_path, &options, None).await;
            (completed, saved)
        });
    }

    fn saved(
        &mut self,
        saved: Result<(CompletedJob, Result<Vec<Downloaded>, CliError>), tokio::task::JoinError>,
    ) {
        match saved {
            Ok((completed, Ok(files))) => self.succeeded(&completed, Some(&files)),
            Ok((completed, Err(error))) => self.failed(completed.id(), &error),
            // The request counts as unfinished.
            Err(error) => self.console.note(format!("kling: a download stopped: {error}")),
        }
    }

    fn succeeded(&mut self, completed: &CompletedJob, files: Option<&[Downloaded]>) {
        let id = completed.id();
        let Some(lines) = outputs::lines(completed) else {
            return self.failed(id, &outputs::no_file(completed));
        };
        self.exits.insert(id.clone(), None);
        self.table.end(id, "succeeded");
        let mut json = serde_json::to_value(completed.reply()).unwrap_or_default();
        let places: Vec<String> = match files {
            Some(files) => {
                json["files"] = outputs::report(files).1;
                files.iter().map(|file| file.path.display().to_string()).collect()
            }
            None => lines,
        };
        let text = places.iter().map(|place| format!("{id} {place}")).collect::<Vec<_>>().join("\n");
        self.print("succeeded", id, text, json);
    }

    fn failed(&mut self, id: &RequestId, error: &CliError) {
        self.exits.insert(id.clone(), Some(error.exit()));
        self.table.fail(id, error.message());
        self.emit("failed", id, error.json());
    }

    /// Prints an event in JSON only, since people see it in the table.
    fn emit(&self, event: &str, id: &RequestId, facts: Value) {
        self.print(event, id, String::new(), facts);
    }

    fn print(&self, event: &str, id: &RequestId, text: String, mut json: Value) {
        json["event"] = event.into();
        json["request_id"] = id.as_str().into();
        let output = Output { text, json };
        // If stdout is gone, the downloads still go on.
        self.table.suspend(|| _ = self.console.print(&output));
    }

    fn summary(self, ids: &[RequestId], elapsed: Duration) -> Result<Output, CliError> {
        let Self { table, exits, console, .. } = self;
        drop(table);
        let failed = exits.values().flatten().count();
        let (succeeded, left) = (exits.len() - failed, ids.len() - exits.len());
        console.note(format!(
            "{succeeded} succeeded, {failed} failed, {left} unfinished, in {}",
            humantime::format_duration(Duration::from_secs(elapsed.as_secs()))
        ));
        let json = json!({
            "event": "summary", "succeeded": succeeded, "failed": failed, "left": left,
            "elapsed_seconds": elapsed.as_secs_f64(),
        });
        let output = Output { text: String::new(), json };
        // A request without an exit status is unfinished.
        let exits = ids.iter().map(|id| exits.get(id).copied().unwrap_or(Some(ExitStatus::TryAgain)));
        match exits.flatten().next() {
            None => Ok(output),
            Some(exit) => Err(CliError::found(exit, output)),
        }
    }
}
