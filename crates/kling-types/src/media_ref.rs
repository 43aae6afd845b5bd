//! References to media files: an `https` URL, or the file itself as a `data:` URI.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::check::{Validate, wrong_type};
use crate::{Keyword, Pointer, Violation, Violations};

/// The allowed forms of a reference, in words.
const ALLOWED: &str = "an https URL or a base64 data: URI";

/// An `https` URL, or a `data:` URI in base64.
///
/// The provider documents URLs only and fetches them itself, so a URL must be reachable without sign-in. The provider's own
/// ComfyUI nodes send `data:` URIs. [`Debug`](fmt::Debug) shows neither a query nor the bytes.
///
/// ```
/// use kling_types::MediaRef;
/// let photo: MediaRef = "https://example.com/start.jpg?signature=secret".parse()?;
/// assert_eq!(format!("{photo:?}"), "MediaRef(https://example.com/start.jpg)");
/// assert!("http://example.com/start.jpg".parse::<MediaRef>().is_err());
/// # Ok::<(), kling_types::Violation>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct MediaRef(String);

impl MediaRef {
    /// Takes a reference as it is sent.
    ///
    /// # Errors
    /// A violation with an empty pointer if the text has neither form. The violation does not quote the text.
    pub fn new(text: impl Into<String>) -> Result<Self, Violation> {
        let text = text.into();
        match fault(&text) {
            None => Ok(Self(text)),
            Some(found) => Err(Violation::of(Keyword::MediaReference, found, ALLOWED)),
        }
    }

    /// Whether a text looks like a whole file in base64 alone: it begins as such files do, or is longer than any path.
    pub fn is_raw_base64(text: &str) -> bool {
        /// JPEG, PNG, GIF, the family of WebP, and that of HEIC, AVIF and MP4.
        const STARTS: [&str; 5] = ["/9j/", "iVBORw0KGgo", "R0lGOD", "UklGR", "AAAA"];
        const SHORTEST: usize = 64;
        const LONGEST_PATH: usize = 4096;
        let text = text.trim();
        let is_symbol = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=-_\r\n".contains(&byte);
        let begins = || text.len() >= SHORTEST && STARTS.iter().any(|start| text.starts_with(start));
        (text.len() > LONGEST_PATH || begins()) && text.bytes().all(is_symbol)
    }

    /// The reference as it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the reference is a `data:` URI, which holds the file itself.
    pub fn is_data_uri(&self) -> bool {
        strip_scheme(&self.0, "data:").is_some()
    }
}

impl fmt::Debug for MediaRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = match self.0.split_once(',') {
            Some((head, payload)) if self.is_data_uri() => format!("{head},… {} characters", payload.len()),
            _ => self.0.split(['?', '#']).next().unwrap_or_default().to_owned(),
        };
        write!(f, "MediaRef({shown})")
    }
}

impl From<MediaRef> for String {
    fn from(reference: MediaRef) -> Self {
        reference.0
    }
}

impl std::str::FromStr for MediaRef {
    type Err = Violation;

    fn from_str(text: &str) -> Result<Self, Violation> {
        Self::new(text)
    }
}

crate::__from_text!(MediaRef);

impl Validate for MediaRef {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        match value {
            Value::String(text) => {
                if let Some(found) = fault(text) {
                    out.push(Violation::of(Keyword::MediaReference, found, ALLOWED).at(at));
                }
            }
            other => wrong_type(other, ALLOWED, at, out),
        }
    }
}

impl<'de> Deserialize<'de> for MediaRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

/// The fault of a reference, in words that quote none of its text.
fn fault(text: &str) -> Option<&'static str> {
    if let Some(rest) = strip_scheme(text, "https:") {
        return url_fault(rest);
    }
    if let Some(rest) = strip_scheme(text, "data:") {
        return data_fault(rest);
    }
    Some(match text.split_once(':') {
        None if text.is_empty() => "an empty text",
        None if MediaRef::is_raw_base64(text) => "raw base64 without a data: URI around it",
        None => "text that is not a URL",
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => "an http URL",
        Some(_) => "text that is not an https URL",
    })
}

/// The text after a scheme, which may be written in capitals.
#[inline]
pub(crate) fn strip_scheme<'t>(text: &'t str, scheme: &str) -> Option<&'t str> {
    // Capitals are rare, and a comparison letter by letter is slow.
    text.strip_prefix(scheme).or_else(|| {
        let (start, rest) = text.split_at_checked(scheme.len())?;
        start.eq_ignore_ascii_case(scheme).then_some(rest)
    })
}

fn url_fault(rest: &str) -> Option<&'static str> {
    let Some(rest) = rest.strip_prefix("//") else { return Some("an https URL without //") };
    let is_visible = |byte| (byte > b' ') & (byte != 0x7f);
    // One pass is enough for nearly every URL: without an @ the host comes first.
    let is_plain = all(rest, |byte| is_visible(byte) & (byte != b'@'));
    let host = if is_plain { rest } else { after_credentials(rest) };
    if matches!(host.as_bytes(), [] | [b':' | b'/' | b'?' | b'#', ..]) {
        return Some("an https URL without a host");
    }
    (!is_plain && !all(rest, is_visible)).then_some("a URL with blanks or control characters")
}

