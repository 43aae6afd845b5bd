//! Media references by their form (a `data:` URI, a URL or a path), and `data:` URIs decoded and encoded.

use std::path::Path;

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{Engine, alphabet};
use kling_types::MediaRef;

use crate::error::Kind;
use crate::{Error, Measured, measure_bytes};

/// Standard alphabet and padding, as the rules for inputs require. Ignores spare bits of the last symbol, which some encoders
/// set.
const DECODER: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The scheme of a `data:` URI, in any case.
const SCHEME: &str = "data:";

/// A media reference by its form. Whether there is a file is not checked.
///
/// ```
/// use kling_media::Reference;
/// assert!(matches!(Reference::parse("https://example.com/a.jpg"), Reference::Url(_)));
/// assert!(matches!(Reference::parse("data:image/png;base64,AAAA"), Reference::DataUri(_)));
/// assert!(matches!(Reference::parse("holiday.jpg"), Reference::Path(_)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A file in base64 without the `data:` URI around it, which no model accepts.
    Base64(&'a str),
    /// The file itself, in base64.
    DataUri(&'a str),
    /// A local file.
    Path(&'a Path),
    /// An absolute URL of any scheme.
    Url(&'a str),
}

impl<'a> Reference<'a> {
    /// Reads a reference. A text that begins with `data:`, contains `://` or looks like raw base64 is no path.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        if strip_scheme(text).is_some() {
            Self::DataUri(text)
        } else if text.contains("://") {
            Self::Url(text)
        } else if MediaRef::is_raw_base64(text) {
            Self::Base64(text)
        } else {
            Self::Path(Path::new(text))
        }
    }
}

/// A decoded `data:` URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataUri {
    /// The media type in the URI, such as `image/png`. The bytes may have another.
    pub media_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

impl DataUri {
    /// Decodes a `data:` URI in base64.
    ///
    /// # Errors
    /// [`Error`] if the text is another kind of URI or the base64 is broken. The message does not quote the text.
    pub fn decode(uri: &str) -> Result<Self, Error> {
        let rest = strip_scheme(uri).ok_or_else(|| {
            Kind::DataUri(match MediaRef::is_raw_base64(uri) {
                true => "raw base64 without a data: uri around it",
                false => "another kind of uri",
            })
        })?;
        let (head, payload) = rest.split_once(',').ok_or(Kind::DataUri("a data: uri without a comma"))?;
        let media_type =
            head.strip_suffix(";base64").ok_or(Kind::DataUri("a data: uri that is not base64"))?;
        let bytes = DECODER.decode(payload).map_err(|_| Kind::DataUri("a data: uri with broken base64"))?;
        Ok(Self { media_type: media_type.to_owned(), bytes })
    }

    /// Returns the facts of the decoded file, and its length as the bytes read.
    ///
    /// # Errors
    /// As [`measure_bytes`].
    pub fn measure(&self) -> Result<Measured, Error> {
        measure_bytes(&self.bytes)
    }
}

/// Encodes a file as a `data:` URI.
///
/// ```
/// assert_eq!(kling_media::encode_data_uri("image/png", b"abc"), "data:image/png;base64,YWJj");
/// ```
#[must_use]
pub fn encode_data_uri(media_type: &str, bytes: &[u8]) -> String {
    let mut uri = format!("data:{media_type};base64,");
    STANDARD.encode_string(bytes, &mut uri);
    uri
}

fn strip_scheme(uri: &str) -> Option<&str> {
    let (scheme, rest) = uri.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_base64_is_named() {
        let text = format!("iVBORw0KGgo{}", "A".repeat(1000));
        let error = DataUri::decode(&text).unwrap_err();
        assert_eq!(
            error.to_string(),
            "got raw base64 without a data: uri around it; expected a base64 data: uri"
        );
        assert!(matches!(Reference::parse(&text), Reference::Base64(_)));
    }

    #[test]
    fn every_data_uri_of_an_input_is_decoded() {
        for (uri, bytes) in [
            ("data:image/png;base64,AAAA", [0, 0, 0].as_slice()),
            ("data:image/png;base64,AA==", &[0]),
            ("data:image/png;base64,AB==", &[0]),
            ("data:image/png;base64,AAB=", &[0, 0]),
            ("DATA:image/png;base64,AAAA", &[0, 0, 0]),
        ] {
            assert!(MediaRef::new(uri).is_ok_and(|reference| reference.is_data_uri()), "{uri}");
            assert_eq!(DataUri::decode(uri).unwrap().bytes, bytes, "{uri}");
        }
    }
}
