//! The client: the calls of the API and the downloads, over any transport and runtime.

use std::fmt;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use kling_types::ModelInput;
use serde_json::Value;

use crate::transport::Connection;
use crate::{
    Balance, Call, CancelReply, DownloadOptions, Downloaded, Error, GetBalance, GetModel, GetResult,
    GetStatus, JobModel, Limits, ListModels, ModelId, PendingSubmit, PostCancel, Progress, RequestId,
    ResultReply, RetryNotice, Runtime, Settings, Span, StatusReply, SubmitOutcome, Transport, call, download,
};
#[cfg(feature = "async")]
use crate::{Reqwest, TokioRuntime};

/// The calls of the API, as futures. `blocking::Client` has the same methods without an async runtime.
///
/// Clones share the connections. A submit costs money and is sent once. Every other call is free, and a transient error
/// is retried. [`Error`] lists the errors.
#[derive(Clone)]
pub struct Client(Arc<Connection>);

impl Client {
    /// Returns a client on reqwest, which needs tokio.
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

    /// Returns a client on reqwest with the caller's proxies, root certificates or local address.
    ///
    /// The settings that this crate relies on win: no redirects, no retries, no referer, HTTP/1.1. Loopback never goes
    /// through a proxy.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the settings cannot be used.
    #[cfg(feature = "unstable-reqwest")]
    pub fn configured(
        settings: Settings,
        configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<Self, Error> {
        let transport = Reqwest::configured(&settings, configure)?;
        Ok(Self::with_transport(settings, transport))
    }

    /// Returns a client with the token and base of [`Settings::from_env`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if no token is set, or a variable holds no usable value.
    #[cfg(feature = "async")]
    pub fn from_env() -> Result<Self, Error> {
        Self::new(Settings::from_env()?)
    }

    /// Returns a client over a transport of the caller, on tokio's clock.
    #[cfg(feature = "async")]
    pub fn with_transport(settings: Settings, transport: impl Transport) -> Self {
        Self::from_parts(settings, transport, TokioRuntime)
    }

    /// Returns a client over a transport and a runtime of the caller.
    pub fn from_parts(settings: Settings, transport: impl Transport, runtime: impl Runtime) -> Self {
        let (transport, runtime) = (Box::new(transport), Box::new(runtime));
        Self(Arc::new(Connection { settings, transport, runtime }))
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
    /// Dropping the future during the exchange loses the outcome, and the job may run and be billed. To avoid that,
    /// spawn a task, or use a client with a journal, which does so.
    pub async fn submit<I: ModelInput>(&self, input: &I) -> SubmitOutcome<I::Model> {
        match PendingSubmit::typed(self.settings(), input, SystemTime::now()) {
            Ok(pending) => self.execute(pending).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Submits raw JSON to a model, without validation. **This costs money**, and is sent once: see [`SubmitOutcome`].
    pub async fn submit_json(&self, model: &ModelId, input: &Value) -> SubmitOutcome {
        match PendingSubmit::json(self.settings(), model, input, SystemTime::now()) {
            Ok(pending) => self.execute(pending).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Gets the status of a job.
    pub async fn status(&self, id: &RequestId) -> Result<StatusReply, Error> {
        self.call(&GetStatus(id)).await
    }

    /// Gets the result of a job, with its cost.
    ///
    /// While the job runs, some deployments reply [`ErrorKind::NotReady`](crate::ErrorKind::NotReady),
    /// others a state.
    pub async fn result(&self, id: &RequestId) -> Result<ResultReply, Error> {
        self.call(&GetResult(id)).await
    }

    /// Cancels a job that is still in the queue.
    ///
    /// After an error the outcome of the cancel is unknown.
    pub async fn cancel(&self, id: &RequestId) -> Result<CancelReply, Error> {
        self.call(&PostCancel(id)).await
    }

    /// Gets the account's balance.
    pub async fn balance(&self) -> Result<Balance, Error> {
        self.call(&GetBalance).await
    }

    /// Gets a model with its input schema, as the API sends it.
    pub async fn model(&self, id: &ModelId) -> Result<Value, Error> {
        self.call(&GetModel(id)).await
    }

    /// Lists models, as the API sends them.
    pub async fn models(&self, query: &ListModels) -> Result<Value, Error> {
        self.call(query).await
    }

    /// Makes a free call with the retries of the settings.
    pub async fn call<C: Call>(&self, call: &C) -> Result<C::Reply, Error> {
        let (settings, span, started) =
            (self.settings(), Span::call(C::NAME, call.request_id()), self.runtime().now());
        let mut attempts = 0;
        loop {
            attempts += 1;
            let outcome = span.around(self.call_without_retry(call, settings.call_timeout)).await;
            span.attempted(attempts, outcome.as_ref().err());
            let error = match outcome {
                Err(error) if error.is_transient() => error,
                outcome => return outcome,
            };
            let elapsed = self.0.since(started);
            let pause = settings.call_retry.next(attempts, error.retry_after(), elapsed, fastrand::f64());
            let Some(delay) = pause else { return Err(error) };
            settings.on_retry.0(&RetryNotice { error: &error, delay, attempts });
            span.delay(delay);
            self.runtime().sleep(delay).await;
        }
    }

    /// Makes a free call exactly once, within a timeout. A wait uses it, since a wait has its own retries.
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
    /// No further attempt begins after that. An attempt under way is awaited, and a pause ends at once, as by
    /// [`PendingSubmit::abandon`].
    pub async fn execute_until<M: JobModel>(
        &self,
        mut pending: PendingSubmit<M>,
        stop: impl Future<Output = ()> + Send,
    ) -> SubmitOutcome<M> {
        let (started, mut stop) = (self.runtime().now(), pin!(stop));
        while poll_fn(|context| Poll::Ready(stop.as_mut().poll(context).is_pending())).await {
            let sent = self.transport().send(pending.request(), pending.limits());
            let reply = pending.span.around(sent).await;
            match pending.next(reply, self.0.since(started), fastrand::f64()) {
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
    /// The file appears whole or not at all: it is written under a hidden name, synced, then renamed. A later download
    /// resumes an interrupted one: see [`DownloadOptions::with_retry`]. If a complete file cannot be renamed, it is
    /// kept, and the error names it. A `data:` URL is decoded to the file.
    ///
    /// # Errors
    /// [`ErrorKind::HostNotAllowed`](crate::ErrorKind::HostNotAllowed) if the URL or one of its redirects leaves the allowed
    /// hosts. [`Error::is_file`] if the file exists, cannot be written, or another process downloads it.
    /// [`ErrorKind::OutputUnavailable`](crate::ErrorKind::OutputUnavailable) if the host refuses the file.
    /// [`ErrorKind::Content`](crate::ErrorKind::Content) if the body is not the expected media. Others as for any call.
    pub async fn download(
        &self,
        url: &str,
        path: impl AsRef<Path>,
        options: &DownloadOptions,
        progress: impl FnMut(Progress),
    ) -> Result<Downloaded, Error> {
        download::run(&self.0, url, path.as_ref(), options, progress).await
    }

    /// Runs work that may block on a disk. Returns `None` if the work panicked or the runtime shut down.
    #[doc(hidden)]
    pub async fn run_blocking<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Option<R> {
        self.0.run_blocking(work).await
    }

    /// Waits for a pause or for `stop`. Returns whether `stop` is ready.
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
        let Connection { settings, runtime, .. } = &*self.0;
        f.debug_struct("Client").field("settings", settings).field("runtime", runtime).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
