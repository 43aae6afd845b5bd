//! The settings of a client, and the base URL of the API.

use std::env;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use url::{Host, Url};

use crate::retry::OnRetry;
use crate::{Error, Limits, RetryNotice, RetryPolicy, Token};

/// The slowest upload that a submit timeout allows for, in bytes a second. Inputs may carry images.
const SLOWEST_UPLOAD: u64 = 64 * 1024;

/// The settings of an async or blocking client.
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
#[must_use]
pub struct Settings {
    pub(crate) token: Token,
    pub(crate) base: ApiBase,
    pub(crate) submit_retry: RetryPolicy,
    pub(crate) call_retry: RetryPolicy,
    pub(crate) on_retry: OnRetry,
    pub(crate) call_timeout: Duration,
    pub(crate) connect_timeout: Duration,
    submit_timeout: Duration,
}

impl Settings {
    /// Returns settings for the provider's API, with the defaults that the `with_*` methods name.
    pub fn new(token: Token) -> Self {
        Self {
            token,
            base: ApiBase::default(),
            submit_retry: RetryPolicy::new(Duration::from_secs(60)),
            call_retry: RetryPolicy::new(Duration::from_secs(20)).with_max_attempts(4),
            on_retry: OnRetry(Arc::new(|_| {})),
            connect_timeout: Duration::from_secs(10),
            submit_timeout: Duration::from_secs(120),
            call_timeout: Duration::from_secs(30),
        }
    }

    /// Returns settings with the token of [`Token::from_env`] and the base of [`ApiBase::from_env`].
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if no token is set, or a variable has an invalid value.
    pub fn from_env() -> Result<Self, Error> {
        Ok(Self::new(Token::from_env()?).with_base(ApiBase::from_env()?))
    }

    /// Sets the token.
    pub fn with_token(self, token: Token) -> Self {
        Self { token, ..self }
    }

    /// Sets the base URL.
    pub fn with_base(self, base: ApiBase) -> Self {
        Self { base, ..self }
    }

    /// Sets how long a submit is retried after 429 or failed connections. Default: 60 s. Zero means one attempt.
    pub fn with_submit_budget(self, budget: Duration) -> Self {
        Self { submit_retry: RetryPolicy { budget, ..self.submit_retry }, ..self }
    }

    /// Sets the retries of a submit after 429 or failed connections. Default: within 60 s. No other failure is retried.
    pub fn with_submit_retry(self, submit_retry: RetryPolicy) -> Self {
        Self { submit_retry, ..self }
    }

    /// Sets the retries of free calls. Default: 4 attempts within 20 s. A wait has its own budget.
    pub fn with_call_retry(self, call_retry: RetryPolicy) -> Self {
        Self { call_retry, ..self }
    }

    /// Calls `notify` before each pause of a retry, of a submit or of a free call. A wait reports its errors in its own
    /// updates.
    ///
    /// The thread that makes the call runs `notify`, so it must not block.
    pub fn with_on_retry(self, notify: impl Fn(&RetryNotice<'_>) + Send + Sync + 'static) -> Self {
        Self { on_retry: OnRetry(Arc::new(notify)), ..self }
    }

    /// Sets how long a connection may take to open. Default: 10 s.
    pub fn with_connect_timeout(self, connect_timeout: Duration) -> Self {
        Self { connect_timeout, ..self }
    }

    /// Sets how long a submit may take, beside the time for its body at 64 KiB/s. Default: 120 s. After a timeout the
    /// outcome is unknown, so it should be generous.
    pub fn with_submit_timeout(self, submit_timeout: Duration) -> Self {
        Self { submit_timeout, ..self }
    }

    /// Sets how long a free call may take. Default: 30 s.
    pub fn with_call_timeout(self, call_timeout: Duration) -> Self {
        Self { call_timeout, ..self }
    }

    /// Returns the base URL.
    pub fn base(&self) -> &ApiBase {
        &self.base
    }

    /// Returns the token.
    pub fn token(&self) -> &Token {
        &self.token
    }

    pub(crate) fn submit_limits(&self, body_bytes: usize) -> Limits {
        let upload = Duration::from_secs(body_bytes as u64 / SLOWEST_UPLOAD);
        Limits::within(self.submit_timeout.saturating_add(upload))
    }
}

/// The variable that sets the base URL, as in the provider's command-line tool.
pub const BASE_VARIABLE: &str = "RUNCOMFY_MODEL_API_BASE";

const DEFAULT_BASE: &str = "https://model-api.runcomfy.net/v1";
const DEFAULT_BALANCE: &str = "https://api.runcomfy.net/prod/v2/balance";
const BALANCE_PATH: &str = "/prod/v2/balance";

/// The base URL of the Model API; [`ApiBase::default`] is the provider's.
///
/// Plain `http` is accepted for loopback only, since it exposes the token. `localhost` is trusted to be loopback. A
/// name such as `sim.localhost` is loopback without a look-up. The balance is at `https://api.runcomfy.net/prod/v2/balance`,
/// or at `/prod/v2/balance` of a custom base's origin. The token goes to no other place.
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
    pub(crate) balance: Url,
}

