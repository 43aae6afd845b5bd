//! The async client: the calls of the API and the downloads of outputs, over any transport.

use std::future::{Future, poll_fn};
use std::ops::ControlFlow;
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, SystemTime};

use kling_types::ModelInput;
use serde_json::Value;
use tokio::time::Instant;

use crate::call;
use crate::download::{Downloading, is_inline, save_inline};
use crate::partial_file::{AttemptError, PartialFile};
use crate::transport::Chunks;
use crate::{
    Asking, Balance, Call, CancelReply, DownloadOptions, Downloaded, Error, GetBalance, GetModel, GetResult,
    GetStatus, JobModel, Limits, ListModels, ModelId, PendingSubmit, PostCancel, Progress, RequestId,
    Reqwest, ResultReply, Settings, StatusReply, Streaming, SubmitOutcome, Transport,
};

/// The API's calls, asynchronously; needs tokio. `blocking::Client` has the same methods.
///
/// Cloning is cheap and shares the connections. Submitting costs money and is done once; every other call is free, and is
/// made again where that may help.
#[derive(Debug)]
pub struct Client<T = Reqwest> {
    settings: Arc<Settings>,
    transport: Arc<T>,
}

impl<T> Clone for Client<T> {
    fn clone(&self) -> Self {
        Self { settings: Arc::clone(&self.settings), transport: Arc::clone(&self.transport) }
    }
}

