//! WebP: the sides that its first chunk states, if it is one of the three that a WebP begins with.
//!
//! `imagesize` goes by the last letter of the chunk's name, so that a text will do, and takes for pixels what VP8 says there
//! about scaling.

use std::io;

use super::Sides;
use super::source::Source;

/// Where the name of the first chunk stands; its length is behind it.
const CHUNK: u64 = 12;
/// Where its content begins.
const CONTENT: u64 = CHUNK + 8;

pub(super) fn read(reader: &mut impl Source) -> io::Result<Sides> {
    let (width, height) = match &reader.take_at::<8>(CHUNK)? {
        [b'V', b'P', b'8', b' ', ..] => lossy(reader.take_at(CONTENT)?),
        [b'V', b'P', b'8', b'L', ..] => lossless(reader.take_at(CONTENT)?),
        b"VP8X\x0a\0\0\0" => Some(extended(reader.take_at(CONTENT + 4)?)),
        _ => None,
    }
    .ok_or(io::ErrorKind::InvalidData)?;
    Ok(Sides { width, height, orientation: None, end: 0 })
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
