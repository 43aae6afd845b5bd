//! The paid POST, without socket or clock: when it is retried, and what each attempt proves.

use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use kling_types::{Model, ModelInput};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::api_reply::{self, ApiReply};
use crate::job::JobData;
use crate::retry::OnRetry;
use crate::{
    DynModel, Error, ErrorKind, Fingerprint, HttpReply, HttpRequest, Job, JobModel, Limits, ModelId, Phase,
    RequestId, RetryNotice, RetryPolicy, Settings, Span, SubmitOutcome, TransportError, TransportErrorKind,
    UnknownOutcome, lenient_json, redact, sanitize,
};

/// A submit under way. A client sends [`PendingSubmit::request`] and passes each outcome to [`PendingSubmit::next`],
/// until that breaks.
///
/// A retry follows only if no job can have been created: the connection never opened, or the server replied 429.
/// Anything else ends the submit after one POST, as does a certificate or proxy that is not accepted.
#[derive(Debug)]
pub struct PendingSubmit<M: JobModel = DynModel> {
    request: HttpRequest,
    limits: Limits,
    model: ModelId,
    fingerprint: Fingerprint,
    duration: Option<Box<str>>,
    started_at: SystemTime,
    attempts: u32,
    retry: RetryPolicy,
    on_retry: OnRetry,
    /// The error of the last attempt, which created no job.
    rejection: Option<Error>,
    /// The span of the attempts.
    pub(crate) span: Span,
    output: PhantomData<fn() -> M>,
}

impl<M: Model> PendingSubmit<M> {
    /// Returns a submit of a typed input to its model, which begins at `now`.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the input cannot be written as JSON.
    pub fn typed<I: ModelInput<Model = M>>(
        settings: &Settings,
        input: &I,
        now: SystemTime,
    ) -> Result<Self, Error> {
        Self::new(settings, M::ID.parse()?, input, now)
    }
}

impl PendingSubmit {
    /// Returns a submit of a JSON object to a model, which begins at `now`. The keys are not validated.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] if the input is not an object.
    pub fn json(settings: &Settings, model: &ModelId, input: &Value, now: SystemTime) -> Result<Self, Error> {
        if !input.is_object() {
            return Err(Error::config(
                "the input is not a JSON object with the keys of the model's input schema",
            ));
        }
        Self::new(settings, model.clone(), input, now)
    }
}

impl<M: JobModel> PendingSubmit<M> {
    fn new(
        settings: &Settings,
        model: ModelId,
        input: &impl Serialize,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let url = settings.base.join(&["models", &model.encoded()]);
        let body = serde_json::to_vec(input).map_err(|error| {
            let reason = sanitize::text(&error.to_string());
            Error::config(format!("the input cannot be written as JSON: {reason}"))
        })?;
        Ok(Self {
            fingerprint: Fingerprint::of(&body),
            duration: duration(&body),
            limits: settings.submit_limits(body.len()),
            request: HttpRequest::paid(url, &settings.token, body.into()),
            span: Span::submit(&model),
            model,
            started_at: now,
            attempts: 0,
            retry: settings.submit_retry,
            on_retry: settings.on_retry.clone(),
            rejection: None,
            output: PhantomData,
        })
    }

    /// Returns the request of the next attempt.
    pub fn request(&self) -> HttpRequest {
        self.request.clone()
    }

    /// Returns the bounds of one attempt.
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns the model.
    pub const fn model(&self) -> &ModelId {
        &self.model
    }

    /// Returns the fingerprint of the body.
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Takes the outcome of an attempt: breaks with the outcome of the submit, or continues after a pause. `elapsed`
    /// counts from the beginning, and `random` is drawn from `0.0..1.0`.
    pub fn next(
        &mut self,
        outcome: Result<HttpReply, TransportError>,
        elapsed: Duration,
        random: f64,
    ) -> ControlFlow<SubmitOutcome<M>, Duration> {
        self.attempts += 1;
        let next = self.span.clone().within(|| self.decide(outcome, elapsed, random));
        match &next {
            ControlFlow::Break(outcome) => self.span.submitted(self.attempts, outcome),
            ControlFlow::Continue(pause) => self.span.delay(*pause),
        }
        next
    }

    /// Ends the submit between attempts. No job was created, and none will be. The outcome is a rejection of kind
    /// [`ErrorKind::Abandoned`].
    pub fn abandon(self) -> SubmitOutcome<M> {
        let error = self.rejection.map_or_else(|| Error::new(ErrorKind::Abandoned, ""), Error::abandoned);
        let outcome = SubmitOutcome::Rejected(error);
        self.span.submitted(self.attempts, &outcome);
        outcome
    }

