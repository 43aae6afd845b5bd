//! `kling wait`: one request, or many in one set with one line each.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use kling::{
    Account, CancelOutcome, CompletedJob, DownloadOptions, Job, JobKey, JobSet, JobSetEvent, JobSetUpdate,
    Journaled, OutputKind, RateLimit, RequestId, Update,
};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::arguments::{OnInterrupt, Wait};
use crate::connection::Session;
use crate::console::{CliError, Console, ExitStatus, Output};
use crate::durations::Durations;
use crate::interrupts::Interrupts;
use crate::live::{ProgressLine, ProgressTable};
use crate::output;
use crate::target::OutputPath;
use crate::waiting::{self, Saved};

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
    let check = |path: &Path| OutputPath::check(Some(path), OutputKind::Video).map(OutputPath::guessed);
    let target = arguments.output.as_deref().map(check).transpose()?;
    let (client, patience) = (client(target.as_ref(), console)?, &arguments.patience);
    let live = ProgressLine::new(console);
    let mut interrupts = Interrupts::new(patience.interrupting, OnInterrupt::Cancel);
    let job = waiting::job(&client, id);
    let _lock = waiting::lock(&client, id);
    let finished = waiting::wait(&client, &job, patience, &live, &mut interrupts).await?;
    let mut json = serde_json::to_value(finished.reply()).unwrap_or_default();
    let Some(target) = target else {
        let lines = output::lines(&finished).ok_or_else(|| output::no_file(&finished))?;
        return Ok(Output { text: lines.join("\n"), json });
    };
    let saved = waiting::download(&client, &finished, &target, patience, &live, &mut interrupts).await?;
    json["files"] = saved.iter().map(Saved::json).collect::<Value>();
    Ok(Output { text: saved.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join("\n"), json })
}

/// Each request is told of as it ends; the first that did not end well, in the order of the command line, decides how it all
/// ends.
async fn many(arguments: &Wait, ids: &[RequestId], console: Console) -> Result<Output, CliError> {
    let target = arguments.output.as_deref().map(OutputPath::folder).transpose()?;
    let (client, patience) = (client(target.as_ref(), console)?, &arguments.patience);
    let mut interrupts = Interrupts::new(patience.interrupting, OnInterrupt::Cancel);
    let mut set: JobSet = JobSet::new();
    let account = set.account(client.client().clone(), RateLimit::default());
    let durations = Durations::read(&client);
    let options = waiting::options(patience, &durations);
    let jobs: Vec<Job> = ids.iter().map(|id| waiting::job(&client, id)).collect();
    let tickets: Vec<JobKey> = jobs.iter().map(|job| account.add(job, &options)).collect();
    let downloads = patience.download.options();
    let board = ProgressTable::new(console, &jobs, &options);
    let mut watch = Watch {
        client,
        account,
        console,
        board,
        target,
        downloads,
        saving: JoinSet::new(),
        ends: HashMap::new(),
    };
    let started = Instant::now();
    let (mut is_waiting, mut is_interrupted) = (true, false);
    while is_waiting || !watch.saving.is_empty() {
        tokio::select! {
            event = set.next(), if is_waiting => match event {
                Some(event) => watch.hear(event).await,
                None => is_waiting = false,
            },
            Some(saved) = watch.saving.join_next() => watch.saved(saved),
            _ = interrupts.next() => {
                if is_interrupted || interrupts.choice() == OnInterrupt::Leave {
                    break;
                }
                is_interrupted = true;
                tickets.iter().for_each(|ticket| _ = watch.account.cancel(*ticket));
            }
        }
    }
    durations.save();
    watch.summary(ids, started.elapsed())
}

fn client(target: Option<&OutputPath>, console: Console) -> Result<Journaled, CliError> {
    let client = Session::free(console)?.client;
    Ok(match target {
        Some(target) => client.with_output_path(target.noted()),
        None => client,
    })
}

/// What is told of many requests.
struct Watch {
    client: Journaled,
    account: Account,
    console: Console,
    board: ProgressTable,
    target: Option<OutputPath>,
    downloads: DownloadOptions,
    saving: JoinSet<(CompletedJob, Result<Vec<Saved>, CliError>)>,
    ends: HashMap<RequestId, Option<ExitStatus>>,
}

