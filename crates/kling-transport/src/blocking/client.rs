//! The blocking client: the calls of the API and the downloads of outputs, over any transport and by any clock.

use std::fmt;
use std::io::Read;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use kling_types::ModelInput;
use serde_json::Value;
use ureq::config::ConfigBuilder;
use ureq::typestate::AgentScope;

use super::transport::broken_off;
use super::{Streaming, Transport, Ureq};
use crate::download::{Downloading, is_inline, save_inline};
use crate::partial_file::{AttemptError, PartialFile};
use crate::{
    Asking, Balance, Call, CancelReply, DownloadOptions, Downloaded, Error, GetBalance, GetModel, GetResult,
    GetStatus, JobModel, Limits, ListModels, ModelId, PendingSubmit, PostCancel, Progress, RequestId,
    ResultReply, Settings, StatusReply, SubmitOutcome,
};

/// What is read at a time of a download, in bytes.
const PIECE: usize = 64 * 1024;

/// The API's calls, each of which blocks the thread until it is answered. The async client has the same methods.
///
/// Cloning is cheap and shares the connections. Submitting costs money and is done once; every other call is free, and is
/// made again where that may help.
#[derive(Debug)]
pub struct Client<T = Ureq> {
    settings: Arc<Settings>,
    transport: Arc<T>,
    clock: Arc<dyn Clock>,
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self {
            settings: Arc::clone(&self.settings),
            transport: Arc::clone(&self.transport),
            clock: Arc::clone(&self.clock),
        }
    }
}

impl Client {
    /// A client on ureq.
    ///
    /// # Errors
    /// [`Error::is_config`] where TLS cannot be set up, for want of the platform's certificates say; [`Error::is_proxy`] if the
    /// environment names a proxy that is neither `http://` nor `https://`.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        Self::configured(settings, |builder| builder)
    }

    /// A client on ureq, shaped by the caller: proxies, further root certificates, local addresses.
    ///
    /// What this crate relies on is set afterwards: no redirects, statuses as answers, time limits by call, no proxy where the
    /// API is on loopback. Start TLS settings from [`tls_config`](super::tls_config).
    ///
    /// # Errors
    /// [`Error::is_config`] where what was asked for cannot be set up; [`Error::is_proxy`] for a proxy that is neither `http://`
    /// nor `https://`.
    pub fn configured(
        settings: Settings,
        configure: impl FnOnce(ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope>,
    ) -> Result<Self, Error> {
        let transport = Ureq::configured(&settings, configure)?;
        Ok(Self::with_transport(settings, transport))
    }

    /// A client with the token and base that the environment names: [`Settings::from_env`].
    ///
    /// # Errors
    /// [`Error::is_config`] where no token is set, or a variable holds no usable value.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(Settings::from_env()?)
    }
}

impl<T: Transport> Client<T> {
    /// A client over a transport of one's own.
    pub fn with_transport(settings: Settings, transport: T) -> Self {
        let (settings, transport) = (Arc::new(settings), Arc::new(transport));
        Self { settings, transport, clock: Arc::new(SystemClock::default()) }
    }

    /// The same client by another clock.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// The clock that it waits by.
    pub fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Submits a typed input to its model. **This costs money**, and is sent once: see [`SubmitOutcome`].
    pub fn submit<I: ModelInput>(&self, input: &I) -> SubmitOutcome<I::Model> {
        match PendingSubmit::typed(&self.settings, input, SystemTime::now()) {
            Ok(submitting) => self.execute(submitting),
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Submits raw JSON to a model by its id, unchecked. **This costs money**, and is sent once: see [`SubmitOutcome`].
    pub fn submit_json(&self, model: &ModelId, input: &Value) -> SubmitOutcome {
        match PendingSubmit::json(&self.settings, model, input, SystemTime::now()) {
            Ok(submitting) => self.execute(submitting),
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Asks for the state of a job.
    ///
    /// # Errors
    /// See [`Error`]; transient ones only after some attempts.
    pub fn status(&self, id: &RequestId) -> Result<StatusReply, Error> {
        self.call(&GetStatus(id))
    }

    /// Asks for the outcome of a job, with its cost.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::is_not_ready`] while the job goes on, which some deployments answer as a state instead.
    pub fn result(&self, id: &RequestId) -> Result<ResultReply, Error> {
        self.call(&GetResult(id))
    }

    /// Asks to cancel a job, which works while it is in the queue.
    ///
    /// # Errors
    /// See [`Error`]; then nothing is known of what became of it.
    pub fn cancel(&self, id: &RequestId) -> Result<CancelReply, Error> {
        self.call(&PostCancel(id))
    }

    /// Asks for the account's balance.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn balance(&self) -> Result<Balance, Error> {
        self.call(&GetBalance)
    }

    /// Asks for one entry of the catalog with its input schema, as the API sends it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn model(&self, id: &ModelId) -> Result<Value, Error> {
        self.call(&GetModel(id))
    }

    /// Asks for a part of the catalog, as the API sends it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn models(&self, query: &ListModels) -> Result<Value, Error> {
        self.call(query)
    }

    /// Makes a free call, with the retries of the settings.
    ///
    /// # Errors
    /// See [`Error`]; transient ones only after some attempts.
    pub fn call<C: Call>(&self, call: &C) -> Result<C::Reply, Error> {
        let started = self.clock.now();
        let mut asking = Asking::new(call, &self.settings).traced();
        loop {
            let limits = Limits::within(self.settings.call_timeout());
            let outcome = asking.span().within(|| self.transport.send(asking.request(), limits));
            match asking.next(outcome, self.since(started), fastrand::f64()) {
                ControlFlow::Break(outcome) => return outcome,
                ControlFlow::Continue(pause) => self.clock.sleep(pause),
            }
        }
    }

    /// Makes a free call exactly once, within a time: a wait brings patience of its own.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn call_without_retry<C: Call>(&self, call: &C, timeout: Duration) -> Result<C::Reply, Error> {
        let asking = Asking::new(call, &self.settings);
        let outcome = self.transport.send(asking.request(), Limits::within(timeout));
        asking.read(outcome)
    }

