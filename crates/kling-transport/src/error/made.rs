//! How errors are made.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::{Error, Inner};
use crate::error_kind::Kind;
use crate::{Failure, FailureKind, RequestId, excerpt};

impl Error {
    /// The error of a submit that was withheld because no record of it could be kept, for those who keep one.
    pub fn journal(message: impl fmt::Display) -> Self {
        Self::new(Kind::Journal, excerpt::of(&message.to_string()))
    }

    /// The error of a submit that was withheld because the outcome of the very same request is unknown, for those who keep a
    /// record.
    pub fn unresolved(message: impl fmt::Display) -> Self {
        Self::new(Kind::Unresolved, excerpt::of(&message.to_string()))
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(Kind::Config, message)
    }

    #[cfg(any(feature = "async", feature = "blocking"))]
    pub(crate) fn file(message: impl Into<String>) -> Self {
        Self::new(Kind::File, message)
    }

    #[cfg(any(feature = "async", feature = "blocking"))]
    pub(crate) fn foreign(message: impl Into<String>, host: Option<&str>) -> Self {
        Self::new(Kind::Host, message).with_host(host)
    }

    #[cfg(any(feature = "async", feature = "blocking"))]
    pub(crate) fn with_host(mut self, host: Option<&str>) -> Self {
        self.0.host = host.map(str::to_owned);
        self
    }

    /// The same error, with one more fact.
    #[cfg(any(feature = "async", feature = "blocking"))]
    pub(crate) fn and(mut self, fact: &str) -> Self {
        self.0.message = format!("{}; {fact}", self.0.message);
        self
    }

    #[cfg(any(feature = "async", feature = "blocking"))]
    pub(crate) fn proxy(message: impl Into<String>) -> Self {
        Self::new(Kind::Proxy, message)
    }

    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), ..Inner::default() }))
    }

    pub(crate) fn given_up(mut self) -> Self {
        self.0.kind = Kind::GivenUp;
        self
    }

    pub(crate) fn with_status(mut self, status: u16) -> Self {
        self.0.status = Some(status);
        self
    }

    pub(crate) fn with_code(mut self, code: Option<i64>) -> Self {
        self.0.code = code;
        self
    }

    pub(crate) fn with_detail(mut self, detail: Option<Value>) -> Self {
        self.0.detail = detail;
        self
    }

    pub(crate) fn with_retry_after(mut self, pause: Option<Duration>) -> Self {
        self.0.retry_after = pause;
        self
    }

    pub(crate) fn with_request_id(mut self, id: Option<RequestId>) -> Self {
        self.0.request_id = id.or(self.0.request_id);
        self
    }

    pub(crate) fn spoken(mut self) -> Self {
        self.0.in_words = true;
        self
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let kind = match failure.kind {
            FailureKind::Certificate => Kind::Certificate,
            FailureKind::NotLoopback => Kind::Config,
            FailureKind::Proxy => Kind::Proxy,
            _ if failure.phase.is_before_sending() => Kind::Connect,
            FailureKind::Timeout => Kind::Timeout,
            FailureKind::TooLarge => Kind::Protocol,
            FailureKind::Broken => Kind::Interrupted,
        };
        let mut error = Self::new(kind, excerpt::of(&failure.message));
        (error.0.phase, error.0.status) = (Some(failure.phase), failure.status);
        error.with_retry_after(failure.retry_after)
    }
}
