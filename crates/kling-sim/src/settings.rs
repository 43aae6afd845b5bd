//! The settings of a simulator.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::queue::QueueSettings;
use crate::{ApiVariant, FaultPlan};

/// The bearer token that a simulator accepts by default.
pub const DEFAULT_TOKEN: &str = "simulated-token";

/// Returns the bytes behind an `https` URL, or `None`.
pub(crate) type Fetcher = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// Every setting of a simulator.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) port: u16,
    pub(crate) tokens: Vec<String>,
    pub(crate) any_token: bool,
    pub(crate) balance: i64,
    pub(crate) seed: Option<u64>,
    pub(crate) speed: f64,
    pub(crate) queue: QueueSettings,
    pub(crate) job_limit: usize,
    pub(crate) lifetime: Duration,
    pub(crate) schemas_dir: Option<PathBuf>,
    pub(crate) fetcher: Option<Fetcher>,
    pub(crate) output_count: usize,
    pub(crate) api: ApiVariant,
    pub(crate) faults: FaultPlan,
}

impl Default for Settings {
    fn default() -> Self {
        let (queue_time, run_time) = (Duration::from_secs(4), Duration::from_secs(20));
        Self {
            port: 0,
            tokens: vec![DEFAULT_TOKEN.into()],
            any_token: false,
            balance: 1_000_000_000,
            seed: None,
            speed: 1.0,
            queue: QueueSettings { concurrency: 2, queue_time, run_time },
            job_limit: usize::MAX,
            lifetime: Duration::MAX,
            schemas_dir: None,
            fetcher: None,
            output_count: 1,
            api: ApiVariant::default(),
            faults: FaultPlan::none(),
        }
    }
}

impl fmt::Debug for Settings {
    /// Leaves the tokens out, since they may be real ones by mistake.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("port", &self.port)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}
