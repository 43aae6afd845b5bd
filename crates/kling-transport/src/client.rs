//! The client: the calls of the API and the downloads of outputs, over any transport and runtime.

use std::fmt;
use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::{Duration, SystemTime};

use kling_types::ModelInput;
use serde_json::Value;

use crate::{
    Balance, Call, CancelReply, DownloadOptions, Downloaded, Error, GetBalance, GetModel, GetResult,
    GetStatus, JobModel, Limits, ListModels, ModelId, PendingSubmit, PostCancel, Progress, RequestId,
    ResultReply, Retry, RetryNotice, Runtime, Settings, Span, StatusReply, SubmitOutcome, Transport, call,
    download,
};
#[cfg(feature = "async")]
use crate::{Reqwest, TokioRuntime};

/// The API's calls, as futures. `blocking::Client` has the same methods for code without an async runtime.
///
/// Cloning is cheap and shares the connections. A submit costs money and is sent once. Every other call is free, and is
/// retried when that may help.
#[derive(Clone)]
pub struct Client(Arc<Parts>);

struct Parts {
    settings: Settings,
    transport: Box<dyn Transport>,
    runtime: Box<dyn Runtime>,
}

impl Client {
    /// A client on reqwest; needs tokio.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if TLS cannot be set up, for example without the platform's
    /// certificates. [`ErrorKind::Proxy`](crate::ErrorKind::Proxy) if the environment names a proxy that is neither `http://`
    /// nor `https://`.
    #[cfg(feature = "async")]
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let transport = Reqwest::new(&settings)?;
        Ok(Self::with_transport(settings, transport))
    }

    /// A client on reqwest with the caller's proxies, root certificates or local address.
    ///
    /// The settings that this crate relies on win: no redirects, no retries, no referer, HTTP/1.1, and no proxy if the API is
    /// on loopback.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the settings cannot be used.
    #[cfg(feature = "async")]
    pub fn configured(
        settings: Settings,
        configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<Self, Error> {
        let transport = Reqwest::configured(&settings, configure)?;
        Ok(Self::with_transport(settings, transport))
    }

    /// A client with the token and base from the environment: [`Settings::from_env`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if no token is set, or a variable holds no usable value.
    #[cfg(feature = "async")]
    pub fn from_env() -> Result<Self, Error> {
        Self::new(Settings::from_env()?)
    }

    /// A client over a transport of the caller, on tokio's clock.
    #[cfg(feature = "async")]
    pub fn with_transport(settings: Settings, transport: impl Transport) -> Self {
        Self::from_parts(settings, transport, TokioRuntime)
    }

    /// A client over a transport and a runtime of the caller.
    pub fn from_parts(settings: Settings, transport: impl Transport, runtime: impl Runtime) -> Self {
        let (transport, runtime) = (Box::new(transport), Box::new(runtime));
        Self(Arc::new(Parts { settings, transport, runtime }))
    }

    /// Returns the settings.
    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// Returns the clock that waits go by.
    pub fn runtime(&self) -> &dyn Runtime {
        &*self.0.runtime
    }

    pub(crate) fn transport(&self) -> &dyn Transport {
        &*self.0.transport
    }

    /// Submits a typed input to its model. **This costs money**, and is sent once: see [`SubmitOutcome`].
    ///
    /// Dropping the future during the exchange loses the outcome, and the job may run and be billed all the same. To avoid
    /// that, spawn the future as a task, or submit through a client with a journal, which does so.
    pub async fn submit<I: ModelInput>(&self, input: &I) -> SubmitOutcome<I::Model> {
        match PendingSubmit::typed(self.settings(), input, SystemTime::now()) {
            Ok(pending) => self.execute(pending).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Submits raw JSON to a model by its id, unchecked. **This costs money**, and is sent once: see [`SubmitOutcome`].
    pub async fn submit_json(&self, model: &ModelId, input: &Value) -> SubmitOutcome {
        match PendingSubmit::json(self.settings(), model, input, SystemTime::now()) {
            Ok(pending) => self.execute(pending).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Gets the status of a job.
    ///
    /// # Errors
    /// See [`Error`]. A transient error has been retried.
    pub async fn status(&self, id: &RequestId) -> Result<StatusReply, Error> {
        self.call(&GetStatus(id)).await
    }

    /// Gets the result of a job, with its cost.
    ///
    /// # Errors
    /// See [`Error`]. While the job runs, some deployments answer [`ErrorKind::NotReady`](crate::ErrorKind::NotReady), and
    /// others a state.
    pub async fn result(&self, id: &RequestId) -> Result<ResultReply, Error> {
        self.call(&GetResult(id)).await
    }

    /// Asks to cancel a job, which works while it is in the queue.
    ///
    /// # Errors
    /// See [`Error`]. Then the outcome of the cancel is unknown.
    pub async fn cancel(&self, id: &RequestId) -> Result<CancelReply, Error> {
        self.call(&PostCancel(id)).await
    }

    /// Gets the account's balance.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn balance(&self) -> Result<Balance, Error> {
        self.call(&GetBalance).await
    }

    /// Gets one entry of the catalog with its input schema, as the API sends it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn model(&self, id: &ModelId) -> Result<Value, Error> {
        self.call(&GetModel(id)).await
    }

    /// Gets a page of the catalog, as the API sends it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn models(&self, query: &ListModels) -> Result<Value, Error> {
        self.call(query).await
    }

    /// Makes a free call, with the retries of the settings.
    ///
    /// # Errors
    /// See [`Error`]. A transient error has been retried.
    pub async fn call<C: Call>(&self, call: &C) -> Result<C::Reply, Error> {
        let (settings, span, started) = (self.settings(), Span::call(call), self.runtime().now());
        let mut attempts = 0;
        loop {
            attempts += 1;
            let outcome = span.around(self.call_without_retry(call, settings.call_timeout())).await;
            span.attempted(attempts, outcome.as_ref().err());
            let error = match outcome {
                Err(error) if error.is_transient() => error,
                outcome => return outcome,
            };
            let elapsed = self.since(started);
            match settings.call_retry.next(attempts, error.retry_after(), elapsed, fastrand::f64()) {
                Retry::After(pause) => {
                    settings.on_retry.notify(&RetryNotice::new(&error, pause, attempts));
                    span.delay(pause);
                    self.runtime().sleep(pause).await;
                }
                Retry::GiveUp => return Err(error),
            }
        }
    }

    /// Makes a free call exactly once, within a time. A wait uses it, since it has retries of its own.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn call_without_retry<C: Call>(&self, call: &C, timeout: Duration) -> Result<C::Reply, Error> {
        let request = call.request(self.settings());
        let outcome = self.transport().send(request, Limits::within(timeout)).await;
        call::read(call, Some(self.settings().token()), outcome)
    }

    /// Executes a pending submit. **This costs money.**
    pub async fn execute<M: JobModel>(&self, pending: PendingSubmit<M>) -> SubmitOutcome<M> {
        self.execute_until(pending, std::future::pending()).await
    }

    /// Executes a pending submit until `stop` is ready. **This costs money.**
    ///
    /// After that no further attempt begins. An attempt that is already out is awaited, and a pause before another one ends
    /// at once, as [`PendingSubmit::abandon`] does.
    pub async fn execute_until<M: JobModel>(
        &self,
        mut pending: PendingSubmit<M>,
        stop: impl Future<Output = ()> + Send,
    ) -> SubmitOutcome<M> {
        let (started, mut stop) = (self.runtime().now(), pin!(stop));
        while !is_ready(stop.as_mut()).await {
            let sent = self.transport().send(pending.request(), pending.limits());
            let reply = pending.span().around(sent).await;
            match pending.next(reply, self.since(started), fastrand::f64()) {
                ControlFlow::Break(outcome) => return outcome,
                ControlFlow::Continue(pause) => {
                    if self.is_stopped_within(pause, stop.as_mut()).await {
                        break;
                    }
                }
            }
        }
        pending.abandon()
    }

    /// Downloads an output to a file, without the token. [`DownloadOptions`] lists the bounds.
    ///
    /// The file appears whole or not at all: it is written beside its place under another name, synced, then renamed. An
    /// earlier download that broke off is resumed, also after a crash: [`DownloadOptions::with_retry`]. If a whole file
    /// cannot be renamed into place it is kept, and the error names it. The content of a `data:` URL is written likewise.
    ///
    /// # Errors
    /// [`ErrorKind::HostNotAllowed`](crate::ErrorKind::HostNotAllowed) if the URL or one of its redirects leaves the allowed
    /// hosts. [`Error::is_file`] if the file exists, cannot be written, or another process downloads it.
    /// [`ErrorKind::OutputUnavailable`](crate::ErrorKind::OutputUnavailable) if the host refuses.
    /// [`ErrorKind::Content`](crate::ErrorKind::Content) if the body is not the expected media. Others as for any call.
    pub async fn download(
        &self,
        url: &str,
        path: impl AsRef<Path>,
        options: &DownloadOptions,
        progress: impl FnMut(Progress),
    ) -> Result<Downloaded, Error> {
        download::run(self, url, path.as_ref(), options, progress).await
    }

    /// Runs work that may block on a disk, away from the threads that drive futures. Returns `None` if the work panicked, or
    /// the runtime shut down.
    #[doc(hidden)]
    pub async fn run_blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        let slot = Arc::new(Mutex::new(None));
        let result = Arc::clone(&slot);
        self.runtime().run_blocking(Box::new(move || *lock(&result) = Some(work()))).await;
        lock(&slot).take()
    }

    /// Returns the time since a moment of the runtime's clock.
    pub(crate) fn since(&self, started: std::time::Instant) -> Duration {
        self.runtime().now().saturating_duration_since(started)
    }

    /// Waits for a pause, or until `stop` is ready; returns whether it is.
    async fn is_stopped_within(
        &self,
        pause: Duration,
        mut stop: Pin<&mut (impl Future<Output = ()> + Send)>,
    ) -> bool {
        let mut sleep = self.runtime().sleep(pause);
        poll_fn(|context| match stop.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(true),
            Poll::Pending => sleep.as_mut().poll(context).map(|()| false),
        })
        .await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Parts { settings, runtime, .. } = &*self.0;
        f.debug_struct("Client").field("settings", settings).field("runtime", runtime).finish_non_exhaustive()
    }
}

fn lock<T>(slot: &Mutex<T>) -> MutexGuard<'_, T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a future is ready at its next poll.
async fn is_ready(mut future: Pin<&mut impl Future<Output = ()>>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

/// Checks that the futures of the client may move between threads.
const _: () = {
    const fn is_send<F: Future + Send>(_: &F) {}
    #[allow(dead_code, reason = "compiled for its bounds only")]
    fn futures_are_send(
        client: &Client,
        id: &RequestId,
        options: &DownloadOptions,
        model: &ModelId,
        input: &Value,
    ) {
        is_send(&client.status(id));
        is_send(&client.submit_json(model, input));
        is_send(&client.download("", "", options, |_| {}));
    }
};
