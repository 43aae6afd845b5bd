//! The EXIF orientation: one tag of a small TIFF, which JPEG, PNG and WebP carry and TIFF is.
//!
//! Nothing here fails: a broken EXIF block says nothing about the picture, so it states no orientation.

use super::source::Source;
use super::tiff::Directory;

const ORIENTATION: u16 = 0x0112;
/// More chunks than any picture has.
const MOST: u16 = 1024;

/// The orientation that the TIFF between `start` and `end` states.
pub(super) fn orientation(reader: &mut impl Source, start: u64, end: u64) -> Option<u8> {
    let directory = Directory::open(reader, start, end).ok()?;
    let value = directory.entry(reader, ORIENTATION).ok()??.short()?;
    u8::try_from(value).ok().filter(|value| (1..=8).contains(value))
}

/// Looks for a PNG's `eXIf` chunk as far as the pixels; behind them it is rare, and not worth reading for.
pub(super) fn in_png(reader: &mut impl Source) -> Option<u8> {
    let mut at = 8;
    for _ in 0..MOST {
        let [a, b, c, d, name @ ..] = reader.take_at::<8>(at).ok()?;
        let (start, length) = (at + 8, u64::from(u32::from_be_bytes([a, b, c, d])));
        match &name {
            b"eXIf" => return orientation(reader, start, start + length),
            b"IDAT" | b"IEND" => return None,
            _ => at = start + length + 4,
        }
    }
    None
}

/// Looks for a WebP's `EXIF` chunk where the header says that there is one; it stands behind the pixels.
pub(super) fn in_webp(reader: &mut impl Source) -> Option<u8> {
    const HAS_EXIF: u8 = 0x08;
    let [b'V', b'P', b'8', b'X', _, _, _, _, flags] = reader.take_at(12).ok()? else { return None };
    if flags & HAS_EXIF == 0 {
        return None;
    }
    let mut at = 12;
    for _ in 0..MOST {
        let [n0, n1, n2, n3, a, b, c, d] = reader.take_at(at).ok()?;
        let (start, length) = (at + 8, u64::from(u32::from_le_bytes([a, b, c, d])));
        if [n0, n1, n2, n3] == *b"EXIF" {
            // Some writers put the prefix here that belongs to JPEG.
            let prefix = if reader.take_at(start).ok()? == *b"Exif\0\0" { 6 } else { 0 };
            return orientation(reader, start + prefix, start + length);
        }
        at = start + length + length % 2;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;

    /// One entry of the first directory, in both byte orders.
    fn tiff(tag: u8, kind: u8, value: u8) -> [Vec<u8>; 2] {
        let little = [b"II*\0\x08\0\0\0\x01\0".as_slice(), &[tag, 1, kind, 0, 1, 0, 0, 0, value, 0, 0, 0]];
        let big = [b"MM\0*\0\0\0\x08\0\x01".as_slice(), &[1, tag, 0, kind, 0, 0, 0, 1, 0, value, 0, 0]];
        [little.concat(), big.concat()]
    }

    fn stated(bytes: &[u8]) -> Option<u8> {
        orientation(&mut Cursor::new(bytes), 0, bytes.len() as u64)
    }

    #[test]
    fn both_byte_orders_are_read() {
        for value in 1..=8 {
            assert_eq!(tiff(0x12, 3, value).map(|tiff| stated(&tiff)), [Some(value); 2]);
        }
    }

    #[test]
    fn what_is_no_orientation_states_none() {
        for [tag, kind, value] in [[0x12, 3, 0], [0x12, 3, 9], [0x12, 4, 6], [0x13, 3, 6]] {
            assert_eq!(tiff(tag, kind, value).map(|tiff| stated(&tiff)), [None; 2]);
        }
        let [little, _] = tiff(0x12, 3, 6);
        for length in 0..little.len() {
            assert_eq!(stated(&little[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn a_png_is_searched_up_to_its_pixels() {
        let [exif, _] = tiff(0x12, 3, 6);
        let chunk = |name: &[u8; 4], data: &[u8]| {
            [&(data.len() as u32).to_be_bytes(), name.as_slice(), data, &[0; 4]].concat()
        };
        let png = |chunks: &[Vec<u8>]| [vec![0; 8], chunks.concat()].concat();
        let before = png(&[chunk(b"IHDR", &[0; 13]), chunk(b"eXIf", &exif), chunk(b"IDAT", &[])]);
        let behind = png(&[chunk(b"IHDR", &[0; 13]), chunk(b"IDAT", &[]), chunk(b"eXIf", &exif)]);
        assert_eq!(in_png(&mut Cursor::new(before)), Some(6));
        assert_eq!(in_png(&mut Cursor::new(behind)), None);
    }

    #[test]
    fn a_webp_is_searched_behind_its_pixels() {
        let [exif, _] = tiff(0x12, 3, 8);
        let chunk = |name: &[u8; 4], data: &[u8]| {
            [name, (data.len() as u32).to_le_bytes().as_slice(), data, &vec![0; data.len() % 2]].concat()
        };
        let webp = |flags, exif: &[u8]| {
            let head = chunk(b"VP8X", &[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            [vec![0; 12], head, chunk(b"VP8 ", &[1, 2, 3]), chunk(b"EXIF", exif)].concat()
        };
        let prefixed = [b"Exif\0\0", exif.as_slice()].concat();
        assert_eq!(in_webp(&mut Cursor::new(webp(0x08, &exif))), Some(8));
        assert_eq!(in_webp(&mut Cursor::new(webp(0x08, &prefixed))), Some(8));
        assert_eq!(in_webp(&mut Cursor::new(webp(0, &exif))), None);
    }
}
