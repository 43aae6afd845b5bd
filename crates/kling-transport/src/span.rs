//! Spans for `tracing`. They are empty without the feature of that name.

use std::fmt::Display;
use std::time::Duration;

use crate::{Error, JobModel, ModelId, RequestId, SubmitOutcome};

/// A span of the target `kling`. The crate `kling` documents names and fields.
#[doc(hidden)]
#[derive(Clone, Debug)]
pub struct Span {
    #[cfg(feature = "tracing")]
    inner: tracing::Span,
}

/// Makes a span. The `known` fields have values, the others are recorded later.
macro_rules! span {
    ($level:ident, $name:literal, known: $known:ident = $value:expr; $($later:ident),*) => {{
        #[cfg(not(feature = "tracing"))]
        let _ = &$value;
        Span {
            #[cfg(feature = "tracing")]
            inner: tracing::span!(
                target: "kling", tracing::Level::$level, $name,
                $known = %$value, $($later = tracing::field::Empty,)*
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

    pub(crate) fn call(name: &'static str, id: Option<&RequestId>) -> Self {
        let span = span!(DEBUG, "call", known: call = name; request_id, attempt, delay_ms, warning, error);
        if let Some(id) = id {
            span.text("request_id", id);
        }
        span
    }

    /// Returns the span of one poll of a status.
    pub fn poll(id: &RequestId) -> Self {
        span!(DEBUG, "poll", known: request_id = id; attempt, state, delay_ms, warning, error)
    }

    /// Returns the span of one call for a result.
    pub fn result(id: &RequestId) -> Self {
        span!(INFO, "result", known: request_id = id; attempt, state, delay_ms, warning, error)
    }

    /// Returns the span of one cancel.
    pub fn cancel(id: &RequestId) -> Self {
        span!(INFO, "cancel", known: request_id = id; attempt, state, delay_ms, warning, error)
    }

    /// Returns a span without records.
    pub const fn none() -> Self {
        Self {
            #[cfg(feature = "tracing")]
            inner: tracing::Span::none(),
        }
    }

    /// Returns the current span if it has the target `kling`, so that a caller's own span stays untouched.
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
    #[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "the span records nothing"))]
    pub fn text(&self, field: &'static str, value: impl Display) {
        #[cfg(feature = "tracing")]
        self.inner.record(field, tracing::field::display(value));
    }

    /// Records a number.
    #[cfg_attr(not(feature = "tracing"), allow(unused_variables, reason = "the span records nothing"))]
    pub fn number(&self, field: &'static str, value: u64) {
        #[cfg(feature = "tracing")]
        self.inner.record(field, value);
    }

    /// Records an attempt and its error.
    pub(crate) fn attempted(&self, attempts: u32, error: Option<&Error>) {
        self.number("attempt", attempts.into());
        if let Some(error) = error {
            self.text("error", error);
        }
    }

    /// Records the outcome of a submit.
    pub(crate) fn submitted<M: JobModel>(&self, attempts: u32, outcome: &SubmitOutcome<M>) {
        let (name, error) = match outcome {
            SubmitOutcome::Accepted(_) => ("submitted", None),
            SubmitOutcome::Rejected(error) => ("refused", Some(error)),
            SubmitOutcome::Unknown(_) => ("unknown", None),
        };
        self.text("outcome", name);
        if let SubmitOutcome::Accepted(job) = outcome {
            self.text("request_id", job.id());
        }
        self.attempted(attempts, error);
    }

    /// Records the pause before the next attempt.
    pub fn delay(&self, pause: Duration) {
        self.number("delay_ms", u64::try_from(pause.as_millis()).unwrap_or(u64::MAX));
    }

    /// Runs work within the span.
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
