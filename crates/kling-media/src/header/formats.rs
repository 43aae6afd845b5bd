//! JPEG, PNG, GIF, WebP and BMP: the sides in the header, and whether the file ends before its image does.
//!
//! Only a certain answer counts as truncated. Phones and programs write padding, further images and whole clips after the
//! first image, and decoders never read these bytes.

use std::io;
use std::ops::Range;

use kling_types::ImageFormat;

use super::source::Source;
use super::{Header, tiff};

/// The first bytes of every JPEG.
pub(super) const JPEG: [u8; 3] = [0xff, 0xd8, 0xff];
/// More segments than any image has. A file of segments only ends the search here.
const MAX_SEGMENTS: usize = 16 * 1024;
/// The most bytes skipped between segments, all gaps together.
const MAX_STRAY: u64 = 1024 * 1024;

/// Reads the EXIF orientation and the frame in one walk over the segments.
///
/// Skips padding between segments, which the standard allows, and stray bytes, which phones write.
#[inline]
pub(super) fn jpeg(source: &mut impl Source) -> io::Result<Header> {
    let mut orientation = None;
    let mut at = 2;
    let mut stray = 0;
    for _ in 0..MAX_SEGMENTS {
        // No segment before the frame is so close to the end that these bytes are missing: one read is enough.
        let [prefix, marker, high, low, _, h0, h1, w0, w1] = source.take_at(at)?;
        let length = u64::from(u16::from_be_bytes([high, low]));
        at += match (prefix, marker) {
            (0xff, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) => {
                let sides = (u16::from_be_bytes([w0, w1]).into(), u16::from_be_bytes([h0, h1]).into());
                return Ok(Header { orientation, end: at + 9, ..Header::new(ImageFormat::Jpeg, sides) });
            }
            (0xff, 0xff) => 1,
            // 0xff 0x00 is a byte of data, not a marker.
            (0xff, 0x00 | 0x01 | 0xd0..=0xd8) => 2,
            // The scan, or the end, before any frame.
            (0xff, 0xd9 | 0xda) => break,
            (0xff, 0xe1) if orientation.is_none() => {
                orientation = exif_orientation(source, at + 4, length)?;
                2 + length
            }
            (0xff, _) if length >= 2 => 2 + length,
            (0xff, _) => break,
            _ => {
                let gap = bytes_to_marker(source, at)?;
                stray += gap;
                if stray > MAX_STRAY {
                    break;
                }
                gap
            }
        };
    }
    invalid()
}

/// Counts the bytes from a place to the next 0xff. Stops after more than may be skipped.
#[cold]
fn bytes_to_marker(source: &mut impl Source, at: u64) -> io::Result<u64> {
    let mut gap = 0;
    while gap <= MAX_STRAY {
        let bytes = source.bytes_at(at + gap)?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let found = bytes.iter().position(|&byte| byte == 0xff);
        gap += found.unwrap_or(bytes.len()) as u64;
        if found.is_some() {
            break;
        }
    }
    Ok(gap)
}

/// Returns the orientation if the segment is EXIF. XMP uses the same marker.
fn exif_orientation(source: &mut impl Source, at: u64, length: u64) -> io::Result<Option<u8>> {
    const EXIF: [u8; 6] = *b"Exif\0\0";
    let end = (at + length).saturating_sub(2);
    if length < 2 + EXIF.len() as u64 || source.take_at(at)? != EXIF {
        return Ok(None);
    }
    Ok(tiff::orientation(source, at + EXIF.len() as u64, end))
}

/// Searches from the frame on: the preview in the metadata has an end marker too.
pub(super) fn is_jpeg_truncated(source: &mut impl Source, from_frame: Range<u64>) -> io::Result<bool> {
    lacks(source, from_frame, *b"\xff\xd9", *b"\xff\xd9")
}

