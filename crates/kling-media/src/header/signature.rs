//! Whether a file goes on as its first bytes say.
//!
//! `imagesize` recognises PNG and GIF by four bytes, which a text may begin with too, and takes the sides from wherever they
//! should be: in a PNG that was sent as text, which takes bytes out of it or puts some in, they are not there.

use std::io;

use super::source::Source;

/// How every PNG begins: the signature, which shows what sending it as text does to it, and the chunk with the sides.
///
/// Apple's own variant begins with another chunk. Its pixels are packed in a way that no other decoder reads.
const PNG: [u8; 16] = *b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR";

pub(super) fn png(reader: &mut impl Source) -> io::Result<()> {
    demand(reader.take_at(0)? == PNG)
}

pub(super) fn gif(reader: &mut impl Source) -> io::Result<()> {
    demand(matches!(&reader.take_at::<6>(0)?, b"GIF87a" | b"GIF89a"))
}

fn demand(holds: bool) -> io::Result<()> {
    if holds { Ok(()) } else { Err(io::ErrorKind::InvalidData.into()) }
}
