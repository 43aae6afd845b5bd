//! Spans for `tracing`, of what the clients and the waits do; nothing at all without the feature of that name.

use std::fmt::Display;
use std::future::Future;
use std::time::Duration;

use crate::Call;
use crate::{Error, JobModel, ModelId, RequestId, SubmitOutcome};

/// A span of the target `kling`. The crate `kling` documents names and fields.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Span {
    #[cfg(feature = "tracing")]
    inner: tracing::Span,
}

/// A span with some fields known from the start and others that are recorded later.
macro_rules! span {
    ($level:ident, $name:literal $(, known: $($known:ident = $value:expr),+)?; $($later:ident),*) => {{
        $(#[cfg(not(feature = "tracing"))] let _ = ($(&$value,)+);)?
        Span {
            #[cfg(feature = "tracing")]
            inner: tracing::span!(
                target: "kling", tracing::Level::$level, $name,
                $($($known = %$value,)+)? $($later = tracing::field::Empty,)*
            ),
        }
    }};
}

impl Span {
    pub(crate) fn submit(model: &ModelId) -> Self {
        span!(INFO, "submit", known: model = model; attempt, delay_ms, outcome, request_id, warning, error)
    }

    pub(crate) fn download(host: &str) -> Self {
        span!(INFO, "download", known: host = host; attempt, delay_ms, bytes, error)
    }

    pub(crate) fn call<C: Call>(call: &C) -> Self {
        let span = span!(DEBUG, "call", known: call = C::NAME; request_id, attempt, delay_ms, warning, error);
        if let Some(id) = call.request_id() {
            span.text("request_id", id);
        }
        span
    }

    /// One question for the status.
    #[must_use]
    pub fn poll(id: &RequestId) -> Self {
        span!(DEBUG, "poll", known: request_id = id; attempt, state, delay_ms, warning, error)
    }

    /// One question for the result.
    #[must_use]
    pub fn result(id: &RequestId) -> Self {
        span!(INFO, "result", known: request_id = id; attempt, state, delay_ms, warning, error)
    }

    /// One question to cancel.
    #[must_use]
    pub fn cancel(id: &RequestId) -> Self {
        span!(INFO, "cancel", known: request_id = id; attempt, state, delay_ms, warning, error)
    }

    /// No span.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            #[cfg(feature = "tracing")]
            inner: tracing::Span::none(),
        }
    }

    /// The span that is entered, if it is one of these: nothing is recorded in a caller's own.
    #[must_use]
    pub fn current() -> Self {
        #[cfg(feature = "tracing")]
        {
            let current = tracing::Span::current();
            if current.metadata().is_some_and(|metadata| metadata.target() == "kling") {
                return Self { inner: current };
            }
        }
        Self::none()
    }

    /// Records a text.
    #[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "there is nothing to record in"))]
    pub fn text(&self, field: &'static str, value: impl Display) {
        #[cfg(feature = "tracing")]
        self.inner.record(field, tracing::field::display(value));
    }

    /// Records a number.
    #[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "there is nothing to record in"))]
    pub fn number(&self, field: &'static str, value: u64) {
        #[cfg(feature = "tracing")]
        self.inner.record(field, value);
    }

    /// Records an attempt, and what was wrong with it.
    pub(crate) fn attempted(&self, attempts: u32, error: Option<&Error>) {
        self.number("attempt", attempts.into());
        if let Some(error) = error {
            self.text("error", error);
        }
    }

    /// Records what became of a submit.
    pub(crate) fn submitted<M: JobModel>(&self, attempts: u32, submission: &SubmitOutcome<M>) {
        match submission {
            SubmitOutcome::Accepted(job) => {
                self.text("outcome", "submitted");
                self.text("request_id", job.id());
                self.attempted(attempts, None);
            }
            SubmitOutcome::Rejected(error) => {
                self.text("outcome", "refused");
                self.attempted(attempts, Some(error));
            }
            SubmitOutcome::Unknown(_) => {
                self.text("outcome", "unknown");
                self.attempted(attempts, None);
            }
        }
    }

    /// Records the pause before the next attempt.
    pub fn delay(&self, pause: Duration) {
        self.number("delay_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
    }

    /// Runs something within the span.
    pub fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tracing")]
        let _entered = self.inner.enter();
        work()
    }

    /// Drives a future within the span.
    #[cfg(feature = "tracing")]
    pub fn around<F: Future>(&self, future: F) -> impl Future<Output = F::Output> + use<F> {
        tracing::Instrument::instrument(future, self.inner.clone())
    }

    /// Drives a future.
    #[cfg(not(feature = "tracing"))]
    pub const fn around<F: Future>(&self, future: F) -> F {
        future
    }
}