impl ApiBase {
    /// Reads [`BASE_VARIABLE`]. If it is unset or blank, returns the provider's base.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the value is not a base URL.
    pub fn from_env() -> Result<Self, Error> {
        match env::var(BASE_VARIABLE) {
            Ok(text) if !text.trim().is_empty() => text.parse(),
            _ => Ok(Self::default()),
        }
    }

    /// Whether the API is on loopback: `localhost`, `127.0.0.0/8` or `::1`.
    ///
    /// Over plain `http` also a name below `.localhost`.
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.base)
    }

    /// Returns the name that is not looked up, since the token goes there over plain `http`.
    pub(crate) fn loopback_name(&self) -> Option<&str> {
        match self.base.host() {
            Some(Host::Domain(name)) if self.base.scheme() == "http" && name != "localhost" => Some(name),
            _ => None,
        }
    }

    /// Returns the addresses of that name.
    pub(crate) fn loopback(port: u16) -> [SocketAddr; 2] {
        [(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
    }

    /// Whether a URL has this base's scheme, host and port.
    pub(crate) fn is_origin_of(&self, url: &Url) -> bool {
        self.base.origin() == url.origin()
    }

    /// Returns the scheme, host and port, such as `https://model-api.runcomfy.net`.
    pub fn origin(&self) -> String {
        self.base.origin().ascii_serialization()
    }

    /// Returns the URL of a path below the base, from encoded parts.
    pub(crate) fn join(&self, parts: &[&str]) -> Url {
        let mut url = self.base.clone();
        // One allocation for a path with a UUID.
        let mut path = String::with_capacity(64);
        path.push_str(self.base.path().trim_end_matches('/'));
        parts.iter().for_each(|part| path.extend(["/", part]));
        url.set_path(&path);
        url
    }
}

impl Default for ApiBase {
    fn default() -> Self {
        static DEFAULT: LazyLock<ApiBase> = LazyLock::new(|| ApiBase {
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
        let base = Url::parse(text).map_err(|_| unusable("not a URL"))?;
        if !base.username().is_empty() || base.password().is_some() {
            return Err(unusable("it contains a user name or password"));
        }
        if base.query().is_some() || base.fragment().is_some() {
            return Err(unusable("it contains a query or fragment"));
        }
        match base.scheme() {
            "https" if base.has_host() => {}
            "http" if is_loopback(&base) => {}
            "http" => return Err(unusable("plain http would expose the token")),
            _ => return Err(unusable("the scheme is not https")),
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

/// Whether a URL is on loopback. Names below `.localhost` are not looked up.
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
        "invalid API base URL: {reason}; set {BASE_VARIABLE} to an https:// URL, or to http:// on loopback"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ErrorKind;

    #[test]
    fn the_default_balance_url_is_on_another_host() {
        let base = ApiBase::default();
        assert_eq!(
            base.join(&["models", "a%20b/c"]).as_str(),
            "https://model-api.runcomfy.net/v1/models/a%20b/c"
        );
        assert_eq!(base.balance.as_str(), "https://api.runcomfy.net/prod/v2/balance");
        assert_eq!("https://model-api.runcomfy.net/v1/".parse::<ApiBase>().unwrap(), base);
    }

    #[test]
    fn a_custom_base_keeps_the_token_on_its_origin() {
        let base: ApiBase = "http://127.0.0.1:9/api/v1/".parse().unwrap();
        assert_eq!(
            base.join(&["requests", "x", "status"]).as_str(),
            "http://127.0.0.1:9/api/v1/requests/x/status"
        );
        assert_eq!(base.balance.as_str(), "http://127.0.0.1:9/prod/v2/balance");
        assert!(base.is_loopback());
    }

    #[test]
    fn only_the_name_localhost_is_trusted_to_be_loopback() {
        let cases = [
            ("http://localhost:81/v1", true, None),
            ("https://localhost/v1", true, None),
            ("http://[::1]:81/v1", true, None),
            ("http://sim.localhost:81/v1", true, Some("sim.localhost")),
            ("https://sim.localhost/v1", false, None),
            ("https://api.example/v1", false, None),
        ];
        for (text, is_loopback, name) in cases {
            let base: ApiBase = text.parse().unwrap();
            assert_eq!((base.is_loopback(), base.loopback_name()), (is_loopback, name), "{text}");
        }
    }

    #[test]
    fn unsafe_base_urls_are_rejected() {
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
