//! BMP: its size, with the sign that says which row comes first.
//!
//! `imagesize` takes that sign for a height of four thousand million, and knows one of the two layouts.

use std::io;

use super::Sides;
use super::source::Source;

/// Where the second header begins, whose length tells its layout.
const DIB: u64 = 14;

pub(super) fn read(reader: &mut impl Source) -> io::Result<Sides> {
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

/// Whether the pixels of these sides go on behind the end of the file. Compressed ones may be of any length.
pub(super) fn is_truncated(
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

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    fn sides(dib: &[u8]) -> Option<(u32, u32)> {
        let file = [&[b'B', b'M', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], dib].concat();
        read(&mut Cursor::new(file)).ok().map(|sides| (sides.width, sides.height))
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
        let is_truncated =
            |compression, length| is_truncated(&mut Cursor::new(file(compression)), 3, 2, length).unwrap();
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
