//! The rest of a file: what is asked for after a break, and what an answer says that it is.

use crate::HttpHead;

/// A file that broke off: how much of it is there, and what names the version that it is of: an `ETag` or a `Last-Modified`.
///
/// `Range` asks for the rest, `If-Range` for the whole again where the version is another by now (RFC 9110, 13.1.5 and 14.2).
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rest {
    from: u64,
    version: String,
}

impl Rest {
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
pub(crate) fn is_strong(etag: &str) -> bool {
    let inner = etag.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.is_some_and(|inner| inner.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"'))
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
            Rest::new(7, Some("\"a-1\"")).map(|rest| rest.headers()),
            Some(("bytes=7-".to_owned(), "\"a-1\"".to_owned()))
        );
        assert_eq!(Rest::new(0, Some("\"a\"")), None);
        let date = "Sun, 22 Nov 2026 12:00:00 GMT";
        assert_eq!(Rest::new(7, Some(date)).map(|rest| rest.headers().1).as_deref(), Some(date));
        for etag in [None, Some("W/\"a\""), Some("a"), Some("\"a\r\nx: y\""), Some("\"")] {
            assert_eq!(Rest::new(7, etag), None, "{etag:?}");
        }
    }
}
