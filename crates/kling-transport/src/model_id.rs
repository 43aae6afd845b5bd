//! The id of a model in the catalog, and how it becomes a path.

use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::{Deserialize, Deserializer, Serialize};

use crate::Error;

/// Unreserved characters of RFC 3986 stay as they are, so that a plain id looks like itself in a path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A model's id, such as `kling/kling-1-6/pro/image-to-video`.
///
/// Ids of the catalog have 2 to 5 segments and may hold dots, capitals and blanks; any number of segments is taken. Each is
/// percent-encoded on its own when the id becomes a path. Empty segments, `.` and `..` are refused: they would name another
/// path than they show.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct ModelId(Box<str>);

impl ModelId {
    /// The longest id accepted, in bytes.
    pub const MAX_LENGTH: usize = 512;

    /// The id as text, not encoded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id as a path: each segment percent-encoded, the slashes kept.
    #[must_use]
    pub fn encoded(&self) -> String {
        let segments: Vec<_> =
            self.0.split('/').map(|segment| utf8_percent_encode(segment, SEGMENT).to_string()).collect();
        segments.join("/")
    }
}

impl FromStr for ModelId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let whole = text.len() <= Self::MAX_LENGTH
            && !text.chars().any(char::is_control)
            && text.split('/').all(|segment| !matches!(segment.trim(), "" | "." | ".."));
        if whole {
            return Ok(Self(text.into()));
        }
        let shown = crate::excerpt::short(text);
        Err(Error::config(format!(
            "{shown:?} is no model id: names joined by single slashes are allowed, such as kling/kling-1-6/pro/image-to-video"
        )))
    }
}

impl fmt::Display for ModelId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ModelId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_segment_is_encoded_and_the_slashes_are_kept() {
        let id: ModelId = "maker/Model 1.5/50%?#x".parse().unwrap();
        assert_eq!(id.encoded(), "maker/Model%201.5/50%25%3F%23x");
    }

    #[test]
    fn segments_that_would_change_the_path_are_refused() {
        for text in ["", "/", "a//b", "/a", "a/", "a/../b", "./a", "a/ /b", "a\nb", &"x/".repeat(300)] {
            assert!(text.parse::<ModelId>().unwrap_err().is_config(), "{text:?}");
        }
    }
}
