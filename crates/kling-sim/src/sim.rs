//! The running simulator, and the builder that starts it.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;

use crate::billing::{dollars, microdollars};
use crate::catalog::Catalog;
use crate::connection::{ConnectionHandle, Listener};
use crate::server;
use crate::service::Service;
use crate::settings::Settings;
use crate::{ApiVariant, Bill, Call, Fault, FaultPlan, RecordedCall, Reply};

/// A simulator of the Model API on 127.0.0.1. Dropping the simulator stops it.
///
/// The simulator runs on its own thread, so blocking and async tests use it alike.
///
/// ```
/// let sim = kling_sim::Sim::start()?;
/// assert!(sim.base_url().starts_with("http://127.0.0.1:"));
/// assert!(sim.base_url().ends_with("/v1"));
/// assert!(sim.billed().is_empty());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Sim {
    service: Arc<Service>,
    token: String,
    base_url: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sim {
    /// Starts a simulator with default settings on a free port.
    ///
    /// # Errors
    /// If no port or no thread is available.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// Returns a builder with default settings.
    pub fn builder() -> Builder {
        Builder::default()
    }

    fn with(settings: Settings) -> io::Result<Self> {
        if !(settings.speed.is_finite() && settings.speed >= 0.0) {
            let message = format!("the speed is {}; expected a finite number, 0 or more", settings.speed);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let catalog = Catalog::new(settings.schemas_dir.as_deref())?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, settings.port))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let origin = format!("http://{address}");
        let token = settings.tokens.first().cloned().unwrap_or_default();
        let base_url = format!("{origin}/v1");
        let service = Arc::new(Service::new(settings, catalog, origin));
        let (stop, stopped) = oneshot::channel();
        let app =
            server::router(Arc::clone(&service)).into_make_service_with_connect_info::<ConnectionHandle>();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("kling-sim".into()).spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = Listener::new(listener) else { return };
                tokio::select! {
                    _ = axum::serve(listener, app) => {}
                    _ = stopped => {}
                }
            });
            // Does not wait for clips that are being encoded.
            runtime.shutdown_background();
        })?;
        Ok(Self { service, token, base_url, stop: Some(stop), thread: Some(thread) })
    }

    /// The base URL of the API, such as `http://127.0.0.1:40123/v1`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// The URL of the balance, which is outside [`base_url`](Self::base_url).
    #[must_use]
    pub fn balance_url(&self) -> String {
        format!("{}/prod/v2/balance", self.service.origin)
    }

    /// The token of the first account.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Moves simulated time forward.
    pub fn advance(&self, step: Duration) {
        self.service.clock.advance(step);
    }

    /// Every accepted submit, in order.
    #[must_use]
    pub fn billed(&self) -> Vec<Bill> {
        self.service.with(|state, _| state.billing.bills().to_vec())
    }

    /// The balance of the first account, in dollars.
    #[must_use]
    pub fn balance(&self) -> f64 {
        dollars(self.service.with(|state, _| state.billing.balance(0)))
    }

    /// Every call received, in order of arrival. The list only grows.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedCall> {
        self.service.with(|state, _| state.calls.clone())
    }

    /// Replaces the reply to the next call of this kind. Several replies are queued.
    pub fn answer_next(&self, call: Call, reply: Reply) {
        self.fault_next(call, reply.into());
    }

    /// Injects `fault` into the next call of this kind.
    ///
    /// Several faults are queued. They come before those of [`Builder::faults`].
    pub fn fault_next(&self, call: Call, fault: Fault) {
        self.service.with(|state, _| state.faults.push(call, fault));
    }

    /// Lets the next accepted job fail with this `error`, a text or an object, after its run time.
    pub fn fail_next_job(&self, error: impl Into<Value>) {
        self.service.with(|state, _| state.failures.push_back(error.into()));
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic of the thread is of no interest any more.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

/// The settings of a [`Sim`] that is not started yet, made by [`Sim::builder`].
///
/// ```
/// use std::time::Duration;
/// use kling_sim::Sim;
/// let sim = Sim::builder().manual_time().run_time(Duration::from_secs(90)).start()?;
/// sim.advance(Duration::from_secs(100));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "call `start` to run the simulator"]
pub struct Builder {
    settings: Settings,
}

impl Builder {
    /// Starts the simulator on 127.0.0.1.
    ///
    /// # Errors
    /// If the port is taken, no thread can be started, or a setting is invalid. An invalid schema folder names each of its
    /// models that cannot be read, with the reason.
    pub fn start(self) -> io::Result<Sim> {
        Sim::with(self.settings)
    }

    /// Sets the port; by default 0, which is any free port.
    pub fn port(mut self, port: u16) -> Self {
        self.settings.port = port;
        self
    }

    /// Sets the accepted token; by default [`DEFAULT_TOKEN`](crate::DEFAULT_TOKEN).
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.settings.tokens = vec![token.into()];
        self
    }

    /// Adds another account with this token. Requests of other accounts are refused with 403001.
    pub fn other_account(mut self, token: impl Into<String>) -> Self {
        self.settings.tokens.push(token.into());
        self
    }

    /// Accepts any non-empty bearer token, each as an account of its own.
    pub fn any_token(mut self) -> Self {
        self.settings.any_token = true;
        self
    }

    /// Sets the initial balance of each account in dollars; by default 1000.
    pub fn balance(mut self, dollars: f64) -> Self {
        self.settings.balance = microdollars(dollars);
        self
    }

    /// Makes request ids reproducible; by default they are random.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = Some(seed);
        self
    }

    /// Runs time `factor` times as fast as real time; by default 1.
    pub fn speed(mut self, factor: f64) -> Self {
        self.settings.speed = factor;
        self
    }

    /// Stops time. Only [`Sim::advance`] moves it.
    pub fn manual_time(self) -> Self {
        self.speed(0.0)
    }

    /// Sets the least simulated time that a job waits; by default 4 s.
    pub fn queue_time(mut self, time: Duration) -> Self {
        self.settings.queue.queue_time = time;
        self
    }

    /// Sets the simulated time that a job runs; by default 20 s.
    pub fn run_time(mut self, time: Duration) -> Self {
        self.settings.queue.run_time = time;
        self
    }

    /// Sets how many jobs run at once over all accounts; by default 2, at least 1.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.settings.queue.concurrency = jobs.max(1);
        self
    }

    /// Sets how many unfinished jobs an account may have; by default unlimited. Further submits are a 429.
    pub fn job_limit(mut self, jobs: usize) -> Self {
        self.settings.job_limit = jobs;
        self
    }

    /// Sets the simulated time from submit until the request id is a 404001; by default unlimited.
    pub fn lifetime(mut self, time: Duration) -> Self {
        self.settings.lifetime = time;
        self
    }

    /// Serves the models of this schema folder beside the compiled-in ones. A model of the folder replaces a compiled-in one.
    ///
    /// The path of a model's folder is the model's id. It holds `input.json`, `output.json` and `model.toml`, as for
    /// `kling-codegen`. The files are read at the start.
    pub fn schemas_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.schemas_dir = Some(folder.into());
        self
    }

    /// Sets the source of images behind `https` URLs.
    ///
    /// If the fetcher is missing or returns `None`, the clip shows a placeholder. The rules of the image stay unchecked. The
    /// reply to the submit then names the image in the header [`UNCHECKED_HEADER`](crate::UNCHECKED_HEADER).
    pub fn fetcher(mut self, fetch: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        self.settings.fetcher = Some(Arc::new(fetch));
        self
    }

    /// Sets the number of output files of a job; by default 1, at least 1.
    pub fn output_count(mut self, files: usize) -> Self {
        self.settings.output_count = files.max(1);
        self
    }

    /// Sets the reading of everything that the provider leaves open.
    pub fn api_variant(mut self, variant: ApiVariant) -> Self {
        self.settings.api = variant;
        self
    }

    /// Sets the faults to inject; by default none.
    pub fn faults(mut self, plan: FaultPlan) -> Self {
        self.settings.faults = plan;
        self
    }
}
