//! An HTTP reply as a value, or the error and phase of an exchange without one.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The status and the relevant headers of a reply.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct HttpHead {
    /// The HTTP status.
    pub status: u16,
    /// The pause that the server asks for, from `Retry-After` in seconds or as a date.
    pub retry_after: Option<Duration>,
    /// The `Content-Length`.
    pub content_length: Option<u64>,
    /// The `Location` of a redirect.
    pub location: Option<String>,
    /// The `ETag`.
    pub etag: Option<String>,
    /// The `Last-Modified`, if it is old enough beside `Date` to name one version of a file.
    pub last_modified: Option<String>,
    /// The part of a file in the body, from `Content-Range`.
    pub content_range: Option<ContentRange>,
    /// The `Content-Type`, such as `video/mp4`.
    pub content_type: Option<String>,
    /// The `Content-Encoding`, which must be undone before the body is read.
    pub content_encoding: Option<String>,
}

impl HttpHead {
    /// Reads the relevant headers through `header`, which is called with lower-case names. `now` is the base for a date in
    /// `Retry-After` if there is no `Date`.
    pub fn new<'a>(status: u16, header: impl Fn(&str) -> Option<&'a str>, now: SystemTime) -> Self {
        let (owned, date) = (|name| header(name).map(str::to_owned), header("date"));
        Self {
            status,
            retry_after: header("retry-after").and_then(|text| retry_after(text, date, now)),
            content_length: header("content-length").and_then(|text| text.trim().parse().ok()),
            location: owned("location"),
            etag: owned("etag"),
            last_modified: strong_last_modified(header("last-modified"), date).map(str::to_owned),
            content_range: header("content-range").and_then(ContentRange::parse),
            content_type: owned("content-type"),
            content_encoding: owned("content-encoding"),
        }
    }

    /// Returns a validator that is strong enough to resume a download.
    pub(crate) fn version(&self) -> Option<&str> {
        self.etag.as_deref().filter(|etag| is_strong(etag)).or(self.last_modified.as_deref())
    }

    /// Returns the `Content-Encoding`, unless it changes nothing.
    pub(crate) fn coding(&self) -> Option<&str> {
        let coding = self.content_encoding.as_deref().map(str::trim);
        coding.filter(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case("identity"))
    }

    /// Whether the status is 2xx.
    pub(crate) const fn is_success(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// Returns a `Last-Modified` that is at least a second older than the reply (RFC 9110, 8.8.2.2). Otherwise a second
/// change may share it.
fn strong_last_modified<'a>(modified: Option<&'a str>, date: Option<&str>) -> Option<&'a str> {
    let modified = modified?.trim();
    let at = httpdate::parse_http_date(modified).ok()?;
    let age = httpdate::parse_http_date(date?.trim()).ok()?.duration_since(at).ok()?;
    (age >= Duration::from_secs(1)).then_some(modified)
}

/// An HTTP reply.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[non_exhaustive]
pub struct HttpReply {
    /// The status and headers.
    pub head: HttpHead,
    /// The body, within the limit.
    pub body: Bytes,
    /// The reason, if the reply ended early.
    pub broken_off: Option<Box<str>>,
}

impl HttpReply {
    /// Returns a whole reply.
    pub const fn new(head: HttpHead, body: Bytes) -> Self {
        Self { head, body, broken_off: None }
    }
}

/// An exchange without a whole reply.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct TransportError {
    /// The phase in which the exchange ended. A transport that cannot tell names the later phase.
    pub phase: Phase,
    /// The kind.
    pub kind: TransportErrorKind,
    /// The message of the HTTP library, without URL or token.
    pub message: String,
    /// The beginning of the reply, if one began.
    pub reply: Option<Box<HttpReply>>,
}

impl TransportError {
    /// Returns an error before any reply.
    pub fn new(phase: Phase, kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { phase, kind, message: message.into(), reply: None }
    }

    /// Returns the error with the beginning of a reply.
    pub fn while_reading(self, head: HttpHead, read: Bytes) -> Self {
        Self { phase: Phase::Reading, reply: Some(HttpReply::new(head, read).into()), ..self }
    }

    /// Returns the error of a body over the limit.
    pub(crate) fn too_large(head: HttpHead, read: Bytes, limit: usize) -> Self {
        let message = format!("the reply is larger than {limit} bytes");
        Self::new(Phase::Reading, TransportErrorKind::TooLarge, message).while_reading(head, read)
    }
}

/// The kind of a [`TransportError`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// A dropped, reset or refused connection, or a malformed reply.
    Broken,
    /// The server's certificate was not accepted, so a retry does not help.
    Certificate,
    /// The proxy requires a password (HTTP 407), so a retry does not help.
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

/// The phase in which an exchange ended, in order of time.
///
/// Only the first two prove that no byte was sent. If two phases cannot be told apart, the later one counts. Then a
/// paid request is not retried.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Phase {
    /// Looking up the host's address.
    Resolve,
    /// Opening the connection, with the TLS handshake.
    Connect,
    /// Sending the request.
    Sending,
    /// Waiting for the reply. The request was sent.
    Waiting,
    /// Reading the reply.
    Reading,
}

