//! What is known of a picture, a clip or a sound before it is sent.

use serde::Serialize;

/// Measured facts of one media file; what could not be measured is `None`, and a rule over it stays unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MediaFacts {
    /// The format by its content, in lower case: `jpeg`, `png`, `webp`, …
    pub format: Option<&'static str>,
    /// Width in pixels as stored, before any orientation is applied.
    pub width: Option<u32>,
    /// Height in pixels as stored, before any orientation is applied.
    pub height: Option<u32>,
    /// The size of the whole file in bytes, decoded where it came as a `data:` URI.
    pub bytes: Option<u64>,
}

impl MediaFacts {
    /// Facts of which nothing is known yet.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { format: None, width: None, height: None, bytes: None }
    }

    /// Facts of an image of which everything is known.
    #[must_use]
    pub const fn image(format: &'static str, width: u32, height: u32, bytes: u64) -> Self {
        Self { format: Some(format), width: Some(width), height: Some(height), bytes: Some(bytes) }
    }
}
