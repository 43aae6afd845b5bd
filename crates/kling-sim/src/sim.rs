//! The running simulator: a thread with a runtime and a listener of its own.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use crate::catalog::Catalog;
use crate::ledger::dollars;
use crate::listener::Listener;
use crate::server;
use crate::service::Service;
use crate::settings::Settings;
use crate::wire::Wire;
use crate::{Bill, Builder, Call, Fault, RecordedCall, Reply};

/// A simulator of the Model API on 127.0.0.1; dropping it stops it.
///
/// It runs on a thread of its own, so blocking and async tests use it alike.
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
    /// Starts a simulator with every setting at its default, on any free port.
    ///
    /// # Errors
    /// When no port or no thread is to be had.
    pub fn start() -> io::Result<Self> {
        Self::builder().start()
    }

    /// A simulator to be shaped first.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(crate) fn with(settings: Settings) -> io::Result<Self> {
        if !(settings.speed.is_finite() && settings.speed >= 0.0) {
            let found = format!("the speed is {}, it has to be finite and not negative", settings.speed);
            return Err(io::Error::new(io::ErrorKind::InvalidInput, found));
        }
        let catalog = Catalog::new(settings.schemas_dir.as_deref())?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (listener, address) = match listen(&runtime, settings.port) {
            Ok(listening) => listening,
            Err(error) => {
                // Dropped inside somebody's runtime, this one would panic.
                runtime.shutdown_background();
                return Err(error);
            }
        };
        let origin = format!("http://{address}");
        let token = settings.tokens.first().cloned().unwrap_or_default();
        let base_url = format!("{origin}/v1");
        let service = Arc::new(Service::new(settings, catalog, origin));
        let (stop, stopped) = oneshot::channel();
        let app = server::router(Arc::clone(&service)).into_make_service_with_connect_info::<Wire>();
        let thread = std::thread::Builder::new().name("kling-sim".into()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    _ = axum::serve(listener, app) => {}
                    _ = stopped => {}
                }
            });
            // A clip that is being encoded is not waited for.
            runtime.shutdown_background();
        })?;
        Ok(Self { service, token, base_url, stop: Some(stop), thread: Some(thread) })
    }

    /// The base of the API, such as `http://127.0.0.1:40123/v1`.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Where the balance is asked for, which is outside [`base_url`](Self::base_url).
    #[must_use]
    pub fn balance_url(&self) -> String {
        format!("{}/prod/v2/balance", self.service.origin())
    }

    /// The token that it takes; with several accounts, that of the first.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Simulated time since the start.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.service.now()
    }

    /// Moves simulated time forward.
    pub fn advance(&self, step: Duration) {
        self.service.advance(step);
    }

    /// Every accepted submission, in order.
    #[must_use]
    pub fn billed(&self) -> Vec<Bill> {
        self.service.billed()
    }

    /// What is left on the first account, in dollars.
    #[must_use]
    pub fn balance(&self) -> f64 {
        dollars(self.service.balance(0))
    }

    /// Every call that came in, in order of arrival; the list only grows.
    #[must_use]
    pub fn requests(&self) -> Vec<RecordedCall> {
        self.service.recorded()
    }

    /// Answers the next call of this kind with `reply`; several wait in line.
    pub fn answer_next(&self, call: Call, reply: Reply) {
        self.fault_next(call, reply.into());
    }

    /// Does `fault` to the next call of this kind; several wait in line, and come before those of [`Builder::faults`].
    pub fn fault_next(&self, call: Call, fault: Fault) {
        self.service.fault_next(call, fault);
    }

    /// Lets the next accepted job fail with this `error`, a text or an object, when its time has run.
    pub fn fail_next_job(&self, error: impl Into<Value>) {
        self.service.fail_next_job(error.into());
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // The thread has nothing to tell, not even that it panicked: the test is over.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

fn listen(runtime: &Runtime, port: u16) -> io::Result<(Listener, SocketAddr)> {
    let _inside = runtime.enter();
    let listener = Listener::bind(port)?;
    let address = listener.address()?;
    Ok((listener, address))
}
