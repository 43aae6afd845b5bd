//! The way from a checked input to files on disk: one paid submit, the wait for its job, and the download.

use std::convert::Infallible;
use std::pin::pin;

use kling::kling_journal::{Entry, EntryLock};
use kling::{
    CancelOutcome, CompletedJob, Job, Journaled, ModelId, OnDeadline, RequestId, SubmitError, UnknownOutcome,
    WaitError, WaitOptions,
};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::arguments::hyphen::command_line;
use crate::arguments::{GenerateArgs, OnInterrupt, WaitArgs};
use crate::console::{CliError, Console, ExitStatus, Output};
use crate::durations::Durations;
use crate::interrupts::{Interrupt, Interrupts};
use crate::media_checker::Report;
use crate::output_path::OutputPath;
use crate::outputs::{self, Saved};
use crate::progress::ProgressLine;
use crate::session::Session;

/// A checked input, and the place of its outputs.
pub(crate) struct JobSpec {
    pub(crate) model: ModelId,
    pub(crate) body: Value,
    pub(crate) report: Report,
    pub(crate) output_path: OutputPath,
}

/// Submits, waits and downloads. **This costs money**, once.
pub(crate) async fn run(
    session: &Session,
    arguments: &GenerateArgs,
    spec: JobSpec,
    console: Console,
) -> Result<Output, CliError> {
    let JobSpec { model, body, report, output_path } = spec;
    report.warn(console);
    if session.is_simulated {
        console.note("SIMULATED: the built-in simulator is used; nothing is generated or billed");
    }
    output_path.prepare().map_err(CliError::before_submit)?;
    let client = &session.client.clone().with_output_path(output_path.to_record());
    let wait_args = &arguments.wait_args;
    let mut interrupts = Interrupts::new(wait_args.interrupt_args, OnInterrupt::Cancel);
    let progress = &ProgressLine::new(console);
    let mut pipeline = Pipeline { client, progress, interrupts: &mut interrupts };
    let job = pipeline.submit(&model, body).await?;
    let mut json = json!({
        "simulated": session.is_simulated, "model": model.as_str(), "request_id": job.id().as_str(),
        "checks": report.json(),
    });
    if let Some(warning) = job.warning() {
        json["warning"] = warning.into();
    }
    if arguments.no_wait {
        json["status"] = "submitted".into();
        return Ok(Output { text: job.id().to_string(), json });
    }
    let _lock = lock(client, job.id());
    let (completed, saved) = pipeline.finish(&job, wait_args, &output_path).await?;
    json["status"] = "succeeded".into();
    json["output"] = completed.output();
    json["cost_usd"] = completed.cost_usd().into();
    let reply = completed.reply();
    if let Some(warning) = &reply.warning {
        json["warning"] = (**warning).into();
    }
    if let Some(error) = &reply.error {
        json["error"] = error.clone();
    }
    let (text, files) = outputs::report(&saved);
    json["files"] = files;
    Ok(Output { text, json })
}

/// One job on its way from the submit to its files.
pub(crate) struct Pipeline<'a> {
    pub(crate) client: &'a Journaled,
    pub(crate) progress: &'a ProgressLine,
    pub(crate) interrupts: &'a mut Interrupts,
}

