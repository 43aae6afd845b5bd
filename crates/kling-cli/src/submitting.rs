//! The one paid request, which Ctrl-C does not tear.

use std::convert::Infallible;
use std::pin::pin;

use kling::kling_journal::{EntryStatus, Query, Selection};
use kling::{Job, Journaled, ModelId, Receipt, SubmitError};
use serde_json::Value;
use tokio::sync::oneshot;

use crate::exit::{Exit, Stop};
use crate::interrupts::{Interrupt, Interrupts};
use crate::live::Live;
use crate::waiting;

/// Submits, and returns the job. After a signal no further attempt is made; if a request is out, its reply is waited for.
/// Then the job is cancelled or left, as was chosen. Only a Ctrl-C after another signal quits at once, with the outcome
/// unknown.
pub(crate) async fn submit(
    client: &Journaled,
    model: &ModelId,
    input: Value,
    live: &Live,
    interrupts: &mut Interrupts,
) -> Result<Job, Stop> {
    live.show("submitting");
    // Printed before it is recorded: if the disk fails, the user still has the id.
    let print = live.printer();
    let client = &client.clone().on_accepted(move |id| print(&format!("request {id}")));
    // It runs in a task of its own, so that nothing here drops it half-way.
    let (stop, stopping) = oneshot::channel::<Infallible>();
    let mut submitting = pin!(client.submit_json_until(model, &input, async { drop(stopping.await) }));
    let mut stop = Some(stop);
    let submission = loop {
        tokio::select! {
            // A reply that is there counts more than a signal that came with it.
            biased;
            done = &mut submitting => break done,
            interrupt = interrupts.next() => match (stop.take(), interrupt) {
                (Some(_), _) => live.say(
                    "interrupted: waiting for the reply to the request already sent, if any; it will not be retried. \
                     Press Ctrl-C again to quit now: the outcome is then unknown",
                ),
                (None, Interrupt::CtrlC) => return Err(left_unknown(client, model)),
                (None, Interrupt::Shutdown) => {}
            },
        }
    };
    let is_interrupted = stop.is_none();
    let job = submission.into_result().map_err(|error| stopped(client, error))?;
    if let Some(warning) = job.warning() {
        live.say(&format!("note: {warning}; the request id was found in it"));
    }
    if is_interrupted {
        return Err(waiting::interrupted(client, job.id(), interrupts).await);
    }
    Ok(job)
}

/// Where the outcome is unknown, the journal has it, and it can be settled there.
fn stopped(client: &Journaled, error: SubmitError) -> Stop {
    let intent = error.receipt().and_then(|receipt| intent_of(client, receipt));
    let stop = Stop::from(error);
    match intent {
        Some(intent) => stop.settled_by(&intent),
        None => stop,
    }
}

fn intent_of(client: &Journaled, receipt: &Receipt) -> Option<String> {
    let fingerprint = receipt.fingerprint().to_string();
    // `kling jobs` shows the intent too, so an error here is no loss.
    let mut unresolved = client.journal()?.entries(Query::new(Selection::Unresolved)).flatten();
    let entry = unresolved
        .find(|entry| entry.status() == EntryStatus::Unknown && entry.intent().fingerprint() == fingerprint);
    entry.map(|entry| entry.intent().id().to_string())
}

fn left_unknown(client: &Journaled, model: &ModelId) -> Stop {
    let noted = if client.journal().is_some() { "; `kling jobs` lists it" } else { "" };
    let message = format!(
        "the outcome of the submit to {model} is unknown: it was left before its answer came; \
         it may run and be billed, so check the account before submitting anew{noted}"
    );
    Stop::new(Exit::Unknown, message)
}
