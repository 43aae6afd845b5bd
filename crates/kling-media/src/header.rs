//! The header of an image: its format, its sides and its EXIF orientation.

mod formats;
mod heif;
mod source;
mod tiff;

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

use kling_types::{ImageFormat, MediaFacts};

use self::source::Pages;
pub(crate) use self::source::Source;
use crate::Error;
use crate::error::Kind;

/// Returns the facts of a whole file in memory.
///
/// # Errors
/// [`Error`] if the bytes are no image, or an image with a broken header or without its end.
pub fn from_bytes(bytes: &[u8]) -> Result<MediaFacts, Error> {
    read(&mut &*bytes, bytes.len() as u64)
}

/// Returns the facts of a whole file in memory, and its length as the bytes read.
///
/// # Errors
/// As [`from_bytes`].
pub fn measure_bytes(bytes: &[u8]) -> Result<Measured, Error> {
    Ok(Measured { facts: from_bytes(bytes)?, bytes_read: bytes.len() as u64, requests: 0 })
}

/// Returns the facts of a regular file on disk. Reads the header and the last bytes only.
///
/// # Errors
/// As [`measure_file`].
pub fn from_path(path: impl AsRef<Path>) -> Result<MediaFacts, Error> {
    measure_path(path).map(|measured| measured.facts)
}

/// Returns the facts of a file on disk, and how many bytes were read for them.
///
/// # Errors
/// As [`measure_file`].
pub fn measure_path(path: impl AsRef<Path>) -> Result<Measured, Error> {
    measure_file(File::open(path)?)
}

/// Returns the facts of an open file, and how many bytes were read for them. Reads the header and the last bytes only.
///
/// # Errors
/// [`Error`] if the file cannot be read, is no image, or is one with a broken header or without its end. A pipe or a
/// device cannot be read by position: pass its bytes to [`measure_bytes`].
pub fn measure_file(file: File) -> Result<Measured, Error> {
    let metadata = file.metadata()?;
    require_regular(&metadata)?;
    let mut pages = Pages::new(file)?;
    let facts = read(&mut pages, metadata.len())?;
    Ok(Measured { facts, bytes_read: pages.bytes_read(), requests: 0 })
}

/// Refuses a folder, a pipe and a device.
pub(crate) fn require_regular(metadata: &Metadata) -> io::Result<()> {
    if metadata.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    Ok(())
}

/// The facts of a media file, and how much was read for them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Measured {
    /// The facts. One that could not be measured is `None`, and a rule about it is skipped.
    pub facts: MediaFacts,
    /// How many bytes were read from the disk, read over the network, or decoded.
    pub bytes_read: u64,
    /// How many HTTP requests were sent, redirects included. Zero for a local file or a `data:` URI.
    pub requests: u32,
}

/// Returns the facts of a file of this length.
fn read(source: &mut impl Source, length: u64) -> Result<MediaFacts, Error> {
    let header = Header::read(source)?;
    match header.is_truncated(source, length) {
        Ok(false) => Ok(header.facts(source, Some(length))),
        Ok(true) => Err(Kind::Truncated.into()),
        // A file that shrinks while it is read is truncated too.
        Err(error) => Err(failed(error, Kind::Truncated)),
    }
}

/// The part of an image before its pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    format: ImageFormat,
    width: u32,
    height: u32,
    /// The EXIF orientation, if it comes before the sides.
    orientation: Option<u8>,
    /// The place after the frame header of a JPEG. Zero for other formats.
    end: u64,
}

impl Header {
    const fn new(format: ImageFormat, (width, height): (u32, u32)) -> Self {
        Self { format, width, height, orientation: None, end: 0 }
    }

    /// Recognises the format by the first bytes, and reads the sides.
    pub(crate) fn read(source: &mut impl Source) -> Result<Self, Error> {
        if source.take_at(0).is_ok_and(|start| start == formats::JPEG) {
            return formats::jpeg(source).map_err(|error| failed(error, Kind::Corrupt));
        }
        let start = source.take_at::<12>(0).map_err(|error| failed(error, Kind::NotAnImage(None)))?;
        let header = match &start {
            [0x89, b'P', b'N', b'G', ..] => formats::png(source),
            [b'G', b'I', b'F', b'8', ..] => formats::gif(source),
            [b'I', b'I', b'*' | b'+', 0, ..] | [b'M', b'M', 0, b'*' | b'+', ..] => tiff::read(source),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P'] => formats::webp(source),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => return heif::read(source),
            [b'B', b'M', ..] => formats::bmp(source),
            _ => return Err(Kind::NotAnImage(None).into()),
        };
        header.map_err(|error| failed(error, Kind::Corrupt))
    }

    /// Returns the header as facts. Reads on for the orientation in some formats, as far as the bytes are known.
    pub(crate) fn facts(&self, source: &mut impl Source, bytes: Option<u64>) -> MediaFacts {
        let mut facts = MediaFacts::unknown();
        facts.format = Some(self.format);
        // A JPEG may state its height after the data, and zero here: then it is unknown.
        facts.width = Some(self.width).filter(|&side| side > 0);
        facts.height = Some(self.height).filter(|&side| side > 0);
        facts.orientation = match self.format {
            ImageFormat::Png => tiff::in_png(source),
            ImageFormat::Tiff => tiff::orientation(source, 0, u64::MAX),
            ImageFormat::Webp => tiff::in_webp(source),
            _ => self.orientation,
        };
        facts.bytes = bytes;
        facts
    }

    /// Whether the file of this length ends before its image does. `false` if that cannot be known.
    fn is_truncated(&self, source: &mut impl Source, length: u64) -> io::Result<bool> {
        match self.format {
            ImageFormat::Jpeg => formats::is_jpeg_truncated(source, self.end..length),
            ImageFormat::Png => formats::is_png_truncated(source, length),
            ImageFormat::Gif => formats::is_gif_truncated(source, length),
            ImageFormat::Webp => formats::is_webp_truncated(source, length),
            ImageFormat::Bmp => formats::is_bmp_truncated(source, (self.width, self.height), length),
            ImageFormat::Avif | ImageFormat::Heic => Ok(heif::is_truncated(source, length)),
            // The parts of a TIFF may be anywhere.
            _ => Ok(false),
        }
    }
}

/// Returns the error of the reader itself; any other is the fault of the bytes, and becomes `of_bytes`.
fn failed(error: io::Error, of_bytes: Kind) -> Error {
    match error.kind() {
        // InvalidInput is the error for a place beyond any file.
        io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof | io::ErrorKind::InvalidInput => {
            of_bytes.into()
        }
        _ => error.into(),
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
    fn a_device_is_not_measured() {
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
    fn each_kind_of_failure_has_its_own_error() {
        assert!(from_bytes(b"hello, this is text").unwrap_err().is_not_an_image());
        assert!(from_bytes(b"").unwrap_err().is_not_an_image());
        let mp4 = b"\0\0\0\x14ftypisom\0\0\x02\0isom\0\0\0\x08mdat";
        assert!(from_bytes(mp4).unwrap_err().is_not_an_image());
        let torn = from_bytes(&PNG[..18]).unwrap_err();
        assert!(torn.is_corrupt() && !torn.is_io(), "a torn image is no error of the disk");
        assert!(from_path("no/such/file").unwrap_err().is_io());
        assert!(from_path(".").unwrap_err().is_io());
    }

    #[test]
    fn a_side_of_zero_is_unknown() {
        let mut png = PNG.to_vec();
        png[16..20].fill(0);
        assert_eq!(from_bytes(&png).unwrap().width, None);
    }
}