impl Client {
    /// A client on reqwest.
    ///
    /// # Errors
    /// [`Error::is_config`] where TLS cannot be set up, for want of the platform's certificates say; [`Error::is_proxy`] if the
    /// environment names a proxy that is neither `http://` nor `https://`.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let transport = Reqwest::new(&settings)?;
        Ok(Self::with_transport(settings, transport))
    }

    /// A client on reqwest, shaped by the caller: proxies, further root certificates, local addresses.
    ///
    /// What this crate relies on is set afterwards: no redirects, no retries, no referer, HTTP/1.1, no proxy where the API is
    /// on loopback.
    ///
    /// # Errors
    /// [`Error::is_config`] where what was asked for cannot be set up.
    pub fn configured(
        settings: Settings,
        configure: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<Self, Error> {
        let transport = Reqwest::configured(&settings, configure)?;
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
        Self { settings: Arc::new(settings), transport: Arc::new(transport) }
    }

    /// The settings that it was made with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Submits a typed input to its model. **This costs money**, and is sent once: see [`SubmitOutcome`].
    ///
    /// Dropping the future while the request is out tears it: its outcome is lost, and the job may run and be billed all the
    /// same. Where that may happen, spawn it as a task of its own, or submit through a client that keeps a journal, which
    /// does so.
    pub async fn submit<I: ModelInput>(&self, input: &I) -> SubmitOutcome<I::Model> {
        match PendingSubmit::typed(&self.settings, input, SystemTime::now()) {
            Ok(submitting) => self.execute(submitting).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Submits raw JSON to a model by its id, unchecked. **This costs money**, and is sent once: see [`SubmitOutcome`].
    pub async fn submit_json(&self, model: &ModelId, input: &Value) -> SubmitOutcome {
        match PendingSubmit::json(&self.settings, model, input, SystemTime::now()) {
            Ok(submitting) => self.execute(submitting).await,
            Err(error) => SubmitOutcome::Rejected(error),
        }
    }

    /// Asks for the state of a job.
    ///
    /// # Errors
    /// See [`Error`]; transient ones only after some attempts.
    pub async fn status(&self, id: &RequestId) -> Result<StatusReply, Error> {
        self.call(&GetStatus(id)).await
    }

    /// Asks for the outcome of a job, with its cost.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::is_not_ready`] while the job goes on, which some deployments answer as a state instead.
    pub async fn result(&self, id: &RequestId) -> Result<ResultReply, Error> {
        self.call(&GetResult(id)).await
    }

    /// Asks to cancel a job, which works while it is in the queue.
    ///
    /// # Errors
    /// See [`Error`]; then nothing is known of what became of it.
    pub async fn cancel(&self, id: &RequestId) -> Result<CancelReply, Error> {
        self.call(&PostCancel(id)).await
    }

    /// Asks for the account's balance.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn balance(&self) -> Result<Balance, Error> {
        self.call(&GetBalance).await
    }

    /// Asks for one entry of the catalog with its input schema, as the API sends it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn model(&self, id: &ModelId) -> Result<Value, Error> {
        self.call(&GetModel(id)).await
    }

    /// Asks for a part of the catalog, as the API sends it.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn models(&self, query: &ListModels) -> Result<Value, Error> {
        self.call(query).await
    }

    /// Makes a free call, with the retries of the settings.
    ///
    /// # Errors
    /// See [`Error`]; transient ones only after some attempts.
    pub async fn call<C: Call>(&self, call: &C) -> Result<C::Reply, Error> {
        let started = Instant::now();
        let mut asking = Asking::new(call, &self.settings).traced();
        loop {
            let limits = Limits::within(self.settings.call_timeout());
            let outcome = asking.span().around(self.transport.send(asking.request(), limits)).await;
            match asking.next(outcome, started.elapsed(), fastrand::f64()) {
                ControlFlow::Break(outcome) => return outcome,
                ControlFlow::Continue(pause) => tokio::time::sleep(pause).await,
            }
        }
    }

    /// Makes a free call exactly once, within a time: a wait brings patience of its own.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn call_without_retry<C: Call>(&self, call: &C, timeout: Duration) -> Result<C::Reply, Error> {
        let request = call.request(&self.settings);
        let outcome = self.transport.send(request, Limits::within(timeout)).await;
        call::read(call, Some(&self.settings.token), outcome)
    }

    /// Carries a submit to its end, for those who want to look at it before it leaves. **This costs money.**
    pub async fn execute<M: JobModel>(&self, submitting: PendingSubmit<M>) -> SubmitOutcome<M> {
        self.execute_until(submitting, std::future::pending()).await
    }

    /// The same, until it is to stop. **This costs money.**
    ///
    /// From then on no further attempt is made: one that is out is seen to its end, and a pause before another ends at once as
    /// [`PendingSubmit::abandon`] does.
    pub async fn execute_until<M: JobModel>(
        &self,
        mut submitting: PendingSubmit<M>,
        stop: impl Future<Output = ()> + Send,
    ) -> SubmitOutcome<M> {
        let (started, mut stop) = (Instant::now(), pin!(stop));
        while !is_there(stop.as_mut()).await {
            let sent = self.transport.send(submitting.request(), submitting.limits());
            let outcome = submitting.span().around(sent).await;
            match submitting.next(outcome, started.elapsed(), fastrand::f64()) {
                ControlFlow::Break(submission) => return submission,
                ControlFlow::Continue(pause) => match tokio::time::timeout(pause, stop.as_mut()).await {
                    Ok(()) => break,
                    Err(_elapsed) => {}
                },
            }
        }
        submitting.abandon()
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
    pub async fn download(
        &self,
        url: &str,
        path: impl AsRef<Path> + Send,
        options: &DownloadOptions,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<Downloaded, Error> {
        let (started, path) = (Instant::now(), path.as_ref());
        if is_inline(url) {
            let (url, path, options) = (url.to_owned(), path.to_owned(), options.clone());
            return on_disk(move || save_inline(&url, &path, &options)).await;
        }
        let mut downloading = Downloading::new(url, path, options, &self.settings)?;
        if let Some(whole) = downloading.take_whole() {
            return on_disk(move || whole.keep()).await;
        }
        loop {
            let span = downloading.span();
            let fetching = self.fetch(&mut downloading, started, &mut progress);
            let obstacle = match span.around(fetching).await {
                Ok(partial) => {
                    downloading.came(&partial);
                    return on_disk(move || partial.keep()).await;
                }
                Err(obstacle) => obstacle,
            };
            match downloading.next(obstacle, started.elapsed(), fastrand::f64()) {
                ControlFlow::Break(error) => return Err(error),
                ControlFlow::Continue(pause) => tokio::time::sleep(pause).await,
            }
        }
    }

    async fn fetch(
        &self,
        downloading: &mut Downloading,
        started: Instant,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<PartialFile, AttemptError> {
        let (head, mut body) = self.transport.open(downloading.request(), downloading.patience()).await?;
        let mut partial = downloading.begin(&head)?;
        loop {
            partial = match body.chunk().await {
                Ok(Some(chunk)) => {
                    let now = started.elapsed();
                    on_disk(move || partial.append(&chunk, now)).await?
                }
                Ok(None) => return on_disk(move || partial.whole()).await,
                Err(failure) => return Err(partial.broken(failure)),
            };
            progress(partial.progress());
        }
    }
}

/// Whether a future is ready as soon as it is looked at.
async fn is_there(mut future: Pin<&mut impl Future<Output = ()>>) -> bool {
    poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_ready())).await
}

/// Runs what may block on a disk away from the threads that drive futures.
async fn on_disk<R: Send + 'static, E: From<Error> + Send + 'static>(
    work: impl FnOnce() -> Result<R, E> + Send + 'static,
) -> Result<R, E> {
    let done: Result<_, _> = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|stopped| Err(Error::file(format!("writing was stopped: {stopped}")).into()))
}

/// Keeps the futures of the client fit for any executor's threads.
const _: () = {
    const fn sent<F: Future + Send>(_: &F) {}
    #[allow(dead_code, reason = "compiled for its bounds only")]
    fn futures_are_send<T: Streaming>(
        client: &Client<T>,
        id: &RequestId,
        options: &DownloadOptions,
        model: &ModelId,
        input: &Value,
    ) {
        sent(&client.status(id));
        sent(&client.submit_json(model, input));
        sent(&client.download("", "", options, |_| {}));
    }
};
