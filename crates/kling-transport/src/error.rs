//! What went wrong, as questions rather than variants: how an error is asked, made and shown.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::{Phase, RequestId, TransportError, TransportErrorKind, sanitize};

/// An error of a call, or of a value that was to become one.
///
/// [`Error::kind`] says what happened. The API's own `error_code` decides first, the HTTP status second, as the provider sends
/// bad tokens and empty balances under HTTP 400. Its `Display` is one line and holds neither the token nor a URL's query.
///
/// # Troubleshooting
/// [`Error::is_transient`] tells whether asking again may help. Of a paid submit no `Error` ever means "perhaps": that is
/// [`SubmitOutcome::Unknown`](crate::SubmitOutcome::Unknown), a type of its own.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug, Default)]
struct Inner {
    kind: ErrorKind,
    message: String,
    status: Option<u16>,
    code: Option<i64>,
    detail: Option<Value>,
    retry_after: Option<Duration>,
    request_id: Option<RequestId>,
    phase: Option<Phase>,
    host: Option<String>,
    in_words: bool,
}

impl Error {
    /// Returns the kind.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The connection could not be opened: nothing was sent.
    #[must_use]
    pub fn is_connect(&self) -> bool {
        self.0.phase.is_some_and(Phase::is_before_sending)
    }

    /// A local file could not be written, exists already, is over the limit, or is in other hands.
    #[must_use]
    pub fn is_file(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Disk | ErrorKind::File | ErrorKind::FileLocked | ErrorKind::TooLarge)
    }

    /// No reply came in time (HTTP 408, or a limit of this client).
    #[must_use]
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Whether a free call may well succeed when it is made again. Says nothing of a paid one.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.kind.is_transient()
    }

    /// Whether the API itself answered, in its own JSON; a proxy's HTML page is no such answer.
    #[must_use]
    pub fn is_api_error(&self) -> bool {
        self.0.in_words
    }

    /// The request that the error is about, where one is known.
    #[must_use]
    pub fn request_id(&self) -> Option<&RequestId> {
        self.0.request_id.as_ref()
    }

    /// The HTTP status, where an answer began.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The API's own `error_code`, such as 400004.
    #[must_use]
    pub fn error_code(&self) -> Option<i64> {
        self.0.code
    }

    /// The pause that the server asked for, a year at most.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The API's `detail`, raw: text, array or object.
    #[must_use]
    pub fn detail(&self) -> Option<&Value> {
        self.0.detail.as_ref()
    }

    /// How far the exchange got, where it ended without an answer.
    #[must_use]
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// The host that a download was refused from, by the hosts allowed or by its own answer.
    #[must_use]
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }
}

