//! Media references by their form: a `data:` URI, a URL, or the path of a local file; and `data:` URIs decoded and written.

use std::path::Path;

use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use base64::{Engine, alphabet};
use kling_types::{MediaFacts, MediaRef};

use crate::{Error, Measured, from_bytes};

/// Standard alphabet and padding, as inputs are judged. Bits of the last symbol that no byte needs are let be, as some
/// encoders leave them.
const DECODER: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// What a `data:` URI begins with, in whatever case.
const SCHEME: &str = "data:";

/// A media reference by its form alone; whether anything stands behind it is for a check to find out.
///
/// ```
/// use kling_media::Reference;
/// assert!(matches!(Reference::parse("https://example.com/a.jpg"), Reference::Url(_)));
/// assert!(matches!(Reference::parse("data:image/png;base64,AAAA"), Reference::DataUri(_)));
/// assert!(matches!(Reference::parse("holiday.jpg"), Reference::Path(_)));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A file in base64 without the `data:` URI around it, which nobody takes.
    Base64(&'a str),
    /// The file itself, in base64.
    DataUri(&'a str),
    /// A local file.
    Path(&'a Path),
    /// An absolute URL of any scheme.
    Url(&'a str),
}

impl<'a> Reference<'a> {
    /// Reads a reference: a text that begins with `data:`, holds `://` or looks like raw base64 is no path.
    #[must_use]
    pub fn parse(text: &'a str) -> Self {
        if text.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:")) {
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
    /// The media type that it states, such as `image/png`; it may differ from what the bytes are.
    pub media_type: String,
    /// The file.
    pub bytes: Vec<u8>,
}

impl DataUri {
    /// Decodes a `data:` URI in base64.
    ///
    /// # Errors
    /// [`Error`] when the text is another kind of URI or the base64 is broken; nothing of it is quoted.
    pub fn decode(uri: &str) -> Result<Self, Error> {
        let rest =
            uri.split_at_checked(SCHEME.len()).filter(|(scheme, _)| scheme.eq_ignore_ascii_case(SCHEME));
        let (_, rest) = rest.ok_or_else(|| {
            Error::data_uri(match MediaRef::is_raw_base64(uri) {
                true => "raw base64 without a data: uri around it",
                false => "another kind of uri",
            })
        })?;
        let (head, payload) = rest.split_once(',').ok_or(Error::data_uri("a data: uri without a comma"))?;
        let media_type =
            head.strip_suffix(";base64").ok_or(Error::data_uri("a data: uri that is not base64"))?;
        let bytes = DECODER.decode(payload).map_err(|_| Error::data_uri("a data: uri with broken base64"))?;
        Ok(Self { media_type: media_type.to_owned(), bytes })
    }

    /// The facts of the decoded file.
    ///
    /// # Errors
    /// [`Error`] when the bytes are no image that can be measured.
    pub fn facts(&self) -> Result<MediaFacts, Error> {
        from_bytes(&self.bytes)
    }

    /// The facts of the decoded file, in the form that every reference has.
    ///
    /// # Errors
    /// [`Error`] when the bytes are no image that can be measured.
    pub fn measure(&self) -> Result<Measured, Error> {
        Ok(Measured { facts: self.facts()?, bytes_read: self.bytes.len() as u64, requests: 0 })
    }
}

/// Writes a file as a `data:` URI.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn raw_base64_is_named() {
        let text = format!("iVBORw0KGgo{}", "A".repeat(1000));
        let error = DataUri::decode(&text).unwrap_err();
        assert_eq!(
            error.to_string(),
            "found raw base64 without a data: uri around it, allowed a base64 data: uri"
        );
        assert!(matches!(Reference::parse(&text), Reference::Base64(_)));
    }

    #[test]
    fn whatever_an_input_takes_is_decoded() {
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
