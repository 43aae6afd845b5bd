//! JPEG: one walk over its segments finds the EXIF orientation and the size of the frame.
//!
//! `imagesize` walks too, but it stops at padding between segments, which the standard allows, and at stray bytes, which
//! phones write and every decoder skips. A second walk would have to look for EXIF.

use std::io::{self, SeekFrom};

use super::pages::Source;
use super::{Sides, tiff};

/// More segments than any picture has; a file made of nothing else ends here, however large it is.
const MOST_SEGMENTS: usize = 16 * 1024;
/// The most bytes skipped between segments, all gaps together.
const MOST_STRAY: u64 = 1024 * 1024;
/// How every JPEG begins.
pub(super) const START: [u8; 3] = [0xff, 0xd8, 0xff];
const EXIF: [u8; 6] = *b"Exif\0\0";

#[inline]
pub(super) fn read(reader: &mut impl Source) -> io::Result<Sides> {
    let mut orientation = None;
    // Behind the two bytes that begin every JPEG.
    let mut at = 2;
    let mut stray = 0;
    for _ in 0..MOST_SEGMENTS {
        // No segment before the frame stands so near to the end that these bytes are not there: one read is enough.
        let [prefix, marker, high, low, _, h0, h1, w0, w1] = reader.take_at(at)?;
        let length = u64::from(u16::from_be_bytes([high, low]));
        at += match (prefix, marker) {
            // Tables, comments and the data of applications: most of what stands there.
            (0xff, 0xdb..=0xe0 | 0xe2..=0xfe) if length >= 2 => 2 + length,
            (0xff, 0xc0..=0xc3 | 0xc5..=0xc7 | 0xc9..=0xcb | 0xcd..=0xcf) => {
                let (width, height) = (u16::from_be_bytes([w0, w1]), u16::from_be_bytes([h0, h1]));
                return Ok(Sides { width: width.into(), height: height.into(), orientation, end: at + 9 });
            }
            (0xff, 0xff) => 1,
            // 0xff 0x00 is no marker but a byte of data.
            (0xff, 0x00 | 0x01 | 0xd0..=0xd8) => 2,
            // The scan, or the end, before any frame.
            (0xff, 0xd9 | 0xda) => break,
            (0xff, 0xe1) if orientation.is_none() => {
                orientation = app1(reader, at + 4, length)?;
                2 + length
            }
            (0xff, _) if length >= 2 => 2 + length,
            (0xff, _) => break,
            _ => {
                let gap = until_marker(reader, at)?;
                stray += gap;
                if stray > MOST_STRAY {
                    break;
                }
                gap
            }
        };
    }
    Err(io::ErrorKind::InvalidData.into())
}

/// Counts the bytes from a place to the next 0xff, up to one more than may be skipped.
#[cold]
fn until_marker(reader: &mut impl Source, at: u64) -> io::Result<u64> {
    let mut gap = 0;
    reader.seek(SeekFrom::Start(at))?;
    while gap <= MOST_STRAY {
        let bytes = reader.fill_buf()?;
        if bytes.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let found = bytes.iter().position(|&byte| byte == 0xff);
        let passed = found.unwrap_or(bytes.len());
        gap += passed as u64;
        if found.is_some() {
            break;
        }
        reader.consume(passed);
    }
    Ok(gap)
}

/// The orientation, where the segment is EXIF; XMP is kept in segments of the same kind.
fn app1(reader: &mut impl Source, at: u64, length: u64) -> io::Result<Option<u8>> {
    let end = (at + length).saturating_sub(2);
    if length < 2 + EXIF.len() as u64 || reader.take_at(at)? != EXIF {
        return Ok(None);
    }
    Ok(tiff::orientation(reader, at + EXIF.len() as u64, end))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    const FRAME: &[u8] = &[0xff, 0xc2, 0, 17, 8, 1, 224, 2, 128];

    fn sides(segments: &[&[u8]]) -> Option<(u32, u32, Option<u8>)> {
        let file = [&[0xff, 0xd8], segments.concat().as_slice()].concat();
        read(&mut Cursor::new(file)).ok().map(|sides| (sides.width, sides.height, sides.orientation))
    }

    #[test]
    fn padding_and_bare_markers_are_stepped_over() {
        let segments: &[&[u8]] = &[&[0xff, 0xff, 0xff, 0xfe, 0, 3, 7], &[0xff, 0x01], FRAME];
        assert_eq!(sides(segments), Some((640, 480, None)));
    }

    #[test]
    fn stray_bytes_between_segments_are_skipped() {
        let comment: &[u8] = &[0xff, 0xfe, 0, 3, 7];
        for stray in [[0].as_slice(), &[0; 3], &[0x12, 0xff, 0, 0x34], &[7; 70_000]] {
            assert_eq!(
                sides(&[stray, comment, stray, FRAME]),
                Some((640, 480, None)),
                "{} bytes",
                stray.len()
            );
        }
        assert_eq!(sides(&[&[7; MOST_STRAY as usize + 1], FRAME]), None, "the search has a bound");
        assert_eq!(sides(&[comment, &[7; 100]]), None, "no marker follows");
    }

    #[test]
    fn the_orientation_is_read_on_the_way() {
        let tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0";
        let exif = [&[0xff, 0xe1, 0, 30], EXIF.as_slice(), tiff].concat();
        assert_eq!(sides(&[&exif, FRAME]), Some((640, 480, Some(6))));
        let xmp = b"\xff\xe1\0\x0ahttp://n";
        assert_eq!(sides(&[xmp, &exif, FRAME]), Some((640, 480, Some(6))));
    }

    #[test]
    fn a_picture_without_a_frame_is_broken() {
        assert_eq!(sides(&[&[0xff, 0xd9, 0, 0]]), None);
        assert_eq!(sides(&[&[0xff, 0xfe, 0, 1, 0, 0]]), None);
        assert_eq!(sides(&[&[0xff; 100_000]]), None);
        assert_eq!(sides(&[&FRAME[..7]]), None);
    }
}
