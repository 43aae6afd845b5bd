//! The id of one paid job, checked to be exactly one harmless path segment.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

use crate::Error;

/// The id that the API gave to a job: 1 to 128 characters of `A-Z a-z 0-9 _ -`.
///
/// Ids come from servers and from users, and become part of a path, so nothing else is let in. That is the form the
/// provider's own clients accept.
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

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RequestId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let fits = (1..=Self::MAX_LENGTH).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')) {
            return Ok(Self(text.into()));
        }
        let shown = crate::excerpt::short(text);
        Err(Error::config(format!(
            "{shown:?} is no request id: 1 to 128 letters, digits, `_` or `-` are allowed"
        )))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for RequestId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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
