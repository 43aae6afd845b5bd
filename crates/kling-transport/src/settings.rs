//! What both clients need to know: the account, the limits, and the API's base with the URLs that may carry the token.

use std::env;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use url::{Host, Url};

use crate::retry::OnRetry;
use crate::{Error, Limits, RetryNotice, RetryPolicy, Token};

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
    /// [`ErrorKind::Config`] where no token is set, or a variable holds no usable value.
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

/// The variable that moves the API elsewhere, as in the provider's own command-line tool.
pub const BASE_VARIABLE: &str = "RUNCOMFY_MODEL_API_BASE";

const DEFAULT_BASE: &str = "https://model-api.runcomfy.net/v1";
const DEFAULT_BALANCE: &str = "https://api.runcomfy.net/prod/v2/balance";
const BALANCE_PATH: &str = "/prod/v2/balance";

/// Room for the path of a request about a job whose id is a UUID, in bytes.
const TYPICAL_PATH: usize = 64;

/// The base URL of the Model API; [`ApiBase::default`] is the provider's.
///
/// Plain `http` is taken for loopback only, since the token would travel in the open. The bare name `localhost` is trusted
/// to be loopback; a name below it, such as `sim.localhost`, is judged by the address that is dialled. The account's balance lives
/// on another host, `https://api.runcomfy.net/prod/v2/balance`; with a base of one's own it is asked at the path
/// `/prod/v2/balance` of that base's origin. Those are the only places that the token is ever sent to.
///
/// ```
/// use kling_transport::ApiBase;
///
/// assert_eq!(ApiBase::default().to_string(), "https://model-api.runcomfy.net/v1");
/// assert!("http://127.0.0.1:8080/v1".parse::<ApiBase>().is_ok());
/// assert!("http://example.com/v1".parse::<ApiBase>().is_err());
/// # Ok::<(), kling_transport::Error>(())
/// ```
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ApiBase {
    base: Url,
    balance: Url,
}

impl ApiBase {
    /// Reads [`BASE_VARIABLE`]; the provider's base where it is not set or blank.
    ///
    /// # Errors
    /// [`ErrorKind::Config`] where its value is no base URL.
    pub fn from_env() -> Result<Self, Error> {
        match env::var(BASE_VARIABLE) {
            Ok(text) if !text.trim().is_empty() => text.parse(),
            _ => Ok(Self::default()),
        }
    }

    /// Whether the API runs on this machine: `localhost`, `127.0.0.0/8` or `::1`.
    ///
    /// Over plain `http` also a name below `.localhost`: it is judged by its addresses, and nothing is sent if none of them
    /// is of this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// The name that may lead to this machine only, since the token goes there over plain `http`.
    pub(crate) fn judged_host(&self) -> Option<&str> {
        match self.base.host() {
            Some(Host::Domain(name)) if self.base.scheme() == "http" && name != "localhost" => Some(name),
            _ => None,
        }
    }

    /// Whether a URL has this base's scheme, host and port.
    #[must_use]
    pub fn is_origin_of(&self, url: &Url) -> bool {
        self.base.origin() == url.origin()
    }

    /// The scheme, host and port, such as `https://model-api.runcomfy.net`.
    #[must_use]
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// The URL of a path below the base, given in parts that are already encoded.
    pub(crate) fn join(&self, parts: &[&str]) -> Url {
        let mut path = String::with_capacity(TYPICAL_PATH);
        path.push_str(self.base.path().trim_end_matches('/'));
        for part in parts {
            path.push('/');
            path.push_str(part);
        }
        let mut url = self.base.clone();
        url.set_path(&path);
        url
    }

    pub(crate) fn balance(&self) -> Url {
        self.balance.clone()
    }
}

impl Default for ApiBase {
    fn default() -> Self {
        static DEFAULT: std::sync::LazyLock<ApiBase> = std::sync::LazyLock::new(|| ApiBase {
            base: Url::parse(DEFAULT_BASE).expect("a constant that a test parses"),
            balance: Url::parse(DEFAULT_BALANCE).expect("a constant that a test parses"),
        });
        DEFAULT.clone()
    }
}

impl FromStr for ApiBase {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        let base = Url::parse(text).map_err(|_| unusable("it is no URL"))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(unusable("it holds a user name or a password"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(unusable("it holds a query or a fragment"));
        }
        match base.scheme() {
            "https" if base.has_host() => {}
            "http" if is_loopback(&base) => {}
            "http" => return Err(unusable("plain http would show the token to the network")),
            _ => return Err(unusable("its scheme is not https")),
        }
        if text.trim_end_matches('/') == DEFAULT_BASE {
            return Ok(Self::default());
        }
        let mut balance = base.clone();
        balance.set_path(BALANCE_PATH);
        Ok(Self { base, balance })
    }
}

impl fmt::Display for ApiBase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.base.as_str())
    }
}

/// Whether a URL leads to this machine. Over plain `http`, names below `.localhost` are judged once more when they are
/// dialled.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => {
            name == "localhost" || url.scheme() == "http" && name.ends_with(".localhost")
        }
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn unusable(reason: &str) -> Error {
    Error::config(format!(
        "the API's base URL cannot be used: {reason}; give an https:// URL, or http:// to loopback, in {BASE_VARIABLE}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn the_default_asks_for_the_balance_on_the_other_host() {
        let base = ApiBase::default();
        assert_eq!(
            base.join(&["models", "a%20b/c"]).as_str(),
            "https://model-api.runcomfy.net/v1/models/a%20b/c"
        );
        assert_eq!(base.balance().as_str(), "https://api.runcomfy.net/prod/v2/balance");
        assert_eq!("https://model-api.runcomfy.net/v1/".parse::<ApiBase>().unwrap(), base);
    }

    #[test]
    fn a_base_of_ones_own_keeps_the_token_on_its_origin() {
        let base: ApiBase = "http://127.0.0.1:9/api/v1/".parse().unwrap();
        assert_eq!(
            base.join(&["requests", "x", "status"]).as_str(),
            "http://127.0.0.1:9/api/v1/requests/x/status"
        );
        assert_eq!(base.balance().as_str(), "http://127.0.0.1:9/prod/v2/balance");
        assert!(base.is_loopback());
    }

    #[test]
    fn only_the_bare_name_is_trusted_to_be_this_machine() {
        let cases = [
            ("http://localhost:81/v1", true, None),
            ("https://localhost/v1", true, None),
            ("http://[::1]:81/v1", true, None),
            ("http://sim.localhost:81/v1", true, Some("sim.localhost")),
            ("https://sim.localhost/v1", false, None),
            ("https://api.example/v1", false, None),
        ];
        for (text, is_loopback, judged) in cases {
            let base: ApiBase = text.parse().unwrap();
            assert_eq!((base.is_loopback(), base.judged_host()), (is_loopback, judged), "{text}");
        }
    }

    #[test]
    fn bases_that_would_leak_or_mislead_are_refused() {
        for text in [
            "",
            "model-api.runcomfy.net/v1",
            "ftp://127.0.0.1/v1",
            "http://model-api.runcomfy.net/v1",
            "http://127.0.0.1.example.com/v1",
            "http://localhost.example.com/v1",
            "http://localhost./v1",
            "http://notlocalhost/v1",
            "https://user:secret@example.com/v1",
            "https://example.com/v1?key=secret",
        ] {
            let error = text.parse::<ApiBase>().unwrap_err();
            assert!(error.kind() == ErrorKind::Config && !error.to_string().contains("secret"), "{text}");
        }
    }
}
