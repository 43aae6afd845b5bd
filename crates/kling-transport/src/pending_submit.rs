//! The one paid POST as a machine without socket or clock: when there is another attempt, what one proves, and how it ends.

use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use kling_types::{Model, ModelInput};
use serde::Deserialize;
use serde_json::Value;

use crate::api_reply::{self, ApiReply};
use crate::retry::OnRetry;
use crate::{
    DynModel, Error, ErrorKind, Fingerprint, HttpReply, HttpRequest, Job, JobModel, Limits, ModelId, Phase,
    RequestId, Retry, RetryNotice, RetryPolicy, Settings, Span, SubmitOutcome, TransportError,
    UnknownOutcome, lenient_json, redact, sanitize,
};

/// A submit under way. Both clients do nothing but send [`PendingSubmit::request`] and feed the outcome to
/// [`PendingSubmit::next`], until it breaks.
///
/// A further attempt is made only where it is proven that no job was made: the connection never opened, or the server
/// answered 429. Everything else ends it after one POST, and so does a certificate or a proxy that is not accepted.
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
    /// Why the last attempt made no job, while there may be another.
    refusal: Option<Error>,
    span: Span,
    makes: PhantomData<fn() -> M>,
}

impl<M: Model> PendingSubmit<M> {
    /// A submit of a typed input to its model; `now` is when it begins.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where the input cannot be written as JSON.
    pub fn typed<I: ModelInput<Model = M>>(
        settings: &Settings,
        input: &I,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let body = serde_json::to_vec(input).map_err(|error| unserialisable(&error))?;
        Ok(Self::new(settings, M::ID.parse()?, body.into(), now))
    }
}

impl PendingSubmit {
    /// A submit of raw JSON to a model; `now` is when it begins. It has to be an object, and is otherwise the caller's affair.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where it is no object.
    pub fn json(settings: &Settings, model: &ModelId, input: &Value, now: SystemTime) -> Result<Self, Error> {
        if !input.is_object() {
            return Err(Error::config(
                "an input is a JSON object, with the keys of the model's input schema at its top",
            ));
        }
        let body = serde_json::to_vec(input).map_err(|error| unserialisable(&error))?;
        Ok(Self::new(settings, model.clone(), body.into(), now))
    }
}

impl<M: JobModel> PendingSubmit<M> {
    fn new(settings: &Settings, model: ModelId, body: Bytes, now: SystemTime) -> Self {
        let url = settings.base.join(&["models", &model.encoded()]);
        Self {
            fingerprint: Fingerprint::of(&body),
            duration: duration(&body),
            limits: settings.submit_limits(body.len()),
            request: HttpRequest::paid(url, &settings.token, body),
            span: Span::submit(&model),
            model,
            started_at: now,
            attempts: 0,
            retry: settings.submit_retry,
            on_retry: settings.on_retry.clone(),
            refusal: None,
            makes: PhantomData,
        }
    }

    /// The request of the next attempt.
    #[must_use]
    pub fn request(&self) -> HttpRequest {
        self.request.clone()
    }

