//! The settings of a simulator, and the readings of the points that the provider leaves open.
//!
//! The first variant of each enum is the default, and the better documented reading.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kling_types::Megabyte;

use crate::FaultPlan;
use crate::queue::QueueSettings;

/// The bearer token that a simulator accepts by default.
pub const DEFAULT_TOKEN: &str = "simulated-token";

/// One reading of everything that the provider leaves open, for [`Builder::api_variant`](crate::Builder::api_variant).
///
/// ```
/// use kling_sim::{ApiVariant, Sim, SubmitStatus};
/// let variant = ApiVariant { submit_status: SubmitStatus::Accepted202, ..ApiVariant::default() };
/// let sim = Sim::builder().api_variant(variant).start()?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ApiVariant {
    /// Whether a cancelled job costs anything. By default its charge is refunded.
    pub bill_cancelled_jobs: bool,
    /// Whether a failed job costs anything. By default it does not.
    pub bill_failed_jobs: bool,
    /// The most bytes of a decoded `data:` URI. By default only the size of the body is limited.
    pub data_uri_limit: Option<u64>,
    /// The HTTP status of errors.
    pub error_status: ErrorStatus,
    /// Another origin for `status_url`, `result_url` and `cancel_url`, such as `https://elsewhere.example`.
    ///
    /// A client that builds paths from the request id does not notice it.
    pub link_origin: Option<String>,
    /// The moment when the rules on images are checked.
    pub media_rules: MediaRules,
    /// The number of bytes in a megabyte.
    pub megabyte: Megabyte,
    /// The body of a 422.
    pub mismatch_body: MismatchBody,
    /// The shape of `output`.
    pub output_form: OutputForm,
    /// The words for states.
    pub status_words: StatusWords,
    /// The HTTP status of an accepted submit.
    pub submit_status: SubmitStatus,
    /// The reply of `/result` while the job is unfinished.
    pub unfinished_result: UnfinishedResult,
    /// The treatment of input keys that the schema does not have.
    pub unknown_inputs: UnknownInputs,
}

/// The HTTP status of an error with an `error_code`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorStatus {
    /// The leading digits of the code: 400004 is a 400, 403001 a 403.
    #[default]
    LeadingDigits,
    /// The usual HTTP status: 400004 is a 401, 400002 a 402, 400005 a 409.
    Conventional,
    /// Always 200, as some of the provider's APIs do.
    AlwaysOk,
}

/// The moment when the rules on images are checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaRules {
    /// At submit: a violation is a 422, and the request is not billed.
    #[default]
    AtSubmit,
    /// While running: the job is accepted, and its result is `failed`.
    WhileRunning,
    /// Never.
    Ignored,
}

/// The body of a 422.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MismatchBody {
    /// `{"error_code": 422000, "error_message": …, "detail": [{"pointer", "keyword", "found", "allowed"}, …]}`.
    ///
    /// The code is made up.
    #[default]
    Envelope,
    /// `{"detail": [{"loc": ["body", "duration"], "msg": …, "type": …}, …]}`, the form of a well-known Python framework.
    Framework,
}

/// The shape of `output` in a result.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OutputForm {
    /// `{"video": "https://…"}`, or `{"videos": […]}` for several files.
    #[default]
    Object,
    /// `"https://…"`: the first file.
    Url,
    /// `["https://…", …]`
    Array,
}

/// The HTTP status of an accepted submit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum SubmitStatus {
    /// 200, as on the provider's pages.
    #[default]
    Ok200,
    /// 202 with a `status`, as in the provider's mock.
    Accepted202,
}

/// The reply of `/result` while the job is unfinished.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnfinishedResult {
    /// The current state, as on the provider's pages.
    #[default]
    State,
    /// The error 400005, as in a test of the provider.
    Error400005,
}

/// The treatment of input keys that the schema does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownInputs {
    /// A 422.
    #[default]
    Refused,
    /// Accepted and ignored, as JSON Schema itself reads the provider's documents.
    Ignored,
}

/// The words of `/status`, `/result` and cancel.
///
/// ```
/// use kling_sim::StatusWords;
/// let words = StatusWords { cancelled: "canceled".into(), in_queue: "pending".into(), ..StatusWords::default() };
/// assert_eq!(words.completed, "completed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusWords {
    /// A job that waits; by default `in_queue`.
    pub in_queue: String,
    /// A job that runs; by default `in_progress`.
    pub in_progress: String,
    /// A job that no longer runs, on `/status`; by default `completed`, which does not mean success.
    pub completed: String,
    /// A failed job, on `/status`; by default `completed` too.
    pub failed_on_status: String,
    /// A cancelled job; by default `cancelled`.
    pub cancelled: String,
    /// A job with an output, on `/result`; by default `succeeded`.
    pub succeeded: String,
    /// A failed job, on `/result`; by default `failed`.
    pub failed: String,
    /// The `outcome` of a cancel that took effect; by default `cancelled`.
    pub cancel_outcome: String,
}

impl Default for StatusWords {
    fn default() -> Self {
        Self {
            in_queue: "in_queue".into(),
            in_progress: "in_progress".into(),
            completed: "completed".into(),
            failed_on_status: "completed".into(),
            cancelled: "cancelled".into(),
            succeeded: "succeeded".into(),
            failed: "failed".into(),
            cancel_outcome: "cancelled".into(),
        }
    }
}

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
