//! The simulated API: its settings, its clock, and its state behind one lock.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::Bytes;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use jiff::{SignedDuration, Timestamp};
use kling_types::OutputKind;
use serde_json::{Value, json};

use crate::billing::{Billing, dollars};
use crate::catalog::Catalog;
#[cfg(feature = "clip")]
use crate::clip;
use crate::jobs::{Job, Jobs, Outcome};
#[cfg(not(feature = "clip"))]
use crate::output::minimal as clip;
use crate::output::{self, ClipCache};
use crate::queue::Phase;
use crate::refusal::{Code, Refusal};
use crate::settings::{OutputForm, Settings, StatusWords, UnfinishedResult};
use crate::{Call, Fault, FaultPlan, lock};

/// One call as it arrived. The token is not recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedCall {
    /// The kind of the call.
    pub call: Call,
    /// The HTTP method.
    pub method: String,
    /// The path, still percent-encoded.
    pub path: String,
    /// The query, still percent-encoded, without the question mark.
    pub query: Option<String>,
    /// Whether the call had an `Authorization` header.
    pub has_auth: bool,
    /// The name of the injected [`Fault`](crate::Fault).
    pub fault: Option<String>,
    /// The HTTP status of the reply. `None` before the reply, and if the connection ended instead.
    pub status: Option<u16>,
    /// The simulated time of arrival since the start.
    pub at: Duration,
}

/// The simulated API.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) settings: Settings,
    pub(crate) catalog: Catalog,
    pub(crate) clock: Clock,
    /// The simulator's own origin.
    pub(crate) origin: String,
    state: Mutex<State>,
    clips: Mutex<ClipCache>,
}

/// The state that calls change.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) billing: Billing,
    pub(crate) calls: Vec<RecordedCall>,
    /// The errors of the next jobs to fail.
    pub(crate) failures: VecDeque<Value>,
    pub(crate) faults: FaultPlan,
    /// The images of all inputs, each kept once.
    pub(crate) images: HashSet<Arc<[u8]>>,
    pub(crate) jobs: Jobs,
}

impl Service {
    pub(crate) fn new(settings: Settings, catalog: Catalog, origin: String) -> Self {
        let state = State {
            billing: Billing::new(&settings.tokens, settings.any_token, settings.balance),
            calls: Vec::new(),
            failures: VecDeque::new(),
            faults: settings.faults.clone(),
            images: HashSet::new(),
            jobs: Jobs::new(settings.queue, settings.lifetime, settings.seed),
        };
        let clock = Clock::new(settings.speed);
        Self { settings, catalog, clock, origin, state: Mutex::new(state), clips: Mutex::default() }
    }

    /// Calls `access` with the state and the current time, under the lock.
    pub(crate) fn with<T>(&self, access: impl FnOnce(&mut State, Duration) -> T) -> T {
        let mut state = lock(&self.state);
        let now = self.clock.now();
        access(&mut state, now)
    }

    /// Records a call, and returns its index.
    pub(crate) fn record(&self, call: Call, head: &Parts, fault: Option<&Fault>) -> usize {
        self.with(|state, at| {
            state.calls.push(RecordedCall {
                call,
                method: head.method.to_string(),
                path: head.uri.path().to_owned(),
                query: head.uri.query().map(str::to_owned),
                has_auth: head.headers.contains_key(AUTHORIZATION),
                fault: fault.map(Fault::to_string),
                status: None,
                at,
            });
            state.calls.len() - 1
        })
    }

    /// Records the HTTP status of a recorded call.
    pub(crate) fn record_status(&self, index: usize, status: StatusCode) {
        self.with(|state, _| state.calls[index].status = Some(status.as_u16()));
    }

    /// Returns the account of an `Authorization` header.
    pub(crate) fn sign_in(&self, header: Option<&HeaderValue>) -> Result<usize, Refusal> {
        self.with(|state, _| state.billing.sign_in(header))
    }

    /// Replies to `GET /prod/v2/balance`.
    pub(crate) fn balance_reply(&self, account: usize) -> Value {
        let microdollars = self.with(|state, _| state.billing.balance(account));
        json!({
            "balance_usd": dollars(microdollars),
            "balance_microdollars": microdollars,
            "currency": "USD",
        })
    }