impl Pipeline<'_> {
    /// Submits, and returns the job. After a signal, the submit is not retried, and a request that is out gets its reply. Then
    /// the job is cancelled or left, as chosen. A later Ctrl-C quits at once and leaves the outcome unknown.
    pub(crate) async fn submit(&mut self, model: &ModelId, input: Value) -> Result<Job, CliError> {
        let progress = self.progress;
        progress.show("submitting");
        // Printed before it is recorded: if the disk fails, the user still has the id.
        let console = progress.console;
        let client = &self.client.clone().on_accepted(move |id| console.note(format!("request {id}")));
        let (stop, stopping) = oneshot::channel::<Infallible>();
        let mut submitting = pin!(client.submit_json_until(model, &input, async { drop(stopping.await) }));
        let mut stop = Some(stop);
        let outcome = loop {
            tokio::select! {
                // A reply counts more than a signal that came with it.
                biased;
                done = &mut submitting => break done,
                interrupt = self.interrupts.next() => match (stop.take(), interrupt) {
                    (Some(_), _) => console.note(
                        "interrupted: waiting for the reply to the submit, if it was sent; it will not be retried. \
                         Press Ctrl-C again to quit without knowing the outcome",
                    ),
                    (None, Interrupt::CtrlC) => return Err(unknown_outcome(client, model)),
                    (None, Interrupt::Shutdown) => {}
                },
            }
        };
        let job = outcome.into_result().map_err(submit_error)?;
        if let Some(warning) = job.warning() {
            console.note(format!("note: {warning}; the request id was found in it"));
        }
        if stop.is_none() { Err(self.interrupted(job.id()).await) } else { Ok(job) }
    }

    /// Waits for a job and downloads its outputs. After a signal, the outputs are left.
    pub(crate) async fn finish(
        &mut self,
        job: &Job,
        wait_args: &WaitArgs,
        output_path: &OutputPath,
    ) -> Result<(CompletedJob, Vec<Saved>), CliError> {
        let completed = self.wait(job, wait_args).await?;
        let options = wait_args.download.options();
        let saved = tokio::select! {
            saved = outputs::save(self.client, &completed, output_path, &options, Some(self.progress)) => saved?,
            _ = self.interrupts.next() => {
                let id = completed.request_id();
                let error = CliError::try_again("the download was interrupted");
                return Err(error.resumable(id, &outputs::resume_command(id, "")));
            }
        };
        Ok((completed, saved))
    }

    /// Waits until a job is over. At the deadline and on Ctrl-C, the job is left or cancelled, as chosen.
    pub(crate) async fn wait(&mut self, job: &Job, wait_args: &WaitArgs) -> Result<CompletedJob, CliError> {
        let (client, progress) = (self.client, self.progress);
        let durations = Durations::read(client);
        let options = options(wait_args, &durations);
        progress.expect(&options.for_job(job));
        let completed = tokio::select! {
            outcome = client.wait(job, &options, |update| progress.update(update)) => {
                outcome.map_err(|error| wait_error(&error))?
            }
            _ = self.interrupts.next() => return Err(self.interrupted(job.id()).await),
        };
        durations.save();
        notes(&completed).for_each(|note| progress.console.note(note));
        Ok(completed)
    }

    /// Leaves or cancels a job after a signal, as chosen. A second signal ends the cancel.
    async fn interrupted(&mut self, id: &RequestId) -> CliError {
        let outcome = match self.interrupts.choice() {
            OnInterrupt::Leave => None,
            OnInterrupt::Cancel => tokio::select! {
                outcome = self.client.cancel(id) => Some(outcome),
                _ = self.interrupts.next() => None,
            },
        };
        let text = match outcome {
            None => "is still queued or running and may be billed".to_owned(),
            Some(Err(error)) => format!("may still run and be billed: cannot cancel it: {error}"),
            Some(Ok(reply)) => match reply.outcome {
                CancelOutcome::Cancelled => {
                    let text = format!("request {id} was cancelled while it was in the queue");
                    return CliError::new(ExitStatus::Failed, text).with("request_id", id.as_str());
                }
                CancelOutcome::NotCancellable => {
                    "is still running and may be billed: only queued requests can be cancelled".to_owned()
                }
                CancelOutcome::AlreadyOver => "finished before it could be cancelled".to_owned(),
                CancelOutcome::NotConfirmed => {
                    "may still run and be billed: cancellation was requested but not confirmed".to_owned()
                }
            },
        };
        CliError::try_again(format!("request {id} {text}")).resumable(id, &wait_command(id))
    }
}

/// Adds the command that settles an unknown outcome.
fn submit_error(error: SubmitError) -> CliError {
    let intent = error.unknown_outcome().and_then(UnknownOutcome::intent_id).map(str::to_owned);
    let error = CliError::from(error);
    match intent {
        Some(intent) => error.settled_by(&intent),
        None => error,
    }
}

fn unknown_outcome(client: &Journaled, model: &ModelId) -> CliError {
    let hint = if client.journal().is_some() { "; to see it: kling jobs" } else { "" };
    let message = format!(
        "the outcome of the submit to {model} is unknown: interrupted before the reply arrived; the job may run and \
         be billed; check the account's history before submitting again{hint}"
    );
    CliError::new(ExitStatus::Unknown, message)
}

/// Returns warnings about the result of a job that succeeded.
pub(crate) fn notes(completed: &CompletedJob) -> impl Iterator<Item = String> {
    let reply = completed.reply();
    let warning = reply.warning.as_ref().map(|warning| format!("note: {warning}"));
    let error =
        reply.error_text().map(|text| format!("note: the job has an output, but also an error: {text}"));
    warning.into_iter().chain(error)
}

pub(crate) fn options(wait_args: &WaitArgs, durations: &Durations) -> WaitOptions {
    let at_deadline = match wait_args.at_deadline {
        OnInterrupt::Leave => OnDeadline::Detach,
        OnInterrupt::Cancel => OnDeadline::Cancel,
    };
    WaitOptions::default()
        .with_deadline(wait_args.timeout)
        .with_at_deadline(at_deadline)
        .with_history(&durations.history)
}

/// Returns the handle of a request, with the model and the time of the submit if the journal knows them.
pub(crate) fn job(client: &Journaled, id: &RequestId) -> Job {
    let origin = client.client().settings().base().origin();
    // The wait works without an entry.
    let entry = client.journal().and_then(|journal| journal.find_job(&origin, id.as_str()).ok()?);
    known_job(id, entry.as_ref())
}

/// Returns the handle of a request with its entry.
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

/// Adds the command that resumes a job, unless the job failed.
fn wait_error(error: &WaitError) -> CliError {
    let (id, error) = (error.request_id(), CliError::from(error));
    if error.exit() == ExitStatus::Failed { error } else { error.resumable(id, &wait_command(id)) }
}

/// Locks the entry of a job while this process waits for the job and downloads its outputs. Returns `None` if another process
/// has locked it, or no journal knows it.
pub(crate) fn lock(client: &Journaled, id: &RequestId) -> Option<EntryLock> {
    let (journal, origin) = (client.journal()?, client.client().settings().base().origin());
    // A wait is free, so it continues without the lock.
    let entry = journal.find_job(&origin, id.as_str()).ok()??;
    journal.lock(entry.intent().id()).ok()?
}

fn wait_command(id: &RequestId) -> String {
    command_line("wait", id.as_str(), "-o FILE")
}
