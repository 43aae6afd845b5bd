//! The one paid POST as a machine without socket or clock: when there is another attempt, and how it ends.

mod judgement;

use std::fmt;
use std::marker::PhantomData;
use std::ops::ControlFlow;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use kling_types::{Model, ModelInput};
use serde_json::Value;

use self::judgement::{Cut, Judgement, judge};
use crate::error_kind::Kind;
use crate::retry::OnRetry;
use crate::{
    AnyModel, Error, Failure, Fingerprint, HttpReply, HttpRequest, Job, Limits, Makes, ModelId, Receipt,
    Retry, RetryNotice, RetryPolicy, Settings, Span, Submission, excerpt, redacted,
};

/// A submit under way. Both clients do nothing but send [`Submitting::request`] and feed the outcome to
/// [`Submitting::next`], until it breaks.
///
/// A further attempt is made only where it is proven that no job was made: the connection never opened, or the server
/// answered 429. Everything else ends it after one POST, and so does a certificate or a proxy that is not accepted.
pub struct Submitting<M: Makes = AnyModel> {
    request: HttpRequest,
    limits: Limits,
    model: ModelId,
    fingerprint: Fingerprint,
    started_at: SystemTime,
    attempts: u32,
    retry: RetryPolicy,
    on_retry: OnRetry,
    /// Why the last attempt made no job, while there may be another.
    refusal: Option<Error>,
    span: Span,
    makes: PhantomData<fn() -> M>,
}

impl<M: Model> Submitting<M> {
    /// A submit of a typed input to its model; `now` is when it begins.
    ///
    /// # Errors
    /// [`Error::is_config`] where the input cannot be written as JSON.
    pub fn typed<I: ModelInput<Model = M>>(
        settings: &Settings,
        input: &I,
        now: SystemTime,
    ) -> Result<Self, Error> {
        let body = serde_json::to_vec(input).map_err(|error| unserialisable(&error))?;
        Ok(Self::new(settings, M::ID.parse()?, body.into(), now))
    }
}

impl Submitting {
    /// A submit of raw JSON to a model; `now` is when it begins. It has to be an object, and is otherwise the caller's affair.
    ///
    /// # Errors
    /// [`Error::is_config`] where it is no object.
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

impl<M: Makes> Submitting<M> {
    fn new(settings: &Settings, model: ModelId, body: Bytes, now: SystemTime) -> Self {
        let url = settings.base.join(&["models", &model.encoded()]);
        Self {
            fingerprint: Fingerprint::of(&body),
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
    #[cfg(any(feature = "async", feature = "blocking"))]
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
        outcome: Result<HttpReply, Failure>,
        elapsed: Duration,
        random: f64,
    ) -> ControlFlow<Submission<M>, Duration> {
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
    /// What it gives is refused, as [`Error::is_given_up`].
    pub fn give_up(self) -> Submission<M> {
        let error = self.refusal.map_or_else(|| Error::new(Kind::GivenUp, ""), Error::given_up);
        let submission = Submission::Refused(error);
        self.span.submitted(self.attempts, &submission);
        submission
    }

    fn judged(
        &mut self,
        outcome: Result<HttpReply, Failure>,
        elapsed: Duration,
        random: f64,
    ) -> ControlFlow<Submission<M>, Duration> {
        let refusal = match judge(redacted::outcome(outcome, self.request.token())) {
            Judgement::Accepted(id, warning) => {
                let job = Job::submitted(id, self.model.clone(), self.started_at + elapsed, warning);
                return ControlFlow::Break(Submission::Submitted(job));
            }
            Judgement::Unknown(cut) => return ControlFlow::Break(Submission::Unknown(self.receipt(cut))),
            Judgement::Refused(error) => error,
        };
        // A certificate or a proxy that is not accepted is not accepted a second later.
        if refusal.is_connect() && refusal.is_transient() || refusal.is_rate_limited() {
            let wish = refusal.retry_after();
            if let Retry::After(pause) = self.retry.next(self.attempts, wish, elapsed, random) {
                self.on_retry.notify(&RetryNotice::new(&refusal, pause, self.attempts));
                self.refusal = Some(refusal);
                return ControlFlow::Continue(pause);
            }
        }
        ControlFlow::Break(Submission::Refused(refusal))
    }

    fn receipt(&self, cut: Cut) -> Receipt {
        Receipt {
            model: self.model.clone(),
            fingerprint: self.fingerprint,
            started_at: self.started_at,
            phase: cut.phase,
            attempts: self.attempts,
            status: cut.status,
            message: cut.message,
            excerpt: Some(excerpt::of_bytes(&cut.read)).filter(|text| !text.is_empty()),
        }
    }
}

fn unserialisable(error: &serde_json::Error) -> Error {
    Error::config(format!("the input cannot be written as JSON: {}", excerpt::of(&error.to_string())))
}

impl<M: Makes> fmt::Debug for Submitting<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submitting")
            .field("model", &self.model)
            .field("fingerprint", &self.fingerprint)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
