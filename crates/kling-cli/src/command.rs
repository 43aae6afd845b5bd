//! Runs a command; here are the commands that are one call.

use clap::CommandFactory;
use kling::transport::{CancelOutcome, JobOutcome};
use serde_json::json;

use crate::arguments::{Arguments, Command, Request};
#[cfg(feature = "offline")]
use crate::arguments::{InterruptArgs, OnInterrupt, Sim};
use crate::console::{CliError, Console, ExitStatus, Output, one_line};
#[cfg(feature = "offline")]
use crate::interrupts::Interrupts;
use crate::session::Session;
use crate::{catalog, generate, journal, resume, wait};

pub(crate) async fn run(command: Command, console: &Console) -> Result<Output, CliError> {
    let console = *console;
    match command {
        Command::Balance => balance(console).await,
        Command::Cancel(request) => cancel(&request, console).await,
        Command::Completions { shell } => Ok(completions(shell)),
        Command::Generate(arguments) => generate::generate(&arguments, console).await,
        Command::Jobs(arguments) => journal::jobs(&arguments, console),
        Command::Journal(command) => journal::journal(&command, console),
        Command::Models(command) => catalog::run(&command, console).await,
        Command::Result(request) => result(&request, console).await,
        Command::Resume(arguments) => resume::run(&arguments, console).await,
        Command::Run(arguments) => generate::run(&arguments, console).await,
        Command::Schema(arguments) => catalog::print_schema(&arguments, console).await,
        #[cfg(feature = "offline")]
        Command::Sim(arguments) => sim(&arguments, console).await,
        Command::Status(request) => status(&request, console).await,
        Command::Submit(arguments) => generate::submit(&arguments, console).await,
        Command::Validate(arguments) => generate::validate(&arguments, console).await,
        Command::Wait(arguments) => wait::run(&arguments, console).await,
    }
}

async fn balance(console: Console) -> Result<Output, CliError> {
    let balance = Session::free(console)?.client.api().balance().await?;
    let currency = balance.currency.as_deref().unwrap_or("USD");
    let text = format!("{:.2} {}", balance.usd, one_line(currency));
    Ok(Output { text, json: serde_json::to_value(&balance).unwrap_or_default() })
}

fn completions(shell: clap_complete::Shell) -> Output {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "kling", &mut script);
    let text = String::from_utf8_lossy(&script).trim_end().to_owned();
    Output { json: json!({ "shell": shell.to_string(), "script": text }), text }
}

async fn status(request: &Request, console: Console) -> Result<Output, CliError> {
    let reply = Session::free(console)?.client.api().status(&request.id).await?;
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

async fn result(request: &Request, console: Console) -> Result<Output, CliError> {
    let reply = Session::free(console)?.client.api().result(&request.id).await?;
    let json = serde_json::to_value(&reply).unwrap_or_default();
    let output = Output { text: serde_json::to_string_pretty(&json).unwrap_or_default(), json };
    match reply.outcome() {
        JobOutcome::Failed | JobOutcome::Cancelled => Err(CliError::found(ExitStatus::Failed, output)),
        JobOutcome::Succeeded => Ok(output),
        JobOutcome::Unfinished => Err(CliError::found(ExitStatus::TryAgain, output)),
    }
}

async fn cancel(request: &Request, console: Console) -> Result<Output, CliError> {
    let client = Session::free(console)?.client;
    let reply = client.job(request.id.clone()).await.cancel().await?;
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
    let output = Output { text: text.to_owned(), json };
    match reply.outcome {
        CancelOutcome::Cancelled | CancelOutcome::AlreadyOver => Ok(output),
        CancelOutcome::NotCancellable | CancelOutcome::NotConfirmed => {
            Err(CliError::found(ExitStatus::TryAgain, output))
        }
    }
}

#[cfg(feature = "offline")]
async fn sim(arguments: &Sim, console: Console) -> Result<Output, CliError> {
    let mut builder = kling_sim::Sim::builder().port(arguments.port).speed(arguments.speed).any_token();
    if let Some(folder) = &arguments.schemas {
        builder = builder.schemas_dir(folder);
    }
    let sim =
        builder.start().map_err(|error| CliError::usage(format!("cannot start the simulator: {error}")))?;
    console.note("SIMULATED: this is not RunComfy; nothing is generated or billed");
    console.note(format!("  export RUNCOMFY_MODEL_API_BASE={}", sim.base_url()));
    console.note(format!("  export RUNCOMFY_API_TOKEN={}    (any token works)", sim.token()));
    console.note("press Ctrl-C to stop");
    Interrupts::new(InterruptArgs { on_interrupt: None }, OnInterrupt::Leave).next().await;
    let billed = sim.billed().len();
    let json = json!({ "simulated": true, "base_url": sim.base_url(), "billed": billed });
    Ok(Output { text: format!("billed requests, if this were RunComfy: {billed}"), json })
}