    /// Replies to `GET /v1/requests/{id}/status`.
    pub(crate) fn status(&self, id: &str, account: usize) -> Result<Value, Refusal> {
        self.with(|state, now| {
            let (index, job) = state.jobs.find(id, account, now)?;
            let phase = state.jobs.phase(index, now);
            let mut body = json!({
                "request_id": id,
                "status": self.status_word(phase, &job.outcome),
                "status_url": self.link(id, "status"),
                "result_url": self.link(id, "result"),
            });
            if let Phase::InQueue(position) = phase {
                body["queue_position"] = json!(position);
            }
            Ok(body)
        })
    }

    /// Replies to `GET /v1/requests/{id}/result`.
    pub(crate) fn result(&self, id: &str, account: usize, include_cost: bool) -> Result<Value, Refusal> {
        self.with(|state, now| {
            let (index, job) = state.jobs.find(id, account, now)?;
            let phase = state.jobs.phase(index, now);
            let mut body = json!({
                "request_id": id,
                "status": self.status_word(phase, &job.outcome),
                "created_at": self.clock.date(job.submitted),
            });
            match phase {
                Phase::InQueue(_) | Phase::InProgress => {
                    if self.settings.api.unfinished_result == UnfinishedResult::Error400005 {
                        return Err(Refusal::new(Code::NotReady, "the result is not ready"));
                    }
                }
                Phase::Cancelled(at) => body["finished_at"] = json!(self.clock.date(at)),
                Phase::Completed(at) => {
                    body["finished_at"] = json!(self.clock.date(at));
                    self.add_outcome(job, &mut body);
                    if include_cost {
                        body["cost"] = json!(dollars(job.microdollars));
                    }
                }
            }
            Ok(body)
        })
    }

    /// Replies to `POST /v1/requests/{id}/cancel`.
    pub(crate) fn cancel(&self, id: &str, account: usize) -> Result<Value, Refusal> {
        self.with(|state, now| {
            let (index, _) = state.jobs.find(id, account, now)?;
            let is_cancelled = state.jobs.cancel(index, now);
            if is_cancelled && !self.settings.api.bill_cancelled_jobs {
                // Every accepted job has one bill, so the job and its bill have the same index.
                state.billing.refund(account, index);
            }
            let (_, job) = state.jobs.find(id, account, now)?;
            let cancelled = self.words().cancel_outcome.as_str();
            Ok(json!({
                "request_id": id,
                "status": self.status_word(state.jobs.phase(index, now), &job.outcome),
                "outcome": if is_cancelled { cancelled } else { "not_cancellable" },
            }))
        })
    }

    /// Replies to `GET` or `HEAD` of an output file.
    pub(crate) fn output(&self, id: &str, number: usize, head: &Parts) -> Result<Response, Refusal> {
        let spec = (number < self.settings.output_count)
            .then(|| self.with(|state, now| state.jobs.clip_spec(id, now).cloned()))
            .flatten()
            .filter(|spec| head.uri.path() == output::path(id, number, spec.kind))
            .ok_or_else(|| Refusal::new(Code::ResourceNotFound, "there is no such file"))?;
        let clip = lock(&self.clips).entry(&spec);
        // The first reader makes the clip. The lock on the cache is released before.
        let made = clip.get_or_init(|| clip::make(&spec).map(Bytes::from));
        let bytes = made
            .as_ref()
            .map_err(|error| Refusal::new(Code::Internal, format!("cannot make the clip: {error}")))?;
        Ok(output::reply(bytes.clone(), spec.kind, head))
    }

    /// The URL of a call on a request: `status`, `result` or `cancel`.
    pub(crate) fn link(&self, id: &str, call: &str) -> String {
        let origin = self.settings.api.link_origin.as_deref().unwrap_or(&self.origin);
        format!("{origin}/v1/requests/{id}/{call}")
    }

    fn words(&self) -> &StatusWords {
        &self.settings.api.status_words
    }

