//! The error for a media file that could not be measured.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fmt, io};

use kling_types::{Keyword, Violation};

/// The formats that can be measured.
const FORMATS: &str = "an image: jpeg, png, webp, gif, bmp, tiff, heic or avif";

/// A media file that could not be measured.
///
/// Every error is one of three:
/// - [`is_violation`](Self::is_violation): the provider will find no image either, or the image is too large for a request.
/// - [`is_io`](Self::is_io): a local file cannot be read.
/// - [`is_unchecked`](Self::is_unchecked): the image may be right. This is a reason to warn, not to refuse.
///
/// No message contains the query of a URL.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    /// The local file, if the message should name it.
    path: Option<PathBuf>,
}

#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "remote", feature = "remote-blocking")),
    expect(dead_code, reason = "half of these happen over the network only")
)]
pub(crate) enum Kind {
    /// A header that is torn or contradicts itself.
    Corrupt,
    /// A reference that is no base64 `data:` URI.
    DataUri(&'static str),
    /// A check that took too long.
    Deadline(Duration),
    /// A local file that cannot be read.
    Io(io::Error),
    /// A header beyond the limits of a check.
    Limit(String),
    /// The status of a server that has no such file.
    Missing(u16),
    /// No image, with the media type that the server states.
    NotAnImage(Option<String>),
    /// A host on an address that a check may not connect to.
    Private(String),
    /// A response that is wrong or cannot be measured.
    Protocol(String),
    /// Any other status.
    Status(u16),
    /// A file of so many bytes, more than a request may hold.
    TooLarge(u64),
    /// A file that ends before its image does.
    Truncated,
    /// No connection, or a broken one.
    Unreachable(String),
    /// A reference that is no `https` URL.
    Url(Cow<'static, str>),
}

impl Error {
    /// Names the local file in the message.
    pub(crate) fn in_file(self, path: &Path) -> Self {
        Self { path: Some(path.to_owned()), ..self }
    }

    /// Whether the reference is wrong: no image, a broken, truncated or too large one, or no file at that URL.
    #[must_use]
    pub fn is_violation(&self) -> bool {
        self.violation("").is_some()
    }

    /// Whether the image behind a URL could not be checked from here. The provider may still find it.
    #[must_use]
    pub fn is_unchecked(&self) -> bool {
        !self.is_violation() && !self.is_io()
    }

    /// Whether a local file could not be read.
    #[must_use]
    pub const fn is_io(&self) -> bool {
        matches!(self.kind, Kind::Io(_))
    }

    /// Whether the bytes are no image of a format that can be measured.
    #[must_use]
    pub const fn is_not_an_image(&self) -> bool {
        matches!(self.kind, Kind::NotAnImage(_))
    }

    /// Whether the bytes begin as an image whose header is torn or contradicts itself.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(self.kind, Kind::Corrupt)
    }

    /// Whether a file with a whole header ends before its image does.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        matches!(self.kind, Kind::Truncated)
    }

    /// Whether the file has more bytes than a request may hold. A URL may refer to a larger file.
    #[must_use]
    pub const fn is_too_large(&self) -> bool {
        matches!(self.kind, Kind::TooLarge(_))
    }

    /// Whether the URL, or a redirect from it, leads to an address that is not public. No request was sent to that address.
    #[must_use]
    pub const fn is_private_address(&self) -> bool {
        matches!(self.kind, Kind::Private(_))
    }

    /// Whether the deadline of the check passed.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self.kind, Kind::Deadline(_))
    }

    /// Returns the HTTP status that ended the check, if one did.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self.kind {
            Kind::Missing(status) | Kind::Status(status) => Some(status),
            _ => None,
        }
    }

    /// Returns the error as a violation of the property at `pointer`, if it [is one](Self::is_violation).
    #[must_use]
    pub fn violation(&self, pointer: &str) -> Option<Violation> {
        let (found, allowed) = match &self.kind {
            Kind::Corrupt => ("an image with a broken header".to_owned(), "an image whose size can be read"),
            Kind::DataUri(found) => ((*found).to_owned(), "a base64 data: uri"),
            Kind::Missing(status) => (format!("no file there (HTTP {status})"), FORMATS),
            Kind::NotAnImage(None) => ("no image".to_owned(), FORMATS),
            Kind::NotAnImage(Some(media_type)) => (format!("no image: {media_type}"), FORMATS),
            Kind::Truncated => {
                ("a truncated image: the file ends before the image does".to_owned(), "a complete image")
            }
            Kind::TooLarge(bytes) => (format!("{bytes} bytes"), "at most 49283072 bytes inside a request"),
            Kind::Url(found) => (found.clone().into_owned(), "an https url"),
            _ => return None,
        };
        Some(Violation::new(pointer, Keyword::MediaReference, found, allowed))
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self { kind, path: None }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            Kind::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(path) = &self.path {
            // `Debug` escapes line breaks and other control characters.
            write!(f, "{path:?}: ")?;
        }
        if let Some(violation) = self.violation("") {
            return violation.fmt(f);
        }
        match &self.kind {
            Kind::Io(error) => return write!(f, "the file cannot be read: {error}"),
            Kind::Deadline(deadline) => write!(f, "the server did not answer within {deadline:?}"),
            Kind::Limit(limit) => write!(f, "the size of the image was not found in {limit}"),
            Kind::Private(host) => {
                write!(f, "{host} is not on a public address; a check connects to public addresses only")
            }
            Kind::Protocol(found) => write!(f, "the server's answer cannot be used: {found}"),
            Kind::Status(status) => write!(f, "the server answers HTTP {status}"),
            Kind::Unreachable(reason) => write!(f, "the server cannot be reached: {reason}"),
            _ => Ok(()),
        }?;
        f.write_str("; the image is unchecked")
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Kind::Io(error).into()
    }
}