impl Error {
    /// The error of a submit that was withheld because no record of it could be kept, for those who keep one.
    pub fn journal(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Journal, sanitize::text(&message.to_string()))
    }

    /// The error of a submit that was withheld because the outcome of the very same request is unknown, for those who keep a
    /// record.
    pub fn unresolved(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::DuplicateRequest, sanitize::text(&message.to_string()))
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn file(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::File, message)
    }

    pub(crate) fn host_not_allowed(message: impl Into<String>, host: Option<&str>) -> Self {
        Self::new(ErrorKind::HostNotAllowed, message).with_host(host)
    }

    pub(crate) fn with_host(mut self, host: Option<&str>) -> Self {
        self.0.host = host.map(str::to_owned);
        self
    }

    /// The same error, with one more fact.
    pub(crate) fn and(mut self, fact: &str) -> Self {
        self.0.message = format!("{}; {fact}", self.0.message);
        self
    }

    pub(crate) fn proxy(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Proxy, message)
    }

    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), ..Inner::default() }))
    }

    pub(crate) fn abandoned(mut self) -> Self {
        self.0.kind = ErrorKind::Abandoned;
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

impl From<TransportError> for Error {
    fn from(failure: TransportError) -> Self {
        let kind = match failure.kind {
            TransportErrorKind::Certificate => ErrorKind::Certificate,
            TransportErrorKind::NotLoopback => ErrorKind::Config,
            TransportErrorKind::Proxy => ErrorKind::Proxy,
            _ if failure.phase.is_before_sending() => ErrorKind::Connect,
            TransportErrorKind::Timeout => ErrorKind::Timeout,
            TransportErrorKind::TooLarge => ErrorKind::Protocol,
            TransportErrorKind::Broken => ErrorKind::Interrupted,
        };
        let mut error = Self::new(kind, sanitize::text(&failure.message));
        (error.0.phase, error.0.status) = (Some(failure.phase), failure.status);
        error.with_retry_after(failure.retry_after)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_finding(f)?;
        self.0.kind.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl Error {
    /// Writes what was found, without advice.
    pub(crate) fn write_finding(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { kind, message, status, code, request_id, phase, .. } = &*self.0;
        let Some(finding) = kind.finding() else {
            return f.write_str(message);
        };
        f.write_str(finding)?;
        let facts = [
            // Of a connection that cannot be made, the finding says so already.
            phase.filter(|phase| *phase != Phase::Connect).map(|phase| format!("while {phase}")),
            status.map(|status| format!("HTTP {status}")),
            code.map(|code| format!("error_code {code}")),
            request_id.as_ref().map(|id| format!("request {id}")),
        ];
        let facts: Vec<_> = facts.into_iter().flatten().collect();
        if !facts.is_empty() {
            write!(f, " ({})", facts.join(", "))?;
        }
        if !message.is_empty() {
            write!(f, ": {message}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    /// The same facts as `Display`, and no raw detail, which may quote an input.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}

impl std::error::Error for Error {}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller gave a submit up while no attempt was out: nothing was made of it.
    Abandoned,
    /// The token is missing, expired, revoked, or its account is inactive (400004, HTTP 401).
    Auth,
    /// The server's certificate was not accepted, so nothing was sent. Behind a proxy or a firewall that inspects TLS,
    /// `SSL_CERT_FILE` may name a file with its CA certificate.
    Certificate,
    /// A value given here cannot be used, so nothing was sent: a token, a base URL, an id, a TLS setting.
    #[default]
    Config,
    /// The connection could not be opened: nothing was sent.
    Connect,
    /// A file came in the place of an output that is none: an error in JSON, a page, an empty body, another kind of media, or
    /// one that is compressed. It was not saved.
    Content,
    /// The disk took no file, or not all of it: it is full, say. Another name would not help.
    Disk,
    /// The very same request was submitted before, and nobody knows what came of it. Nothing was sent: it might pay twice.
    /// Settle the earlier one, or say that it is meant again.
    DuplicateRequest,
    /// A local file exists already or cannot be written.
    File,
    /// A file is being downloaded by somebody else at the moment.
    FileLocked,
    /// A download was refused because its URL is outside the hosts allowed.
    HostNotAllowed,
    /// The account's balance does not cover the job (400002, HTTP 402).
    InsufficientBalance,
    /// The connection broke before the whole reply came.
    Interrupted,
    /// The input or the model id was refused by the API (400001, HTTP 400, 413, 422).
    InvalidInput,
    /// The journal could not be written, so nothing was sent.
    Journal,
    /// The model or the request is not known, or expired (404001, HTTP 404, 410).
    NotFound,
    /// The result is asked for too early (400005): the job goes on.
    NotReady,
    /// The host of an output answered that it does not give the file (HTTP 401, 403, 404, 410 and the like, see
    /// [`Error::status`] and [`Error::host`]).
    ///
    /// This says nothing of the token, the account or the request, which that host does not know. The link may have expired:
    /// the result of the job names a fresh one.
    OutputUnavailable,
    /// The request belongs to another account (403001, HTTP 403).
    Permission,
    /// The answer was not what the API is known to send: HTML, torn JSON, another request's id.
    Protocol,
    /// The proxy cannot be used, so nothing was sent: it wants a user and a password (HTTP 407), or its scheme is not
    /// supported.
    Proxy,
    /// Too many calls (HTTP 429); see [`Error::retry_after`].
    RateLimited,
    /// The answer was a redirect, which is never followed: the token stays with its origin.
    Redirect,
    /// The API refused the call with another HTTP status 4xx.
    Refused,
    /// The server failed (HTTP 5xx).
    Server,
    /// No answer came in time (HTTP 408, or a limit of this client).
    Timeout,
    /// An output has more bytes than its download may bring.
    TooLarge,
}

impl ErrorKind {
    /// The kind of an `error_code` that the provider names, and nothing else.
    pub(crate) const fn of_known_code(code: i64) -> Option<Self> {
        Some(match code {
            400_001 => Self::InvalidInput,
            400_002 => Self::InsufficientBalance,
            400_004 => Self::Auth,
            400_005 => Self::NotReady,
            403_001 => Self::Permission,
            404_001 => Self::NotFound,
            _ => return None,
        })
    }

    /// The HTTP status that a code looks like: 429123 and 429 both read as 429.
    pub(crate) const fn status_of_code(code: i64) -> Option<u16> {
        match code {
            400..600 => Some(code as u16),
            400_000..600_000 => Some((code / 1000) as u16),
            _ => None,
        }
    }

    /// The kind of an HTTP status of 300 and above.
    pub(crate) const fn of_status(status: u16) -> Self {
        match status {
            300..=399 => Self::Redirect,
            400 | 413 | 415 | 422 => Self::InvalidInput,
            401 => Self::Auth,
            402 => Self::InsufficientBalance,
            403 => Self::Permission,
            404 | 410 => Self::NotFound,
            408 => Self::Timeout,
            429 => Self::RateLimited,
            500..=599 => Self::Server,
            status if status / 100 == 4 => Self::Refused,
            _ => Self::Protocol,
        }
    }

    pub(crate) const fn is_transient(self) -> bool {
        matches!(
            self,
            Self::Connect
                | Self::Content
                | Self::Interrupted
                | Self::Protocol
                | Self::RateLimited
                | Self::Server
                | Self::Timeout
        )
    }

    /// What was found; nothing where the message says all.
    pub(crate) const fn finding(self) -> Option<&'static str> {
        Some(match self {
            Self::Config
            | Self::Disk
            | Self::File
            | Self::HostNotAllowed
            | Self::FileLocked
            | Self::TooLarge
            | Self::DuplicateRequest => {
                return None;
            }
            Self::Auth => "the token was not accepted",
            Self::InsufficientBalance => "the account's balance does not cover this",
            Self::Certificate => "the server's certificate was not accepted",
            Self::Connect => "cannot connect",
            Self::Content => "the file that arrived is not the output",
            Self::Abandoned => "given up before another attempt was made",
            Self::Interrupted => "the connection broke",
            Self::InvalidInput => "the request was refused",
            Self::Journal => "the record of what is paid for could not be kept, so nothing was sent",
            Self::NotFound => "not found, or expired",
            Self::NotReady => "the result is not ready",
            Self::OutputUnavailable => "the output could not be downloaded",
            Self::Permission => "this account has no access",
            Self::Protocol => "the answer could not be read",
            Self::Proxy => "the proxy cannot be used",
            Self::RateLimited => "too many calls",
            Self::Redirect => "the API answered with a redirect, which is never followed",
            Self::Refused => "the call was refused",
            Self::Server => "the service failed",
            Self::Timeout => "no answer came in time",
        })
    }

    /// What to do about it.
    pub(crate) const fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::Auth => "check that the token is current: creating one revokes the one before",
            Self::InsufficientBalance => "add credit to the account and submit again",
            Self::Certificate if cfg!(any(target_vendor = "apple", windows)) => {
                "if a proxy or a firewall inspects TLS, add its CA certificate to the system's trust store"
            }
            Self::Certificate => {
                "if a proxy or a firewall inspects TLS, let SSL_CERT_FILE name a file with its CA certificate"
            }
            Self::NotFound => "check the id, and that the token is of the account that made it",
            Self::NotReady => "wait for the job, then ask again",
            Self::Permission => "use the token of the account that made the request",
            Self::Proxy => "name it as HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT",
            Self::RateLimited => "wait, then try again",
            Self::Redirect => "check the API's base URL",
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;
    use crate::{ApiBase, Call, GetStatus, HttpHead, HttpReply, ModelId, Token};

    /// What a person reads, by what happened.
    #[test]
    fn texts_say_what_was_found_and_what_to_do() {
        let id: RequestId = "5e1f-09c".parse().unwrap();
        let answered = |status: u16, body: &str| {
            let head = HttpHead::new(status, |_| None, SystemTime::UNIX_EPOCH);
            let reply = HttpReply::new(head, body.to_owned().into());
            let error = GetStatus(&id).read(&reply).unwrap_err();
            error.with_request_id(Some(id.clone()))
        };
        let ended = |phase, kind, words: &str| Error::from(TransportError::new(phase, kind, words));
        let texts = [
            answered(400, r#"{"error_code":400001,"error_message":"no such model"}"#),
            answered(400, r#"{"error_code":400002,"message":"insufficient credits"}"#),
            answered(200, r#"{"error_code":400004,"error":"token revoked"}"#),
            answered(400, r#"{"error_code":400005}"#),
            answered(403, r#"{"error_code":403001,"error_message":"not yours"}"#),
            answered(404, r#"{"error_code":404001,"error_message":"gone"}"#),
            answered(422, r#"{"detail":[{"loc":["body","duration"],"msg":"not 5 or 10"}]}"#),
            answered(409, "{}"),
            answered(429, ""),
            answered(307, ""),
            answered(502, "<html><h1>Bad Gateway</h1></html>"),
            answered(200, "{\"status\":"),
            ended(Phase::Resolve, TransportErrorKind::Broken, "no such host"),
            ended(Phase::Connect, TransportErrorKind::Broken, "connection refused"),
            ended(Phase::Connect, TransportErrorKind::Certificate, "invalid peer certificate: UnknownIssuer"),
            ended(Phase::Connect, TransportErrorKind::Proxy, "through the proxy http://10.0.0.1:3128: 407"),
            ended(Phase::Waiting, TransportErrorKind::Timeout, "timed out"),
            ended(Phase::Reading, TransportErrorKind::Broken, "reset by https://api.example/x?signature=1"),
            Error::new(ErrorKind::OutputUnavailable, "cdn.example does not give the file").with_status(403),
            Error::new(ErrorKind::Content, "found JSON, expected video"),
            "../x".parse::<RequestId>().unwrap_err(),
            "a//b".parse::<ModelId>().unwrap_err(),
            "http://example.com".parse::<ApiBase>().unwrap_err(),
            Token::new("Bearer x").unwrap_err(),
        ];
        let texts: Vec<_> = texts.iter().map(Error::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn an_error_is_small_enough_to_return_by_value() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn leading_digits_of_a_code_are_read_as_a_status_only_where_they_can_be_one() {
        let cases = [
            (429_123, Some(429)),
            (500_000, Some(500)),
            (200_001, None),
            (429, Some(429)),
            (42, None),
            (-1, None),
            (4_000_010, None),
        ];
        for (code, status) in cases {
            assert_eq!(ErrorKind::status_of_code(code), status, "{code}");
        }
    }
}