    fn status_word(&self, phase: Phase, outcome: &Outcome) -> &str {
        let words = self.words();
        match (phase, outcome) {
            (Phase::Cancelled(_), _) => &words.cancelled,
            (Phase::Completed(_), Outcome::Failed(_)) => &words.failed_on_status,
            (Phase::Completed(_), Outcome::Succeeded(_)) => &words.completed,
            (Phase::InProgress, _) => &words.in_progress,
            (Phase::InQueue(_), _) => &words.in_queue,
        }
    }

    fn add_outcome(&self, job: &Job, body: &mut Value) {
        match &job.outcome {
            Outcome::Failed(error) => {
                body["status"] = json!(self.words().failed);
                body["error"] = error.clone();
            }
            Outcome::Succeeded(spec) => {
                body["status"] = json!(self.words().succeeded);
                body["output"] = self.output_urls(&job.id, spec.kind);
            }
        }
    }

    fn output_urls(&self, id: &str, kind: OutputKind) -> Value {
        let url = |number| json!(format!("{}{}", self.origin, output::path(id, number, kind)));
        let mut urls: Vec<Value> = (0..self.settings.output_count).map(url).collect();
        match self.settings.api.output_form {
            OutputForm::Array => Value::Array(urls),
            OutputForm::Url => urls.swap_remove(0),
            OutputForm::Object if urls.len() == 1 => json!({kind.singular(): urls.swap_remove(0)}),
            OutputForm::Object => json!({kind.plural(): urls}),
        }
    }
}

/// Simulated time: real time times a speed, plus the steps of [`Clock::advance`].
#[derive(Debug)]
pub(crate) struct Clock {
    epoch: Timestamp,
    origin: Instant,
    speed: f64,
    stepped: Mutex<Duration>,
}

impl Clock {
    /// `speed` must be finite and not negative.
    pub(crate) fn new(speed: f64) -> Self {
        Self { epoch: Timestamp::now(), origin: Instant::now(), speed, stepped: Mutex::default() }
    }

    /// Simulated time since the start.
    pub(crate) fn now(&self) -> Duration {
        let elapsed = self.origin.elapsed().as_secs_f64() * self.speed;
        let elapsed = Duration::try_from_secs_f64(elapsed).unwrap_or(Duration::MAX);
        elapsed.saturating_add(*lock(&self.stepped))
    }

    /// Moves time forward.
    pub(crate) fn advance(&self, step: Duration) {
        let mut stepped = lock(&self.stepped);
        *stepped = stepped.saturating_add(step);
    }

    /// Formats a simulated time like the API: `2025-12-07T00:21:22.331289+00:00`.
    pub(crate) fn date(&self, moment: Duration) -> String {
        let since = SignedDuration::try_from(moment).unwrap_or(SignedDuration::MAX);
        let date = self.epoch.checked_add(since).unwrap_or(Timestamp::MAX);
        date.strftime("%Y-%m-%dT%H:%M:%S.%6f+00:00").to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn manual_time_moves_by_steps_only() {
        let clock = Clock::new(0.0);
        assert_eq!(clock.now(), Duration::ZERO);
        clock.advance(Duration::from_secs(3));
        clock.advance(Duration::from_millis(500));
        assert_eq!(clock.now(), Duration::from_millis(3500));
    }

    #[test]
    fn steps_add_to_running_time() {
        let clock = Clock::new(1.0);
        clock.advance(Duration::from_secs(3600));
        assert!(clock.now() >= Duration::from_secs(3600));
    }

    #[test]
    fn endless_time_saturates() {
        let clock = Clock::new(f64::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Duration::MAX);
        assert!(clock.date(Duration::MAX).starts_with("9999-"));
    }

    #[test]
    fn dates_have_microseconds_and_an_offset() {
        let mut clock = Clock::new(0.0);
        clock.epoch = Timestamp::from_microsecond(1_765_066_882_331_289).unwrap();
        assert_eq!(clock.date(Duration::ZERO), "2025-12-07T00:21:22.331289+00:00");
        assert_eq!(clock.date(Duration::from_secs(60)), "2025-12-07T00:22:22.331289+00:00");
    }
}
