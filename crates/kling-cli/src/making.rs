//! From a checked input to files on disk: the part that every command that makes something has in common, with the one paid
//! request, which Ctrl-C does not tear.

use std::convert::Infallible;
use std::pin::pin;

use kling::{Job, Journaled, ModelId, SubmitError, UnknownOutcome};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::arguments::{GenerateArgs, OnInterrupt};
use crate::connection::Session;
use crate::console::{CliError, Console, ExitStatus, Output};
use crate::interrupts::{Interrupt, Interrupts};
use crate::live::ProgressLine;
use crate::media_checker::Report;
use crate::target::OutputPath;
use crate::waiting;

/// What is to be made: an input that keeps every rule, and where its files go.
pub(crate) struct JobSpec {
    pub(crate) model: ModelId,
    pub(crate) body: Value,
    pub(crate) report: Report,
    pub(crate) target: OutputPath,
}

/// Submits, waits, downloads. **This costs money**, once.
pub(crate) async fn make(
    connection: &Session,
    making: &GenerateArgs,
    order: JobSpec,
    console: Console,
) -> Result<Output, CliError> {
    let JobSpec { model, body, report, target } = order;
    report.warn(console);
    if connection.is_simulated {
        console.note("SIMULATED: the built-in simulator is used; nothing is generated or billed");
    }

    target.prepare().map_err(CliError::before_submit)?;
    let client = connection.client.clone().with_output_path(target.noted());
    let mut interrupts = Interrupts::new(making.patience.interrupting, OnInterrupt::Cancel);
    let live = ProgressLine::new(console);
    let job = submit(&client, &model, body, &live, &mut interrupts).await?;
    let mut json = json!({
        "simulated": connection.is_simulated, "model": model.as_str(), "request_id": job.id().as_str(),
        "checks": report.json(),
    });
    if let Some(warning) = job.warning() {
        json["warning"] = warning.into();
    }
    if making.no_wait {
        json["status"] = "submitted".into();
        return Ok(Output { text: job.id().to_string(), json });
    }
    let patience = &making.patience;
    let _lock = waiting::lock(&client, job.id());
    let finished = waiting::wait(&client, &job, patience, &live, &mut interrupts).await?;
    let saved = waiting::download(&client, &finished, &target, patience, &live, &mut interrupts).await?;
    json["status"] = "succeeded".into();
    json["output"] = finished.output();
    json["cost_usd"] = finished.cost_usd().into();
    let reply = finished.reply();
    if let Some(warning) = &reply.warning {
        json["warning"] = (**warning).into();
    }
    if let Some(error) = &reply.error {
        json["error"] = error.clone();
    }
    json["files"] = saved.iter().map(waiting::Saved::json).collect();
    let text = saved.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join("\n");
    Ok(Output { text, json })
}

impl GenerateArgs {
    /// The way to the API that is asked for, where a submit is noted unless that is turned off.
    #[cfg(feature = "offline")]
    pub(crate) fn connect(&self, console: Console) -> Result<Session, CliError> {
        if self.offline { Session::offline() } else { Session::paying(&self.noting, console) }
    }

    /// The way to the API, where a submit is noted unless that is turned off.
    #[cfg(not(feature = "offline"))]
    pub(crate) fn connect(&self, console: Console) -> Result<Session, CliError> {
        Session::paying(&self.noting, console)
    }

    #[cfg(feature = "offline")]
    pub(crate) const fn is_offline(&self) -> bool {
        self.offline
    }

    #[cfg(not(feature = "offline"))]
    pub(crate) const fn is_offline(&self) -> bool {
        false
    }
}

/// Submits, and returns the job. After a signal no further attempt is made; if a request is out, its reply is waited for.
/// Then the job is cancelled or left, as was chosen. Only a Ctrl-C after another signal quits at once, with the outcome
/// unknown.
pub(crate) async fn submit(
    client: &Journaled,
    model: &ModelId,
    input: Value,
    live: &ProgressLine,
    interrupts: &mut Interrupts,
) -> Result<Job, CliError> {
    live.show("submitting");
    // Printed before it is recorded: if the disk fails, the user still has the id.
    let print = live.printer();
    let client = &client.clone().on_accepted(move |id| print(&format!("request {id}")));
    // The submit runs in its own task, so that no early return drops it.
    let (stop, stopping) = oneshot::channel::<Infallible>();
    let mut submitting = pin!(client.submit_json_until(model, &input, async { drop(stopping.await) }));
    let mut stop = Some(stop);
    let submission = loop {
        tokio::select! {
            // A reply that is there counts more than a signal that came with it.
            biased;
            done = &mut submitting => break done,
            interrupt = interrupts.next() => match (stop.take(), interrupt) {
                (Some(_), _) => live.note(
                    "interrupted: waiting for the reply to the submit, if it was sent; it will not be retried. \
                     Press Ctrl-C again to quit without knowing the outcome",
                ),
                (None, Interrupt::CtrlC) => return Err(left_unknown(client, model)),
                (None, Interrupt::Shutdown) => {}
            },
        }
    };
    let is_interrupted = stop.is_none();
    let job = submission.into_result().map_err(stopped)?;
    if let Some(warning) = job.warning() {
        live.note(&format!("note: {warning}; the request id was found in it"));
    }
    if is_interrupted {
        return Err(waiting::interrupted(client, job.id(), interrupts).await);
    }
    Ok(job)
}

/// An unknown outcome is settled by the id of its entry.
fn stopped(error: SubmitError) -> CliError {
    let intent = error.unknown_outcome().and_then(UnknownOutcome::intent_id).map(str::to_owned);
    let stop = CliError::from(error);
    match intent {
        Some(intent) => stop.settled_by(&intent),
        None => stop,
    }
}

fn left_unknown(client: &Journaled, model: &ModelId) -> CliError {
    let noted = if client.journal().is_some() { "; to see it: kling jobs" } else { "" };
    let message = format!(
        "the outcome of the submit to {model} is unknown: interrupted before the reply arrived; the job may run and \
         be billed; check the account's history before submitting again{noted}"
    );
    CliError::new(ExitStatus::Unknown, message)
}