impl Phase {
    /// Whether an exchange that ended in this phase is proven to have sent no byte.
    pub(crate) const fn is_before_sending(self) -> bool {
        matches!(self, Self::Resolve | Self::Connect)
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resolve => "looking up the host",
            Self::Connect => "connecting",
            Self::Sending => "sending the request",
            Self::Waiting => "waiting for the reply",
            Self::Reading => "reading the reply",
        })
    }
}

/// A request for the rest of a file, by its length so far and a strong validator.
///
/// `Range` asks for the rest. `If-Range` asks for the whole file if the version has changed (RFC 9110, 13.1.5 and
/// 14.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct RangeRequest {
    from: u64,
    version: String,
}

impl RangeRequest {
    /// Returns `None` without a strong validator, since parts of two versions do not make a file.
    pub(crate) fn new(from: u64, version: Option<&str>) -> Option<Self> {
        let is_strong = |version: &str| is_strong(version) || httpdate::parse_http_date(version).is_ok();
        let version = version.filter(|version| from > 0 && is_strong(version))?;
        Some(Self { from, version: version.to_owned() })
    }

    /// Returns the values of `Range` and `If-Range`.
    pub(crate) fn headers(&self) -> (String, String) {
        (format!("bytes={}-", self.from), self.version.clone())
    }

    /// Whether a 206 reply continues the same version at the right byte.
    pub(crate) fn is_continued_by(&self, head: &HttpHead, total: Option<u64>) -> bool {
        let same = head.version().is_none_or(|version| version == self.version);
        same && head.content_range.is_some_and(|range| {
            range.first == self.from && (range.total.is_none() || total.is_none() || range.total == total)
        })
    }
}

/// A `Content-Range`, the part of a file in a body.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct ContentRange {
    /// The first byte, from 0.
    pub first: u64,
    /// The last byte.
    pub last: u64,
    /// The size of the whole file, if the server names it.
    pub total: Option<u64>,
}

impl ContentRange {
    /// Reads `bytes 100-199/1000` or `bytes 100-199/*`. Returns `None` if the numbers contradict each other.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let total = if total == "*" { None } else { Some(total.parse().ok()?) };
        let range = Self { first: first.parse().ok()?, last: last.parse().ok()?, total };
        let fits = range.first <= range.last && total.is_none_or(|total| range.last < total);
        fits.then_some(range)
    }
}

/// Whether an `ETag` is strong, so that it names one sequence of bytes.
fn is_strong(etag: &str) -> bool {
    let inner = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| inner.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'))
}

/// The longest `Retry-After`. A longer one is cut to a year.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads a `Retry-After`: seconds or an HTTP date.
///
/// Rounds fractions up and skips a unit of seconds. A date counts from the server's `Date`, so that a wrong clock does
/// not change the pause, or else from `now`. A past date is a pause of zero.
fn retry_after(text: &str, date: Option<&str>, now: SystemTime) -> Option<Duration> {
    // Two headers may be joined by a comma. A date has a comma of its own.
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
        fn a_content_range_is_parsed(first in 0u64..1000, more in 0u64..1000, beyond in 1u64..1000) {
            let (last, total) = (first + more, first + more + beyond);
            let range = ContentRange::parse(&format!("bytes {first}-{last}/{total}"));
            prop_assert_eq!(range, Some(ContentRange { first, last, total: Some(total) }));
        }

        #[test]
        fn no_text_makes_the_content_range_parser_panic(text in ".{0,40}") {
            let _ = ContentRange::parse(&text);
        }
    }

    #[test]
    fn a_contradictory_content_range_is_rejected() {
        for text in ["bytes 9-8/10", "bytes 0-10/10", "bytes */10", "bytes 0-1", "items 0-1/2", "bytes 0-1/x"]
        {
            assert_eq!(ContentRange::parse(text), None, "{text}");
        }
        assert_eq!(ContentRange::parse("bytes 0-1/*").map(|range| range.total), Some(None));
    }

    #[test]
    fn only_a_strong_validator_allows_a_range_request() {
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
    fn retry_after_in_seconds_or_as_a_date() {
        let noon = httpdate::parse_http_date(NOON).unwrap();
        assert_eq!(retry_after(" 7 ", None, noon), Some(Duration::from_secs(7)));
        assert_eq!(retry_after(FIVE_PAST, None, noon), Some(Duration::from_secs(5)));
        assert_eq!(retry_after(NOON, None, noon + Duration::from_secs(9)), Some(Duration::ZERO));
    }

    #[test]
    fn retry_after_uses_the_date_header() {
        let ten_years_off = httpdate::parse_http_date("Tue, 22 Nov 2016 12:00:00 GMT").unwrap();
        assert_eq!(retry_after(FIVE_PAST, Some(NOON), ten_years_off), Some(Duration::from_secs(5)));
    }

    #[test]
    fn retry_after_is_rounded_up_and_capped_at_a_year() {
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
                retry_after(text, None, SystemTime::UNIX_EPOCH),
                Some(Duration::from_secs(seconds)),
                "{text}"
            );
        }
    }

    #[test]
    fn an_invalid_retry_after_is_ignored() {
        for text in ["", "soon", "-1", "inf", "NaN", ".", "1:30", "5 minutes 3"] {
            assert_eq!(retry_after(text, None, SystemTime::UNIX_EPOCH), None, "{text}");
        }
    }
}
