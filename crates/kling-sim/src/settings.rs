//! The readings: what the provider leaves open, as a choice each.
//!
//! The first variant of each is the default, and the better documented reading.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kling_types::Megabyte;

use crate::Faults;
use crate::queue::Pace;

/// The bearer token that a simulator takes unless told otherwise.
pub const DEFAULT_TOKEN: &str = "simulated-token";

/// Which HTTP status an error with an `error_code` has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorStatus {
    /// The leading digits of the code: 400004 is a 400, 403001 a 403.
    #[default]
    LeadingDigits,
    /// What HTTP has for it: 400004 is a 401, 400002 a 402, 400005 a 409.
    Conventional,
    /// Always 200, as some of the provider's APIs do.
    AlwaysOk,
}

/// When the rules on pictures are judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MediaRules {
    /// At submit: a broken rule is a 422, and nothing is billed.
    #[default]
    AtSubmit,
    /// While running: the job is accepted and billed, and its result is `failed`.
    WhileRunning,
    /// Never.
    Ignored,
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

/// What `/result` of an unfinished job answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnfinishedResult {
    /// The current state, as on the provider's pages.
    #[default]
    State,
    /// The error 400005, as in a test of the provider.
    Error400005,
}

/// What becomes of input keys that the schema does not have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum UnknownInputs {
    /// They are a mismatch: 422.
    #[default]
    Refused,
    /// They are let through, as JSON Schema itself reads the provider's documents.
    Ignored,
}

/// The body of a 422.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum MismatchBody {
    /// `{"error_code": 422000, "error_message": …, "detail": [{"pointer", "keyword", "found", "allowed"}, …]}`;
    /// the code is made up.
    #[default]
    Envelope,
    /// `{"detail": [{"loc": ["body", "duration"], "msg": …, "type": …}, …]}`, as a well-known Python framework has it.
    Framework,
}

/// The words of `/status`, `/result` and cancel.
///
/// ```
/// use kling_sim::Words;
/// let words = Words { cancelled: "canceled".into(), in_queue: "pending".into(), ..Words::default() };
/// assert_eq!(words.completed, "completed");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// A job that waits; by default `in_queue`.
    pub in_queue: String,
    /// A job that runs; by default `in_progress`.
    pub in_progress: String,
    /// A job that no longer runs, on `/status`; by default `completed`, which is not "it worked".
    pub completed: String,
    /// A job that failed, on `/status`; by default `completed` too.
    pub failed_on_status: String,
    /// A cancelled job; by default `cancelled`.
    pub cancelled: String,
    /// A job that worked, on `/result`; by default `succeeded`.
    pub succeeded: String,
    /// A job that failed, on `/result`; by default `failed`.
    pub failed: String,
    /// The `outcome` of a cancel that was heard; by default `cancelled`.
    pub cancel_outcome: String,
}

impl Default for Words {
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

/// Gives the bytes behind an `https` URL, or nothing.
pub(crate) type Fetcher = Arc<dyn Fn(&str) -> Option<Vec<u8>> + Send + Sync>;

/// Everything that can be chosen.
#[derive(Clone)]
pub(crate) struct Settings {
    pub(crate) port: u16,
    pub(crate) tokens: Vec<String>,
    pub(crate) any_token: bool,
    pub(crate) balance: i64,
    pub(crate) seed: Option<u64>,
    pub(crate) speed: f64,
    pub(crate) pace: Pace,
    pub(crate) job_limit: usize,
    pub(crate) lifetime: Duration,
    pub(crate) schemas_dir: Option<PathBuf>,
    pub(crate) links: Option<String>,
    pub(crate) fetcher: Option<Fetcher>,
    pub(crate) data_uri_limit: u64,
    pub(crate) output_count: usize,
    pub(crate) failed_jobs_are_billed: bool,
    pub(crate) cancelled_jobs_are_billed: bool,
    pub(crate) error_status: ErrorStatus,
    pub(crate) media_rules: MediaRules,
    pub(crate) megabyte: Megabyte,
    pub(crate) mismatch_body: MismatchBody,
    pub(crate) output_form: OutputForm,
    pub(crate) submit_status: SubmitStatus,
    pub(crate) unfinished_result: UnfinishedResult,
    pub(crate) unknown_inputs: UnknownInputs,
    pub(crate) words: Words,
    pub(crate) faults: Faults,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            port: 0,
            tokens: vec![DEFAULT_TOKEN.into()],
            any_token: false,
            balance: 1_000_000_000,
            seed: None,
            speed: 1.0,
            pace: Pace {
                concurrency: 2,
                queue_time: Duration::from_secs(4),
                run_time: Duration::from_secs(20),
            },
            job_limit: usize::MAX,
            lifetime: Duration::MAX,
            schemas_dir: None,
            links: None,
            fetcher: None,
            data_uri_limit: u64::MAX,
            output_count: 1,
            failed_jobs_are_billed: false,
            cancelled_jobs_are_billed: false,
            error_status: ErrorStatus::default(),
            media_rules: MediaRules::default(),
            megabyte: Megabyte::default(),
            mismatch_body: MismatchBody::default(),
            output_form: OutputForm::default(),
            submit_status: SubmitStatus::default(),
            unfinished_result: UnfinishedResult::default(),
            unknown_inputs: UnknownInputs::default(),
            words: Words::default(),
            faults: Faults::none(),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The tokens may be real ones, given by mistake.
        f.debug_struct("Settings").field("port", &self.port).field("pace", &self.pace).finish_non_exhaustive()
    }
}
