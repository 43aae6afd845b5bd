//! What came back: an answer as a value with the headers that matter, or the failure to get one and how far it got.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

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
            retry_after: headers.retry_after.and_then(|text| parse(text, date, now)),
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
    pub(crate) fn begun(failure: &TransportError) -> Option<Self> {
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
pub struct TransportError {
    /// How far the exchange got; a client that cannot tell names the later phase.
    pub phase: Phase,
    /// What ended it.
    pub kind: TransportErrorKind,
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

impl TransportError {
    /// A failure before any answer.
    #[must_use]
    pub fn new(phase: Phase, kind: TransportErrorKind, message: impl Into<String>) -> Self {
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
        Self::new(Phase::Reading, TransportErrorKind::TooLarge, message).while_reading(head, read)
    }
}

/// What ended an exchange that brought no whole answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TransportErrorKind {
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

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} while {}", self.message, self.phase)
    }
}

impl std::error::Error for TransportError {}

/// The stage at which an exchange ended, in the order in which they come.
///
/// Only the first two prove that nothing left this machine. What cannot be told apart counts as the later stage: for a paid
/// request it is safer to think it sent.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Looking up the host's address.
    Resolve,
    /// Opening the connection, with the TLS handshake.
    Connect,
    /// The request was leaving.
    Sending,
    /// The request had left; no answer had begun.
    Waiting,
    /// An answer had begun.
    Reading,
}

impl Phase {
    /// Whether an exchange that ended here is proven to have sent nothing.
    #[must_use]
    pub const fn is_before_sending(self) -> bool {
        matches!(self, Self::Resolve | Self::Connect)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up the host",
            Self::Connect => "connecting",
            Self::Sending => "sending the request",
            Self::Waiting => "waiting for the answer",
            Self::Reading => "reading the answer",
        })
    }
}

/// A file that broke off: how much of it is there, and what names the version that it is of: an `ETag` or a `Last-Modified`.
///
/// `Range` asks for the rest, `If-Range` for the whole again where the version is another by now (RFC 9110, 13.1.5 and 14.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RangeRequest {
    from: u64,
    version: String,
}

impl RangeRequest {
    /// Nothing where there is no strong validator: half of one version and half of another make no file.
    pub(crate) fn new(from: u64, version: Option<&str>) -> Option<Self> {
        let is_strong = |version: &str| is_strong(version) || httpdate::parse_http_date(version).is_ok();
        let version = version.filter(|version| from > 0 && is_strong(version))?;
        Some(Self { from, version: version.to_owned() })
    }

    /// The values of `Range` and `If-Range`.
    pub(crate) fn headers(&self) -> (String, String) {
        (format!("bytes={}-", self.from), self.version.clone())
    }

    /// Whether an answer under 206 goes on exactly where the file broke off, in the same version.
    pub(crate) fn is_continued_by(&self, head: &HttpHead, total: Option<u64>) -> bool {
        let same = head.version().is_none_or(|version| version == self.version);
        same && head.content_range.is_some_and(|range| {
            range.first == self.from && (range.total.is_none() || total.is_none() || range.total == total)
        })
    }
}