    /// The bounds of one attempt.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        self.limits
    }

    /// The model that it goes to.
    #[must_use]
    pub const fn model(&self) -> &ModelId {
        &self.model
    }

    /// Where the attempts belong.
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The fingerprint of the body.
    #[must_use]
    pub const fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Judges an attempt: breaks with what became of the submit, or continues after a pause. `elapsed` counts from the
    /// beginning, `random` is drawn from `0.0..1.0`.
    pub fn next(
        &mut self,
        outcome: Result<HttpReply, TransportError>,
        elapsed: Duration,
        random: f64,
    ) -> ControlFlow<SubmitOutcome<M>, Duration> {
        self.attempts += 1;
        let next = self.span.clone().within(|| self.judged(outcome, elapsed, random));
        match &next {
            ControlFlow::Break(submission) => self.span.submitted(self.attempts, submission),
            ControlFlow::Continue(pause) => self.span.delay(*pause),
        }
        next
    }

    /// Ends it while no attempt is out, by the caller's wish: no job was made, and none will be.
    ///
    /// What it gives is refused, as [`ErrorKind::Abandoned`].
    pub fn abandon(self) -> SubmitOutcome<M> {
        let error = self.refusal.map_or_else(|| Error::new(ErrorKind::Abandoned, ""), Error::abandoned);
        let submission = SubmitOutcome::Rejected(error);
        self.span.submitted(self.attempts, &submission);
        submission
    }

    fn judged(
        &mut self,
        outcome: Result<HttpReply, TransportError>,
        elapsed: Duration,
        random: f64,
    ) -> ControlFlow<SubmitOutcome<M>, Duration> {
        let refusal = match classify(redact::outcome(outcome, self.request.token())) {
            Attempt::Accepted(id, warning) => {
                let at = self.started_at + elapsed;
                let job = Job::submitted(id, self.model.clone(), at, self.duration.clone(), warning);
                return ControlFlow::Break(SubmitOutcome::Accepted(job));
            }
            Attempt::Unknown(cut) => {
                return ControlFlow::Break(SubmitOutcome::Unknown(self.unknown_outcome(cut)));
            }
            Attempt::Rejected(error) => error,
        };
        // A certificate or a proxy that is not accepted is not accepted a second later.
        if refusal.is_connect() && refusal.is_transient() || refusal.kind() == ErrorKind::RateLimited {
            let wish = refusal.retry_after();
            if let Retry::After(pause) = self.retry.next(self.attempts, wish, elapsed, random) {
                self.on_retry.notify(&RetryNotice::new(&refusal, pause, self.attempts));
                self.refusal = Some(refusal);
                return ControlFlow::Continue(pause);
            }
        }
        ControlFlow::Break(SubmitOutcome::Rejected(refusal))
    }

    fn unknown_outcome(&self, cut: Cut) -> UnknownOutcome {
        UnknownOutcome {
            model: self.model.clone(),
            fingerprint: self.fingerprint,
            started_at: self.started_at,
            phase: cut.phase,
            attempts: self.attempts,
            status: cut.status,
            message: cut.message,
            excerpt: Some(sanitize::bytes(&cut.read)).filter(|text| !text.is_empty()),
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

fn unserialisable(error: &serde_json::Error) -> Error {
    Error::config(format!("the input cannot be written as JSON: {}", sanitize::text(&error.to_string())))
}

impl<M: JobModel> fmt::Debug for PendingSubmit<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingSubmit")
            .field("model", &self.model)
            .field("fingerprint", &self.fingerprint)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// What one attempt proves.
enum Attempt {
    /// A job was made. The warning says what was wrong with the answer.
    Accepted(RequestId, Option<Box<str>>),
    Rejected(Error),
    Unknown(Cut),
}

/// Where an exchange was cut off.
struct Cut {
    phase: Phase,
    status: Option<u16>,
    message: String,
    read: Bytes,
}

fn classify(outcome: Result<HttpReply, TransportError>) -> Attempt {
    match outcome {
        Ok(reply) => classify_reply(reply),
        Err(failure) => classify_failure(failure),
    }
}

/// An answer that broke off may still name its job. Without an id it still refused, if its status did.
fn classify_failure(failure: TransportError) -> Attempt {
    let begun = HttpReply::begun(&failure);
    if let Some(reply) = &begun
        && let Some(answer) = ApiReply::read(reply)
        && let Some(id) = submitted_id(&answer, reply)
    {
        return Attempt::Accepted(id, answer.warning);
    }
    if failure.phase.is_before_sending() || failure.status.is_some_and(is_refusal) {
        return Attempt::Rejected(match failure.status {
            Some(status) => Error::new(ErrorKind::of_status(status), sanitize::text(&failure.message))
                .with_status(status)
                .with_retry_after(failure.retry_after),
            None => failure.into(),
        });
    }
    let message = sanitize::text(&failure.message);
    Attempt::Unknown(Cut { phase: failure.phase, status: failure.status, message, read: failure.read })
}

/// An id counts for more than all else in the answer: a job has it. Then a refusal in words wins over the status; then the
/// status decides.
fn classify_reply(reply: HttpReply) -> Attempt {
    let status = reply.head.status;
    let (is_whole, opened) = match ApiReply::read(&reply) {
        Some(answer) => {
            if let Some(id) = submitted_id(&answer, &reply) {
                return Attempt::Accepted(id, answer.warning);
            }
            // A part that is missing may hold an id, so that the rest proves no refusal.
            (answer.is_whole(), api_reply::accepted(&reply, answer.object))
        }
        None => (false, Err(api_reply::wordless(&reply))),
    };
    let error = match opened {
        Ok(_) => Error::new(ErrorKind::Protocol, "no usable request_id stands in the answer"),
        Err(error) if is_whole && refuses(&error) || is_refusal(status) => return Attempt::Rejected(error),
        Err(error) => error,
    };
    let message = sanitize::text(&error.to_string());
    Attempt::Unknown(Cut { phase: Phase::Reading, status: Some(status), message, read: reply.body })
}

/// The id of the job that was made, if the answer proves that there is one.
///
/// Under a status of success, and under 429, any id counts: a job has it. Under another status an id may be that of the
/// failed call. Then the answer must be no part of a page and name no error, and a refusal must look like an acceptance.
fn submitted_id(answer: &ApiReply, reply: &HttpReply) -> Option<RequestId> {
    let status = reply.head.status;
    let id = api_reply::request_id(&answer.object);
    if reply.head.is_success() {
        // In another place than the top, or a number that is too large to be read as one.
        let elsewhere = || lenient_json::request_id(&reply.body).filter(|_| !answer.complains());
        return id.or_else(elsewhere);
    }
    let has_links =
        ["status_url", "result_url", "cancel_url"].iter().any(|name| answer.object.contains_key(*name));
    let is_doubtful = answer.complains() || answer.is_embedded() || is_refusal(status) && !has_links;
    id.filter(|_| status == 429 || !is_doubtful)
}

/// Whether an `error_code` says by itself that no job was made, under any status.
fn refuses(error: &Error) -> bool {
    error.error_code().is_some_and(|code| {
        let under_success = error.status().is_some_and(|status| matches!(status, 200..=299));
        let like_status = ErrorKind::status_of_code(code);
        ErrorKind::of_known_code(code).is_some() || under_success && like_status.is_some_and(is_refusal)
    })
}

/// Whether an HTTP status says that no job was made.
///
/// 408 does not: the server gave up on a request that it may have in hand. Nor does 499, by which a proxy tells that the client
/// left before the answer. 307 and 308 do, as they ask for the very same request elsewhere; 301, 302 and 303 do not, since
/// servers answer so after they processed a POST.
const fn is_refusal(status: u16) -> bool {
    matches!(status, 307 | 308 | 400..=407 | 409..=498)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HttpHead, Token, TransportErrorKind};

    fn submitting() -> PendingSubmit {
        let settings = Settings::new(Token::new("secret-0123").unwrap());
        let model = "maker/model".parse().unwrap();
        PendingSubmit::json(&settings, &model, &serde_json::json!({}), SystemTime::UNIX_EPOCH).unwrap()
    }

    fn reply(status: u16, body: &str) -> Result<HttpReply, TransportError> {
        Ok(HttpReply::new(HttpHead { status, ..HttpHead::default() }, body.to_owned().into()))
    }

    fn outcome(attempt: Result<HttpReply, TransportError>) -> &'static str {
        match submitting().next(attempt, Duration::ZERO, 0.5) {
            ControlFlow::Continue(_) => "again",
            ControlFlow::Break(SubmitOutcome::Accepted(_)) => "submitted",
            ControlFlow::Break(SubmitOutcome::Rejected(_)) => "refused",
            ControlFlow::Break(SubmitOutcome::Unknown(_)) => "unknown",
        }
    }

    #[test]
    fn each_answer_has_one_meaning() {
        let cases = [
            (200, r#"{"request_id":"a-1"}"#, "submitted"),
            (202, r#"{"request_id":"a-1","status":"in_queue","error_code":null}"#, "submitted"),
            (200, r#"{"request_id":"a-1","status":"in_queue","error_code":400099}"#, "submitted"),
            (200, r#"{"request_id":"a-1","status":"in_queue","error_code":400002}"#, "submitted"),
            (201, r#"{"request_id":"a-1","error_code":429001}"#, "submitted"),
            (400, r#"{"request_id":"a-1","error_code":400001}"#, "refused"),
            (200, r#"{"request_id":"a/../b"}"#, "unknown"),
            (200, r#"{"status":"in_queue"}"#, "unknown"),
            (200, "<html>", "unknown"),
            (200, "", "unknown"),
            (200, r#"{"error_code":400002}"#, "refused"),
            (200, r#"{"error_code":400099}"#, "refused"),
            (200, r#"{"error_code":500001}"#, "unknown"),
            (200, r#"{"error_code":408001}"#, "unknown"),
            (500, r#"{"error_code":400001}"#, "refused"),
            (500, r#"{"error_code":400099}"#, "unknown"),
            (500, "", "unknown"),
            (502, "<html>", "unknown"),
            (503, "{}", "unknown"),
            (504, "", "unknown"),
            (408, "", "unknown"),
            (400, "", "refused"),
            (401, "<html>", "refused"),
            (402, "{}", "refused"),
            (413, "", "refused"),
            (422, r#"{"detail":[]}"#, "refused"),
            (425, "", "refused"),
            (429, "", "again"),
            (498, "", "refused"),
            (499, "", "unknown"),
            (499, r#"{"message":"client closed request"}"#, "unknown"),
            (499, r#"{"error_code":400002}"#, "refused"),
            (429, r#"{"error_code":400002}"#, "refused"),
            (301, "", "unknown"),
            (302, "", "unknown"),
            (303, "", "unknown"),
            (307, "", "refused"),
            (308, "", "refused"),
            (100, "", "unknown"),
        ];
        for (status, body, expected) in cases {
            assert_eq!(outcome(reply(status, body)), expected, "{status} {body}");
        }
    }

    #[test]
    fn only_failures_before_sending_are_tried_again() {
        let phases = [
            (Phase::Resolve, "again"),
            (Phase::Connect, "again"),
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
    fn a_refusal_that_broke_off_is_still_one() {
        let cut = |status| {
            let head = HttpHead { status, ..HttpHead::default() };
            Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "cut")
                .while_reading(&head, Bytes::new()))
        };
        assert_eq!(outcome(cut(422)), "refused");
        assert_eq!(outcome(cut(200)), "unknown");
        assert_eq!(outcome(cut(503)), "unknown");
    }

    #[test]
    fn an_unknown_outcome_says_what_was_read_without_the_token() {
        let attempt = reply(200, r#"{"id":"x","echo":"Bearer secret-0123","url":"https://a/b?sig=1"}"#);
        let ControlFlow::Break(SubmitOutcome::Unknown(receipt)) =
            submitting().next(attempt, Duration::ZERO, 0.5)
        else {
            panic!("expected an unknown outcome");
        };
        assert_eq!(receipt.excerpt(), Some(r#"{"id":"x","echo":"Bearer [token]","url":"https://a/b?…"}"#));
        assert_eq!((receipt.phase(), receipt.status(), receipt.attempts()), (Phase::Reading, Some(200), 1));
        let kept = serde_json::to_string(&receipt).unwrap();
        assert_eq!(serde_json::from_str::<UnknownOutcome>(&kept).unwrap(), receipt);
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
    fn the_budget_ends_the_attempts() {
        let mut submitting = submitting();
        let refused = || Err(TransportError::new(Phase::Connect, TransportErrorKind::Broken, "refused"));
        assert!(submitting.next(refused(), Duration::ZERO, 0.5).is_continue());
        assert!(submitting.next(refused(), Duration::from_secs(59), 0.0).is_continue());
        let ControlFlow::Break(SubmitOutcome::Rejected(error)) =
            submitting.next(refused(), Duration::from_secs(60), 0.0)
        else {
            panic!("expected a refusal");
        };
        assert!(error.is_connect());
    }

    #[test]
    fn a_submit_that_is_given_up_made_nothing_and_says_why_the_last_attempt_did_not() {
        let SubmitOutcome::Rejected(untried) = submitting().abandon() else { panic!("expected a refusal") };
        assert!(untried.kind() == ErrorKind::Abandoned);
        let mut submitting = submitting();
        assert!(submitting.next(reply(429, r#"{"message":"busy"}"#), Duration::ZERO, 0.5).is_continue());
        let SubmitOutcome::Rejected(error) = submitting.abandon() else { panic!("expected a refusal") };
        assert!(error.kind() == ErrorKind::Abandoned && error.kind() != ErrorKind::RateLimited);
        assert_eq!(error.to_string(), "given up before another attempt was made (HTTP 429): busy");
    }
}
