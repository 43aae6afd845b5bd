//! The blocking client: the methods of [`Client`](crate::Client) on the caller's thread, on ureq and without an async
//! runtime.

use std::path::Path;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use kling_types::ModelInput;
use serde_json::Value;

use crate::{
    Balance, Call, CancelReply, DownloadOptions, Downloaded, Error, JobModel, ListModels, ModelId,
    PendingSubmit, Progress, RequestId, ResultReply, Runtime, Settings, StatusReply, SubmitOutcome,
    Transport,
};

#[cfg(all(feature = "unstable-ureq", any(feature = "rustls", feature = "native-tls")))]
pub use crate::ureq_transport::tls_config;
pub use crate::ureq_transport::{ThreadRuntime, Ureq};

/// Defines methods that block on those of the async client.
macro_rules! block {
    ($($name:ident($($argument:ident: $kind:ty)?) -> $reply:ty;)*) => { $(
        pub fn $name(&self, $($argument: $kind)?) -> Result<$reply, Error> {
            block_on(self.0.$name($($argument)?))
        }
    )* };
}

/// A [`Client`](crate::Client) whose methods block the thread. The async client documents them.
#[derive(Clone, Debug)]
pub struct Client(crate::Client);

#[allow(missing_docs, clippy::missing_errors_doc, reason = "the async client documents the same methods")]
impl Client {
    /// Returns a client on ureq.
    pub fn new(settings: Settings) -> Result<Self, Error> {
        let transport = Ureq::new(&settings)?;
        Ok(Self::with_transport(settings, transport))
    }

    /// Returns a client on ureq with the caller's proxies, root certificates or local address.
    ///
    /// The settings that this crate relies on win: no redirects, statuses as replies, timeouts by call. Loopback never
    /// goes through a proxy. Start TLS settings from [`tls_config`].
    #[cfg(feature = "unstable-ureq")]
    pub fn configured(
        settings: Settings,
        configure: impl FnOnce(
            ureq::config::ConfigBuilder<ureq::typestate::AgentScope>,
        ) -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope>,
    ) -> Result<Self, Error> {
        let transport = Ureq::configured(&settings, configure)?;
        Ok(Self::with_transport(settings, transport))
    }

    /// Returns a client with the token and base from the environment.
    pub fn from_env() -> Result<Self, Error> {
        Self::new(Settings::from_env()?)
    }

    /// Returns a client over a transport of the caller.
    pub fn with_transport(settings: Settings, transport: impl Transport) -> Self {
        Self::from_parts(settings, transport, ThreadRuntime)
    }

    /// Returns a client over a transport and a runtime of the caller.
    pub fn from_parts(settings: Settings, transport: impl Transport, runtime: impl Runtime) -> Self {
        Self(crate::Client::from_parts(settings, transport, runtime))
    }

    /// Returns the client below, whose futures are ready at their first poll.
    pub fn as_async(&self) -> &crate::Client {
        &self.0
    }

    pub fn settings(&self) -> &Settings {
        self.0.settings()
    }

    pub fn submit<I: ModelInput>(&self, input: &I) -> SubmitOutcome<I::Model> {
        block_on(self.0.submit(input))
    }

    pub fn submit_json(&self, model: &ModelId, input: &Value) -> SubmitOutcome {
        block_on(self.0.submit_json(model, input))
    }

    block! {
        status(id: &RequestId) -> StatusReply;
        result(id: &RequestId) -> ResultReply;
        cancel(id: &RequestId) -> CancelReply;
        balance() -> Balance;
        model(id: &ModelId) -> Value;
        models(query: &ListModels) -> Value;
    }

    pub fn call<C: Call>(&self, call: &C) -> Result<C::Reply, Error> {
        block_on(self.0.call(call))
    }

    pub fn call_without_retry<C: Call>(&self, call: &C, timeout: Duration) -> Result<C::Reply, Error> {
        block_on(self.0.call_without_retry(call, timeout))
    }

    pub fn execute<M: JobModel>(&self, pending: PendingSubmit<M>) -> SubmitOutcome<M> {
        block_on(self.0.execute(pending))
    }

    pub fn download(
        &self,
        url: &str,
        path: impl AsRef<Path>,
        options: &DownloadOptions,
        progress: impl FnMut(Progress),
    ) -> Result<Downloaded, Error> {
        block_on(self.0.download(url, path, options, progress))
    }
}

impl From<crate::Client> for Client {
    /// Returns the blocking face of a client. If its futures are not ready at once, the thread waits for them.
    fn from(client: crate::Client) -> Self {
        Self(client)
    }
}

/// Drives a future on this thread.
#[doc(hidden)]
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = std::pin::pin!(future);
    let waker = thread_waker();
    let mut context = Context::from_waker(&waker);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// Returns a waker that unparks this thread.
#[doc(hidden)]
pub fn thread_waker() -> Waker {
    Waker::from(Arc::new(ThreadWaker(thread::current())))
}

/// Unparks a thread.
struct ThreadWaker(Thread);

impl Wake for ThreadWaker {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