/// A URL from its host on: after the last @ before the path.
fn after_credentials(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    authority.rfind('@').map_or(rest, |at| &rest[at + 1..])
}

fn data_fault(rest: &str) -> Option<&'static str> {
    let Some((head, payload)) = rest.split_once(',') else { return Some("a data: URI without a comma") };
    let Some(media_type) = head.strip_suffix(";base64") else {
        return Some("a data: URI that is not base64");
    };
    if !media_type.contains('/') || !all(media_type, |byte| byte > b' ' && byte < 0x7f) {
        return Some("a data: URI without a media type");
    }
    if payload.is_empty() {
        return Some("a data: URI without content");
    }
    (!is_base64(payload)).then_some("a data: URI with broken base64")
}

/// Whether a text is base64 of the standard alphabet, padded. The last symbol may hold bits that no byte needs, as some
/// encoders write it.
fn is_base64(payload: &str) -> bool {
    let symbols = payload.strip_suffix("==").or_else(|| payload.strip_suffix('=')).unwrap_or(payload);
    let is_symbol = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'+') | (byte == b'/');
    payload.len().is_multiple_of(4) && all(symbols, is_symbol)
}

/// Whether `test` holds for every byte. Blocks without an early exit become vector instructions. The last block overlaps the
/// one before.
fn all(text: &str, test: impl Fn(u8) -> bool) -> bool {
    const BLOCK: usize = 32;
    let bytes = text.as_bytes();
    let Some(last) = bytes.last_chunk::<BLOCK>() else { return bytes.iter().all(|&byte| test(byte)) };
    let holds = |block: &[u8; BLOCK]| block.iter().fold(true, |holds, &byte| holds & test(byte));
    bytes.as_chunks().0.iter().fold(true, |all, block| all & holds(block)) & holds(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_may_be_written_in_capitals() {
        let url = MediaRef::new("HTTPS://a/b?signature=secret").unwrap();
        assert!(!url.is_data_uri());
        assert_eq!(format!("{url:?}"), "MediaRef(HTTPS://a/b)");
        assert!(MediaRef::new("DATA:image/png;base64,AAAA").unwrap().is_data_uri());
    }

    #[test]
    fn debug_shows_no_bytes() {
        let inline = MediaRef::new("data:image/png;base64,AAAA").unwrap();
        assert_eq!(format!("{inline:?}"), "MediaRef(data:image/png;base64,… 4 characters)");
    }

    #[test]
    fn both_forms_are_taken() {
        for text in [
            "https://a",
            "HTTPS://a",
            "Https://a/B?c",
            "Data:image/png;base64,AAAA",
            "https://user@host:1/p?q#f",
            "data:image/png;base64,AAAA",
            "data:image/png;base64,AA==",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn a_scheme_is_named_whatever_its_case() {
        assert_eq!((fault("http://a"), fault("HTTP://a")), (Some("an http URL"), Some("an http URL")));
        assert_eq!(fault("httpé://a"), Some("text that is not an https URL"));
        assert_eq!(strip_scheme("Data:x", "data:"), Some("x"));
        assert_eq!(strip_scheme("dat", "data:"), None);
    }

    #[test]
    fn raw_base64_is_named_and_a_path_is_none() {
        let found = Some("raw base64 without a data: URI around it");
        for start in ["/9j/4AAQSkZJRg", "iVBORw0KGgoAAAA", "R0lGODlhAQABAIAA", "UklGRiIAAABXRUJQ"] {
            assert_eq!(fault(&format!("{start}{}==", "Ab9+/".repeat(20))), found, "{start}");
            assert_eq!(fault(&format!(" {start}{}\r\n", "Ab9_-\n".repeat(20))), found, "{start}");
        }
        assert_eq!(fault(&"Qk0A".repeat(2000)), found);
        for path in
            ["/9j/photo.jpg", "/9j/photo", &format!("/9j/{}.jpg", "photo/".repeat(20)), &"x/".repeat(99)]
        {
            assert_eq!(fault(path), Some("text that is not a URL"), "{path}");
        }
    }

    #[test]
    fn everything_else_is_named_without_being_quoted() {
        for text in [
            "",
            "photo.jpg",
            "http://a",
            "ftp://a",
            "HTTPS:a",
            "HTTP://a",
            "https:a",
            "https://",
            "https://:1/",
            "https://a b",
            "https://a\n",
            "data:",
            "data:image/png,x",
            "data:;base64,AAAA",
            "data:image/png;base64,",
            "data:image/png;base64,A",
            "data:image/png;base64,A===",
            "data:image/png;base64,AA~=",
            "data:image png/x;base64,AAAA",
        ] {
            let found = fault(text).unwrap_or_else(|| panic!("{text:?} was taken"));
            assert!(text.len() <= "data:".len() || !found.contains(text), "{found}");
        }
    }
}
