//! Image headers, from bytes and from files.

use std::fs::File;
use std::io::{BufRead, BufReader, Cursor, Seek};
use std::path::Path;

use imagesize::{Compression, ImageSize, ImageType};
use kling_types::MediaFacts;

use crate::Error;

/// The facts of a whole file in memory.
///
/// # Errors
/// [`Error`] when the bytes are no image, or its header is broken.
pub fn from_bytes(bytes: &[u8]) -> Result<MediaFacts, Error> {
    read(&mut Cursor::new(bytes), bytes.len() as u64)
}

/// The facts of a file on disk, of which only the header is read; its size is taken from the file system.
///
/// # Errors
/// [`Error`] when the file cannot be read, is no image, or has a broken header.
pub fn from_path(path: impl AsRef<Path>) -> Result<MediaFacts, Error> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    read(&mut BufReader::new(file), bytes)
}

/// The media type of a format by its name in [`MediaFacts::format`], such as `image/jpeg`.
#[must_use]
pub fn media_type(format: &str) -> Option<&'static str> {
    Some(match format {
        "avif" => "image/avif",
        "bmp" => "image/bmp",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "jpeg" => "image/jpeg",
        "png" => "image/png",
        "tiff" => "image/tiff",
        "webp" => "image/webp",
        _ => return None,
    })
}

fn read(reader: &mut (impl BufRead + Seek), bytes: u64) -> Result<MediaFacts, Error> {
    let kind = imagesize::reader_type(&mut *reader)?;
    let ImageSize { width, height } = kind.reader_size(reader)?;
    let mut facts = MediaFacts::unknown();
    facts.format = Some(format(kind));
    facts.width = u32::try_from(width).ok();
    facts.height = u32::try_from(height).ok();
    facts.bytes = Some(bytes);
    Ok(facts)
}

fn format(kind: ImageType) -> &'static str {
    match kind {
        ImageType::Bmp => "bmp",
        ImageType::Gif => "gif",
        ImageType::Heif(Compression::Av1) => "avif",
        ImageType::Heif(_) => "heic",
        ImageType::Jpeg => "jpeg",
        ImageType::Png => "png",
        ImageType::Tiff => "tiff",
        ImageType::Webp => "webp",
        _ => "image",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\x02\x80\0\0\x01\xe0\x08\x02\0\0\0";

    #[test]
    fn a_header_is_enough() {
        assert_eq!(from_bytes(PNG).unwrap(), MediaFacts::image("png", 640, 480, PNG.len() as u64));
    }

    #[test]
    fn a_file_gives_the_same_facts_as_its_bytes() {
        let path = std::env::temp_dir().join(format!("kling-media-{}.png", std::process::id()));
        std::fs::write(&path, PNG).unwrap();
        let facts = from_path(&path);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(facts.unwrap(), from_bytes(PNG).unwrap());
    }

    #[test]
    fn what_cannot_be_measured_is_an_error_of_its_own_kind() {
        assert!(from_bytes(b"hello, this is text").unwrap_err().is_not_an_image());
        assert!(from_bytes(b"").is_err());
        assert!(
            !from_bytes(&PNG[..18]).unwrap_err().is_io(),
            "a truncated picture is no trouble of the disk"
        );
        assert!(from_path("no/such/file").unwrap_err().is_io());
    }
}
