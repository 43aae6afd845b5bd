//! A free call as a machine without socket or clock: made again where that may help.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::retry::OnRetry;
use crate::{
    Call, Error, Failure, HttpReply, HttpRequest, Retry, RetryNotice, RetryPolicy, Settings, Span, Token,
    redacted,
};

/// A free call under way; see [`Submitting`](crate::Submitting) for the one that is not free.
#[derive(Clone, Debug)]
pub struct Asking<'a, C> {
    call: &'a C,
    request: HttpRequest,
    policy: RetryPolicy,
    on_retry: &'a OnRetry,
    attempts: u32,
    span: Span,
}

impl<'a, C: Call> Asking<'a, C> {
    /// A call with the settings' own retries.
    #[must_use]
    pub fn new(call: &'a C, settings: &'a Settings) -> Self {
        let (request, policy) = (call.request(settings), settings.call_retry);
        Self { call, request, policy, on_retry: &settings.on_retry, attempts: 0, span: Span::none() }
    }

    /// The same with a span of its own: a call that is made once is part of its caller's.
    #[cfg(any(feature = "async", feature = "blocking"))]
    pub(crate) fn traced(self) -> Self {
        Self { span: Span::call(self.call), ..self }
    }

    /// Where the attempts belong.
    #[cfg(any(feature = "async", feature = "blocking"))]
    pub(crate) fn span(&self) -> Span {
        self.span.clone()
    }

    /// The request of the next attempt.
    #[must_use]
    pub fn request(&self) -> HttpRequest {
        self.request.clone()
    }

    /// Reads the outcome of one attempt, and nothing more.
    ///
    /// # Errors
    /// Where no answer came, the API said no, or the answer cannot be read.
    pub fn read(&self, outcome: Result<HttpReply, Failure>) -> Result<C::Reply, Error> {
        read(self.call, self.request.token(), outcome)
    }

    /// Judges an attempt: breaks with what it brought, or continues after a pause. `elapsed` counts from the beginning,
    /// `random` is drawn from `0.0..1.0`.
    pub fn next(
        &mut self,
        outcome: Result<HttpReply, Failure>,
        elapsed: Duration,
        random: f64,
    ) -> ControlFlow<Result<C::Reply, Error>, Duration> {
        self.attempts += 1;
        let outcome = self.span.within(|| self.read(outcome));
        self.span.attempted(self.attempts, outcome.as_ref().err());
        let error = match outcome {
            Err(error) if error.is_transient() => error,
            outcome => return ControlFlow::Break(outcome),
        };
        match self.policy.next(self.attempts, error.retry_after(), elapsed, random) {
            Retry::After(pause) => {
                self.on_retry.notify(&RetryNotice::new(&error, pause, self.attempts));
                self.span.delay(pause);
                ControlFlow::Continue(pause)
            }
            Retry::GiveUp => ControlFlow::Break(Err(error)),
        }
    }
}

/// Reads the outcome of one attempt; its errors name the request and not the token.
pub(crate) fn read<C: Call>(
    call: &C,
    token: Option<&Token>,
    outcome: Result<HttpReply, Failure>,
) -> Result<C::Reply, Error> {
    let read = match redacted::outcome(outcome, token) {
        Ok(reply) => call.read(&reply),
        Err(failure) => read_beginning(call, failure),
    };
    read.map_err(|error| error.with_request_id(call.request_id().cloned()))
}

/// Reads an answer that broke off: all that was asked for may be in its beginning.
fn read_beginning<C: Call>(call: &C, failure: Failure) -> Result<C::Reply, Error> {
    let read = HttpReply::begun(&failure).map(|reply| call.read(&reply));
    match read {
        Some(Ok(reply)) => Ok(reply),
        // The service's own words say more than the failure does.
        Some(Err(error)) if error.is_in_words() || error.is_rate_limited() => Err(error),
        _ => Err(failure.into()),
    }
}
