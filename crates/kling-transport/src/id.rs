//! The ids of jobs and models.

use std::fmt;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize};

use crate::sanitize;

/// Leaves the unreserved characters of RFC 3986 as they are.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A model's id, such as `kling/kling-1-6/pro/image-to-video`.
///
/// An id has any number of segments, which may hold dots, capitals and blanks. Empty segments, `.` and `..` are rejected,
/// since they would name another path than they show.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ModelId(Box<str>);

impl ModelId {
    /// The longest id accepted, in bytes.
    pub const MAX_LENGTH: usize = 512;

    /// Returns the id as text, not encoded.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the id as a path: each segment percent-encoded, the slashes kept.
    pub fn encoded(&self) -> String {
        let segments = self.0.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string());
        segments.collect::<Vec<_>>().join("/")
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let is_valid = text.len() <= Self::MAX_LENGTH
            && !text.chars().any(char::is_control)
            && text.split('/').all(|segment| !matches!(segment.trim(), "" | "." | ".."));
        if is_valid {
            return Ok(Self(text.into()));
        }
        let shown = sanitize::name(text);
        Err(format!(
            "{shown:?} is not a model id: expected names joined by single slashes, such as kling/kling-1-6/pro/image-to-video"
        ))
    }
}

/// The id that the API gave to a job: 1 to 128 characters of `A-Z a-z 0-9 _ -`.
///
/// Ids come from servers and users and become part of a path, so no other character is accepted.
///
/// ```
/// use kling_transport::RequestId;
///
/// let id: RequestId = "5e1f-09_c".parse()?;
/// assert_eq!(id.as_str(), "5e1f-09_c");
/// assert!("../balance".parse::<RequestId>().is_err());
/// # Ok::<(), kling_transport::Error>(())
/// ```
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// The longest id accepted, in characters.
    pub const MAX_LENGTH: usize = 128;

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=Self::MAX_LENGTH).contains(&text.len()) && text.bytes().all(is_allowed) {
            return Ok(Self(text.into()));
        }
        let shown = sanitize::name(text);
        Err(format!("{shown:?} is not a request id: expected 1 to 128 letters, digits, `_` or `-`"))
    }
}

/// Shows an id as its text, and checks it again when it is deserialised.
macro_rules! as_text {
    ($($id:ident)*) => { $(
        impl fmt::Display for $id {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Self::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
            }
        }
    )* };
}

as_text!(ModelId RequestId);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ErrorKind;

    #[test]
    fn each_segment_is_encoded_and_the_slashes_are_kept() {
        let id: ModelId = "maker/Model 1.5/50%?#x".parse().unwrap();
        assert_eq!(id.encoded(), "maker/Model%201.5/50%25%3F%23x");
    }

    #[test]
    fn segments_that_would_change_the_path_are_refused() {
        for text in ["", "/", "a//b", "/a", "a/", "a/../b", "./a", "a/ /b", "a\nb", &"x/".repeat(300)] {
            assert!(text.parse::<ModelId>().unwrap_err().kind() == ErrorKind::Config, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whatever_passes_is_one_plain_segment(text in ".{0,140}") {
            let expected = !text.is_empty()
                && text.len() <= 128
                && text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
            prop_assert_eq!(text.parse::<RequestId>().is_ok(), expected);
        }
    }

    #[test]
    fn a_stored_id_is_checked_again_when_read() {
        assert!(serde_json::from_str::<RequestId>("\"abc\"").is_ok());
        assert!(serde_json::from_str::<RequestId>("\"a/../b\"").is_err());
    }
}