/// Checks the whole signature, whose line ends show a transfer as text, and the chunk with the sides.
///
/// Apple's variant starts with another chunk. No other decoder reads its pixels.
pub(super) fn png(source: &mut impl Source) -> io::Result<Header> {
    let [start @ .., w0, w1, w2, w3, h0, h1, h2, h3] = source.take_at::<24>(0)?;
    if start != *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" {
        return invalid();
    }
    let sides = (u32::from_be_bytes([w0, w1, w2, w3]), u32::from_be_bytes([h0, h1, h2, h3]));
    Ok(Header::new(ImageFormat::Png, sides))
}

pub(super) fn is_png_truncated(source: &mut impl Source, length: u64) -> io::Result<bool> {
    const AFTER_IHDR: u64 = 33;
    lacks(source, AFTER_IHDR..length, *b"IEND\xae\x42\x60\x82", *b"IEND")
}

pub(super) fn gif(source: &mut impl Source) -> io::Result<Header> {
    match source.take_at(0)? {
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', w0, w1, h0, h1] => {
            let sides = (u16::from_le_bytes([w0, w1]).into(), u16::from_le_bytes([h0, h1]).into());
            Ok(Header::new(ImageFormat::Gif, sides))
        }
        _ => invalid(),
    }
}

/// Whether a GIF ends inside a block, or before its first image. A missing trailer alone does no harm.
pub(super) fn is_gif_truncated(source: &mut impl Source, length: u64) -> io::Result<bool> {
    const TRAILER: u8 = 0x3b;
    if length > MAX_SEARCH || source.take_at(length.saturating_sub(1))? == [TRAILER] {
        return Ok(false);
    }
    match lacks_gif_image(source, length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
        result => result,
    }
}

fn lacks_gif_image(source: &mut impl Source, length: u64) -> io::Result<bool> {
    let mut at = 13 + color_table(source.take_at(10)?);
    let mut has_image = false;
    while at < length {
        at = match source.take_at(at)? {
            [0x21] => after_blocks(source, at + 2)?,
            [0x2c] => {
                has_image = true;
                let table = color_table(source.take_at(at + 9)?);
                after_blocks(source, at + 11 + table)?
            }
            // The trailer, or bytes that no decoder reads.
            _ => return Ok(false),
        };
    }
    Ok(!has_image)
}

/// Returns the place after blocks of up to 255 bytes. An empty block is the last.
fn after_blocks(source: &mut impl Source, mut at: u64) -> io::Result<u64> {
    loop {
        let [length] = source.take_at(at)?;
        at += 1 + u64::from(length);
        if length == 0 {
            return Ok(at);
        }
    }
}

/// Returns the length of the color table that follows these flags.
const fn color_table([flags]: [u8; 1]) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 6 << (flags & 7) }
}

/// Reads the sides from the first chunk, which must be one of three.
pub(super) fn webp(source: &mut impl Source) -> io::Result<Header> {
    const CHUNK: u64 = 12;
    const CONTENT: u64 = CHUNK + 8;
    let sides = match &source.take_at::<8>(CHUNK)? {
        [b'V', b'P', b'8', b' ', ..] => lossy_sides(source.take_at(CONTENT)?),
        [b'V', b'P', b'8', b'L', ..] => lossless_sides(source.take_at(CONTENT)?),
        b"VP8X\x0a\0\0\0" => Some(canvas_sides(source.take_at(CONTENT + 4)?)),
        _ => None,
    };
    sides.map_or_else(invalid, |sides| Ok(Header::new(ImageFormat::Webp, sides)))
}

/// VP8 key frame: after its tag a start code, then 14 bits a side, each with two more about scaling.
fn lossy_sides([_, _, _, code @ .., w0, w1, h0, h1]: [u8; 10]) -> Option<(u32, u32)> {
    let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
    (code == [0x9d, 0x01, 0x2a]).then(|| (side([w0, w1]), side([h0, h1])))
}

/// VP8L: after a start code 14 bits a side, less one.
fn lossless_sides([code, a, b, c, d]: [u8; 5]) -> Option<(u32, u32)> {
    let bits = u32::from_le_bytes([a, b, c, d]);
    (code == 0x2f).then_some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
}

