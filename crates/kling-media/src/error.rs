//! Why nothing is known of a media file.

use std::time::Duration;
use std::{fmt, io};

use kling_types::{Keyword, Violation};

/// Formats that can be measured, in words.
const FORMATS: &str = "an image: jpeg, png, webp, gif, bmp, tiff, heic or avif";

/// A media file that could not be measured.
///
/// Three answers matter, and every error gives one of them: [`is_violation`](Self::is_violation), the provider will find no
/// image there either; [`is_io`](Self::is_io), a local file cannot be read; [`is_unchecked`](Self::is_unchecked), the
/// question stays open, which is a warning and no reason to refuse. No text holds the query of a URL.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
#[cfg_attr(
    not(any(feature = "remote", feature = "remote-blocking")),
    expect(dead_code, reason = "half of these are met over the network only")
)]
pub(crate) enum Kind {
    /// The whole check took too long.
    Deadline(Duration),
    /// A header that is torn or makes no sense.
    Corrupt,
    /// Another kind of reference than a base64 `data:` URI.
    DataUri(&'static str),
    /// A local file that cannot be read.
    Io(io::Error),
    /// More had to be read than is allowed.
    Limit(String),
    /// The server says that there is no such file.
    Missing(u16),
    /// No image, and what the server calls it.
    NotAnImage(Option<String>),
    /// An address that a check may not reach.
    Private(String),
    /// An answer that no HTTP server gives to such a request, or one that cannot be measured by.
    Protocol(String),
    /// The server answers with a status that says nothing about the file.
    Status(u16),
    /// A file that ends before its picture does.
    Truncated,
    /// No connection, or one that broke.
    Unreachable(String),
    /// A reference that is no `https` URL.
    Url(&'static str),
}

impl Error {
    /// Whether the reference is wrong whoever reads it: no image, a broken or truncated one, or no file at that URL.
    #[must_use]
    pub const fn is_violation(&self) -> bool {
        matches!(
            self.0,
            Kind::Corrupt
                | Kind::DataUri(_)
                | Kind::Missing(_)
                | Kind::NotAnImage(_)
                | Kind::Truncated
                | Kind::Url(_)
        )
    }

    /// Whether a URL could not be looked at from here, which says nothing about what the provider will find.
    #[must_use]
    pub const fn is_unchecked(&self) -> bool {
        !self.is_violation() && !self.is_io()
    }

    /// Whether a local file could not be read at all.
    #[must_use]
    pub const fn is_io(&self) -> bool {
        matches!(self.0, Kind::Io(_))
    }

    /// Whether the bytes are no image of a format that can be measured.
    #[must_use]
    pub const fn is_not_an_image(&self) -> bool {
        matches!(self.0, Kind::NotAnImage(_))
    }

    /// Whether the bytes begin as an image whose header is torn or makes no sense.
    #[must_use]
    pub const fn is_corrupt(&self) -> bool {
        matches!(self.0, Kind::Corrupt)
    }

    /// Whether a file with a whole header ends before its picture does.
    #[must_use]
    pub const fn is_truncated(&self) -> bool {
        matches!(self.0, Kind::Truncated)
    }

    /// Whether the URL, or a redirect from it, leads to an address that is not a public one: nothing was sent there.
    #[must_use]
    pub const fn is_private_address(&self) -> bool {
        matches!(self.0, Kind::Private(_))
    }

    /// Whether the deadline of the check passed.
    #[must_use]
    pub const fn is_timeout(&self) -> bool {
        matches!(self.0, Kind::Deadline(_))
    }

    /// The HTTP status that ended the check, where one did.
    #[must_use]
    pub const fn status(&self) -> Option<u16> {
        match self.0 {
            Kind::Missing(status) | Kind::Status(status) => Some(status),
            _ => None,
        }
    }

    /// The same as a violation of the property at `pointer`, where it [is one](Self::is_violation).
    #[must_use]
    pub fn violation(&self, pointer: &str) -> Option<Violation> {
        let (found, allowed) = self.words()?;
        Some(Violation::new(pointer, Keyword::MediaReference, found, allowed))
    }

    #[cfg(any(feature = "remote", feature = "remote-blocking"))]
    pub(crate) const fn new(kind: Kind) -> Self {
        Self(kind)
    }

    pub(crate) const fn corrupt() -> Self {
        Self(Kind::Corrupt)
    }

    pub(crate) const fn data_uri(found: &'static str) -> Self {
        Self(Kind::DataUri(found))
    }

    pub(crate) const fn not_an_image() -> Self {
        Self(Kind::NotAnImage(None))
    }

    pub(crate) const fn truncated() -> Self {
        Self(Kind::Truncated)
    }

    /// What was found, and what is allowed, of a reference that is wrong whoever reads it.
    fn words(&self) -> Option<(String, &'static str)> {
        Some(match &self.0 {
            Kind::Corrupt => ("an image with a broken header".to_owned(), "an image whose size can be read"),
            Kind::DataUri(found) => ((*found).to_owned(), "a base64 data: uri"),
            Kind::Missing(status) => (format!("no file there (HTTP {status})"), FORMATS),
            Kind::NotAnImage(None) => ("no image".to_owned(), FORMATS),
            Kind::NotAnImage(Some(media_type)) => (format!("no image: {media_type}"), FORMATS),
            Kind::Truncated => {
                ("a truncated image: the file ends before the picture does".to_owned(), "a complete image")
            }
            Kind::Url(found) => ((*found).to_owned(), "an https url"),
            _ => return None,
        })
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((found, allowed)) = self.words() {
            return write!(f, "found {found}, allowed {allowed}");
        }
        match &self.0 {
            Kind::Io(error) => return write!(f, "the file cannot be read: {error}"),
            Kind::Deadline(deadline) => write!(f, "the server did not tell within {deadline:?}"),
            Kind::Limit(limit) => write!(f, "the size of the image was not found in {limit}"),
            Kind::Private(host) => {
                write!(f, "{host} is not on a public address, which a check does not reach unless allowed to")
            }
            Kind::Protocol(found) => write!(f, "the server's answer cannot be measured by: {found}"),
            Kind::Status(status) => write!(f, "the server answers HTTP {status}"),
            Kind::Unreachable(reason) => write!(f, "the server cannot be reached: {reason}"),
            _ => Ok(()),
        }?;
        f.write_str("; the image is unchecked")
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self(Kind::Io(error))
    }
}
