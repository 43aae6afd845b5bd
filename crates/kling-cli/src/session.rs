//! The way to the API: the provider's, or a simulator inside this program.

use kling::kling_journal::{Error as JournalError, JOURNAL_VARIABLE};
use kling::{ApiBase, Client, Journal, Journaled, OnDuplicate, Settings, Token};

use crate::arguments::{GenerateArgs, JournalArgs};
use crate::console::{CliError, Console, ExitStatus};

/// A client, and whatever has to live as long as it.
pub(crate) struct Session {
    pub(crate) client: Journaled,
    pub(crate) is_simulated: bool,
    #[cfg(feature = "offline")]
    _sim: Option<kling_sim::Sim>,
}

impl Session {
    /// To the API that the environment names, for what costs money: without a journal nothing is submitted, unless that is
    /// asked for.
    pub(crate) fn paid(journal_args: &JournalArgs, console: Console) -> Result<Self, CliError> {
        let open = || if journal_args.no_journal { Ok(None) } else { Journal::from_env() };
        let session = Self::new(|| open().map_err(|error| unwritable(&error)), console)?;
        let on_duplicate =
            if journal_args.allow_duplicate { OnDuplicate::Allow } else { OnDuplicate::Reject };
        Ok(Self { client: session.client.on_duplicate(on_duplicate), ..session })
    }

    /// To the API that the environment names, for what is free: where there is no journal, that is said, and it goes on.
    pub(crate) fn free(console: Console) -> Result<Self, CliError> {
        let open = || {
            Journal::from_env().or_else(|error| {
                console.note(format!("warning: {error}; continuing without a journal"));
                Ok(None)
            })
        };
        Self::new(open, console)
    }

    /// The token comes first: without one there is nothing to note.
    fn new(
        journal: impl FnOnce() -> Result<Option<Journal>, CliError>,
        console: Console,
    ) -> Result<Self, CliError> {
        let token = Token::from_env().map_err(|error| sign_in(&error))?;
        let settings = Settings::new(token)
            .with_base(ApiBase::from_env()?)
            .with_on_retry(move |notice| console.note(notice.to_string()));
        Ok(Self {
            client: Journaled::new(client(settings)?, journal()?)
                .on_journal_error(move |error| console.note(format!("warning: {error}"))),
            is_simulated: false,
            #[cfg(feature = "offline")]
            _sim: None,
        })
    }

    /// To a simulator of its own: no token, no network.
    #[cfg(feature = "offline")]
    pub(crate) fn offline() -> Result<Self, CliError> {
        Self::simulated(kling_sim::Sim::builder())
    }

    /// To a simulator that is to be started.
    #[cfg(feature = "offline")]
    pub(crate) fn simulated(sim: kling_sim::Builder) -> Result<Self, CliError> {
        // Fast enough not to bore, slow enough to show the queue.
        const SPEED: f64 = 10.0;
        let start_error =
            |error: &dyn std::fmt::Display| CliError::service(format!("cannot start the simulator: {error}"));
        let sim = sim.speed(SPEED).start().map_err(|error| start_error(&error))?;
        let settings = Settings::new(Token::new(sim.token())?).with_base(sim.base_url().parse()?);
        Ok(Self { client: Journaled::new(client(settings)?, None), is_simulated: true, _sim: Some(sim) })
    }
}

impl GenerateArgs {
    /// The way to the API that is asked for, where a submit is noted unless that is turned off.
    #[cfg(feature = "offline")]
    pub(crate) fn connect(&self, console: Console) -> Result<Session, CliError> {
        if self.offline { Session::offline() } else { Session::paid(&self.journal_args, console) }
    }

    /// The way to the API, where a submit is noted unless that is turned off.
    #[cfg(not(feature = "offline"))]
    pub(crate) fn connect(&self, console: Console) -> Result<Session, CliError> {
        Session::paid(&self.journal_args, console)
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

fn unwritable(error: &JournalError) -> CliError {
    let message = format!(
        "nothing was submitted: {error}\n  set {JOURNAL_VARIABLE} to another file, or submit without a record: --no-journal"
    );
    CliError::service(message)
}

/// Plain loopback needs no certificates, and a bare machine has none.
fn client(settings: Settings) -> Result<Client, CliError> {
    let is_loopback = settings.base().is_loopback();
    match Client::new(settings.clone()) {
        Err(_) if is_loopback => Ok(Client::configured(settings, |builder| builder.tls_certs_only([]))?),
        outcome => Ok(outcome?),
    }
}

fn sign_in(error: &kling::Error) -> CliError {
    let offline = if cfg!(feature = "offline") {
        "\n  to try without an account: kling generate IMAGE --offline"
    } else {
        ""
    };
    let variables = kling::TOKEN_VARIABLES.join(", ");
    CliError::new(
        ExitStatus::SignIn,
        format!("{error}\n  create a token in your RunComfy profile and set one of {variables}{offline}"),
    )
}
