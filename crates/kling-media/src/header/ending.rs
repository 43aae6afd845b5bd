//! Whether a file ends before its picture does. One look at the end of the file answers for an ordinary picture.
//!
//! Only a certain answer counts: phones and programs write padding, further pictures and whole clips behind the first
//! picture, and decoders never read these bytes. A TIFF is not judged: its parts may be anywhere.

use std::io;
use std::ops::Range;

use kling_types::ImageFormat;

use super::pages::Source;
use super::{Header, fixed, heif};

/// The most bytes searched for an end marker, and the longest GIF that is walked over.
const MOST: u64 = 64 * 1024 * 1024;
/// The longest piece that is searched at once.
const PIECE: usize = 8 * 1024;

/// Whether the file of this length lacks the end of its picture. `false` when nobody can know.
pub(super) fn is_truncated(header: &Header, reader: &mut impl Source, length: u64) -> io::Result<bool> {
    /// Where the first chunk of a PNG ends, which has the sides.
    const AFTER_IHDR: u64 = 33;
    match header.format {
        // Not before the frame: the preview inside the metadata has an end marker too.
        ImageFormat::Jpeg => lacks(reader, header.sides.end..length, *b"\xff\xd9", *b"\xff\xd9"),
        ImageFormat::Png => lacks(reader, AFTER_IHDR..length, *b"IEND\xae\x42\x60\x82", *b"IEND"),
        ImageFormat::Gif => gif(reader, length),
        ImageFormat::Webp => {
            let size = u32::from_le_bytes(reader.take_at(4)?);
            Ok(length < 8 + u64::from(size))
        }
        ImageFormat::Bmp => fixed::is_bmp_truncated(reader, header.sides.width, header.sides.height, length),
        ImageFormat::Avif | ImageFormat::Heic => Ok(heif::is_truncated(reader, length)),
        _ => Ok(false),
    }
}

/// Whether a marker is missing in a part of the file. An ordinary file has it at its end, as the last bytes.
fn lacks<const L: usize, const N: usize>(
    reader: &mut impl Source,
    within: Range<u64>,
    last: [u8; L],
    marker: [u8; N],
) -> io::Result<bool> {
    match within.end.checked_sub(L as u64) {
        Some(at) if at >= within.start && reader.take_at(at)? == last => Ok(false),
        _ => is_nowhere(reader, within, marker),
    }
}

/// Searches backwards: something follows the picture, or its end is missing.
#[cold]
fn is_nowhere<const N: usize>(
    reader: &mut impl Source,
    within: Range<u64>,
    marker: [u8; N],
) -> io::Result<bool> {
    let floor = within.start.max(within.end.saturating_sub(MOST));
    let mut bytes = [0; PIECE];
    let mut end = within.end;
    while end > floor {
        // A marker may begin in this piece and end in the one behind it.
        let start = end.saturating_sub((PIECE - N) as u64).max(floor);
        let length = (end + N as u64).min(within.end) - start;
        let piece = usize::try_from(length).ok().and_then(|length| bytes.get_mut(..length));
        let piece = piece.ok_or(io::ErrorKind::InvalidInput)?;
        reader.seek(io::SeekFrom::Start(start))?;
        reader.read_exact(piece)?;
        if piece.windows(N).any(|window| window == marker) {
            return Ok(false);
        }
        end = start;
    }
    Ok(floor <= within.start)
}

/// Whether a GIF ends inside a block, or before its first picture. A missing trailer alone does no harm.
fn gif(reader: &mut impl Source, length: u64) -> io::Result<bool> {
    const TRAILER: u8 = 0x3b;
    if length > MOST || reader.take_at(length.saturating_sub(1))? == [TRAILER] {
        return Ok(false);
    }
    match walk_gif(reader, length) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(true),
        result => result,
    }
}

fn walk_gif(reader: &mut impl Source, length: u64) -> io::Result<bool> {
    let mut at = 13 + color_table(reader.take_at(10)?);
    let mut has_picture = false;
    while at < length {
        at = match reader.take_at(at)? {
            [0x21] => after_blocks(reader, at + 2)?,
            [0x2c] => {
                has_picture = true;
                let table = color_table(reader.take_at(at + 9)?);
                after_blocks(reader, at + 11 + table)?
            }
            // The trailer, or bytes that no decoder reads.
            _ => return Ok(false),
        };
    }
    Ok(!has_picture)
}

/// The place behind blocks of up to 255 bytes, of which an empty one is the last.
fn after_blocks(reader: &mut impl Source, mut at: u64) -> io::Result<u64> {
    loop {
        let [length] = reader.take_at(at)?;
        at += 1 + u64::from(length);
        if length == 0 {
            return Ok(at);
        }
    }
}

/// The length of the color table that follows these flags.
const fn color_table([flags]: [u8; 1]) -> u64 {
    if flags & 0x80 == 0 { 0 } else { 6 << (flags & 7) }
}
