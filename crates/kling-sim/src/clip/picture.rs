//! A picture of a recipe, decoded and brought to size.

use std::io::Cursor;

use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageReader, Limits, Rgb, RgbImage};

use super::frame::{Frame, Size};
use super::label;

/// The longest side of a clip, in pixels.
const LONGEST_SIDE: u32 = 640;
/// The shortest side that the encoder takes.
const SHORTEST_SIDE: u32 = 16;
/// The longest side of a picture that is decoded, in pixels; the decoders bound their memory besides.
const LONGEST_DECODED: u32 = 20_000;

/// A decoded picture, or the placeholder for one that is out of reach or of a format that is not read here.
pub(super) struct Picture {
    image: DynamicImage,
    is_placeholder: bool,
}

impl Picture {
    /// Decodes a JPEG, PNG or WebP file, and turns it as its EXIF orientation says.
    pub(super) fn decode(bytes: Option<&[u8]>) -> Self {
        match bytes.and_then(upright) {
            Some(image) => Self { image, is_placeholder: false },
            None => Self { image: stripes().into(), is_placeholder: true },
        }
    }

    /// The size of a clip of this picture: of its shape, not enlarged, with even sides.
    pub(super) fn clip_size(&self) -> Size {
        let (width, height) = (self.image.width(), self.image.height());
        let scale = (f64::from(LONGEST_SIDE) / f64::from(width.max(height).max(1))).min(1.0);
        let side = |length: u32| {
            let halved = (f64::from(length) * scale / 2.0).round() as u32;
            (halved * 2).clamp(SHORTEST_SIDE, LONGEST_SIDE) as usize
        };
        (side(width), side(height))
    }

    /// The picture as a frame of the clip's shape; what hangs over is cut off.
    ///
    /// It is a quarter larger than the clip, so that a zoom finds detail.
    pub(super) fn to_frame(&self, (width, height): Size) -> Frame {
        let side = |length: usize| (length + length / 4).next_multiple_of(2) as u32;
        let fitted = self.image.resize_to_fill(side(width), side(height), FilterType::Triangle);
        let mut frame = Frame::from_rgb(&fitted.to_rgb8());
        if self.is_placeholder {
            label::title(&mut frame, "PLACEHOLDER");
        }
        frame
    }
}

fn upright(bytes: &[u8]) -> Option<DynamicImage> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(LONGEST_DECODED), Some(LONGEST_DECODED));
    reader.limits(limits);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut image = DynamicImage::from_decoder(decoder).ok()?;
    image.apply_orientation(orientation);
    Some(image)
}

fn stripes() -> RgbImage {
    RgbImage::from_fn(640, 360, |x, y| {
        let light = ((x + y) / 16 + if (x + y) / 40 % 2 == 0 { 12 } else { 0 }) as u8;
        Rgb([40 + light, 60 + light, 90 + light])
    })
}

#[cfg(test)]
mod tests {
    use image::ImageFormat;

    use super::*;

    fn png(width: u32, height: u32) -> Vec<u8> {
        let mut bytes = Cursor::new(Vec::new());
        RgbImage::new(width, height).write_to(&mut bytes, ImageFormat::Png).unwrap();
        bytes.into_inner()
    }

    fn clip_size(width: u32, height: u32) -> Size {
        Picture::decode(Some(&png(width, height))).clip_size()
    }

    #[test]
    fn a_clip_keeps_the_shape_within_its_bounds_with_even_sides() {
        assert_eq!(clip_size(1280, 800), (640, 400));
        assert_eq!(clip_size(800, 1280), (400, 640));
        assert_eq!(clip_size(301, 301), (302, 302));
        assert_eq!(clip_size(2000, 3), (640, 16));
        assert_eq!(clip_size(1, 1), (16, 16));
    }

    #[test]
    fn a_frame_is_a_quarter_larger_than_its_clip() {
        let picture = Picture::decode(Some(&png(64, 40)));
        assert_eq!(picture.to_frame((64, 40)).size(), (80, 50));
    }

    #[test]
    fn what_is_no_picture_becomes_a_placeholder_that_says_so() {
        for bytes in [None, Some(&b"GIF89a"[..]), Some(&png(400, 400)[..60])] {
            let picture = Picture::decode(bytes);
            assert!(picture.is_placeholder);
            assert_eq!(picture.clip_size(), (640, 360));
        }
        let picture = Picture::decode(None);
        assert!(picture.to_frame((640, 360)) != Frame::from_rgb(&stripes()));
    }

    /// A JPEG's orientation stands in an EXIF segment: `Exif\0\0`, then a TIFF header with one entry.
    #[test]
    fn a_photo_taken_sideways_is_turned() {
        let mut jpeg = Cursor::new(Vec::new());
        RgbImage::new(80, 40).write_to(&mut jpeg, ImageFormat::Jpeg).unwrap();
        let exif =
            b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let mut bytes = jpeg.into_inner();
        bytes.splice(2..2, exif.iter().copied());
        assert_eq!(Picture::decode(Some(&bytes)).clip_size(), (40, 80));
    }
}
