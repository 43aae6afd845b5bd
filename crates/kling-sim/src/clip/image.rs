//! The images of a clip: decoded, turned upright, and scaled to a frame.

use std::io::Cursor;

use kling_types::ImageFormat;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::frame::{self, Frame, Size, Window};

/// The longest side of a clip, in pixels.
const MAX_CLIP_SIDE: usize = 640;
/// The shortest side that the encoder accepts.
const MIN_CLIP_SIDE: usize = 16;
/// The longest side of an image that is decoded, in pixels.
const MAX_IMAGE_SIDE: usize = 20_000;
/// The most bytes of a decoded image, and the memory limit of decoders that have one.
const MAX_IMAGE_BYTES: usize = 512 * 1024 * 1024;

/// A decoded image with its EXIF orientation, or a placeholder.
pub(super) struct Image {
    /// The sides as stored.
    stored: Size,
    /// Grey or RGB, with or without alpha, 8 bits each.
    samples: Vec<u8>,
    channels: usize,
    /// The EXIF orientation, 1 to 8.
    orientation: u8,
    is_placeholder: bool,
}

impl Image {
    /// Decodes a JPEG, PNG or WebP file. Other formats, invalid files and huge images become a placeholder.
    pub(super) fn decode(bytes: Option<&[u8]>) -> Self {
        bytes.and_then(decode).unwrap_or_else(Self::placeholder)
    }

    /// The size of a clip of this image: the same shape, not enlarged, with even sides.
    pub(super) fn clip_size(&self) -> Size {
        let (width, height) = self.size();
        let scale = (MAX_CLIP_SIDE as f64 / width.max(height).max(1) as f64).min(1.0);
        let side = |length: usize| {
            let half = (length as f64 * scale / 2.0).round() as usize;
            (half * 2).clamp(MIN_CLIP_SIDE, MAX_CLIP_SIDE)
        };
        (side(width), side(height))
    }

    /// Scales the image to fill a frame a quarter larger than the clip, so that a zoom finds detail.
    ///
    /// The frame has the clip's shape. The parts of the image outside it are cut off.
    pub(super) fn to_frame(&self, clip: Size) -> Frame {
        let side = |length: usize| (length + length / 4).next_multiple_of(2);
        let mut target = Frame::black((side(clip.0), side(clip.1)));
        let source = self.shrink(target.size());
        let ((width, height), (to_width, to_height)) = (source.size(), target.size());
        let (across, down) = (to_width as f64 / width as f64, to_height as f64 / height as f64);
        let scale = across.max(down);
        source
            .draw_window(Window { x: 0.5, y: 0.5, width: across / scale, height: down / scale }, &mut target);
        if self.is_placeholder {
            frame::write_title(&mut target, "PLACEHOLDER");
        }
        target
    }

    /// Averages squares of pixels, as many as leave the image at least as large as `target`.
    fn shrink(&self, target: Size) -> Frame {
        let (width, height) = self.size();
        let side = (width / target.0).min(height / target.1).max(1);
        let size = (width / side, height / side);
        let average = |index: usize| {
            let (left, top) = (index % size.0 * side, index / size.0 * side);
            let mut sums = [0; 3];
            for y in top..top + side {
                for x in left..left + side {
                    let pixel = self.pixel(x, y);
                    sums = std::array::from_fn(|channel| sums[channel] + usize::from(pixel[channel]));
                }
            }
            sums.map(|sum| ((sum + side * side / 2) / (side * side)) as u8)
        };
        let pixels: Vec<[u8; 3]> = (0..size.0 * size.1).map(average).collect();
        Frame::from_rgb(size, &pixels)
    }

    /// The sides of the upright image.
    fn size(&self) -> Size {
        let (width, height) = self.stored;
        if self.orientation >= 5 { (height, width) } else { (width, height) }
    }

    /// The colour of a pixel of the upright image.
    fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let (width, height) = self.stored;
        let (x, y) = if self.orientation >= 5 { (y, x) } else { (x, y) };
        let x = if matches!(self.orientation, 2 | 3 | 7 | 8) { width - 1 - x } else { x };
        let y = if matches!(self.orientation, 3 | 4 | 6 | 7) { height - 1 - y } else { y };
        let sample = &self.samples[(y * width + x) * self.channels..];
        if self.channels < 3 { [sample[0]; 3] } else { [sample[0], sample[1], sample[2]] }
    }

    fn placeholder() -> Self {
        let stored = (640, 360);
        let stripe = |index: usize| {
            let diagonal = index % stored.0 + index / stored.0;
            let light = (diagonal / 16 + if (diagonal / 40).is_multiple_of(2) { 12 } else { 0 }) as u8;
            [40 + light, 60 + light, 90 + light]
        };
        let samples = (0..stored.0 * stored.1).flat_map(stripe).collect();
        Self { stored, samples, channels: 3, orientation: 1, is_placeholder: true }
    }
}

fn decode(bytes: &[u8]) -> Option<Image> {
    let facts = kling_media::from_bytes(bytes).ok()?;
    let stored = (facts.width? as usize, facts.height? as usize);
    let pixels = stored.0.checked_mul(stored.1).filter(|&pixels| pixels > 0)?;
    if stored.0.max(stored.1) > MAX_IMAGE_SIDE || pixels > MAX_IMAGE_BYTES / 3 {
        return None;
    }
    let samples = match facts.format? {
        ImageFormat::Jpeg => jpeg(bytes),
        ImageFormat::Png => png(bytes),
        ImageFormat::Webp => webp(bytes),
        _ => None,
    }?;
    // Fails also if the decoder finds other sides than the header states.
    let channels = Some(samples.len() / pixels).filter(|&channels| channels * pixels == samples.len())?;
    let orientation = facts.orientation.unwrap_or(1);
    (channels > 0).then_some(Image { stored, samples, channels, orientation, is_placeholder: false })
}