/// VP8X: 24 bits a side, less one.
fn canvas_sides([w0, w1, w2, h0, h1, h2]: [u8; 6]) -> (u32, u32) {
    (u32::from_le_bytes([w0, w1, w2, 0]) + 1, u32::from_le_bytes([h0, h1, h2, 0]) + 1)
}

pub(super) fn is_webp_truncated(source: &mut impl Source, length: u64) -> io::Result<bool> {
    Ok(length < 8 + u64::from(u32::from_le_bytes(source.take_at(4)?)))
}

/// The place of the second header of a BMP. Its length identifies its layout.
const DIB: u64 = 14;
/// The length of the second header in OS/2 1.x.
const OLDEST_DIB: u32 = 12;

pub(super) fn bmp(source: &mut impl Source) -> io::Result<Header> {
    let [a, b, c, d, w0, w1, w2, w3, h0, h1, h2, h3] = source.take_at(DIB)?;
    let sides = match u32::from_le_bytes([a, b, c, d]) {
        OLDEST_DIB => (u16::from_le_bytes([w0, w1]).into(), u16::from_le_bytes([w2, w3]).into()),
        // A negative height means that the top row comes first.
        16..=1024 => (
            i32::from_le_bytes([w0, w1, w2, w3]).unsigned_abs(),
            i32::from_le_bytes([h0, h1, h2, h3]).unsigned_abs(),
        ),
        _ => return invalid(),
    };
    Ok(Header::new(ImageFormat::Bmp, sides))
}

/// Whether the pixels of these sides go on after the end of the file. Compressed pixels may have any length.
pub(super) fn is_bmp_truncated(
    source: &mut impl Source,
    (width, height): (u32, u32),
    length: u64,
) -> io::Result<bool> {
    let start = u32::from_le_bytes(source.take_at(10)?);
    let is_oldest = u32::from_le_bytes(source.take_at(DIB)?) == OLDEST_DIB;
    let bits = u16::from_le_bytes(source.take_at(if is_oldest { 24 } else { 28 })?);
    // Uncompressed pixels, plain or with masks.
    if !is_oldest && !matches!(u32::from_le_bytes(source.take_at(30)?), 0 | 3 | 6) {
        return Ok(false);
    }
    // Rows are padded to four bytes.
    let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
    Ok(length < row.saturating_mul(height.into()).saturating_add(start.into()))
}

/// The most bytes searched for an end marker, and the longest GIF whose blocks are followed.
const MAX_SEARCH: u64 = 64 * 1024 * 1024;
/// The longest part that is searched at once.
const PART: usize = 8 * 1024;

/// Whether a marker is missing in a part of the file. An ordinary file ends with `last`.
fn lacks<const L: usize, const N: usize>(
    source: &mut impl Source,
    within: Range<u64>,
    last: [u8; L],
    marker: [u8; N],
) -> io::Result<bool> {
    match within.end.checked_sub(L as u64) {
        Some(at) if at >= within.start && source.take_at(at)? == last => Ok(false),
        _ => is_nowhere(source, within, marker),
    }
}

/// Searches backwards, since most often something follows the image.
#[cold]
fn is_nowhere<const N: usize>(
    source: &mut impl Source,
    within: Range<u64>,
    marker: [u8; N],
) -> io::Result<bool> {
    let floor = within.start.max(within.end.saturating_sub(MAX_SEARCH));
    let mut bytes = [0; PART];
    let mut end = within.end;
    while end > floor {
        // A marker may begin in this part and end in the next.
        let start = end.saturating_sub((PART - N) as u64).max(floor);
        let length = (end + N as u64).min(within.end) - start;
        let part = usize::try_from(length).ok().and_then(|length| bytes.get_mut(..length));
        let part = part.ok_or(io::ErrorKind::InvalidInput)?;
        source.fill(start, part)?;
        if part.windows(N).any(|window| window == marker) {
            return Ok(false);
        }
        end = start;
    }
    Ok(floor <= within.start)
}