    fn decide(
        &mut self,
        outcome: Result<HttpReply, TransportError>,
        elapsed: Duration,
        random: f64,
    ) -> ControlFlow<SubmitOutcome<M>, Duration> {
        let rejection = match classify(redact::outcome(outcome, self.request.token())) {
            Attempt::Accepted(id, warning) => {
                let (model, duration) = (Some(self.model.clone()), self.duration.clone());
                let submitted_at = Some(self.started_at + elapsed);
                let data = JobData { id, model, submitted_at, duration, account: None, warning };
                return ControlFlow::Break(SubmitOutcome::Accepted(Job::new(data)));
            }
            Attempt::Unknown(error) => {
                return ControlFlow::Break(SubmitOutcome::Unknown(self.unknown_outcome(error)));
            }
            Attempt::Rejected(error) => error,
        };
        // A certificate or proxy that is not accepted will not be accepted a second later.
        if rejection.is_connect() && rejection.is_transient() || rejection.kind() == ErrorKind::RateLimited {
            let retry_after = rejection.retry_after();
            let attempts = self.attempts;
            if let Some(delay) = self.retry.next(attempts, retry_after, elapsed, random) {
                self.on_retry.0(&RetryNotice { error: &rejection, delay, attempts });
                self.rejection = Some(rejection);
                return ControlFlow::Continue(delay);
            }
        }
        ControlFlow::Break(SubmitOutcome::Rejected(rejection))
    }

    fn unknown_outcome(&self, error: TransportError) -> UnknownOutcome {
        let excerpt = error.reply.as_ref().map(|reply| sanitize::bytes(&reply.body));
        UnknownOutcome {
            model: self.model.clone(),
            fingerprint: self.fingerprint,
            started_at: self.started_at,
            phase: error.phase,
            attempts: self.attempts,
            status: error.reply.map(|reply| reply.head.status),
            message: sanitize::text(&error.message),
            excerpt: excerpt.filter(|text| !text.is_empty()),
            intent_id: None,
        }
    }
}

/// The `duration` of an input, as JSON. Texts that are too long for a duration are left out.
fn duration(body: &[u8]) -> Option<Box<str>> {
    #[derive(Deserialize)]
    struct Timed {
        duration: Option<Value>,
    }
    let duration = serde_json::from_slice::<Timed>(body).ok()?.duration?;
    let is_plain = duration.is_number() || duration.is_string();
    let text = duration.to_string();
    (is_plain && text.len() <= 16).then(|| text.into())
}

/// The proof of one attempt.
enum Attempt {
    /// A job was created. The warning names the damage of the reply.
    Accepted(RequestId, Option<Box<str>>),
    Rejected(Error),
    Unknown(TransportError),
}

fn classify(outcome: Result<HttpReply, TransportError>) -> Attempt {
    match outcome {
        Ok(reply) => classify_reply(reply),
        Err(error) => classify_error(error),
    }
}

/// Classifies an exchange without a whole reply. The beginning may name the job. Without an id, the status may prove a
/// rejection.
fn classify_error(error: TransportError) -> Attempt {
    let status = error.reply.as_ref().map(|reply| reply.head.status);
    if let Some(reply) = &error.reply
        && let Some(read) = ApiReply::read(reply)
        && let Some(id) = submitted_id(&read, reply)
    {
        return Attempt::Accepted(id, read.warning);
    }
    if error.phase.is_before_sending() || status.is_some_and(is_rejection) {
        return Attempt::Rejected(match error.reply {
            Some(reply) => {
                let kind = ErrorKind::of_status(reply.head.status);
                Error::new(kind, sanitize::text(&error.message)).with_head(&reply.head)
            }
            None => error.into(),
        });
    }
    Attempt::Unknown(error)
}

/// Classifies a whole reply. An id proves a job. Without one, an `error_code` decides before the status does.
fn classify_reply(reply: HttpReply) -> Attempt {
    let status = reply.head.status;
    let (is_whole, opened) = match ApiReply::read(&reply) {
        Some(read) => {
            if let Some(id) = submitted_id(&read, &reply) {
                return Attempt::Accepted(id, read.warning);
            }
            // A missing part may hold an id, so an incomplete reply proves no rejection.
            (read.is_whole(), api_reply::accepted(&reply, read.object))
        }
        None => (false, Err(api_reply::not_json(&reply))),
    };
    let error = match opened {
        Ok(_) => Error::new(ErrorKind::Protocol, "the reply has no usable request_id"),
        Err(error) if is_whole && proves_rejection(&error) || is_rejection(status) => {
            return Attempt::Rejected(error);
        }
        Err(error) => error,
    };
    let error = TransportError::new(Phase::Reading, TransportErrorKind::Broken, error.to_string());
    Attempt::Unknown(error.while_reading(reply.head, reply.body))
}

