//! The way to the API: the provider's, or a simulator inside this program.

use kling::{ApiBase, Client, Settings, Token};

use crate::exit::{Exit, Stop};

/// A client, and whatever has to live as long as it.
pub(crate) struct Connection {
    pub(crate) client: Client,
    pub(crate) is_simulated: bool,
    #[cfg(feature = "offline")]
    _sim: Option<kling_sim::Sim>,
}

impl Connection {
    /// To the API that the environment names, with its token.
    pub(crate) fn from_env() -> Result<Self, Stop> {
        let token = Token::from_env().map_err(|error| sign_in(&error))?;
        let settings = Settings::new(token).with_base(ApiBase::from_env()?);
        Ok(Self {
            client: client(settings)?,
            is_simulated: false,
            #[cfg(feature = "offline")]
            _sim: None,
        })
    }

    /// To a simulator of its own: no token, no network.
    #[cfg(feature = "offline")]
    pub(crate) fn offline() -> Result<Self, Stop> {
        // Fast enough not to bore, slow enough to show the queue.
        const SPEED: f64 = 10.0;
        let trouble = |error: &dyn std::fmt::Display| {
            Stop::new(Exit::Service, format!("the simulator cannot be started: {error}"))
        };
        let sim = kling_sim::Sim::builder().speed(SPEED).start().map_err(|error| trouble(&error))?;
        let settings = Settings::new(Token::new(sim.token())?).with_base(sim.base_url().parse()?);
        Ok(Self { client: client(settings)?, is_simulated: true, _sim: Some(sim) })
    }
}

/// Plain loopback needs no certificates, and a bare machine has none.
fn client(settings: Settings) -> Result<Client, Stop> {
    let is_loopback = settings.base().is_loopback();
    match Client::new(settings.clone()) {
        Err(_) if is_loopback => Ok(Client::configured(settings, |builder| builder.tls_certs_only([]))?),
        outcome => Ok(outcome?),
    }
}

fn sign_in(error: &kling::Error) -> Stop {
    let offline = if cfg!(feature = "offline") {
        "\n  or try without an account: kling generate IMAGE --offline"
    } else {
        ""
    };
    let variables = kling::TOKEN_VARIABLES.join(", ");
    Stop::new(
        Exit::SignIn,
        format!(
            "{error}\n  make a token in your RunComfy profile and put it into one of {variables}{offline}"
        ),
    )
}