fn jpeg(bytes: &[u8]) -> Option<Vec<u8>> {
    let options = DecoderOptions::default()
        .set_strict_mode(false)
        .set_max_width(MAX_IMAGE_SIDE)
        .set_max_height(MAX_IMAGE_SIDE)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options).decode().ok()
}

fn png(bytes: &[u8]) -> Option<Vec<u8>> {
    let limits = png::Limits { bytes: MAX_IMAGE_BYTES };
    let mut decoder = png::Decoder::new_with_limits(Cursor::new(bytes), limits);
    decoder.set_transformations(png::Transformations::normalize_to_color8());
    let mut reader = decoder.read_info().ok()?;
    let mut samples = vec![0; reader.output_buffer_size()?];
    let frame = reader.next_frame(&mut samples).ok()?;
    samples.truncate(frame.buffer_size());
    Some(samples)
}

fn webp(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut decoder = image_webp::WebPDecoder::new(Cursor::new(bytes)).ok()?;
    decoder.set_memory_limit(MAX_IMAGE_BYTES);
    let mut samples = vec![0; decoder.output_buffer_size()?];
    decoder.read_image(&mut samples).ok()?;
    Some(samples)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Encodes a grey PNG.
    pub(in super::super) fn png(width: u32, height: u32, light: fn(u32, u32) -> u8) -> Vec<u8> {
        let samples: Vec<u8> = (0..width * height).map(|index| light(index % width, index / width)).collect();
        super::super::encoder::png((width, height), &samples).unwrap()
    }

    fn clip_size(width: u32, height: u32) -> Size {
        Image::decode(Some(&png(width, height, |_, _| 0))).clip_size()
    }

    /// The start image of the examples, 1280 by 800 pixels.
    fn photo() -> Vec<u8> {
        std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/start.jpg")).unwrap()
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
        for (width, height) in [(64, 40), (1, 1), (2000, 3), (1300, 801)] {
            let image = Image::decode(Some(&png(width, height, |_, _| 0)));
            assert_eq!(image.to_frame((64, 40)).size(), (80, 50));
        }
    }

    #[test]
    fn an_invalid_image_becomes_a_titled_placeholder() {
        let png = png(400, 400, |_, _| 0);
        for bytes in [None, Some(&b"GIF89a"[..]), Some(&png[..60])] {
            let image = Image::decode(bytes);
            assert!(image.is_placeholder);
            assert_eq!(image.clip_size(), (640, 360));
        }
        let untitled = Image { is_placeholder: false, ..Image::placeholder() };
        assert!(Image::decode(None).to_frame((640, 360)) != untitled.to_frame((640, 360)));
    }

    #[test]
    fn a_huge_image_is_not_decoded() {
        let mut png = png(30_000, 1, |_, _| 0);
        assert!(Image::decode(Some(&png)).is_placeholder);
        // The stated sides, without the pixels.
        png[16..24].copy_from_slice(&[0, 0, 0x4e, 0x20, 0, 0, 0x4e, 0x20]);
        assert!(Image::decode(Some(&png)).is_placeholder);
    }

    #[test]
    fn jpeg_png_and_webp_keep_their_colours() {
        let photo = Image::decode(Some(&photo()));
        assert_eq!((photo.size(), photo.channels), ((1280, 800), 3));
        let red = |image: Image| !image.is_placeholder && image.pixel(0, 0) == [255, 0, 0];
        let mut webp = Vec::new();
        let encoder = image_webp::WebPEncoder::new(&mut webp);
        encoder.encode(&[255, 0, 0], 1, 1, image_webp::ColorType::Rgb8).unwrap();
        assert!(red(Image::decode(Some(&webp))));
        let mut png = Vec::new();
        let mut encoder = png::Encoder::new(&mut png, 1, 1);
        encoder.set_color(png::ColorType::Indexed);
        encoder.set_palette(vec![255, 0, 0]);
        encoder.write_header().unwrap().write_image_data(&[0]).unwrap();
        assert!(red(Image::decode(Some(&png))));
    }

    /// The EXIF segment is `Exif\0\0` and a TIFF header with one entry.
    #[test]
    fn a_photo_taken_sideways_is_turned() {
        let exif =
            b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
        let mut bytes = photo();
        bytes.splice(2..2, exif.iter().copied());
        assert_eq!(Image::decode(Some(&bytes)).clip_size(), (400, 640));
    }

    #[test]
    fn every_orientation_puts_the_pixels_upright() {
        let upright = [
            (1, "abcdef"),
            (2, "cbafed"),
            (3, "fedcba"),
            (4, "defabc"),
            (5, "adbecf"),
            (6, "daebfc"),
            (7, "fcebda"),
            (8, "cfbead"),
        ];
        for (orientation, expected) in upright {
            let samples = b"abcdef".to_vec();
            let image = Image { stored: (3, 2), samples, channels: 1, orientation, is_placeholder: false };
            let (width, height) = image.size();
            let pixels = (0..width * height).map(|index| image.pixel(index % width, index / width)[0]);
            assert_eq!(pixels.map(char::from).collect::<String>(), expected, "{orientation}");
        }
    }
}
