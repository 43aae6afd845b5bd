//! Image headers, from bytes, from files, and from whatever else can be read by position.

mod ending;
mod fixed;
mod heif;
mod jpeg;
mod pages;
mod tiff;

use std::fs::File;
use std::io::{self, Cursor};
use std::path::Path;

use imagesize::{Compression, ImageError, ImageType};
use kling_types::{ImageFormat, MediaFacts};

use self::pages::Pages;
pub(crate) use self::pages::Source;
use crate::Error;

/// The facts of a whole file in memory.
///
/// # Errors
/// [`Error`] when the bytes are no image, its header is broken, or its end is missing.
pub fn from_bytes(bytes: &[u8]) -> Result<MediaFacts, Error> {
    read(&mut Cursor::new(bytes), bytes.len() as u64)
}

/// The facts of a regular file on disk, of which only the header and the last bytes are read; its size is taken from the
/// file system.
///
/// # Errors
/// [`Error`] when the file cannot be read, is no image, has a broken header, or ends before its picture does. A pipe or a
/// device cannot be read by position: its bytes are for [`from_bytes`].
pub fn from_path(path: impl AsRef<Path>) -> Result<MediaFacts, Error> {
    measure_path(path).map(|measured| measured.facts)
}

/// The facts of a file on disk, with how many bytes of it were read to find them.
///
/// # Errors
/// As those of [`from_path`].
pub fn measure_path(path: impl AsRef<Path>) -> Result<Measured, Error> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory).into());
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file").into());
    }
    let mut pages = Pages::new(file);
    let facts = read(&mut pages, metadata.len())?;
    Ok(Measured { facts, bytes_read: pages.bytes_read(), requests: 0 })
}

/// The facts of a media file, and how much was read for them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measured {
    /// What is known of the file; what could not be measured is `None`, and a rule over it stays unchecked.
    pub facts: MediaFacts,
    /// How many bytes of it were read: from the disk, over the network, or decoded.
    pub bytes_read: u64,
    /// How many HTTP requests it took, redirects included; none for a local file or a `data:` URI.
    pub requests: u32,
}

/// Facts of a file of this many bytes.
fn read(reader: &mut impl Source, bytes: u64) -> Result<MediaFacts, Error> {
    let header = Header::read(reader)?;
    let orientation = header.orientation(reader);
    match ending::is_truncated(&header, reader, bytes) {
        Ok(false) => Ok(header.facts(orientation, Some(bytes))),
        Ok(true) => Err(Error::truncated()),
        // A file that shrinks meanwhile is truncated too.
        Err(error) => Err(trouble(error.into()).map_or_else(Error::truncated, Error::from)),
    }
}

/// What stands before the pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    format: ImageFormat,
    sides: Sides,
}

/// What the reader of a format found.
#[derive(Clone, Copy, Debug)]
struct Sides {
    width: u32,
    height: u32,
    /// The EXIF orientation, where it stands before the sides.
    orientation: Option<u8>,
    /// Where the header of a JPEG ends, with its frame; zero for other formats.
    end: u64,
}

impl Header {
    /// Recognises a format by its first bytes, and finds its size.
    pub(crate) fn read(reader: &mut impl Source) -> Result<Self, Error> {
        if reader.take_at(0).is_ok_and(|start| start == jpeg::START) {
            let sides = jpeg::read(reader).map_err(|error| unreadable(ImageType::Jpeg, error.into()))?;
            return Ok(Self { format: ImageFormat::Jpeg, sides });
        }
        let kind = recognised(reader).map_err(unrecognised)?;
        by_kind(kind, reader).map_err(|error| unreadable(kind, error))
    }

    /// The EXIF orientation, for which some formats have to be read further, as far as they can be.
    pub(crate) fn orientation(&self, reader: &mut impl Source) -> Option<u8> {
        match self.format {
            ImageFormat::Png => tiff::in_png(reader),
            ImageFormat::Tiff => tiff::orientation(reader, 0, u64::MAX),
            ImageFormat::Webp => tiff::in_webp(reader),
            _ => self.sides.orientation,
        }
    }

    /// The header as facts.
    pub(crate) fn facts(&self, orientation: Option<u8>, bytes: Option<u64>) -> MediaFacts {
        let mut facts = MediaFacts::unknown();
        facts.format = Some(self.format);
        // A JPEG may leave its height to the end of the data, as zero: that is not known, rather than nothing.
        facts.width = Some(self.sides.width).filter(|&side| side > 0);
        facts.height = Some(self.sides.height).filter(|&side| side > 0);
        facts.orientation = orientation;
        facts.bytes = bytes;
        facts
    }
}