    fn since(&self, started: Duration) -> Duration {
        self.clock.now().saturating_sub(started)
    }

    /// Carries a submit to its end, for those who want to look at it before it leaves. **This costs money.**
    pub fn execute<M: JobModel>(&self, mut submitting: PendingSubmit<M>) -> SubmitOutcome<M> {
        let started = self.clock.now();
        loop {
            let send = || self.transport.send(submitting.request(), submitting.limits());
            let outcome = submitting.span().within(send);
            match submitting.next(outcome, self.since(started), fastrand::f64()) {
                ControlFlow::Break(submission) => return submission,
                ControlFlow::Continue(pause) => self.clock.sleep(pause),
            }
        }
    }
}

impl<T: Streaming> Client<T> {
    /// Downloads an output to a file, without the token; see [`DownloadOptions`] for what is refused.
    ///
    /// The file appears whole or not at all: it is written beside its place under another name, synced, then renamed. What an
    /// earlier download of it left unfinished is gone on with, also after a crash: [`DownloadOptions::with_retry`]. A whole file
    /// that cannot be put in its place is kept, and the error names where. The content of a `data:` URL is written likewise.
    ///
    /// # Errors
    /// [`Error::is_host_not_allowed`] where the URL, or one that it leads to, is outside the hosts allowed; [`Error::is_file`] where the
    /// file exists, cannot be written, or is being downloaded by somebody else; [`Error::is_output_unavailable`] where the
    /// host does not give the file; [`Error::is_content`] where something else than the output arrived; others as for any call.
    pub fn download(
        &self,
        url: &str,
        path: impl AsRef<Path>,
        options: &DownloadOptions,
        mut progress: impl FnMut(Progress),
    ) -> Result<Downloaded, Error> {
        let (started, path) = (self.clock.now(), path.as_ref());
        if is_inline(url) {
            return save_inline(url, path, options);
        }
        let mut downloading = Downloading::new(url, path, options, &self.settings)?;
        if let Some(whole) = downloading.take_whole() {
            return whole.keep();
        }
        loop {
            let span = downloading.span();
            let obstacle = match span.within(|| self.fetch(&mut downloading, started, &mut progress)) {
                Ok(partial) => {
                    downloading.came(&partial);
                    return partial.keep();
                }
                Err(obstacle) => obstacle,
            };
            match downloading.next(obstacle, self.since(started), fastrand::f64()) {
                ControlFlow::Break(error) => return Err(error),
                ControlFlow::Continue(pause) => self.clock.sleep(pause),
            }
        }
    }

    fn fetch(
        &self,
        downloading: &mut Downloading,
        started: Duration,
        progress: &mut impl FnMut(Progress),
    ) -> Result<PartialFile, AttemptError> {
        let (head, mut body) = self.transport.open(downloading.request(), downloading.patience())?;
        let mut partial = downloading.begin(&head)?;
        let mut buffer = vec![0; PIECE];
        loop {
            partial = match body.read(&mut buffer) {
                Ok(0) => return partial.whole(),
                Ok(read) => partial.append(&buffer[..read], self.since(started))?,
                Err(error) => return Err(partial.broken(broken_off(error))),
            };
            progress(partial.progress());
        }
    }
}

/// Tells the time and lets it pass.
pub trait Clock: fmt::Debug + Send + Sync {
    /// The time since some fixed moment; it never goes back.
    fn now(&self) -> Duration;

    /// Returns after a pause.
    fn sleep(&self, pause: Duration);
}

/// The machine's own monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock(Instant);

impl Default for SystemClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    #[allow(clippy::disallowed_methods, reason = "the one place where a thread sleeps")]
    fn sleep(&self, pause: Duration) {
        thread::sleep(pause);
    }
}
