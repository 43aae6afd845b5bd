//! What both clients need to know: the account, the API's base, the limits.

use std::time::Duration;

use crate::retry::OnRetry;
use crate::{ApiBase, Error, Limits, RetryNotice, RetryPolicy, Token};

/// Uploads slower than this make a submit time out, in bytes a second: inputs may carry images.
const SLOWEST_UPLOAD: u64 = 64 * 1024;

/// The settings of a client, the same for the async and the blocking one.
///
/// ```
/// use std::time::Duration;
/// use kling_transport::{Settings, Token};
///
/// let settings = Settings::new(Token::new("rc-0123456789")?)
///     .with_base("http://127.0.0.1:8080/v1".parse()?)
///     .with_submit_budget(Duration::from_secs(20));
/// # Ok::<(), kling_transport::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Settings {
    pub(crate) token: Token,
    pub(crate) base: ApiBase,
    pub(crate) submit_retry: RetryPolicy,
    pub(crate) call_retry: RetryPolicy,
    pub(crate) on_retry: OnRetry,
    connect_timeout: Duration,
    submit_timeout: Duration,
    call_timeout: Duration,
}

impl Settings {
    /// Settings for the provider's own API, with the defaults that the `with_*` methods name.
    #[must_use]
    pub fn new(token: Token) -> Self {
        Self {
            token,
            base: ApiBase::default(),
            submit_retry: RetryPolicy::new(Duration::from_secs(60)),
            call_retry: RetryPolicy::new(Duration::from_secs(20)).with_max_attempts(4),
            on_retry: OnRetry::default(),
            connect_timeout: Duration::from_secs(10),
            submit_timeout: Duration::from_secs(120),
            call_timeout: Duration::from_secs(30),
        }
    }

    /// The token of [`Token::from_env`] and the base of [`ApiBase::from_env`].
    ///
    /// # Errors
    /// [`Error::is_config`] where no token is set, or a variable holds no usable value.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self::new(Token::from_env()?).with_base(ApiBase::from_env()?))
    }

    /// Where the API lives.
    #[must_use]
    pub fn with_base(self, base: ApiBase) -> Self {
        Self { base, ..self }
    }

    /// How long a submit is tried again after refusals that cost nothing (429, or no connection); 60 s. Nothing else is
    /// ever tried again; zero means exactly one attempt.
    #[must_use]
    pub fn with_submit_budget(self, budget: Duration) -> Self {
        Self { submit_retry: RetryPolicy { budget, ..self.submit_retry }, ..self }
    }

    /// How a submit is tried again after refusals that cost nothing, in full; see [`Settings::with_submit_budget`].
    #[must_use]
    pub fn with_submit_retry(self, submit_retry: RetryPolicy) -> Self {
        Self { submit_retry, ..self }
    }

    /// How single free calls are tried again; up to 4 times within 20 s. A wait has a budget of its own.
    #[must_use]
    pub fn with_call_retry(self, call_retry: RetryPolicy) -> Self {
        Self { call_retry, ..self }
    }

    /// Calls `notify` before each pause that leads to another attempt, of a submit or of a single free call. By default nobody
    /// is notified. A wait reports its errors in its own updates instead.
    ///
    /// It is called on the thread that makes the call, so it must not block.
    #[must_use]
    pub fn with_on_retry(self, notify: impl Fn(&RetryNotice<'_>) + Send + Sync + 'static) -> Self {
        Self { on_retry: OnRetry::new(notify), ..self }
    }

    /// How long a connection may take to open; 10 s.
    #[must_use]
    pub fn with_connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// How long one submit may take, beside the time that its body needs at 64 KiB/s; 120 s. When it passes, the outcome of
    /// a paid request is unknown, so it is generous.
    #[must_use]
    pub fn with_submit_timeout(self, submit_timeout: Duration) -> Self {
        Self { submit_timeout, ..self }
    }

    /// How long one free call may take; 30 s.
    #[must_use]
    pub fn with_call_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout, ..self }
    }

    /// Where the API lives.
    #[must_use]
    pub fn base(&self) -> &ApiBase {
        &self.base
    }

    /// The account's token.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// How long a connection may take to open.
    #[must_use]
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// How long one free call may take.
    #[must_use]
    pub fn call_timeout(&self) -> Duration {
        self.call_timeout
    }

    pub(crate) fn submit_limits(&self, body_bytes: usize) -> Limits {
        let upload = Duration::from_secs(body_bytes as u64 / SLOWEST_UPLOAD);
        Limits::within(self.submit_timeout.saturating_add(upload))
    }
}
