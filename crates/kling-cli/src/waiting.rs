//! The wait, the download after it, and what a Ctrl-C does to both.

use std::fs;

use kling::kling_journal::{Entry, EntryLock};
use kling::{
    Client, CompletedJob, DownloadOptions, ErrorKind, ExpectedContent, Job, Journaled, OnDeadline, RequestId,
    WaitError, WaitOptions,
};
use serde_json::{Value, json};

use crate::arguments::hyphen::command_line;
use crate::arguments::{OnInterrupt, WaitArgs};
use crate::console::{CliError, ExitStatus};
use crate::durations::Durations;
use crate::interrupts::Interrupts;
use crate::live::ProgressLine;
use crate::output;
use crate::target::OutputPath;

/// Waits until a job is over. At the end of the time and on Ctrl-C it is left or cancelled, as was chosen, and what became of it
/// is told.
pub(crate) async fn wait(
    client: &Journaled,
    job: &Job,
    patience: &WaitArgs,
    live: &ProgressLine,
    interrupts: &mut Interrupts,
) -> Result<CompletedJob, CliError> {
    let durations = Durations::read(client);
    let options = options(patience, &durations);
    live.expect(&options.for_job(job));
    let waiting = client.wait(job, &options, |update| live.update(update));
    let finished = tokio::select! {
        outcome = waiting => outcome.map_err(|error| stopped(&error))?,
        _ = interrupts.next() => return Err(interrupted(client, job.id(), interrupts).await),
    };
    durations.save();
    notes(&finished).for_each(|note| live.note(&note));
    Ok(finished)
}

/// What is odd about the result of a job that worked.
pub(crate) fn notes(finished: &CompletedJob) -> impl Iterator<Item = String> {
    let reply = finished.reply();
    let warning = reply.warning.as_ref().map(|warning| format!("note: {warning}"));
    let error =
        reply.error_text().map(|text| format!("note: the job has an output, but also an error: {text}"));
    warning.into_iter().chain(error)
}

pub(crate) fn options(patience: &WaitArgs, durations: &Durations) -> WaitOptions {
    let at_deadline = match patience.at_deadline {
        OnInterrupt::Leave => OnDeadline::Detach,
        OnInterrupt::Cancel => OnDeadline::Cancel,
    };
    WaitOptions::default()
        .with_deadline(patience.timeout)
        .with_at_deadline(at_deadline)
        .with_history(&durations.history)
}

/// Returns the handle of a request, with the model and the time of the submit if the journal knows them.
pub(crate) fn job(client: &Journaled, id: &RequestId) -> Job {
    let origin = client.client().settings().base().origin();
    // The wait works without them.
    let entry = client.journal().and_then(|journal| journal.find_job(&origin, id.as_str()).ok()?);
    known_job(id, entry.as_ref())
}

/// Returns the handle of a request whose entry was read.
pub(crate) fn known_job(id: &RequestId, entry: Option<&Entry>) -> Job {
    let job = Job::from_id(id.clone());
    let Some(intent) = entry.map(Entry::intent) else { return job };
    let job = match intent.model().parse() {
        Ok(model) => job.with_model(model),
        Err(_) => job,
    };
    // The intent of a job that was submitted elsewhere is as old as its first wait here.
    if intent.request_id().is_none() { job.with_submitted_at(intent.at()) } else { job }
}

/// Why a wait ended, and how to go on where the job may.
fn stopped(error: &WaitError) -> CliError {
    let (stop, id) = (CliError::from(error), error.request_id());
    if stop.exit() == ExitStatus::Failed { stop } else { stop.resumable(id, &resume(id)) }
}

/// Locks the entry of a job while this process waits for the job and downloads its outputs. Returns `None` if another process
/// has locked it, or no journal knows it.
pub(crate) fn lock(client: &Journaled, id: &RequestId) -> Option<EntryLock> {
    let (journal, origin) = (client.journal()?, client.client().settings().base().origin());
    // A wait costs nothing, so it goes on without the lock.
    let entry = journal.find_job(&origin, id.as_str()).ok()??;
    journal.lock(entry.intent().id()).ok()?
}