fn recognised(reader: &mut impl Source) -> Result<ImageType, ImageError> {
    reader.rewind()?;
    imagesize::reader_type(reader)
}

#[inline(never)]
fn by_kind(kind: ImageType, reader: &mut impl Source) -> Result<Header, ImageError> {
    let (format, sides) = match kind {
        ImageType::Bmp => (ImageFormat::Bmp, fixed::bmp(reader)?),
        ImageType::Gif => {
            fixed::gif(reader)?;
            (ImageFormat::Gif, measured(kind, reader)?)
        }
        ImageType::Heif(compression) => {
            let sides = heif::read(reader)?;
            let is_avif = compression == Compression::Av1
                || compression == Compression::Unknown && heif::is_avif(reader)?;
            (if is_avif { ImageFormat::Avif } else { ImageFormat::Heic }, sides)
        }
        ImageType::Png => {
            fixed::png(reader)?;
            (ImageFormat::Png, measured(kind, reader)?)
        }
        ImageType::Tiff => (ImageFormat::Tiff, tiff::read(reader)?),
        ImageType::Webp => (ImageFormat::Webp, fixed::webp(reader)?),
        _ => return Err(ImageError::NotSupported),
    };
    Ok(Header { format, sides })
}

/// The sides as `imagesize` reads them.
fn measured(kind: ImageType, reader: &mut impl Source) -> Result<Sides, ImageError> {
    let size = kind.reader_size(reader)?;
    let side = |side| u32::try_from(side).map_err(|_| ImageError::CorruptedImage);
    Ok(Sides { width: side(size.width)?, height: side(size.height)?, orientation: None, end: 0 })
}

#[cold]
fn unrecognised(error: ImageError) -> Error {
    trouble(error).map_or_else(Error::not_an_image, Error::from)
}

#[cold]
fn unreadable(kind: ImageType, error: ImageError) -> Error {
    match trouble(error) {
        Some(error) => error.into(),
        // Any file of ISO boxes looks like one of these from outside: an MP4 is one.
        None if kind == ImageType::Heif(Compression::Unknown) => Error::not_an_image(),
        None => Error::corrupt(),
    }
}

/// The trouble of the reader itself; everything else is the fault of the bytes, an end that comes too early included.
fn trouble(error: ImageError) -> Option<io::Error> {
    match error {
        ImageError::IoError(error) => match error.kind() {
            // The last is what a file says of a place where no file can have any bytes.
            io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => None,
            _ => Some(error),
        },
        ImageError::CorruptedImage | ImageError::NotSupported => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] =
        b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x02\0\0\0\0\0\0\0\0\0\0\0IEND\0\0\0\0";

    #[test]
    fn the_header_and_the_end_are_enough() {
        assert_eq!(from_bytes(PNG).unwrap(), MediaFacts::image(ImageFormat::Png, 640, 480, PNG.len() as u64));
    }

    #[cfg(unix)]
    #[test]
    fn a_device_is_no_file_to_measure() {
        let error = from_path("/dev/zero").unwrap_err();
        assert!(error.is_io() && error.to_string().contains("not a regular file"), "{error}");
    }

    #[test]
    fn a_file_gives_the_same_facts_as_its_bytes() {
        let path = std::env::temp_dir().join(format!("kling-media-{}.png", std::process::id()));
        std::fs::write(&path, PNG).unwrap();
        let measured = measure_path(&path);
        std::fs::remove_file(&path).unwrap();
        let Measured { facts, bytes_read, .. } = measured.unwrap();
        assert_eq!((facts, bytes_read), (from_bytes(PNG).unwrap(), PNG.len() as u64));
    }

    #[test]
    fn what_cannot_be_measured_is_an_error_of_its_own_kind() {
        assert!(from_bytes(b"hello, this is text").unwrap_err().is_not_an_image());
        assert!(from_bytes(b"").unwrap_err().is_not_an_image());
        let mp4 = b"\0\0\0\x14ftypisom\0\0\x02\0isom\0\0\0\x08mdat";
        assert!(from_bytes(mp4).unwrap_err().is_not_an_image());
        let torn = from_bytes(&PNG[..18]).unwrap_err();
        assert!(torn.is_corrupt() && !torn.is_io(), "a torn picture is no trouble of the disk");
        assert!(from_path("no/such/file").unwrap_err().is_io());
        assert!(from_path(".").unwrap_err().is_io());
    }

    #[test]
    fn a_side_of_zero_is_not_known() {
        let mut png = PNG.to_vec();
        png[16..20].fill(0);
        assert_eq!(from_bytes(&png).unwrap().width, None);
    }
}
