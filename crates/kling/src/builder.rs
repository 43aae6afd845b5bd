//! Builds a client: its account, its limits and its journal.

use std::fmt;
use std::sync::Arc;

use kling_journal::{Error as JournalError, Journal, OnDuplicate};
use kling_poll::WaitOptions;
use kling_transport::{ApiBase, Client as ApiClient, Runtime, Settings, Token, Transport};

use crate::journal_writer::{JournalWriter, OnJournalError};
use crate::media_check::{self, MediaPolicy};
use crate::{Client, Error};

/// Builds a [`Client`], or with `build_blocking` a `blocking::Client`.
///
/// ```no_run
/// # async fn run() -> Result<(), kling::Error> {
/// use kling::{Client, MediaPolicy, Token};
///
/// let client = Client::builder()
///     .token(Token::new("rc-0123456789")?)
///     .journal("paid-jobs.db")
///     .media(MediaPolicy::Inline)
///     .build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Default)]
#[must_use = "call `build`"]
pub struct ClientBuilder {
    token: Option<Token>,
    base: Option<ApiBase>,
    settings: Option<Settings>,
    transport: Option<Box<dyn Transport>>,
    runtime: Option<Box<dyn Runtime>>,
    journal: JournalChoice,
    on_duplicate: OnDuplicate,
    on_journal_error: Option<OnJournalError>,
    media: MediaPolicy,
    wait_options: WaitOptions,
}

#[derive(Default)]
enum JournalChoice {
    /// The journal that the environment names, or the default one.
    #[default]
    Default,
    #[cfg(feature = "journal")]
    At(std::path::PathBuf),
    Given(Journal),
    None,
}

impl ClientBuilder {
    /// Sets the token. By default it is the first of [`TOKEN_VARIABLES`](crate::transport::TOKEN_VARIABLES) that is set.
    pub fn token(self, token: Token) -> Self {
        Self { token: Some(token), ..self }
    }

    /// Sets the base URL. By default it is `RUNCOMFY_MODEL_API_BASE`, or else the provider's.
    pub fn base(self, base: ApiBase) -> Self {
        Self { base: Some(base), ..self }
    }

    /// Sets the limits of calls: timeouts, retries and their callback. Its token and base count unless the builder has others.
    pub fn settings(self, settings: Settings) -> Self {
        Self { settings: Some(settings), ..self }
    }

    /// Sets the HTTP client. By default it is reqwest, and ureq for a blocking client.
    pub fn transport(self, transport: impl Transport) -> Self {
        Self { transport: Some(Box::new(transport)), ..self }
    }

    /// Sets the clock. By default it is tokio's, and the thread's for a blocking client.
    pub fn runtime(self, runtime: impl Runtime) -> Self {
        Self { runtime: Some(Box::new(runtime)), ..self }
    }

    /// Sets the file of the journal, or the folder of a file `journal.db`. A missing one is created.
    ///
    /// By default it is `KLING_JOURNAL`, or else a file in the platform's folder for state.
    #[cfg(feature = "journal")]
    pub fn journal(self, path: impl Into<std::path::PathBuf>) -> Self {
        Self { journal: JournalChoice::At(path.into()), ..self }
    }

    /// Sets an open journal, or one in a store of your own.
    pub fn open_journal(self, journal: Journal) -> Self {
        Self { journal: JournalChoice::Given(journal), ..self }
    }

    /// Keeps no journal. A crash may then lose paid jobs.
    pub fn without_journal(self) -> Self {
        Self { journal: JournalChoice::None, ..self }
    }

    /// Sets the rule for requests that were submitted before. By default a request with an unknown outcome is refused, and
    /// [`Client::run`] resumes a known job. [`OnDuplicate::Allow`] submits both again: **it may pay twice.**
    pub fn on_duplicate(self, on_duplicate: OnDuplicate) -> Self {
        Self { on_duplicate, ..self }
    }

