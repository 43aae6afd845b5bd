//! The error of a call and its kinds.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde_json::Value;

use crate::{HttpHead, ModelId, Phase, RequestId, TransportError, TransportErrorKind, sanitize};

/// An error of a call, a download, or a value that cannot be used.
///
/// [`Error::kind`] tells the kind. The API's `error_code` decides it before the HTTP status does, since the provider
/// sends bad tokens as HTTP 400. `Display` is one line, without the token and URL queries.
///
/// # Troubleshooting
/// [`Error::is_transient`] tells whether a retry may help. An unknown outcome of a submit is never an `Error`: see
/// [`SubmitOutcome::Unknown`](crate::SubmitOutcome::Unknown).
#[derive(Clone)]
pub struct Error(pub(crate) Box<ErrorParts>);

/// The facts of an [`Error`].
#[derive(Clone, Debug, Default)]
pub(crate) struct ErrorParts {
    pub(crate) kind: ErrorKind,
    pub(crate) message: String,
    pub(crate) status: Option<u16>,
    pub(crate) code: Option<i64>,
    pub(crate) detail: Option<Value>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) request_id: Option<RequestId>,
    pub(crate) phase: Option<Phase>,
    pub(crate) host: Option<String>,
    pub(crate) is_api_error: bool,
}

impl Error {
    /// Returns the kind.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the connection could not be opened, so that no request was sent.
    pub fn is_connect(&self) -> bool {
        self.0.phase.is_some_and(Phase::is_before_sending)
    }

    /// Whether a local file cannot be written, exists already, is over the limit, or is locked by another process.
    pub fn is_file(&self) -> bool {
        matches!(self.0.kind, ErrorKind::Disk | ErrorKind::File | ErrorKind::FileLocked | ErrorKind::TooLarge)
    }

    /// Whether no reply came in time: HTTP 408, or a limit of this client.
    pub fn is_timeout(&self) -> bool {
        self.0.kind == ErrorKind::Timeout
    }

    /// Whether a retry of a free call may succeed. This is not about paid calls.
    pub fn is_transient(&self) -> bool {
        use ErrorKind::{Connect, Content, Interrupted, Protocol, RateLimited, Server, Timeout};
        matches!(self.0.kind, Connect | Content | Interrupted | Protocol | RateLimited | Server | Timeout)
    }

    /// Whether the API itself replied, with its own JSON and not with a proxy's HTML page.
    pub fn is_api_error(&self) -> bool {
        self.0.is_api_error
    }

    /// Returns the request id of the job that the error is about, if it is known.
    pub fn request_id(&self) -> Option<&RequestId> {
        self.0.request_id.as_ref()
    }

    /// Returns the HTTP status, if a reply began.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// Returns the API's `error_code`, such as 400004.
    pub fn error_code(&self) -> Option<i64> {
        self.0.code
    }

    /// Returns the pause that the server asked for, a year at most.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Returns the API's `detail`, raw: text, array or object.
    pub fn detail(&self) -> Option<&Value> {
        self.0.detail.as_ref()
    }

    /// Returns the phase in which the exchange ended, if there was no whole reply.
    pub fn phase(&self) -> Option<Phase> {
        self.0.phase
    }

    /// Returns the host of a failed download, if the host is not allowed or refused the file.
    pub fn host(&self) -> Option<&str> {
        self.0.host.as_deref()
    }

    /// Returns the error of a submit that was withheld because the journal cannot record it.
    pub fn journal(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Journal, sanitize::text(&message.to_string()))
    }

    /// Returns the error of a submit that was withheld because the outcome of an equal request is unknown.
    pub fn unresolved(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::DuplicateRequest, sanitize::text(&message.to_string()))
    }

    /// Returns an error of a kind, for code around a client. The message is one lower-case line.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(ErrorParts { kind, message: message.into(), ..ErrorParts::default() }.into())
    }

    pub(crate) fn config(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Config, message)
    }

    pub(crate) fn host_not_allowed(message: impl Into<String>, host: Option<&str>) -> Self {
        let (kind, host) = (ErrorKind::HostNotAllowed, host.map(str::to_owned));
        Self(ErrorParts { kind, message: message.into(), host, ..ErrorParts::default() }.into())
    }

    pub(crate) fn abandoned(mut self) -> Self {
        self.0.kind = ErrorKind::Abandoned;
        self
    }

    /// Appends a fact to the message.
    pub(crate) fn and(mut self, fact: &str) -> Self {
        self.0.message = format!("{}; {fact}", self.0.message);
        self
    }

    pub(crate) fn with_head(mut self, head: &HttpHead) -> Self {
        (self.0.status, self.0.retry_after) = (Some(head.status), head.retry_after);
        self
    }

    pub(crate) fn with_request_id(mut self, id: Option<RequestId>) -> Self {
        self.0.request_id = id.or(self.0.request_id);
        self
    }

    /// Writes what happened, without advice.
    pub(crate) fn write_finding(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ErrorParts { kind, message, status, code, request_id, phase, .. } = &*self.0;
        let Some(finding) = kind.finding() else {
            return f.write_str(message);
        };
        f.write_str(finding)?;
        let facts = [
            // "cannot connect" names this phase already.
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

impl From<TransportError> for Error {
    fn from(error: TransportError) -> Self {
        let kind = match error.kind {
            TransportErrorKind::Certificate => ErrorKind::Certificate,
            TransportErrorKind::Proxy => ErrorKind::Proxy,
            _ if error.phase.is_before_sending() => ErrorKind::Connect,
            TransportErrorKind::Timeout => ErrorKind::Timeout,
            TransportErrorKind::TooLarge => ErrorKind::Protocol,
            TransportErrorKind::Broken => ErrorKind::Interrupted,
        };
        let message = sanitize::text(&error.message);
        let parts = ErrorParts { kind, message, phase: Some(error.phase), ..ErrorParts::default() };
        let plain = Self(parts.into());
        error.reply.iter().fold(plain, |error, reply| error.with_head(&reply.head))
    }
}

impl FromStr for ModelId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).map_err(Error::config)
    }
}