/// What becomes of a job after a Ctrl-C, and the words for it.
pub(crate) async fn interrupted(client: &Journaled, id: &RequestId, interrupts: &mut Interrupts) -> CliError {
    match interrupts.choice() {
        OnInterrupt::Leave => left(id),
        OnInterrupt::Cancel => cancel(client, id, interrupts).await,
    }
}

/// A job that was left as it is.
fn left(id: &RequestId) -> CliError {
    CliError::new(ExitStatus::TryAgain, format!("request {id} is still queued or running and may be billed"))
        .resumable(id, &resume(id))
}

/// Cancels after a Ctrl-C, and says how that ended; a second Ctrl-C ends it at once.
async fn cancel(client: &Journaled, id: &RequestId, interrupts: &mut Interrupts) -> CliError {
    let cancelling = async { Some(client.cancel(id).await) };
    let outcome = tokio::select! {
        outcome = cancelling => outcome,
        _ = interrupts.next() => None,
    };
    match outcome {
        Some(Ok(reply)) => cancelled(id, reply.outcome),
        Some(Err(error)) => CliError::new(
            ExitStatus::TryAgain,
            format!("cannot cancel request {id}: {error}; it may still run and be billed"),
        )
        .resumable(id, &resume(id)),
        None => left(id),
    }
}

fn cancelled(id: &RequestId, outcome: kling::CancelOutcome) -> CliError {
    use kling::CancelOutcome::{AlreadyOver, Cancelled, NotCancellable, NotConfirmed};
    let (exit, text) = match outcome {
        Cancelled => {
            return CliError::new(
                ExitStatus::Failed,
                format!("request {id} was cancelled while it was in the queue"),
            )
            .with("request_id", id.as_str());
        }
        NotCancellable => (
            ExitStatus::TryAgain,
            "is still running and may be billed: only queued requests can be cancelled",
        ),
        AlreadyOver => (ExitStatus::TryAgain, "finished before it could be cancelled"),
        NotConfirmed => (
            ExitStatus::TryAgain,
            "may still run and be billed: cancellation was requested but not confirmed",
        ),
    };
    CliError::new(exit, format!("request {id} {text}")).resumable(id, &resume(id))
}

/// The command that takes a request up again.
fn resume(id: &RequestId) -> String {
    command_line("wait", id.as_str(), "-o FILE")
}

/// A file that was downloaded, for a report.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) path: String,
    bytes: u64,
}

impl Saved {
    pub(crate) fn json(&self) -> Value {
        json!({ "path": self.path, "bytes": self.bytes })
    }
}

/// Downloads every output. The job is paid for, so whatever goes wrong, its id and its URLs are told.
pub(crate) async fn download(
    client: &Journaled,
    finished: &CompletedJob,
    target: &OutputPath,
    patience: &WaitArgs,
    live: &ProgressLine,
    interrupts: &mut Interrupts,
) -> Result<Vec<Saved>, CliError> {
    let (id, options) = (finished.request_id(), patience.download.options());
    tokio::select! {
        saved = save(client, finished, target, &options, Some(live)) => saved,
        _ = interrupts.next() => {
            Err(CliError::new(ExitStatus::TryAgain, "the download was interrupted").resumable(id, &take_up(id, "")))
        }
    }
}

