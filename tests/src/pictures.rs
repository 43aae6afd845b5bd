//! Tiny pictures made by other programs (Pillow and ImageMagick), 37 by 23 pixels each, and what may happen to a file.

use fastrand::Rng;
use kling_types::ImageFormat;

macro_rules! pictures {
    ($($name:literal is $format:ident, turned $turned:expr;)+) => {
        /// Every picture.
        pub const PICTURES: &[Picture] = &[$(Picture {
            name: $name,
            format: ImageFormat::$format,
            orientation: $turned,
            bytes: include_bytes!(concat!("../fixtures/pictures/", $name)),
        },)+];
    };
}

/// A picture, and what is true of it.
#[derive(Clone, Copy, Debug)]
pub struct Picture {
    /// The name of its file.
    pub name: &'static str,
    /// Its format.
    pub format: ImageFormat,
    /// Its EXIF orientation.
    pub orientation: Option<u8>,
    /// The file.
    pub bytes: &'static [u8],
}

pictures! {
    "animated.gif" is Gif, turned None;
    "animated.png" is Png, turned None;
    "animated.webp" is Webp, turned None;
    "baseline.jpg" is Jpeg, turned None;
    "cmyk.jpg" is Jpeg, turned None;
    "interlaced.png" is Png, turned None;
    "lossless_turned.webp" is Webp, turned Some(6);
    "lossy.webp" is Webp, turned None;
    "odd_sides.heic" is Heic, turned None;
    "oldest_layout.bmp" is Bmp, turned None;
    "palette.bmp" is Bmp, turned None;
    "plain.avif" is Avif, turned None;
    "progressive_turned.jpg" is Jpeg, turned Some(6);
    "sixteen_bit.png" is Png, turned None;
    "turned.png" is Png, turned Some(6);
    "turned.tif" is Tiff, turned Some(6);
}

/// Any picture after up to eight accidents: bytes changed, torn off, taken out, put in, lengths made extreme.
#[must_use]
pub fn mutated(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = PICTURES[rng.usize(..PICTURES.len())].bytes.to_vec();
    for _ in 0..rng.usize(1..=8) {
        if bytes.is_empty() {
            break;
        }
        // Most of what a header reader looks at stands at the front.
        let near = bytes.len().min(if rng.bool() { 64 } else { usize::MAX });
        accident(&mut bytes, rng.usize(..near), rng);
    }
    bytes
}

fn accident(bytes: &mut Vec<u8>, at: usize, rng: &mut Rng) {
    let end = bytes.len().min(at + rng.usize(1..=8));
    match rng.u8(..7) {
        0 => bytes.truncate(at),
        1 => bytes[at] = rng.u8(..),
        2 => bytes[at] ^= 1 << rng.u8(..8),
        3 => bytes[at..end].fill(if rng.bool() { 0 } else { 0xff }),
        4 => drop(bytes.drain(at..end)),
        5 => drop(bytes.splice(at..at, std::iter::repeat_n(rng.u8(..), rng.usize(1..300)))),
        _ => {
            let other = PICTURES[rng.usize(..PICTURES.len())].bytes;
            let from = rng.usize(..other.len());
            bytes.splice(at..end, other[from..].iter().copied());
        }
    }
}