impl FromStr for RequestId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::parse(text).map_err(Error::config)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_finding(f)?;
        self.0.kind.advice().map_or(Ok(()), |advice| write!(f, "; {advice}"))
    }
}

impl fmt::Debug for Error {
    /// Shows the facts of `Display`, and no raw detail, which may quote an input.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}: {self})", self.0.kind)
    }
}

impl std::error::Error for Error {}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller abandoned a submit between attempts. No job was created.
    Abandoned,
    /// The token is missing, expired or revoked, or its account is inactive (400004, HTTP 401).
    Auth,
    /// The server's certificate was not accepted, so the request was not sent. If a proxy or firewall inspects TLS, `SSL_CERT_FILE`
    /// may name a file with its CA certificate.
    Certificate,
    /// A local value cannot be used, so no request was sent: a token, a base URL, an id, a TLS setting.
    #[default]
    Config,
    /// The connection could not be opened, so no request was sent.
    Connect,
    /// The deadline of a wait passed. The job may still run.
    Deadline,
    /// The body of a download is not the expected media: JSON, HTML, an empty body, another kind, or compressed data. The
    /// file was not saved.
    Content,
    /// The disk refused a file or is full. Another file name does not help.
    Disk,
    /// The outcome of an equal earlier submit is unknown, so this one was not sent: a second submit might pay twice. Resolve the
    /// earlier entry, or allow the duplicate.
    DuplicateRequest,
    /// A local file exists already or cannot be written.
    File,
    /// Another process is downloading the file.
    FileLocked,
    /// The URL of a download is outside the allowed hosts.
    HostNotAllowed,
    /// The account's balance does not cover the job (400002, HTTP 402).
    InsufficientBalance,
    /// The connection broke before the whole reply came.
    Interrupted,
    /// The input breaks a rule of the model, or the API rejected the input or the model id (400001, HTTP 400, 413, 415, 422).
    InvalidInput,
    /// The job was cancelled.
    JobCancelled,
    /// The job failed.
    JobFailed,
    /// The journal could not be written, so no request was sent.
    Journal,
    /// The model or the request is unknown or expired (404001, HTTP 404, 410).
    NotFound,
    /// The job has no result yet (400005).
    NotReady,
    /// The host of an output refused the file (HTTP 401, 403, 404, 410 and others, see [`Error::status`]).
    ///
    /// This is not about the token, the account or the request. If the link expired, the result of the job names a
    /// fresh one.
    OutputUnavailable,
    /// The request belongs to another account (403001, HTTP 403).
    Permission,
    /// The reply is not one that the API is known to send: HTML, broken JSON, another request's id.
    Protocol,
    /// The proxy cannot be used, so no request was sent: it requires a password (HTTP 407), or its scheme is not supported.
    Proxy,
    /// Too many calls (HTTP 429). See [`Error::retry_after`].
    RateLimited,
    /// The reply is a redirect. Redirects are never followed, so that the token stays with its origin.
    Redirect,
    /// The API rejected the call with another HTTP status 4xx.
    Refused,
    /// The server failed (HTTP 5xx).
    Server,
    /// No reply came in time (HTTP 408, or a limit of this client).
    Timeout,
    /// An output has more bytes than its download allows.
    TooLarge,
    /// A paid request was sent in part or whole, and no usable reply came. A job may be running and billed.
    UnknownOutcome,
}

impl ErrorKind {
    /// Returns the kind of an `error_code` that the provider documents.
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

    /// Returns the HTTP status in the leading digits of an `error_code`: 429 for both 429123 and 429.
    pub(crate) const fn status_of_code(code: i64) -> Option<u16> {
        match code {
            400..600 => Some(code as u16),
            400_000..600_000 => Some((code / 1000) as u16),
            _ => None,
        }
    }

