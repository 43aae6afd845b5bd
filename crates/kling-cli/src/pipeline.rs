//! The way from a checked input to files on disk: one paid submit, the wait for its job, and the download.

use std::convert::Infallible;
use std::future::IntoFuture;
use std::pin::pin;

use kling::transport::{CancelOutcome, Downloaded};
use kling::wait::OnDeadline;
use kling::{Client, CompletedJob, Error, ErrorKind, Job, ModelId, RequestId, UnknownOutcome, WaitOptions};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::arguments::hyphen::command_line;
use crate::arguments::{GenerateArgs, OnInterrupt, WaitArgs};
use crate::console::{CliError, Console, ExitStatus, Output};
use crate::durations::Durations;
use crate::interrupts::{Interrupt, Interrupts};
use crate::media_checker::Report;
use crate::output_path::OutputPath;
use crate::outputs;
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
    if let Some(warning) = job.job_ref().warning() {
        json["warning"] = warning.into();
    }
    if arguments.no_wait {
        json["status"] = "submitted".into();
        return Ok(Output { text: job.id().to_string(), json });
    }
    let (completed, saved) = pipeline.finish(&job, wait_args, &output_path).await?;
    json["status"] = "succeeded".into();
    json["output"] = completed.output().clone();
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
    pub(crate) client: &'a Client,
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
        let client = &self.client.clone().with_on_accepted(move |id| console.note(format!("request {id}")));
        let (stop, stopping) = oneshot::channel::<Infallible>();
        let mut submitting = pin!(client.submit_unchecked(model, &input, async { drop(stopping.await) }));
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
        let job = outcome.map_err(submit_error)?;
        if let Some(warning) = job.job_ref().warning() {
            console.note(format!("note: {warning}; the request id was found in it"));
        }
        if stop.is_none() { Err(self.interrupted(&job).await) } else { Ok(job) }
    }

    /// Waits for a job and downloads its outputs. After a signal, the outputs are left.
    pub(crate) async fn finish(
        &mut self,
        job: &Job,
        wait_args: &WaitArgs,
        output_path: &OutputPath,
    ) -> Result<(CompletedJob, Vec<Downloaded>), CliError> {
        let completed = self.wait(job, wait_args).await?;
        let options = wait_args.download.options();
        let saved = tokio::select! {
            saved = outputs::save(&completed, output_path, &options, Some(self.progress)) => saved?,
            _ = self.interrupts.next() => {
                let id = completed.id();
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
        progress.expect(&options.for_job(job.job_ref()));
        let waiting = job.wait().options(options).on_update(|update| progress.update(update));
        let completed = tokio::select! {
            outcome = waiting.into_future() => outcome.map_err(wait_error)?,
            _ = self.interrupts.next() => return Err(self.interrupted(job).await),
        };
        durations.save();
        notes(&completed).for_each(|note| progress.console.note(note));
        Ok(completed)
    }

    /// Leaves or cancels a job after a signal, as chosen. A second signal ends the cancel.
    async fn interrupted(&mut self, job: &Job) -> CliError {
        let id = job.id();
        let outcome = match self.interrupts.choice() {
            OnInterrupt::Leave => None,
            OnInterrupt::Cancel => tokio::select! {
                outcome = job.cancel() => Some(outcome),
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

/// Adds what to do about a submit without a job.
fn submit_error(error: Error) -> CliError {
    let intent = error.unknown_outcome().and_then(UnknownOutcome::intent_id).map(str::to_owned);
    let (kind, is_unknown) = (error.kind(), error.unknown_outcome().is_some());
    let error = CliError::from(error);
    match (kind, intent) {
        (_, Some(intent)) => error.settled_by(&intent),
        _ if is_unknown => error,
        (ErrorKind::DuplicateRequest, _) => {
            error.before_submit().advise("\n  to see it: kling jobs; to pay for another: --allow-duplicate")
        }
        (ErrorKind::Journal, _) => {
            error.before_submit().advise("\n  to submit without a record: --no-journal")
        }
        _ => error.before_submit(),
    }
}

fn unknown_outcome(client: &Client, model: &ModelId) -> CliError {
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

/// Adds the command that resumes a job, unless the job failed.
fn wait_error(error: Error) -> CliError {
    let id = error.request_id().cloned();
    let error = CliError::from(error);
    match id {
        Some(id) if error.exit() != ExitStatus::Failed => error.resumable(&id, &wait_command(&id)),
        _ => error,
    }
}

fn wait_command(id: &RequestId) -> String {
    command_line("wait", id.as_str(), "-o FILE")
}
