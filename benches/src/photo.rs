//! Photos made up for measuring: the header of a real encoder, and as much metadata before it as asked for.

use std::io::Cursor;

use image::{ImageFormat, RgbImage};

/// A JPEG of 3000x2000 pixels and `size` bytes or more, with so many segments of 64 KiB of metadata before its frame.
#[must_use]
pub fn photo(segments: usize, size: usize) -> Vec<u8> {
    let encoded = encoded();
    let (start, rest) = encoded.split_at(2);
    let segment = [&[0xff, 0xe2, 0xff, 0xff], vec![7; 0xffff - 2].as_slice()].concat();
    let mut photo = [start, segment.repeat(segments).as_slice(), rest].concat();
    // The end marker stays at the end.
    let end = photo.split_off(photo.len() - 2);
    photo.resize(photo.len().max(size.saturating_sub(end.len())), 0);
    [photo, end].concat()
}

/// Noise, so that the pixels take as much room as those of a photo.
fn encoded() -> Vec<u8> {
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    let pixels =
        RgbImage::from_fn(3000, 2000, |x, y| image::Rgb([noise() / 2, (x / 16) as u8, (y / 16) as u8]));
    let mut file = Cursor::new(Vec::new());
    pixels.write_to(&mut file, ImageFormat::Jpeg).expect("memory takes everything");
    file.into_inner()
}