/// Returns the id of the job, if the reply proves that there is one.
///
/// Under a status of success, and under 429, any id counts. Under another status an id may be that of the failed call.
/// Then the reply must not be embedded in a page and must not name an error. Under a status of rejection it must also
/// have the links of a job.
fn submitted_id(read: &ApiReply, reply: &HttpReply) -> Option<RequestId> {
    let status = reply.head.status;
    let id = api_reply::request_id(&read.object);
    if reply.head.is_success() {
        // The id may be nested, or a number too large to be read as one.
        let elsewhere = || lenient_json::request_id(&reply.body).filter(|_| !read.has_error());
        return id.or_else(elsewhere);
    }
    let has_links =
        ["status_url", "result_url", "cancel_url"].iter().any(|name| read.object.contains_key(*name));
    let is_doubtful = read.has_error() || read.damage.is_embedded || is_rejection(status) && !has_links;
    id.filter(|_| status == 429 || !is_doubtful)
}

/// Whether an `error_code` alone proves that no job was created.
fn proves_rejection(error: &Error) -> bool {
    error.error_code().is_some_and(|code| {
        let under_success = error.status().is_some_and(|status| matches!(status, 200..=299));
        let like_status = ErrorKind::status_of_code(code);
        ErrorKind::of_known_code(code).is_some() || under_success && like_status.is_some_and(is_rejection)
    })
}