/// A `Content-Range`: the part of a file that an answer holds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ContentRange {
    /// The first byte, from 0.
    pub first: u64,
    /// The last byte.
    pub last: u64,
    /// The size of the whole file, where the server says it.
    pub total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes 100-199/1000` or `bytes 100-199/*`; what contradicts itself is no range.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = if total == "*" { None } else { Some(total.parse().ok()?) };
        let range = Self { first: first.parse().ok()?, last: last.parse().ok()?, total };
        let fits = range.first <= range.last && total.is_none_or(|total| range.last < total);
        fits.then_some(range)
    }
}

/// Whether an `ETag` names one sequence of bytes, and not merely what means the same.
fn is_strong(etag: &str) -> bool {
    let inner = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| inner.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'))
}

/// The longest `Retry-After` that is read. A longer one means "not today".
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads a `Retry-After`: seconds or an HTTP date.
///
/// Fractions of a second are rounded up, a unit of seconds is skipped, and a pause above a year counts as a year. A date is
/// taken relative to the server's own `Date`, so that a clock that is wrong on either side does not stretch the pause; without
/// that header, relative to `now`. A date that has passed is a pause of nothing.
fn parse(text: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    // Two headers of the name may come as one, joined by a comma. A date has a comma of its own.
    let text = text.trim().trim_matches('"');
    if text.starts_with(|letter: char| letter.is_ascii_digit() || letter == '.') {
        return seconds(text.split(',').next()?);
    }
    let until = httpdate::parse_http_date(text).ok()?;
    let from = date.and_then(|date| httpdate::parse_http_date(date.trim()).ok()).unwrap_or(now);
    Some(until.duration_since(from).unwrap_or_default().min(LONGEST))
}

fn seconds(text: &str) -> Option<Duration> {
    let number = text.trim().trim_end_matches(|letter: char| letter.is_ascii_alphabetic()).trim_end();
    let seconds: f64 = number.parse().ok()?;
    Some(Duration::from_secs(seconds.ceil() as u64).min(LONGEST))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_range_is_read_as_it_was_written(first in 0u64..1000, more in 0u64..1000, beyond in 1u64..1000) {
            let (last, total) = (first + more, first + more + beyond);
            let range = ContentRange::parse(&format!("bytes {first}-{last}/{total}"));
            prop_assert_eq!(range, Some(ContentRange { first, last, total: Some(total) }));
        }

        #[test]
        fn any_text_is_a_range_or_none(text in ".{0,40}") {
            let _ = ContentRange::parse(&text);
        }
    }

    #[test]
    fn what_contradicts_itself_is_no_range() {
        for text in ["bytes 9-8/10", "bytes 0-10/10", "bytes */10", "bytes 0-1", "items 0-1/2", "bytes 0-1/x"]
        {
            assert_eq!(ContentRange::parse(text), None, "{text}");
        }
        assert_eq!(ContentRange::parse("bytes 0-1/*").map(|range| range.total), Some(None));
    }

    #[test]
    fn only_a_strong_validator_lets_a_file_be_continued() {
        assert_eq!(
            RangeRequest::new(7, Some("\"a-1\"")).map(|rest| rest.headers()),
            Some(("bytes=7-".to_owned(), "\"a-1\"".to_owned()))
        );
        assert_eq!(RangeRequest::new(0, Some("\"a\"")), None);
        let date = "Sun, 22 Nov 2026 12:00:00 GMT";
        assert_eq!(RangeRequest::new(7, Some(date)).map(|rest| rest.headers().1).as_deref(), Some(date));
        for etag in [None, Some("W/\"a\""), Some("a"), Some("\"a\r\nx: y\""), Some("\"")] {
            assert_eq!(RangeRequest::new(7, etag), None, "{etag:?}");
        }
    }

    const NOON: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
    const FIVE_PAST: &str = "Sun, 22 Nov 2026 12:00:05 GMT";

    #[test]
    fn seconds_and_dates_are_read() {
        let noon = httpdate::parse_http_date(NOON).unwrap();
        assert_eq!(parse(" 7 ", None, noon), Some(Duration::from_secs(7)));
        assert_eq!(parse(FIVE_PAST, None, noon), Some(Duration::from_secs(5)));
        assert_eq!(parse(NOON, None, noon + Duration::from_secs(9)), Some(Duration::ZERO));
    }

    #[test]
    fn a_date_is_read_by_the_clock_of_the_server_that_sent_it() {
        let ten_years_off = httpdate::parse_http_date("Tue, 22 Nov 2016 12:00:00 GMT").unwrap();
        assert_eq!(parse(FIVE_PAST, Some(NOON), ten_years_off), Some(Duration::from_secs(5)));
    }

    #[test]
    fn a_fraction_is_rounded_up_and_what_is_too_long_is_a_year() {
        let cases = [
            ("299.997", 300),
            ("0.2", 1),
            (".5", 1),
            ("7.0", 7),
            ("30s", 30),
            ("30 seconds", 30),
            ("\"30\"", 30),
            ("30, 30", 30),
            ("1e2", 100),
            ("99999999999999999999999", 365 * 86_400),
            ("18446744073709551615", 365 * 86_400),
            ("1e999", 365 * 86_400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 365 * 86_400),
        ];
        for (text, seconds) in cases {
            assert_eq!(
                parse(text, None, SystemTime::UNIX_EPOCH),
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn anything_else_is_no_pause() {
        for text in ["", "soon", "-1", "inf", "NaN", ".", "1:30", "5 minutes 3"] {
            assert_eq!(parse(text, None, SystemTime::UNIX_EPOCH), None, "{text}");
        }
    }
}
