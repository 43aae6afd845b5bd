//! TIFF: the entries of its first directory, by their tags. EXIF is such a directory inside a JPEG, PNG or WebP.

use std::io;

use kling_types::ImageFormat;

use super::Header;
use super::source::Source;

// Tags of entries.
const WIDTH: u64 = 0x0100;
const HEIGHT: u64 = 0x0101;
const ORIENTATION: u64 = 0x0112;
// Types of entries.
const SHORT: u64 = 3;
const LONG: u64 = 4;
const LONG8: u64 = 16;
/// No file is longer, so that adding a little to a place cannot overflow.
const MAX_PLACE: u64 = i64::MAX.cast_unsigned();
/// More entries than any image has.
const MAX_ENTRIES: u64 = 1024;
/// More chunks than any image has.
const MAX_CHUNKS: u16 = 1024;

pub(super) fn read(source: &mut impl Source) -> io::Result<Header> {
    let directory = Directory::open(source, 0, u64::MAX)?;
    let mut side = |tag| {
        let side = directory.entry(source, tag)?.and_then(|(_, side)| u32::try_from(side).ok());
        side.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    };
    Ok(Header::new(ImageFormat::Tiff, (side(WIDTH)?, side(HEIGHT)?)))
}

/// Returns the orientation in the TIFF between `start` and `end`. `None` too if it is broken: the image may be whole.
pub(super) fn orientation(source: &mut impl Source, start: u64, end: u64) -> Option<u8> {
    let directory = Directory::open(source, start, end).ok()?;
    match directory.entry(source, ORIENTATION).ok()?? {
        (SHORT, value @ 1..=8) => u8::try_from(value).ok(),
        _ => None,
    }
}

/// Returns the orientation in a PNG's `eXIf` chunk. Ends at the pixels, since a chunk after them is rare.
pub(super) fn in_png(source: &mut impl Source) -> Option<u8> {
    let mut at = 8;
    for _ in 0..MAX_CHUNKS {
        let [a, b, c, d, name @ ..] = source.take_at::<8>(at).ok()?;
        let (start, length) = (at + 8, u64::from(u32::from_be_bytes([a, b, c, d])));
        match &name {
            b"eXIf" => return orientation(source, start, start + length),
            b"IDAT" | b"IEND" => return None,
            _ => at = start + length + 4,
        }
    }
    None
}

/// Returns the orientation in a WebP's `EXIF` chunk, which comes after the pixels, if the header announces one.
pub(super) fn in_webp(source: &mut impl Source) -> Option<u8> {
    const HAS_EXIF: u8 = 0x08;
    let [b'V', b'P', b'8', b'X', _, _, _, _, flags] = source.take_at(12).ok()? else { return None };
    if flags & HAS_EXIF == 0 {
        return None;
    }
    let mut at = 12;
    for _ in 0..MAX_CHUNKS {
        let [n0, n1, n2, n3, a, b, c, d] = source.take_at(at).ok()?;
        let (start, length) = (at + 8, u64::from(u32::from_le_bytes([a, b, c, d])));
        if [n0, n1, n2, n3] == *b"EXIF" {
            // Some writers add the prefix of EXIF in a JPEG.
            let prefix = if source.take_at(start).ok()? == *b"Exif\0\0" { 6 } else { 0 };
            return orientation(source, start + prefix, start + length);
        }
        at = start + length + length % 2;
    }
    None
}

/// The first directory of a TIFF. The large layout is BigTIFF.
struct Directory {
    is_big_endian: bool,
    is_large: bool,
    /// The place of the first entry.
    first: u64,
    entries: u64,
    /// The end of the TIFF.
    end: u64,
}

