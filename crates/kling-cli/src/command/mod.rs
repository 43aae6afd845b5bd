//! The commands; those that are more than a call have a file for each group.

mod jobs;
mod journal;
mod models;
mod request;
mod run;
#[cfg(feature = "offline")]
mod sim;
mod wait;

use clap::CommandFactory;
use serde_json::json;

use crate::arguments::{Arguments, Command};
use crate::connection::Session;
use crate::console::{CliError, Console, Output, one_line};

/// Runs a command to its end.
pub(crate) async fn run(command: Command, console: &Console) -> Result<Output, CliError> {
    let console = *console;
    match command {
        Command::Balance => balance(console).await,
        Command::Cancel(request) => request::cancel(&request, console).await,
        Command::Completions { shell } => Ok(completions(shell)),
        Command::Generate(arguments) => run::generate(&arguments, console).await,
        Command::Jobs(arguments) => jobs::run(&arguments, console),
        Command::Journal(command) => journal::run(&command, console),
        Command::Models(arguments) => models::run(&arguments, console).await,
        Command::Result(request) => request::result(&request, console).await,
        Command::Resume(arguments) => jobs::resume(&arguments, console).await,
        Command::Run(arguments) => run::run(&arguments, console).await,
        Command::Schema(arguments) => models::schema(&arguments, console).await,
        #[cfg(feature = "offline")]
        Command::Sim(arguments) => sim::run(&arguments, console).await,
        Command::Status(request) => request::status(&request, console).await,
        Command::Submit(arguments) => run::submit(&arguments, console).await,
        Command::Validate(arguments) => run::validate(&arguments, console).await,
        Command::Wait(arguments) => wait::run(&arguments, console).await,
    }
}

async fn balance(console: Console) -> Result<Output, CliError> {
    let balance = Session::free(console)?.client.client().balance().await?;
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
