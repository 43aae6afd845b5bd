//! Why nothing is known of a media file.

use std::{fmt, io};

/// A media file that could not be measured.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Corrupt,
    DataUri(&'static str),
    Io(io::Error),
    NotAnImage,
}

impl Error {
    /// Whether the file could not be read at all.
    #[must_use]
    pub const fn is_io(&self) -> bool {
        matches!(self.0, Kind::Io(_))
    }

    /// Whether the bytes are no image of a format that can be measured.
    #[must_use]
    pub const fn is_not_an_image(&self) -> bool {
        matches!(self.0, Kind::NotAnImage)
    }

    pub(crate) const fn data_uri(found: &'static str) -> Self {
        Self(Kind::DataUri(found))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Io(error) => Some(error),
            Kind::Corrupt | Kind::DataUri(_) | Kind::NotAnImage => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Corrupt => f.write_str("found an image with a broken header, so its size is not known"),
            Kind::DataUri(found) => write!(f, "found {found}, allowed a base64 data: uri"),
            Kind::Io(error) => write!(f, "the file cannot be read: {error}"),
            Kind::NotAnImage => {
                f.write_str("found no image, allowed jpeg, png, webp, gif, bmp, tiff, heic or avif")
            }
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self(Kind::Io(error))
    }
}

impl From<imagesize::ImageError> for Error {
    fn from(error: imagesize::ImageError) -> Self {
        match error {
            imagesize::ImageError::CorruptedImage => Self(Kind::Corrupt),
            // A header that ends too early is a broken picture, not a broken disk.
            imagesize::ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                Self(Kind::Corrupt)
            }
            imagesize::ImageError::IoError(error) => Self(Kind::Io(error)),
            imagesize::ImageError::NotSupported => Self(Kind::NotAnImage),
        }
    }
}
