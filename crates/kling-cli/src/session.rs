//! A session with the API of the provider or with the built-in simulator.

use std::path::Path;

use kling::journal::{JOURNAL_VARIABLE, Journal, JournalError, OnDuplicate};
use kling::transport::{ApiBase, Settings, TOKEN_VARIABLES};
use kling::{Client, ClientBuilder, Token};

use crate::arguments::{GenerateArgs, JournalArgs};
use crate::console::{CliError, Console, ExitStatus};

/// A client with its journal, and the simulator if there is one.
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) is_simulated: bool,
    #[cfg(feature = "offline")]
    _sim: Option<kling_sim::Sim>,
}

impl Session {
    /// Connects for calls that cost money. Without a journal, nothing is submitted unless `--no-journal` is given.
    pub(crate) fn paid(journal_args: &JournalArgs, console: Console) -> Result<Self, CliError> {
        let open = || if journal_args.no_journal { Ok(None) } else { Journal::from_env() };
        let on_duplicate =
            if journal_args.allow_duplicate { OnDuplicate::Allow } else { OnDuplicate::Reject };
        Self::new(|| open().map_err(|error| unwritable(&error)), on_duplicate, console)
    }

    /// Connects for calls that cost nothing. If the journal cannot be opened, warns and continues.
    pub(crate) fn free(console: Console) -> Result<Self, CliError> {
        let open = || {
            Journal::from_env().or_else(|error| {
                console.note(format!("warning: {error}; continuing without a journal"));
                Ok(None)
            })
        };
        Self::new(open, OnDuplicate::Reject, console)
    }

    /// Reads the token first, since a session without a token needs no journal.
    fn new(
        journal: impl FnOnce() -> Result<Option<Journal>, CliError>,
        on_duplicate: OnDuplicate,
        console: Console,
    ) -> Result<Self, CliError> {
        let token = Token::from_env().map_err(|error| sign_in(&error))?;
        let settings = Settings::new(token)
            .with_base(ApiBase::from_env()?)
            .with_on_retry(move |notice| console.note(notice.to_string()));
        let builder = Client::builder()
            .settings(settings)
            .on_duplicate(on_duplicate)
            .on_journal_error(move |error| console.note(format!("warning: {error}")));
        Ok(Self {
            client: with_journal(builder, journal()?).build()?,
            is_simulated: false,
            #[cfg(feature = "offline")]
            _sim: None,
        })
    }

    /// Connects to the built-in simulator with `--offline`, or else for calls that cost money.
    pub(crate) fn generate(
        arguments: &GenerateArgs,
        schemas: Option<&Path>,
        console: Console,
    ) -> Result<Self, CliError> {
        #[cfg(feature = "offline")]
        if arguments.offline {
            return Self::simulated(schemas);
        }
        _ = schemas;
        Self::paid(&arguments.journal_args, console)
    }

    #[cfg(feature = "offline")]
    fn simulated(schemas: Option<&Path>) -> Result<Self, CliError> {
        // Slow enough to show the queue.
        const SPEED: f64 = 10.0;
        let start_error =
            |error: &dyn std::fmt::Display| CliError::service(format!("cannot start the simulator: {error}"));
        let builder = kling_sim::Sim::builder().speed(SPEED);
        let builder = match schemas {
            Some(folder) => builder.schemas_dir(folder),
            None => builder,
        };
        let sim = builder.start().map_err(|error| start_error(&error))?;
        let settings = Settings::new(Token::new(sim.token())?).with_base(sim.base_url().parse()?);
        let client = Client::builder().settings(settings).without_journal().build()?;
        Ok(Self { client, is_simulated: true, _sim: Some(sim) })
    }
}

fn unwritable(error: &JournalError) -> CliError {
    let message = format!(
        "nothing was submitted: {error}\n  set {JOURNAL_VARIABLE} to another file, or submit without a record: --no-journal"
    );
    CliError::service(message)
}

fn with_journal(builder: ClientBuilder, journal: Option<Journal>) -> ClientBuilder {
    match journal {
        Some(journal) => builder.open_journal(journal),
        None => builder.without_journal(),
    }
}

fn sign_in(error: &kling::transport::CallError) -> CliError {
    let offline = if cfg!(feature = "offline") {
        "\n  to try without an account: kling generate IMAGE --offline"
    } else {
        ""
    };
    let variables = TOKEN_VARIABLES.join(", ");
    CliError::new(
        ExitStatus::SignIn,
        format!("{error}\n  create a token in your RunComfy profile and set one of {variables}{offline}"),
    )
}