impl Directory {
    /// Finds the directory of the TIFF between `start` and `end`.
    fn open(source: &mut impl Source, start: u64, end: u64) -> io::Result<Self> {
        let [order @ .., a, b, c, d] = source.take_at::<8>(start)?;
        let (is_big_endian, is_large) = match &order {
            b"II*\0" => (false, false),
            b"MM\0*" => (true, false),
            b"II+\0" => (false, true),
            b"MM\0+" => (true, true),
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        let directory = Self { is_big_endian, is_large, first: 0, entries: 0, end };
        let place = match is_large {
            true => directory.number(&source.take_at::<8>(start + 8)?),
            false => directory.number(&[a, b, c, d]),
        };
        let at = start.checked_add(place).filter(|&at| at <= MAX_PLACE && at + 2 <= end);
        let at = at.ok_or(io::ErrorKind::InvalidData)?;
        let (entries, first) = match is_large {
            true => (directory.number(&source.take_at::<8>(at)?), at + 8),
            false => (directory.number(&source.take_at::<2>(at)?), at + 2),
        };
        Ok(Self { first, entries: entries.min(MAX_ENTRIES), ..directory })
    }

    /// Returns the type and the number of the first entry of a tag.
    fn entry(&self, source: &mut impl Source, wanted: u64) -> io::Result<Option<(u64, u64)>> {
        let size = if self.is_large { 20 } else { 12 };
        for index in 0..self.entries {
            let at = self.first + size * index;
            if at + size > self.end {
                break;
            }
            let [t0, t1, k0, k1] = source.take_at(at)?;
            if self.number(&[t0, t1]) == wanted {
                let (kind, value) = (self.number(&[k0, k1]), self.value(source, at)?);
                let length = match kind {
                    SHORT => 2,
                    LONG => 4,
                    LONG8 => 8,
                    _ => break,
                };
                return Ok(Some((kind, self.number(&value[..length]))));
            }
        }
        Ok(None)
    }

    /// Returns the value of the entry at a place.
    fn value(&self, source: &mut impl Source, at: u64) -> io::Result<[u8; 8]> {
        if self.is_large {
            return source.take_at(at + 12);
        }
        let [a, b, c, d] = source.take_at(at + 8)?;
        Ok([a, b, c, d, 0, 0, 0, 0])
    }

    fn number(&self, bytes: &[u8]) -> u64 {
        let append = |number, byte: &u8| number << 8 | u64::from(*byte);
        match self.is_big_endian {
            true => bytes.iter().fold(0, append),
            false => bytes.iter().rev().fold(0, append),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sides(file: &[u8]) -> Option<(u32, u32)> {
        read(&mut &*file).ok().map(|header| (header.width, header.height))
    }

    /// A directory of two entries, in the large layout; both byte orders.
    fn large(kind: u16, width: u64, height: u64) -> [Vec<u8>; 2] {
        let file =
            |start: &[u8; 4], short: fn(u16) -> [u8; 2], long8: fn(u64) -> [u8; 8], value: [[u8; 8]; 2]| {
                let entry = |tag, value: [u8; 8]| {
                    [&short(tag as u16), &short(kind), long8(1).as_slice(), &value].concat()
                };
                let head = [start.as_slice(), &short(8), &short(0), &long8(16), &long8(2)].concat();
                [head, entry(WIDTH, value[0]), entry(HEIGHT, value[1])].concat()
            };
        let narrow = |value: u64| match kind {
            3 => (value as u16).to_be_bytes().to_vec(),
            4 => (value as u32).to_be_bytes().to_vec(),
            _ => value.to_be_bytes().to_vec(),
        };
        let padded = |bytes: Vec<u8>| std::array::from_fn(|index| bytes.get(index).copied().unwrap_or(0));
        let reversed = |value| padded(narrow(value).into_iter().rev().collect());
        [
            file(
                b"MM\0+",
                u16::to_be_bytes,
                u64::to_be_bytes,
                [width, height].map(|side| padded(narrow(side))),
            ),
            file(b"II+\0", u16::to_le_bytes, u64::to_le_bytes, [width, height].map(reversed)),
        ]
    }

    #[test]
    fn the_large_layout_is_read_with_sides_of_any_length() {
        for kind in [3, 4, 16] {
            assert_eq!(large(kind, 640, 480).map(|file| sides(&file)), [Some((640, 480)); 2], "{kind}");
        }
        assert_eq!(large(16, 1 << 40, 480).map(|file| sides(&file)), [None; 2]);
        assert_eq!(large(5, 640, 480).map(|file| sides(&file)), [None; 2]);
    }

    #[test]
    fn a_place_outside_the_file_is_broken() {
        for place in [u64::MAX, u64::MAX - 9, i64::MAX as u64, 1 << 40] {
            let file = [b"MM\0+\0\x08\0\0".as_slice(), &place.to_be_bytes(), &[0; 64]].concat();
            assert_eq!(sides(&file), None);
        }
        let [file, _] = large(4, 640, 480);
        for length in 0..file.len() {
            assert_eq!(sides(&file[..length]), None, "{length} bytes");
        }
    }

    /// One entry of the first directory, in both byte orders.
    fn tiff(tag: u8, kind: u8, value: u8) -> [Vec<u8>; 2] {
        let little = [b"II*\0\x08\0\0\0\x01\0".as_slice(), &[tag, 1, kind, 0, 1, 0, 0, 0, value, 0, 0, 0]];
        let big = [b"MM\0*\0\0\0\x08\0\x01".as_slice(), &[1, tag, 0, kind, 0, 0, 0, 1, 0, value, 0, 0]];
        [little.concat(), big.concat()]
    }

    fn stated(bytes: &[u8]) -> Option<u8> {
        orientation(&mut &*bytes, 0, bytes.len() as u64)
    }

    #[test]
    fn both_byte_orders_are_read() {
        for value in 1..=8 {
            assert_eq!(tiff(0x12, 3, value).map(|tiff| stated(&tiff)), [Some(value); 2]);
        }
    }

    #[test]
    fn other_values_and_tags_are_no_orientation() {
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
        assert_eq!(in_png(&mut &*before), Some(6));
        assert_eq!(in_png(&mut &*behind), None);
    }

    #[test]
    fn a_webp_is_searched_after_its_pixels() {
        let [exif, _] = tiff(0x12, 3, 8);
        let chunk = |name: &[u8; 4], data: &[u8]| {
            [name, (data.len() as u32).to_le_bytes().as_slice(), data, &vec![0; data.len() % 2]].concat()
        };
        let webp = |flags, exif: &[u8]| {
            let head = chunk(b"VP8X", &[flags, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            [vec![0; 12], head, chunk(b"VP8 ", &[1, 2, 3]), chunk(b"EXIF", exif)].concat()
        };
        let prefixed = [b"Exif\0\0", exif.as_slice()].concat();
        assert_eq!(in_webp(&mut &*webp(0x08, &exif)), Some(8));
        assert_eq!(in_webp(&mut &*webp(0x08, &prefixed)), Some(8));
        assert_eq!(in_webp(&mut &*webp(0, &exif)), None);
    }
}