/// Whether an HTTP status proves that no job was created.
///
/// 408 does not, since the server may hold the request. 499 does not, since the client left a proxy before the reply.
/// 307 and 308 do, since they ask for the same request elsewhere. 301, 302 and 303 do not, since servers send them
/// after they processed a POST.
const fn is_rejection(status: u16) -> bool {
    matches!(status, 307 | 308 | 400..=407 | 409..=498)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::{HttpHead, Token};

    fn pending() -> PendingSubmit {
        let settings = Settings::new(Token::new("secret-0123").unwrap());
        let model = "maker/model".parse().unwrap();
        PendingSubmit::json(&settings, &model, &serde_json::json!({}), SystemTime::UNIX_EPOCH).unwrap()
    }

    fn reply(status: u16, body: &str) -> Result<HttpReply, TransportError> {
        Ok(HttpReply::new(HttpHead { status, ..HttpHead::default() }, body.to_owned().into()))
    }

    fn outcome(attempt: Result<HttpReply, TransportError>) -> &'static str {
        match pending().next(attempt, Duration::ZERO, 0.5) {
            ControlFlow::Continue(_) => "retried",
            ControlFlow::Break(SubmitOutcome::Accepted(_)) => "accepted",
            ControlFlow::Break(SubmitOutcome::Rejected(_)) => "rejected",
            ControlFlow::Break(SubmitOutcome::Unknown(_)) => "unknown",
        }
    }

    #[test]
    fn each_reply_has_one_outcome() {
        let cases = [
            (200, r#"{"request_id":"a-1"}"#, "accepted"),
            (202, r#"{"request_id":"a-1","status":"in_queue","error_code":null}"#, "accepted"),
            (200, r#"{"request_id":"a-1","status":"in_queue","error_code":400099}"#, "accepted"),
            (200, r#"{"request_id":"a-1","status":"in_queue","error_code":400002}"#, "accepted"),
            (201, r#"{"request_id":"a-1","error_code":429001}"#, "accepted"),
            (400, r#"{"request_id":"a-1","error_code":400001}"#, "rejected"),
            (200, r#"{"request_id":"a/../b"}"#, "unknown"),
            (200, r#"{"status":"in_queue"}"#, "unknown"),
            (200, "<html>", "unknown"),
            (200, "", "unknown"),
            (200, r#"{"error_code":400002}"#, "rejected"),
            (200, r#"{"error_code":400099}"#, "rejected"),
            (200, r#"{"error_code":500001}"#, "unknown"),
            (200, r#"{"error_code":408001}"#, "unknown"),
            (500, r#"{"error_code":400001}"#, "rejected"),
            (500, r#"{"error_code":400099}"#, "unknown"),
            (500, "", "unknown"),
            (502, "<html>", "unknown"),
            (503, "{}", "unknown"),
            (504, "", "unknown"),
            (408, "", "unknown"),
            (400, "", "rejected"),
            (401, "<html>", "rejected"),
            (402, "{}", "rejected"),
            (413, "", "rejected"),
            (422, r#"{"detail":[]}"#, "rejected"),
            (425, "", "rejected"),
            (429, "", "retried"),
            (498, "", "rejected"),
            (499, "", "unknown"),
            (499, r#"{"message":"client closed request"}"#, "unknown"),
            (499, r#"{"error_code":400002}"#, "rejected"),
            (429, r#"{"error_code":400002}"#, "rejected"),
            (301, "", "unknown"),
            (302, "", "unknown"),
            (303, "", "unknown"),
            (307, "", "rejected"),
            (308, "", "rejected"),
            (100, "", "unknown"),
        ];
        for (status, body, expected) in cases {
            assert_eq!(outcome(reply(status, body)), expected, "{status} {body}");
        }
    }

    #[test]
    fn only_errors_before_sending_are_retried() {
        let phases = [
            (Phase::Resolve, "retried"),
            (Phase::Connect, "retried"),
            (Phase::Sending, "unknown"),
            (Phase::Waiting, "unknown"),
            (Phase::Reading, "unknown"),
        ];
        for (phase, expected) in phases {
            for kind in [TransportErrorKind::Broken, TransportErrorKind::Timeout] {
                assert_eq!(outcome(Err(TransportError::new(phase, kind, "cut"))), expected);
            }
        }
    }

    #[test]
    fn a_truncated_rejection_is_a_rejection() {
        let cut = |status| {
            let head = HttpHead { status, ..HttpHead::default() };
            Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "cut")
                .while_reading(head, Bytes::new()))
        };
        assert_eq!(outcome(cut(422)), "rejected");
        assert_eq!(outcome(cut(200)), "unknown");
        assert_eq!(outcome(cut(503)), "unknown");
    }

    #[test]
    fn an_unknown_outcome_quotes_the_reply_without_the_token() {
        let attempt = reply(200, r#"{"id":"x","echo":"Bearer secret-0123","url":"https://a/b?sig=1"}"#);
        let ControlFlow::Break(SubmitOutcome::Unknown(unknown)) =
            pending().next(attempt, Duration::ZERO, 0.5)
        else {
            panic!("expected an unknown outcome");
        };
        assert_eq!(unknown.excerpt(), Some(r#"{"id":"x","echo":"Bearer [token]","url":"https://a/b?…"}"#));
        assert_eq!((unknown.phase(), unknown.status(), unknown.attempts()), (Phase::Reading, Some(200), 1));
        let stored = serde_json::to_string(&unknown).unwrap();
        assert_eq!(serde_json::from_str::<UnknownOutcome>(&stored).unwrap(), unknown);
    }

    #[test]
    fn a_job_knows_the_duration_of_its_input() {
        let long = format!(r#"{{"duration":"{}"}}"#, "5".repeat(20));
        for (body, expected) in [
            (r#"{"image_url":"u","duration":5}"#, Some("5")),
            (r#"{"duration":"5"}"#, Some("\"5\"")),
            (r#"{"duration":[5]}"#, None),
            (&long, None),
            ("{}", None),
        ] {
            assert_eq!(duration(body.as_bytes()).as_deref(), expected, "{body}");
        }
    }

    #[test]
    fn the_budget_ends_the_retries() {
        let mut pending = pending();
        let failed = || Err(TransportError::new(Phase::Connect, TransportErrorKind::Broken, "rejected"));
        assert!(pending.next(failed(), Duration::ZERO, 0.5).is_continue());
        assert!(pending.next(failed(), Duration::from_secs(59), 0.0).is_continue());
        let ControlFlow::Break(SubmitOutcome::Rejected(error)) =
            pending.next(failed(), Duration::from_secs(60), 0.0)
        else {
            panic!("expected a rejection");
        };
        assert!(error.is_connect());
    }

    #[test]
    fn an_abandoned_submit_carries_the_error_of_its_last_attempt() {
        let SubmitOutcome::Rejected(untried) = pending().abandon() else { panic!("expected a rejection") };
        assert!(untried.kind() == ErrorKind::Abandoned);
        let mut pending = pending();
        assert!(pending.next(reply(429, r#"{"message":"busy"}"#), Duration::ZERO, 0.5).is_continue());
        let SubmitOutcome::Rejected(error) = pending.abandon() else { panic!("expected a rejection") };
        assert!(error.kind() == ErrorKind::Abandoned && error.kind() != ErrorKind::RateLimited);
        assert_eq!(error.to_string(), "abandoned before another attempt (HTTP 429): busy");
    }
}
