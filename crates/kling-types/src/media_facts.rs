//! What is known of a picture, a clip or a sound before it is sent.

use serde::Serialize;

use crate::ImageFormat;

/// Measured facts of one media file; what could not be measured is `None`, and a rule over it stays unchecked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MediaFacts {
    /// The format by its content.
    pub format: Option<ImageFormat>,
    /// Width in pixels as a decoder gives it, before any EXIF orientation is applied.
    pub width: Option<u32>,
    /// Height in pixels as a decoder gives it, before any EXIF orientation is applied.
    pub height: Option<u32>,
    /// The EXIF orientation, 1 to 8, where the file states one: from 5 on, width and height are swapped when it is shown.
    ///
    /// HEIC and AVIF rotate inside the container, which every decoder has to follow: their sides are already as shown, and
    /// this is `None`.
    pub orientation: Option<u8>,
    /// The size of the whole file in bytes, decoded where it came as a `data:` URI.
    pub bytes: Option<u64>,
}

impl MediaFacts {
    /// Facts of which nothing is known yet.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { format: None, width: None, height: None, orientation: None, bytes: None }
    }

    /// Facts of an image of which everything is known.
    #[must_use]
    pub const fn image(format: ImageFormat, width: u32, height: u32, bytes: u64) -> Self {
        let (width, height, bytes) = (Some(width), Some(height), Some(bytes));
        Self { format: Some(format), width, height, orientation: None, bytes }
    }
}