impl Watch {
    async fn hear(&mut self, event: JobSetEvent) {
        self.client.record(&event).await;
        let id = event.request_id;
        match event.update {
            JobSetUpdate::Update(update) => self.updated(&id, &update),
            JobSetUpdate::Cancelling(outcome) => {
                let told = match &outcome {
                    Ok(reply) => serde_json::to_value(reply.outcome).unwrap_or_default(),
                    Err(error) => error.to_string().into(),
                };
                self.tell("cancelling", &id, json!({ "outcome": told }));
                let is_ending = outcome.is_ok_and(|reply| {
                    matches!(reply.outcome, CancelOutcome::Cancelled | CancelOutcome::AlreadyOver)
                });
                if is_ending {
                    self.board.show(&id, "cancellation requested");
                } else {
                    // Nobody waits for what goes on after a Ctrl-C; it counts as left.
                    self.account.detach(event.key);
                    self.client.release(&id).await;
                    self.board.fail(&id, "could not be cancelled: still running and may be billed");
                }
            }
            JobSetUpdate::Done(Ok(finished)) => self.finished(finished),
            JobSetUpdate::Done(Err(error)) => self.failed(&id, &CliError::from(&error)),
            // News of a kind that is not known here says nothing of an end.
            _ => {}
        }
    }

    fn updated(&self, id: &RequestId, update: &Update) {
        if ProgressLine::words(update).is_none() {
            return;
        }
        self.board.update(id, update);
        self.tell(
            "update",
            id,
            json!({
                "status": update.state.as_ref().map(ToString::to_string),
                "queue_position": update.queue_position,
                "error": update.error.as_ref().map(ToString::to_string),
            }),
        );
    }

    /// A result with files to fetch is not over yet.
    fn finished(&mut self, finished: CompletedJob) {
        for note in waiting::notes(&finished) {
            self.board.aside(|| self.console.note(format!("{}: {note}", finished.request_id())));
        }
        let Some(target) = self.target.clone() else { return self.succeeded(&finished, None) };
        self.board.show(finished.request_id(), "downloading");
        let (client, options) = (self.client.clone(), self.downloads.clone());
        self.saving.spawn(async move {
            let saved = waiting::save(&client, &finished, &target, &options, None).await;
            (finished, saved)
        });
    }

    fn saved(&mut self, saved: Result<(CompletedJob, Result<Vec<Saved>, CliError>), tokio::task::JoinError>) {
        match saved {
            Ok((finished, Ok(files))) => self.succeeded(&finished, Some(&files)),
            Ok((finished, Err(stop))) => self.failed(finished.request_id(), &stop),
            // A download that broke off is left, and counted so.
            Err(error) => self.console.note(format!("kling: a download stopped: {error}")),
        }
    }

    fn succeeded(&mut self, finished: &CompletedJob, files: Option<&[Saved]>) {
        let id = finished.request_id();
        let Some(lines) = output::lines(finished) else {
            return self.failed(id, &output::no_file(finished));
        };
        self.ends.insert(id.clone(), None);
        self.board.end(id, "succeeded");
        let mut json = serde_json::to_value(finished.reply()).unwrap_or_default();
        let places: Vec<String> = match files {
            Some(files) => {
                json["files"] = files.iter().map(Saved::json).collect();
                files.iter().map(|file| file.path.clone()).collect()
            }
            None => lines,
        };
        let text = places.iter().map(|place| format!("{id} {place}")).collect::<Vec<_>>().join("\n");
        self.print("succeeded", id, text, json);
    }

    fn failed(&mut self, id: &RequestId, stop: &CliError) {
        self.ends.insert(id.clone(), Some(stop.exit()));
        self.board.fail(id, stop.message());
        self.tell("failed", id, stop.json());
    }

    /// Says something to machines only: people see it on the board.
    fn tell(&self, event: &str, id: &RequestId, facts: Value) {
        self.print(event, id, String::new(), facts);
    }

    fn print(&self, event: &str, id: &RequestId, text: String, mut json: Value) {
        json["event"] = event.into();
        json["request_id"] = id.as_str().into();
        let answer = Output { text, json };
        // Where stdout is gone, nobody reads it; the waiting and the downloads go on.
        self.board.aside(|| _ = self.console.answer(&answer));
    }

    fn summary(self, ids: &[RequestId], elapsed: Duration) -> Result<Output, CliError> {
        let Self { board, ends, console, .. } = self;
        drop(board);
        let failed = ends.values().flatten().count();
        let (succeeded, left) = (ends.len() - failed, ids.len() - ends.len());
        console.note(format!(
            "{succeeded} succeeded, {failed} failed, {left} unfinished, in {}",
            humantime::format_duration(Duration::from_secs(elapsed.as_secs()))
        ));
        let json = json!({
            "event": "summary", "succeeded": succeeded, "failed": failed, "left": left,
            "elapsed_seconds": elapsed.as_secs_f64(),
        });
        let answer = Output { text: String::new(), json };
        // A request without an end was left.
        let exits = ids.iter().map(|id| ends.get(id).copied().unwrap_or(Some(ExitStatus::TryAgain)));
        match exits.flatten().next() {
            None => Ok(answer),
            Some(exit) => Err(CliError::found(exit, answer)),
        }
    }
}
