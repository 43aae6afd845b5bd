//! The commands about a request that exists: status, result, wait, cancel.

use kling::{CancelOutcome, Job, OutputKind};
use serde_json::{Value, json};

use crate::arguments::{AtEnd, Request, Wait};
use crate::connection::Connection;
use crate::console::{Answer, Console};
use crate::exit::Stop;
use crate::interrupts::Interrupts;
use crate::live::Live;
use crate::target::Target;
use crate::waiting;

pub(crate) async fn status(request: &Request, console: Console) -> Result<Answer, Stop> {
    let reply = Connection::free(console)?.client.client().status(&request.id).await?;
    let text = match reply.queue_position {
        Some(position) => format!("{}, position {position}", reply.state),
        None => reply.state.to_string(),
    };
    let json = json!({
        "request_id": request.id.as_str(), "status": reply.state.as_str(), "queue_position": reply.queue_position,
    });
    Ok(Answer { text, json })
}

pub(crate) async fn result(request: &Request, console: Console) -> Result<Answer, Stop> {
    let reply = Connection::free(console)?.client.client().result(&request.id).await?;
    let json = serde_json::to_value(&reply).unwrap_or_default();
    Ok(Answer { text: serde_json::to_string_pretty(&json).unwrap_or_default(), json })
}

pub(crate) async fn wait(arguments: &Wait, console: Console) -> Result<Answer, Stop> {
    let target = match &arguments.output {
        Some(path) => Some(Target::check(Some(path), OutputKind::Video)?),
        None => None,
    };
    let mut client = Connection::free(console)?.client;
    if let Some(target) = &target {
        client = client.for_output(target.noted());
    }
    let (job, patience) = (Job::from_id(arguments.id.clone()), &arguments.patience);
    let live = Live::new(console);
    let mut interrupts = Interrupts::new(patience.interrupting, AtEnd::Cancel);
    let finished = waiting::wait(&client, &job, patience, &live, &mut interrupts).await?;
    let mut json = serde_json::to_value(finished.reply()).unwrap_or_default();
    let Some(target) = target else {
        return Ok(Answer { text: finished.reply().output_urls().join("\n"), json });
    };
    let saved = waiting::download(&client, &finished, &target, patience, &live, &mut interrupts).await?;
    json["files"] = saved.iter().map(waiting::Saved::json).collect::<Value>();
    Ok(Answer { text: saved.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join("\n"), json })
}

pub(crate) async fn cancel(request: &Request, console: Console) -> Result<Answer, Stop> {
    let client = Connection::free(console)?.client;
    let reply = client.cancel(&request.id).await?;
    let (outcome, text) = match reply.outcome {
        CancelOutcome::Cancelled => ("cancelled", "cancelled"),
        CancelOutcome::NotCancellable => ("not_cancellable", "not cancellable: it runs on and may be billed"),
        CancelOutcome::AlreadyOver => ("already_over", "already over"),
        CancelOutcome::NotConfirmed => ("not_confirmed", "not confirmed: ask for its status"),
    };
    let status = reply.state.map(|state| state.to_string());
    let json = json!({ "request_id": request.id.as_str(), "outcome": outcome, "status": status });
    Ok(Answer { text: text.to_owned(), json })
}
