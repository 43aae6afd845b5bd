//! What came back: an answer as a value, or the failure to get one.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;

use crate::download_range::{ContentRange, is_strong};
use crate::{Phase, retry_after};

/// The start of an answer: its status and the headers that matter here.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct HttpHead {
    /// The HTTP status.
    pub status: u16,
    /// The pause that the server asks for, from `Retry-After` in seconds or as a date.
    pub retry_after: Option<Duration>,
    /// The `Content-Length`, where one was sent.
    pub content_length: Option<u64>,
    /// The `Location` of a redirect.
    pub location: Option<String>,
    /// The `ETag`, which names the version of a file.
    pub etag: Option<String>,
    /// The `Last-Modified`, where it is old enough beside the answer's `Date` to name one version of a file.
    pub last_modified: Option<String>,
    /// The part of a file that the answer holds, from `Content-Range`.
    pub content_range: Option<ContentRange>,
    /// The `Content-Type`, such as `video/mp4`.
    pub content_type: Option<String>,
    /// The `Content-Encoding`: what has to be undone before the body is what was asked for.
    pub content_encoding: Option<String>,
}

impl HttpHead {
    /// Reads the headers that matter through `header`, which is asked with lower-case names; `now` is for dates in
    /// `Retry-After` where the server does not tell its own time.
    pub fn new<'a>(status: u16, header: impl Fn(&str) -> Option<&'a str>, now: SystemTime) -> Self {
        let mut headers = Headers::default();
        for name in Headers::NAMES {
            headers.note(name, || header(name));
        }
        Self::read(status, &headers, now)
    }

    pub(crate) fn read(status: u16, headers: &Headers<'_>, now: SystemTime) -> Self {
        let Headers { date, .. } = *headers;
        Self {
            status,
            retry_after: headers.retry_after.and_then(|text| retry_after::parse(text, date, now)),
            content_length: headers.content_length.and_then(|text| text.trim().parse().ok()),
            location: headers.location.map(str::to_owned),
            etag: headers.etag.map(str::to_owned),
            last_modified: settled(headers.last_modified, date).map(str::to_owned),
            content_range: headers.content_range.and_then(ContentRange::parse),
            content_type: headers.content_type.map(str::to_owned),
            content_encoding: headers.content_encoding.map(str::to_owned),
        }
    }

    /// What names the version of a file so well that a part of it can be continued, where anything does.
    #[cfg_attr(
        not(any(feature = "async", feature = "blocking")),
        allow(dead_code, reason = "only the clients go on with a download")
    )]
    pub(crate) fn version(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| is_strong(etag)).or(self.last_modified.as_deref())
    }

    /// Whether the status is 2xx.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// The headers that matter, collected in one pass: answers carry many others.
#[derive(Default)]
pub(crate) struct Headers<'a> {
    retry_after: Option<&'a str>,
    date: Option<&'a str>,
    content_length: Option<&'a str>,
    location: Option<&'a str>,
    etag: Option<&'a str>,
    last_modified: Option<&'a str>,
    content_range: Option<&'a str>,
    content_type: Option<&'a str>,
    content_encoding: Option<&'a str>,
}

impl<'a> Headers<'a> {
    const NAMES: [&'static str; 9] = [
        "retry-after",
        "date",
        "content-length",
        "location",
        "etag",
        "last-modified",
        "content-range",
        "content-type",
        "content-encoding",
    ];

    /// Takes a header if it matters. The first of a name counts.
    pub(crate) fn note(&mut self, name: &str, value: impl FnOnce() -> Option<&'a str>) {
        let place = match name {
            "retry-after" => &mut self.retry_after,
            "date" => &mut self.date,
            "content-length" => &mut self.content_length,
            "location" => &mut self.location,
            "etag" => &mut self.etag,
            "last-modified" => &mut self.last_modified,
            "content-range" => &mut self.content_range,
            "content-type" => &mut self.content_type,
            "content-encoding" => &mut self.content_encoding,
            _ => return,
        };
        *place = place.or_else(value);
    }
}

/// A `Last-Modified` that a second change cannot share: it is a second at least before the answer (RFC 9110, 8.8.2.2).
fn settled<'a>(modified: Option<&'a str>, date: Option<&str>) -> Option<&'a str> {
    let modified = modified?.trim();
    let at = httpdate::parse_http_date(modified).ok()?;
    let age = httpdate::parse_http_date(date?.trim()).ok()?.duration_since(at).ok()?;
    (age >= Duration::from_secs(1)).then_some(modified)
}

/// An answer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct HttpReply {
    /// Status and headers.
    pub head: HttpHead,
    /// The body, within the limit asked for.
    pub body: Bytes,
    /// What ended the answer early, if it broke off.
    pub broken_off: Option<Box<str>>,
}

impl HttpReply {
    /// An answer from its parts.
    #[must_use]
    pub const fn new(head: HttpHead, body: Bytes) -> Self {
        Self { head, body, broken_off: None }
    }

    /// The beginning of an answer that broke off; nothing if none had begun.
    pub(crate) fn begun(failure: &Failure) -> Option<Self> {
        let head = HttpHead {
            status: failure.status?,
            retry_after: failure.retry_after,
            content_encoding: failure.content_encoding.as_deref().map(str::to_owned),
            ..HttpHead::default()
        };
        Some(Self { head, body: failure.read.clone(), broken_off: Some(failure.message.as_str().into()) })
    }
}

/// No whole answer came: how far the exchange got, and why it ended.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Failure {
    /// How far the exchange got; a client that cannot tell names the later phase.
    pub phase: Phase,
    /// What ended it.
    pub kind: FailureKind,
    /// The client's own words, without URL or token.
    pub message: String,
    /// The HTTP status, where an answer had begun.
    pub status: Option<u16>,
    /// The pause that the server asked for, if an answer had begun.
    pub retry_after: Option<Duration>,
    /// The `Content-Encoding`, if an answer had begun.
    pub content_encoding: Option<Box<str>>,
    /// What was read of the body.
    pub read: Bytes,
}

impl Failure {
    /// A failure before any answer.
    #[must_use]
    pub fn new(phase: Phase, kind: FailureKind, message: impl Into<String>) -> Self {
        Self {
            phase,
            kind,
            message: message.into(),
            status: None,
            retry_after: None,
            content_encoding: None,
            read: Bytes::new(),
        }
    }

    /// The same failure, in the midst of an answer.
    #[must_use]
    pub fn while_reading(self, head: &HttpHead, read: Bytes) -> Self {
        Self {
            phase: Phase::Reading,
            status: Some(head.status),
            retry_after: head.retry_after,
            content_encoding: head.content_encoding.as_deref().map(Box::from),
            read,
            ..self
        }
    }

    /// The body is larger than the limit.
    #[must_use]
    pub fn too_large(head: &HttpHead, read: Bytes, limit: usize) -> Self {
        let message = format!("the answer is larger than {limit} bytes, the most that is read");
        Self::new(Phase::Reading, FailureKind::TooLarge, message).while_reading(head, read)
    }
}

/// What ended an exchange that brought no whole answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum FailureKind {
    /// A drop, a reset, a refusal, a malformed answer.
    Broken,
    /// The server's certificate was not accepted: another attempt would end alike.
    Certificate,
    /// A name that may lead to this machine only leads elsewhere.
    NotLoopback,
    /// The proxy wants a user and a password (HTTP 407): another attempt would end alike.
    Proxy,
    /// A time limit.
    Timeout,
    /// The body is larger than [`Limits::max_body`](crate::Limits::max_body).
    TooLarge,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} while {}", self.message, self.phase)
    }
}

impl std::error::Error for Failure {}