    /// Calls back on errors of the journal after a request was sent. The job continues, and its entry stays as it was, at
    /// worst *unknown*. If the journal refused a request id, the message has the id. Without a callback, such errors are silent.
    pub fn on_journal_error(self, callback: impl Fn(&JournalError) + Send + Sync + 'static) -> Self {
        Self { on_journal_error: Some(Arc::new(callback)), ..self }
    }

    /// Sets the images that are measured before a submit. By default those inside the request.
    pub fn media(self, media: MediaPolicy) -> Self {
        Self { media, ..self }
    }

    /// Sets the options of every wait, unless a wait has its own.
    pub fn wait_options(self, wait_options: WaitOptions) -> Self {
        Self { wait_options, ..self }
    }

    /// Builds an async client.
    ///
    /// # Errors
    /// - [`ErrorKind::Config`](crate::ErrorKind::Config) if there is no token, or TLS cannot be set up
    /// - [`ErrorKind::Journal`](crate::ErrorKind::Journal) if the journal cannot be opened
    #[cfg(feature = "async")]
    pub fn build(mut self) -> Result<Client, Error> {
        let settings = self.take_settings()?;
        let runtime = self.runtime.take().unwrap_or_else(|| Box::new(kling_transport::TokioRuntime));
        let transport = match self.transport.take() {
            Some(transport) => transport,
            None => Box::new(kling_transport::Reqwest::new(&settings)?),
        };
        self.finish(ApiClient::from_parts(settings, transport, runtime), false)
    }

    /// Builds a blocking client.
    ///
    /// # Errors
    /// As [`ClientBuilder::build`].
    #[cfg(feature = "blocking")]
    pub fn build_blocking(mut self) -> Result<crate::blocking::Client, Error> {
        let settings = self.take_settings()?;
        let runtime =
            self.runtime.take().unwrap_or_else(|| Box::new(kling_transport::blocking::ThreadRuntime));
        let transport = match self.transport.take() {
            Some(transport) => transport,
            None => Box::new(kling_transport::blocking::Ureq::new(&settings)?),
        };
        let client = self.finish(ApiClient::from_parts(settings, transport, runtime), true)?;
        Ok(crate::blocking::Client::new(client))
    }

    fn take_settings(&mut self) -> Result<Settings, Error> {
        let settings = match (self.settings.take(), self.token.take()) {
            (Some(settings), None) => settings,
            (Some(settings), Some(token)) => settings.with_token(token),
            (None, Some(token)) => Settings::new(token).with_base(ApiBase::from_env()?),
            (None, None) => Settings::from_env()?,
        };
        Ok(match self.base.take() {
            Some(base) => settings.with_base(base),
            None => settings,
        })
    }

    fn finish(self, api: ApiClient, is_blocking: bool) -> Result<Client, Error> {
        let mut writer = JournalWriter::new(open(self.journal)?);
        writer.on_duplicate = self.on_duplicate;
        if let Some(callback) = self.on_journal_error {
            writer.on_journal_error = callback;
        }
        Ok(Client {
            api,
            writer,
            wait_options: self.wait_options,
            media: self.media,
            urls: media_check::url_checker(self.media, is_blocking)?,
            is_blocking,
        })
    }
}

fn open(choice: JournalChoice) -> Result<Option<Journal>, Error> {
    let opened = match choice {
        JournalChoice::Given(journal) => return Ok(Some(journal)),
        JournalChoice::None => return Ok(None),
        #[cfg(feature = "journal")]
        JournalChoice::Default => Journal::from_env(),
        #[cfg(feature = "journal")]
        JournalChoice::At(path) => Journal::open(path).map(Some),
        #[cfg(not(feature = "journal"))]
        JournalChoice::Default => Ok::<_, JournalError>(None),
    };
    opened.map_err(|error| {
        let message =
            format!("{error}; name another file by `journal`, or keep no journal by `without_journal`");
        kling_transport::Error::journal(message).into()
    })
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { token, base, settings, media, .. } = self;
        f.debug_struct("ClientBuilder")
            .field("token", token)
            .field("base", base)
            .field("settings", settings)
            .field("media", media)
            .finish_non_exhaustive()
    }
}