    /// Returns the kind of an HTTP status of 300 and above.
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

    /// Returns the beginning of the text, or `None` if the message is complete by itself.
    const fn finding(self) -> Option<&'static str> {
        Some(match self {
            Self::Config
            | Self::Deadline
            | Self::Disk
            | Self::DuplicateRequest
            | Self::File
            | Self::FileLocked
            | Self::HostNotAllowed
            | Self::JobCancelled
            | Self::JobFailed
            | Self::TooLarge
            | Self::UnknownOutcome => return None,
            Self::Abandoned => "abandoned before another attempt",
            Self::Auth => "the token was not accepted",
            Self::Certificate => "the server's certificate was not accepted",
            Self::Connect => "cannot connect",
            Self::Content => "the download is not the expected output",
            Self::InsufficientBalance => "insufficient balance",
            Self::Interrupted => "the connection broke",
            Self::InvalidInput => "the API rejected the input",
            Self::Journal => "the journal could not be written, so nothing was sent",
            Self::NotFound => "not found, or expired",
            Self::NotReady => "the result is not ready",
            Self::OutputUnavailable => "the output could not be downloaded",
            Self::Permission => "this account has no access",
            Self::Protocol => "unexpected reply",
            Self::Proxy => "the proxy cannot be used",
            Self::RateLimited => "too many calls",
            Self::Redirect => "the API replied with a redirect, which is never followed",
            Self::Refused => "the API rejected the call",
            Self::Server => "server error",
            Self::Timeout => "timed out",
        })
    }

    /// Returns what the user should do.
    const fn advice(self) -> Option<&'static str> {
        Some(match self {
            Self::Auth => "check the token: creating a new one revokes the old one",
            Self::Certificate if cfg!(any(target_vendor = "apple", windows)) => {
                "if a proxy or firewall inspects TLS, add its CA certificate to the system's trust store"
            }
            Self::Certificate => {
                "if a proxy or firewall inspects TLS, set SSL_CERT_FILE to a file with its CA certificate"
            }
            Self::InsufficientBalance => "add credit to the account and submit again",
            Self::NotFound => "check the id, and use the token of the account that submitted it",
            Self::NotReady => "wait for the job, then try again",
            Self::Permission => "use the token of the account that submitted the request",
            Self::Proxy => "set HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT",
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

    #[test]
    fn error_messages() {
        let id: RequestId = "5e1f-09c".parse().unwrap();
        let replied = |status: u16, body: &str| {
            let head = HttpHead::new(status, |_| None, SystemTime::UNIX_EPOCH);
            let reply = HttpReply::new(head, body.to_owned().into());
            let error = GetStatus(&id).read(&reply).unwrap_err();
            error.with_request_id(Some(id.clone()))
        };
        let failed = |phase, kind, text: &str| Error::from(TransportError::new(phase, kind, text));
        let texts = [
            replied(400, r#"{"error_code":400001,"error_message":"no such model"}"#),
            replied(400, r#"{"error_code":400002,"message":"insufficient credits"}"#),
            replied(200, r#"{"error_code":400004,"error":"token revoked"}"#),
            replied(400, r#"{"error_code":400005}"#),
            replied(403, r#"{"error_code":403001,"error_message":"not yours"}"#),
            replied(404, r#"{"error_code":404001,"error_message":"gone"}"#),
            replied(422, r#"{"detail":[{"loc":["body","duration"],"msg":"not 5 or 10"}]}"#),
            replied(409, "{}"),
            replied(429, ""),
            replied(307, ""),
            replied(502, "<html><h1>Bad Gateway</h1></html>"),
            replied(200, "{\"status\":"),
            failed(Phase::Resolve, TransportErrorKind::Broken, "no such host"),
            failed(Phase::Connect, TransportErrorKind::Broken, "connection refused"),
            failed(
                Phase::Connect,
                TransportErrorKind::Certificate,
                "invalid peer certificate: UnknownIssuer",
            ),
            failed(Phase::Connect, TransportErrorKind::Proxy, "through proxy http://10.0.0.1:3128: 407"),
            failed(Phase::Waiting, TransportErrorKind::Timeout, "timed out"),
            failed(Phase::Reading, TransportErrorKind::Broken, "reset by https://api.example/x?signature=1"),
            Error::new(ErrorKind::OutputUnavailable, "cdn.example refused the file")
                .with_head(&HttpHead::new(403, |_| None, SystemTime::UNIX_EPOCH)),
            Error::new(ErrorKind::Content, "got JSON; expected video"),
            "../x".parse::<RequestId>().unwrap_err(),
            "a//b".parse::<ModelId>().unwrap_err(),
            "http://example.com".parse::<ApiBase>().unwrap_err(),
            Token::new("Bearer x").unwrap_err(),
        ];
        let texts: Vec<_> = texts.iter().map(Error::to_string).collect();
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn an_error_is_one_pointer() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn the_leading_digits_of_an_error_code_may_be_a_status() {
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
