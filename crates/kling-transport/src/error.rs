//! What went wrong, as questions rather than variants: how an error is asked, made and shown.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use crate::{ErrorKind, Phase, RequestId, TransportError, TransportErrorKind, excerpt};

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
        Self::new(ErrorKind::Journal, excerpt::of(&message.to_string()))
    }

    /// The error of a submit that was withheld because the outcome of the very same request is unknown, for those who keep a
    /// record.
    pub fn unresolved(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::DuplicateRequest, excerpt::of(&message.to_string()))
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
        let mut error = Self::new(kind, excerpt::of(&failure.message));
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
}
