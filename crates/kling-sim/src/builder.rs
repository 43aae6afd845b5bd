//! A simulator put together: one method a setting.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::ledger::microdollars;
use crate::settings::Settings;
use crate::{
    ErrorStatus, Faults, MediaRules, Megabyte, MismatchBody, OutputForm, Sim, SubmitStatus, UnfinishedResult,
    UnknownInputs, Words,
};

/// The settings of a [`Sim`] that is not started yet; made by [`Sim::builder`].
///
/// ```
/// use std::time::Duration;
/// use kling_sim::{Sim, SubmitStatus};
/// let sim = Sim::builder()
///     .manual_time()
///     .run_time(Duration::from_secs(90))
///     .submit_status(SubmitStatus::Accepted202)
///     .start()?;
/// sim.advance(Duration::from_secs(100));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "a simulator runs once it is started"]
pub struct Builder {
    settings: Settings,
}

impl Builder {
    /// Starts it on 127.0.0.1.
    ///
    /// # Errors
    /// When the port is taken, when no thread can be started, or when a setting makes no sense: a schema folder that cannot
    /// be served names every model of it that cannot be read, and why.
    pub fn start(self) -> io::Result<Sim> {
        Sim::with(self.settings)
    }

    /// The port to listen on; by default 0, any free one.
    pub fn port(mut self, port: u16) -> Self {
        self.settings.port = port;
        self
    }

    /// The token to take, instead of [`DEFAULT_TOKEN`](crate::DEFAULT_TOKEN).
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.settings.tokens = vec![token.into()];
        self
    }

    /// One more token, of another account: it sees only its own requests, the others' are refused with 403001.
    pub fn other_account(mut self, token: impl Into<String>) -> Self {
        self.settings.tokens.push(token.into());
        self
    }

    /// Takes any bearer token that is not empty, each as an account of its own.
    pub fn any_token(mut self) -> Self {
        self.settings.any_token = true;
        self
    }

    /// The dollars on each account at the start; by default 1000.
    pub fn balance(mut self, dollars: f64) -> Self {
        self.settings.balance = microdollars(dollars);
        self
    }

    /// Makes request ids repeatable; by default they are fresh.
    pub fn seed(mut self, seed: u64) -> Self {
        self.settings.seed = Some(seed);
        self
    }

    /// Runs time `factor` times as fast as real time; by default 1.
    pub fn speed(mut self, factor: f64) -> Self {
        self.settings.speed = factor;
        self
    }

    /// Lets time stand still but for [`Sim::advance`].
    pub fn manual_time(self) -> Self {
        self.speed(0.0)
    }

    /// The least time that a job waits, in simulated time; by default 4 s.
    pub fn queue_time(mut self, time: Duration) -> Self {
        self.settings.pace.queue_time = time;
        self
    }

    /// The time that a job runs, in simulated time; by default 20 s.
    pub fn run_time(mut self, time: Duration) -> Self {
        self.settings.pace.run_time = time;
        self
    }

    /// How many jobs run at once, over all accounts; by default 2, at least 1. The others wait in line.
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.settings.pace.concurrency = jobs.max(1);
        self
    }

    /// How many unfinished jobs an account may have; a submit beyond is a 429. By default there is no limit.
    pub fn job_limit(mut self, jobs: usize) -> Self {
        self.settings.job_limit = jobs;
        self
    }

    /// How long a request id lives after its submit, in simulated time, before it is a 404001; by default for ever.
    pub fn lifetime(mut self, time: Duration) -> Self {
        self.settings.lifetime = time;
        self
    }

    /// Serves the models of this folder beside the compiled-in ones, and in their place where both have one: one folder a
    /// model, its path being the model's id, with `input.json`, `output.json` and `model.toml`, as `kling-codegen` reads them.
    ///
    /// They are in the catalog, and their inputs are judged by `kling-schema`. The folder is read at the start.
    pub fn schemas_dir(mut self, folder: impl Into<PathBuf>) -> Self {
        self.settings.schemas_dir = Some(folder.into());
        self
    }

    /// Puts `status_url`, `result_url` and `cancel_url` on another origin, such as `https://elsewhere.example`.
    ///
    /// A client that builds paths from the id, and sends its token to no other origin, does not notice.
    pub fn links(mut self, origin: impl Into<String>) -> Self {
        self.settings.links = Some(origin.into());
        self
    }

    /// Where to get the bytes of a picture given as an `https` URL.
    ///
    /// By default, and where it gives nothing, such a picture is a placeholder and its rules stay unchecked; the
    /// reply to the submit then names it in the header [`UNCHECKED_HEADER`](crate::UNCHECKED_HEADER).
    pub fn fetcher(mut self, fetch: impl Fn(&str) -> Option<Vec<u8>> + Send + Sync + 'static) -> Self {
        self.settings.fetcher = Some(Arc::new(fetch));
        self
    }

    /// The most bytes that a picture in a `data:` URI may have, decoded; by default only the body is bounded.
    pub fn data_uri_limit(mut self, bytes: u64) -> Self {
        self.settings.data_uri_limit = bytes;
        self
    }

    /// How many files a job makes; by default 1, at least 1.
    pub fn output_count(mut self, files: usize) -> Self {
        self.settings.output_count = files.max(1);
        self
    }

    /// Whether a failed job costs anything; by default not.
    pub fn failed_jobs_are_billed(mut self, billed: bool) -> Self {
        self.settings.failed_jobs_are_billed = billed;
        self
    }

    /// Whether a cancelled job costs anything; by default its charge is given back.
    pub fn cancelled_jobs_are_billed(mut self, billed: bool) -> Self {
        self.settings.cancelled_jobs_are_billed = billed;
        self
    }

    /// What goes wrong, and when; by default nothing does.
    pub fn faults(mut self, faults: Faults) -> Self {
        self.settings.faults = faults;
        self
    }

    /// Which HTTP status errors have.
    pub fn error_status(mut self, reading: ErrorStatus) -> Self {
        self.settings.error_status = reading;
        self
    }

    /// When the rules on pictures are judged.
    pub fn media_rules(mut self, reading: MediaRules) -> Self {
        self.settings.media_rules = reading;
        self
    }

    /// How many bytes a megabyte has.
    pub fn megabyte(mut self, reading: Megabyte) -> Self {
        self.settings.megabyte = reading;
        self
    }

    /// What a 422 looks like.
    pub fn mismatch_body(mut self, reading: MismatchBody) -> Self {
        self.settings.mismatch_body = reading;
        self
    }

    /// The shape of `output`.
    pub fn output_form(mut self, reading: OutputForm) -> Self {
        self.settings.output_form = reading;
        self
    }

    /// The HTTP status of an accepted submit.
    pub fn submit_status(mut self, reading: SubmitStatus) -> Self {
        self.settings.submit_status = reading;
        self
    }

    /// What `/result` of an unfinished job answers.
    pub fn unfinished_result(mut self, reading: UnfinishedResult) -> Self {
        self.settings.unfinished_result = reading;
        self
    }

    /// What becomes of input keys that the schema does not have.
    pub fn unknown_inputs(mut self, reading: UnknownInputs) -> Self {
        self.settings.unknown_inputs = reading;
        self
    }

    /// The words for states.
    pub fn words(mut self, words: Words) -> Self {
        self.settings.words = words;
        self
    }
}
