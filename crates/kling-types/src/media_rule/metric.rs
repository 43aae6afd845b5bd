//! What a media rule measures.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;

use super::Megabyte;
use crate::MediaFacts;

/// What a media rule measures.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Metric {
    /// `width/height`: width divided by height.
    AspectRatio,
    /// `file_size_mb`: the whole file in megabytes of 1,000,000 bytes.
    FileSizeMb,
    /// `height_pixels`.
    Height,
    /// A metric that this version cannot measure: carried, and reported as unchecked.
    Unknown(Cow<'static, str>),
    /// `width_pixels`.
    Width,
}

impl Metric {
    /// The metric as the provider spells it, such as `width/height`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::AspectRatio => "width/height",
            Self::FileSizeMb => "file_size_mb",
            Self::Height => "height_pixels",
            Self::Unknown(name) => name,
            Self::Width => "width_pixels",
        }
    }

    /// The metric of a file, as far as its facts tell.
    pub(super) fn measure(&self, facts: &MediaFacts, megabyte: Megabyte) -> Option<f64> {
        match self {
            Self::AspectRatio => ratio(facts),
            // A file is far below 2^53 bytes, so the conversion is exact.
            #[allow(clippy::cast_precision_loss, reason = "no file has 2^53 bytes")]
            Self::FileSizeMb => facts.bytes.map(|bytes| bytes as f64 / megabyte.bytes() as f64),
            Self::Height => facts.height.map(f64::from),
            Self::Unknown(_) => None,
            Self::Width => facts.width.map(f64::from),
        }
    }
}

/// Width divided by height.
pub(super) fn ratio(facts: &MediaFacts) -> Option<f64> {
    let (width, height) = (f64::from(facts.width?), f64::from(facts.height?));
    (height > 0.0).then(|| width / height)
}

impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