fn invalid<T>() -> io::Result<T> {
    Err(io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: &[u8] = &[0xff, 0xc2, 0, 17, 8, 1, 224, 2, 128];

    /// The sides and the orientation of a JPEG of these segments.
    fn jpeg_facts(segments: &[&[u8]]) -> Option<(u32, u32, Option<u8>)> {
        let file = [&[0xff, 0xd8], segments.concat().as_slice()].concat();
        jpeg(&mut &*file).ok().map(|header| (header.width, header.height, header.orientation))
    }

    #[test]
    fn padding_and_bare_markers_are_skipped() {
        let segments: &[&[u8]] = &[&[0xff, 0xff, 0xff, 0xfe, 0, 3, 7], &[0xff, 0x01], FRAME];
        assert_eq!(jpeg_facts(segments), Some((640, 480, None)));
    }

    #[test]
    fn stray_bytes_between_segments_are_skipped() {
        let comment: &[u8] = &[0xff, 0xfe, 0, 3, 7];
        for stray in [[0].as_slice(), &[0; 3], &[0x12, 0xff, 0, 0x34], &[7; 70_000]] {
            let facts = jpeg_facts(&[stray, comment, stray, FRAME]);
            assert_eq!(facts, Some((640, 480, None)), "{} bytes", stray.len());
        }
        assert_eq!(jpeg_facts(&[&[7; MAX_STRAY as usize + 1], FRAME]), None, "the search has a bound");
        assert_eq!(jpeg_facts(&[comment, &[7; 100]]), None, "no marker follows");
    }

    #[test]
    fn the_orientation_is_read_before_the_frame() {
        let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
        let exif = [&[0xff, 0xe1, 0, 30], b"Exif\0\0".as_slice(), tiff].concat();
        assert_eq!(jpeg_facts(&[&exif, FRAME]), Some((640, 480, Some(6))));
        let xmp = b"\xff\xe1\0\x0ahttp://n";
        assert_eq!(jpeg_facts(&[xmp, &exif, FRAME]), Some((640, 480, Some(6))));
    }

    #[test]
    fn a_jpeg_without_a_frame_is_broken() {
        assert_eq!(jpeg_facts(&[&[0xff, 0xd9, 0, 0]]), None);
        assert_eq!(jpeg_facts(&[&[0xff, 0xfe, 0, 1, 0, 0]]), None);
        assert_eq!(jpeg_facts(&[&[0xff; 100_000]]), None);
        assert_eq!(jpeg_facts(&[&FRAME[..7]]), None);
    }

    fn bmp_sides(dib: &[u8]) -> Option<(u32, u32)> {
        let file = [&[b'B', b'M', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], dib].concat();
        bmp(&mut &*file).ok().map(|header| (header.width, header.height))
    }

    #[test]
    fn rows_of_a_bmp_may_come_from_the_top() {
        assert_eq!(bmp_sides(&[40, 0, 0, 0, 64, 1, 0, 0, 240, 0, 0, 0]), Some((320, 240)));
        assert_eq!(bmp_sides(&[40, 0, 0, 0, 64, 1, 0, 0, 16, 255, 255, 255]), Some((320, 240)));
    }

    #[test]
    fn missing_pixels_of_a_bmp_are_noticed() {
        let file = |compression: u8| {
            let dib = [40, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0, compression, 0, 0, 0];
            [b"BM\0\0\0\0\0\0\0\0".as_slice(), &[54, 0, 0, 0], &dib, &[0; 20]].concat()
        };
        let is_truncated =
            |compression, length| is_bmp_truncated(&mut &*file(compression), (3, 2), length).unwrap();
        // Two rows of nine bytes and three of padding.
        assert!(is_truncated(0, 77) && !is_truncated(0, 78) && !is_truncated(0, 79));
        assert!(!is_truncated(1, 60), "run lengths");
    }

    #[test]
    fn the_oldest_layout_of_bmp_is_known_and_text_is_none() {
        assert_eq!(bmp_sides(&[12, 0, 0, 0, 64, 1, 240, 0, 1, 0, 24, 0]), Some((320, 240)));
        assert_eq!(bmp_sides(b"BMW is a car"), None);
    }
}
