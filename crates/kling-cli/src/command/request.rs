//! The commands of one call about a request that exists: status, result, cancel.

use kling::CancelOutcome;
use kling::kling_transport::JobOutcome;
use serde_json::json;

use crate::arguments::Request;
use crate::connection::Session;
use crate::console::{CliError, Console, ExitStatus, Output};

pub(crate) async fn status(request: &Request, console: Console) -> Result<Output, CliError> {
    let reply = Session::free(console)?.client.client().status(&request.id).await?;
    let text = match reply.queue_position {
        Some(position) => format!("{}, position {position}", reply.state),
        None => reply.state.to_string(),
    };
    let mut json = json!({
        "request_id": request.id.as_str(), "status": reply.state.as_str(), "queue_position": reply.queue_position,
    });
    if let Some(warning) = &reply.warning {
        console.note(format!("note: {warning}"));
        json["warning"] = (**warning).into();
    }
    Ok(Output { text, json })
}

pub(crate) async fn result(request: &Request, console: Console) -> Result<Output, CliError> {
    let reply = Session::free(console)?.client.client().result(&request.id).await?;
    let json = serde_json::to_value(&reply).unwrap_or_default();
    let answer = Output { text: serde_json::to_string_pretty(&json).unwrap_or_default(), json };
    match reply.outcome() {
        JobOutcome::Failed | JobOutcome::Cancelled => Err(CliError::found(ExitStatus::Failed, answer)),
        JobOutcome::Succeeded => Ok(answer),
        JobOutcome::Unfinished => Err(CliError::found(ExitStatus::TryAgain, answer)),
    }
}

pub(crate) async fn cancel(request: &Request, console: Console) -> Result<Output, CliError> {
    let client = Session::free(console)?.client;
    let reply = client.cancel(&request.id).await?;
    let (outcome, text) = match reply.outcome {
        CancelOutcome::Cancelled => ("cancelled", "cancelled"),
        CancelOutcome::NotCancellable => {
            ("not_cancellable", "not cancellable: the job is still running and may be billed")
        }
        CancelOutcome::AlreadyOver => ("already_over", "already over"),
        CancelOutcome::NotConfirmed => ("not_confirmed", "not confirmed: check again with kling status"),
    };
    let status = reply.state.map(|state| state.to_string());
    let json = json!({ "request_id": request.id.as_str(), "outcome": outcome, "status": status });
    let answer = Output { text: text.to_owned(), json };
    match reply.outcome {
        CancelOutcome::Cancelled | CancelOutcome::AlreadyOver => Ok(answer),
        CancelOutcome::NotCancellable | CancelOutcome::NotConfirmed => {
            Err(CliError::found(ExitStatus::TryAgain, answer))
        }
    }
}