/// Downloads every output, shown where there is a place for it. One that fails keeps none of the others from their files.
pub(crate) async fn save(
    client: &Journaled,
    finished: &CompletedJob,
    target: &OutputPath,
    options: &DownloadOptions,
    live: Option<&ProgressLine>,
) -> Result<Vec<Saved>, CliError> {
    let id = finished.request_id();
    let urls = finished.reply().output_urls();
    if urls.is_empty() {
        return Err(output::no_file(finished));
    }
    target.prepare().map_err(|stop| stop.resumable(id, &take_up(id, "-o FILE")))?;
    let (mut saved, mut wrong) = (Vec::new(), None);
    for (index, url) in urls.iter().enumerate() {
        match fetch(client, finished, index, url, target, options, live).await {
            Ok(file) => saved.push(file),
            Err(stop) => {
                wrong.get_or_insert(stop);
            }
        }
    }
    if let Some(stop) = wrong {
        return Err(stop.with("files", saved.iter().map(Saved::json).collect::<Value>()));
    }
    let files = saved.iter().filter_map(|file| std::path::absolute(&file.path).ok());
    client.saved(id, files).await;
    Ok(saved)
}

/// Downloads one output. A file that is named after the request is complete: an earlier run downloaded it.
async fn fetch(
    client: &Journaled,
    finished: &CompletedJob,
    index: usize,
    url: &str,
    target: &OutputPath,
    options: &DownloadOptions,
    live: Option<&ProgressLine>,
) -> Result<Saved, CliError> {
    let id = finished.request_id();
    let (path, is_named_by_id) = target.path(id, index, url);
    let saved = |bytes| Saved { path: path.display().to_string(), bytes };
    if let Ok(facts) = fs::symlink_metadata(&path)
        && facts.is_file()
        && is_named_by_id
    {
        return Ok(saved(facts.len()));
    }
    if let Some(live) = live {
        live.show(&format!("downloading {}", path.display()));
    }
    let output = finished.reply().output.as_ref().unwrap_or(&Value::Null);
    let options = &match options.content() {
        ExpectedContent::Anything => options.clone(),
        _ => options.clone().with_content(output::promise(output, url, target.promise())),
    };
    let show = |progress| live.into_iter().for_each(|live| live.progress(progress));
    let client = client.client();
    let error = match client.download(url, &path, options, show).await {
        Ok(downloaded) => return Ok(saved(downloaded.bytes)),
        Err(error) => error,
    };
    let Some(fresh) = fresh_link(client, id, index, url, &error).await else {
        return Err(stranded(&error, id, url));
    };
    match client.download(&fresh, &path, options, show).await {
        Ok(downloaded) => Ok(saved(downloaded.bytes)),
        Err(error) => Err(stranded(&error, id, &fresh)),
    }
}

/// Asks once for the result again if the host of an output does not give the file: the link may have expired.
async fn fresh_link(
    client: &Client,
    id: &RequestId,
    index: usize,
    url: &str,
    error: &kling::Error,
) -> Option<String> {
    if error.kind() != ErrorKind::OutputUnavailable {
        return None;
    }
    let result = client.result(id).await.ok()?;
    result.output_urls().get(index).filter(|fresh| **fresh != url).map(ToString::to_string)
}

/// What was paid for is named in full, so that it can be fetched by other means.
fn stranded(error: &kling::Error, id: &RequestId, url: &str) -> CliError {
    let options = match error.host() {
        Some(host) if error.kind() == ErrorKind::HostNotAllowed => format!("--allow-host {host}"),
        _ if error.kind() == ErrorKind::TooLarge => "--max-size SIZE".to_owned(),
        _ if error.is_file() && error.kind() != ErrorKind::FileLocked => "-o FILE".to_owned(),
        _ => String::new(),
    };
    let exit = CliError::from(error.clone()).exit();
    let mut message =
        format!("cannot download the output: {error}\n  download it from {}", output::short(url));
    if error.kind() == ErrorKind::Content {
        message.push_str("\n  to save it anyway: --any-content");
    }
    CliError::new(exit, message).with("url", url).resumable(id, &take_up(id, &options))
}

/// The command that takes the download of a request up again.
pub(crate) fn take_up(id: &RequestId, options: &str) -> String {
    command_line("resume", id.as_str(), options)
}
