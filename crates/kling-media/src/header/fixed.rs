//! The formats that have their sides at a fixed place: PNG and GIF, whose signatures are checked here, BMP, and WebP.
//!
//! `imagesize` recognises PNG and GIF by four bytes, which a text may begin with too, and takes the sides from wherever they
//! should be: in a PNG that was sent as text, which takes bytes out of it or puts some in, they are not there. Of a BMP it
//! takes the sign that says which row comes first for a height of four thousand million, and knows one of the two layouts.
//! Of a WebP it goes by the last letter of the first chunk's name, so that a text will do, and takes for pixels what VP8 says
//! there about scaling.

use std::io;

use super::Sides;
use super::pages::Source;

/// How every PNG begins: the signature, which shows what sending it as text does to it, and the chunk with the sides.
///
/// Apple's own variant begins with another chunk. Its pixels are packed in a way that no other decoder reads.
const PNG: [u8; 16] = *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";
/// Where the second header of a BMP begins, whose length tells its layout.
const DIB: u64 = 14;
/// Where the name of a WebP's first chunk stands; its length is behind it.
const CHUNK: u64 = 12;
/// Where its content begins.
const CONTENT: u64 = CHUNK + 8;

pub(super) fn png(reader: &mut impl Source) -> io::Result<()> {
    demand(reader.take_at(0)? == PNG)
}

pub(super) fn gif(reader: &mut impl Source) -> io::Result<()> {
    demand(matches!(&reader.take_at::<6>(0)?, b"GIF87a" | b"GIF89a"))
}

pub(super) fn bmp(reader: &mut impl Source) -> io::Result<Sides> {
    let [a, b, c, d, w0, w1, w2, w3, h0, h1, h2, h3] = reader.take_at(DIB)?;
    let (width, height) = match u32::from_le_bytes([a, b, c, d]) {
        // OS/2 1.x: both sides in 16 bits.
        12 => (u16::from_le_bytes([w0, w1]).into(), u16::from_le_bytes([w2, w3]).into()),
        16..=1024 => (
            i32::from_le_bytes([w0, w1, w2, w3]).unsigned_abs(),
            i32::from_le_bytes([h0, h1, h2, h3]).unsigned_abs(),
        ),
        _ => return Err(io::ErrorKind::InvalidData.into()),
    };
    Ok(Sides { width, height, orientation: None, end: 0 })
}

/// Whether the pixels of a BMP of these sides go on behind the end of the file. Compressed ones may be of any length.
pub(super) fn is_bmp_truncated(
    reader: &mut impl Source,
    width: u32,
    height: u32,
    length: u64,
) -> io::Result<bool> {
    const OLDEST: u32 = 12;
    let start = u32::from_le_bytes(reader.take_at(10)?);
    let is_oldest = u32::from_le_bytes(reader.take_at(DIB)?) == OLDEST;
    let bits = u16::from_le_bytes(reader.take_at(if is_oldest { 24 } else { 28 })?);
    // As they are, or as they are by masks.
    if !is_oldest && !matches!(u32::from_le_bytes(reader.take_at(30)?), 0 | 3 | 6) {
        return Ok(false);
    }
    // Rows are padded to four bytes.
    let row = (u64::from(width) * u64::from(bits)).div_ceil(32) * 4;
    Ok(length < row.saturating_mul(height.into()).saturating_add(start.into()))
}

/// The sides that the first chunk states, if it is one of the three that a WebP begins with.
pub(super) fn webp(reader: &mut impl Source) -> io::Result<Sides> {
    let (width, height) = match &reader.take_at::<8>(CHUNK)? {
        [b'V', b'P', b'8', b' ', ..] => lossy(reader.take_at(CONTENT)?),
        [b'V', b'P', b'8', b'L', ..] => lossless(reader.take_at(CONTENT)?),
        b"VP8X\x0a\0\0\0" => Some(extended(reader.take_at(CONTENT + 4)?)),
        _ => None,
    }
    .ok_or(io::ErrorKind::InvalidData)?;
    Ok(Sides { width, height, orientation: None, end: 0 })
}

fn demand(holds: bool) -> io::Result<()> {
    if holds { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// A key frame of VP8: behind its tag a start code, then 14 bits a side, each with two more about scaling.
fn lossy([_, _, _, code @ .., w0, w1, h0, h1]: [u8; 10]) -> Option<(u32, u32)> {
    let side = |bytes| u32::from(u16::from_le_bytes(bytes) & 0x3fff);
    (code == [0x9d, 0x01, 0x2a]).then(|| (side([w0, w1]), side([h0, h1])))
}

/// VP8L: behind a start code 14 bits a side, less one.
fn lossless([code, a, b, c, d]: [u8; 5]) -> Option<(u32, u32)> {
    let bits = u32::from_le_bytes([a, b, c, d]);
    (code == 0x2f).then_some(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
}

/// The canvas: 24 bits a side, less one.
fn extended([w0, w1, w2, h0, h1, h2]: [u8; 6]) -> (u32, u32) {
    (u32::from_le_bytes([w0, w1, w2, 0]) + 1, u32::from_le_bytes([h0, h1, h2, 0]) + 1)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn sides(dib: &[u8]) -> Option<(u32, u32)> {
        let file = [&[b'B', b'M', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], dib].concat();
        bmp(&mut Cursor::new(file)).ok().map(|sides| (sides.width, sides.height))
    }

    #[test]
    fn rows_may_come_from_the_top() {
        assert_eq!(sides(&[40, 0, 0, 0, 64, 1, 0, 0, 240, 0, 0, 0]), Some((320, 240)));
        assert_eq!(sides(&[40, 0, 0, 0, 64, 1, 0, 0, 16, 255, 255, 255]), Some((320, 240)));
    }

    #[test]
    fn pixels_behind_the_end_are_missed() {
        let file = |compression: u8| {
            let dib = [40, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 24, 0, compression, 0, 0, 0];
            [b"BM\0\0\0\0\0\0\0\0".as_slice(), &[54, 0, 0, 0], &dib, &[0; 20]].concat()
        };
        let is_truncated = |compression, length| {
            is_bmp_truncated(&mut Cursor::new(file(compression)), 3, 2, length).unwrap()
        };
        // Two rows of nine bytes and three of padding.
        assert!(is_truncated(0, 77) && !is_truncated(0, 78) && !is_truncated(0, 79));
        assert!(!is_truncated(1, 60), "run lengths");
    }

    #[test]
    fn the_oldest_layout_is_known_and_text_is_none() {
        assert_eq!(sides(&[12, 0, 0, 0, 64, 1, 240, 0, 1, 0, 24, 0]), Some((320, 240)));
        assert_eq!(sides(b"BMW is a car"), None);
    }
}
