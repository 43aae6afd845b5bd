//! A reference to a media file: an `https` URL, or the file itself as a `data:` URI.

mod form;

#[cfg(feature = "schemars")]
use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub(crate) use self::form::{fault, strip_scheme};
use crate::check;
use crate::{Keyword, Pointer, Validate, Violation, Violations};

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

    /// Whether a text is no reference but looks like a whole file in base64, without the `data:` URI around it.
    #[must_use]
    pub fn is_raw_base64(text: &str) -> bool {
        form::is_raw_base64(text)
    }

    /// The reference as it stands on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the file itself is inside, as a `data:` URI.
    #[must_use]
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

impl Validate for MediaRef {
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
}
