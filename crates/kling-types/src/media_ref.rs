//! A reference to a media file: an `https` URL, or the file itself as a `data:` URI.

#[cfg(feature = "schemars")]
use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::check;
use crate::{Checked, Keyword, Pointer, Violation, Violations};

/// What a media property allows, in words.
pub(crate) const ALLOWED: &str = "an https url or a base64 data: uri";

/// An `https` URL, or a `data:` URI in base64.
///
/// The provider documents URLs only and fetches them itself, so they have to be reachable without sign-in; `data:`
/// URIs are what its own ComfyUI nodes send. [`Debug`](fmt::Debug) shows neither a query nor the bytes.
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
    /// Takes a reference as it will stand on the wire.
    ///
    /// # Errors
    /// A violation with an empty pointer, when it is neither form; the text itself is not quoted.
    pub fn new(text: impl Into<String>) -> Result<Self, Violation> {
        let text = text.into();
        match fault(&text) {
            None => Ok(Self(text)),
            Some(found) => Err(Violation::new("", Keyword::MediaReference, found, ALLOWED)),
        }
    }

    /// The reference as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the file itself is inside, as a `data:` URI.
    #[must_use]
    pub fn is_data_uri(&self) -> bool {
        !self.0.starts_with("https:")
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

impl AsRef<str> for MediaRef {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<MediaRef> for String {
    fn from(reference: MediaRef) -> Self {
        reference.0
    }
}

impl TryFrom<&str> for MediaRef {
    type Error = Violation;

    fn try_from(text: &str) -> Result<Self, Violation> {
        Self::new(text)
    }
}

impl TryFrom<&String> for MediaRef {
    type Error = Violation;

    fn try_from(text: &String) -> Result<Self, Violation> {
        Self::new(text)
    }
}

impl TryFrom<String> for MediaRef {
    type Error = Violation;

    fn try_from(text: String) -> Result<Self, Violation> {
        Self::new(text)
    }
}

impl std::str::FromStr for MediaRef {
    type Err = Violation;

    fn from_str(text: &str) -> Result<Self, Violation> {
        Self::new(text)
    }
}

impl Checked for MediaRef {
    fn check_json(value: &Value, at: &Pointer<'_>, out: &mut Violations) {
        check::media(value, at, out);
    }
}

impl<'de> Deserialize<'de> for MediaRef {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(feature = "schemars")]
impl schemars::JsonSchema for MediaRef {
    fn schema_name() -> Cow<'static, str> {
        "MediaRef".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

/// What is wrong with a reference, in words that quote nothing of it.
pub(crate) fn fault(text: &str) -> Option<&'static str> {
    if let Some(rest) = text.strip_prefix("https:") {
        return url_fault(rest);
    }
    if let Some(rest) = text.strip_prefix("data:") {
        return data_fault(rest);
    }
    Some(match text.split_once(':') {
        None if text.is_empty() => "an empty text",
        None => "text that is no url",
        Some(("http", _)) => "an http url",
        Some(_) => "text that is no https url",
    })
}

fn url_fault(rest: &str) -> Option<&'static str> {
    let Some(rest) = rest.strip_prefix("//") else { return Some("an https url without //") };
    let rest = rest.as_bytes();
    let is_visible = |byte| (byte > b' ') & (byte != 0x7f);
    // One pass is enough for nearly every URL: without an @ the host is what comes first.
    let is_plain = all(rest, |byte| is_visible(byte) & (byte != b'@'));
    let host = if is_plain { rest } else { behind_credentials(rest) };
    if matches!(host, [] | [b':' | b'/' | b'?' | b'#', ..]) {
        return Some("an https url without a host");
    }
    (!is_plain && !all(rest, is_visible)).then_some("a url with blanks or control characters")
}

/// A URL from its host on: behind the last @ before the path.
fn behind_credentials(rest: &[u8]) -> &[u8] {
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?' | b'#')).unwrap_or(rest.len());
    let at = rest[..end].iter().rposition(|&byte| byte == b'@');
    at.map_or(rest, |at| &rest[at + 1..])
}

fn data_fault(rest: &str) -> Option<&'static str> {
    let Some((head, payload)) = rest.split_once(',') else { return Some("a data: uri without a comma") };
    let Some(media_type) = head.strip_suffix(";base64") else {
        return Some("a data: uri that is not base64");
    };
    if !media_type.contains('/') || !all(media_type.as_bytes(), |byte| byte > b' ' && byte < 0x7f) {
        return Some("a data: uri without a media type");
    }
    if payload.is_empty() {
        return Some("a data: uri without content");
    }
    (!is_base64(payload.as_bytes())).then_some("a data: uri with broken base64")
}

/// Standard alphabet, padded: what every decoder takes.
fn is_base64(payload: &[u8]) -> bool {
    let padding = payload.iter().rev().take(2).take_while(|&&byte| byte == b'=').count();
    let symbols = &payload[..payload.len() - padding];
    let is_symbol = |byte: u8| byte.is_ascii_alphanumeric() | (byte == b'+') | (byte == b'/');
    payload.len().is_multiple_of(4) && all(symbols, is_symbol)
}

/// Whether `test` holds for every byte. Blocks without an early exit become vector instructions: looking at one byte after
/// the other took as long as the rest of a whole validation. The last block overlaps the one before.
fn all(bytes: &[u8], test: impl Fn(u8) -> bool) -> bool {
    const BLOCK: usize = 32;
    let Some(last) = bytes.last_chunk::<BLOCK>() else { return bytes.iter().all(|&byte| test(byte)) };
    let holds = |block: &[u8; BLOCK]| block.iter().fold(true, |holds, &byte| holds & test(byte));
    bytes.as_chunks().0.iter().fold(true, |all, block| all & holds(block)) & holds(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_taken() {
        for text in [
            "https://a",
            "https://user@host:1/p?q#f",
            "data:image/png;base64,AAAA",
            "data:image/png;base64,AA==",
        ] {
            assert_eq!(fault(text), None, "{text}");
        }
    }

    #[test]
    fn everything_else_is_named_without_being_quoted() {
        for text in [
            "",
            "photo.jpg",
            "http://a",
            "ftp://a",
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

    #[test]
    fn debug_shows_no_bytes() {
        let inline = MediaRef::new("data:image/png;base64,AAAA").unwrap();
        assert_eq!(format!("{inline:?}"), "MediaRef(data:image/png;base64,… 4 characters)");
    }
}
