//! Pictures as the encoder takes them: one plane of light and two of colour at half its size.

use image::RgbImage;

/// Width and height in pixels, both even.
pub(super) type Size = (usize, usize);

/// The colour that is none.
pub(super) const NEUTRAL: u8 = 128;

/// One picture in limited-range BT.601.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) luma: Plane,
    pub(super) blue: Plane,
    pub(super) red: Plane,
}

/// One component of a picture, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) samples: Vec<u8>,
}

/// A part of a picture in shares of its width and height: a centre, and a side that is 1 for the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) side: f64,
}

impl Frame {
    pub(super) fn black((width, height): Size) -> Self {
        Self {
            luma: Plane::filled(width, height, 16),
            blue: Plane::filled(width / 2, height / 2, NEUTRAL),
            red: Plane::filled(width / 2, height / 2, NEUTRAL),
        }
    }

    /// Converts a picture with even sides.
    pub(super) fn from_rgb(picture: &RgbImage) -> Self {
        let mut frame = Self::black((picture.width() as usize, picture.height() as usize));
        for ((_, _, pixel), luma) in picture.enumerate_pixels().zip(&mut frame.luma.samples) {
            *luma = weigh(pixel.0, [65.738, 129.057, 25.064], 16.0);
        }
        let (blue, red) = (frame.blue.samples.iter_mut(), frame.red.samples.iter_mut());
        for (index, (blue, red)) in blue.zip(red).enumerate() {
            let (x, y) = (index % frame.blue.width, index / frame.blue.width);
            let colour = mean_of_four(picture, 2 * x as u32, 2 * y as u32);
            *blue = weigh(colour, [-37.945, -74.494, 112.439], 128.0);
            *red = weigh(colour, [112.439, -94.154, -18.285], 128.0);
        }
        frame
    }

    /// Draws the part of `self` inside `window` onto all of `canvas`.
    pub(super) fn draw_window(&self, window: Window, canvas: &mut Self) {
        self.luma.draw_window(window, &mut canvas.luma);
        self.blue.draw_window(window, &mut canvas.blue);
        self.red.draw_window(window, &mut canvas.red);
    }

    /// Mixes `other` in: 0 leaves the picture as it is, 256 is `other` alone. Both have the same size.
    pub(super) fn fade_to(&mut self, other: &Self, weight: u32) {
        self.luma.fade_to(&other.luma, weight);
        self.blue.fade_to(&other.blue, weight);
        self.red.fade_to(&other.red, weight);
    }

    pub(super) const fn size(&self) -> Size {
        (self.luma.width, self.luma.height)
    }
}

impl Plane {
    fn filled(width: usize, height: usize, value: u8) -> Self {
        Self { width, height, samples: vec![value; width * height] }
    }

    fn draw_window(&self, window: Window, canvas: &mut Self) {
        let columns = steps(self.width, canvas.width, window.x, window.side);
        let rows = steps(self.height, canvas.height, window.y, window.side);
        for (target, down) in canvas.samples.chunks_exact_mut(canvas.width).zip(rows) {
            let upper = &self.samples[down.first * self.width..][..self.width];
            let lower = &self.samples[down.second * self.width..][..self.width];
            for (sample, across) in target.iter_mut().zip(&columns) {
                let above = across.mix(upper[across.first], upper[across.second]);
                let below = across.mix(lower[across.first], lower[across.second]);
                // Both are sums of weights of 256, and so is this: 16 bits to drop, rounded.
                *sample = ((above * (256 - down.weight) + below * down.weight + (1 << 15)) >> 16) as u8;
            }
        }
    }

    fn fade_to(&mut self, other: &Self, weight: u32) {
        for (sample, other) in self.samples.iter_mut().zip(&other.samples) {
            *sample = mix(*sample, *other, weight);
        }
    }
}

/// A mix of two samples; the second has `weight` parts in 256.
pub(super) fn mix(first: u8, second: u8, weight: u32) -> u8 {
    ((u32::from(first) * (256 - weight) + u32::from(second) * weight + 128) >> 8) as u8
}

/// The two neighbours of a point between samples, and the share of the second in 256 parts.
#[derive(Clone, Copy)]
struct Step {
    first: usize,
    second: usize,
    weight: u32,
}

impl Step {
    fn mix(self, first: u8, second: u8) -> u32 {
        u32::from(first) * (256 - self.weight) + u32::from(second) * self.weight
    }
}

/// Where each of `to` samples lies among `from` ones, inside the window.
fn steps(from: usize, to: usize, centre: f64, side: f64) -> Vec<Step> {
    let (length, last) = (from as f64, from.saturating_sub(1));
    let start = (centre - side / 2.0).clamp(0.0, 1.0 - side) * length;
    let place = |index: usize| {
        let at = (start + (index as f64 + 0.5) * side * length / to as f64 - 0.5).max(0.0);
        let first = (at as usize).min(last);
        let weight = (at.fract() * 256.0) as u32;
        Step { first, second: (first + 1).min(last), weight }
    };
    (0..to).map(place).collect()
}

fn weigh(colour: [u8; 3], weights: [f32; 3], offset: f32) -> u8 {
    let sum: f32 = colour.iter().zip(weights).map(|(sample, weight)| f32::from(*sample) * weight).sum();
    (sum / 256.0 + offset + 0.5) as u8
}

fn mean_of_four(picture: &RgbImage, x: u32, y: u32) -> [u8; 3] {
    let corners = [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)].map(|(x, y)| picture.get_pixel(x, y).0);
    std::array::from_fn(|channel| {
        let sum: u32 = corners.iter().map(|corner| u32::from(corner[channel])).sum();
        ((sum + 2) / 4) as u8
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_black_and_red_become_the_values_of_the_standard() {
        let of = |colour| {
            let frame = Frame::from_rgb(&RgbImage::from_pixel(2, 2, image::Rgb(colour)));
            (frame.luma.samples[0], frame.blue.samples[0], frame.red.samples[0])
        };
        assert_eq!(of([255, 255, 255]), (235, 128, 128));
        assert_eq!(of([0, 0, 0]), (16, 128, 128));
        assert_eq!(of([255, 0, 0]), (81, 90, 240));
    }

    #[test]
    fn the_whole_window_at_the_same_size_is_the_picture_itself() {
        let picture = RgbImage::from_fn(16, 8, |x, y| image::Rgb([(x * 16) as u8, (y * 30) as u8, 77]));
        let frame = Frame::from_rgb(&picture);
        let mut canvas = Frame::black((16, 8));
        frame.draw_window(Window { x: 0.5, y: 0.5, side: 1.0 }, &mut canvas);
        assert_eq!(canvas, frame);
    }

    #[test]
    fn a_window_that_hangs_over_is_moved_inside() {
        let picture = RgbImage::from_fn(16, 8, |x, _| image::Rgb([if x < 8 { 0 } else { 255 }; 3]));
        let mut canvas = Frame::black((8, 4));
        Frame::from_rgb(&picture).draw_window(Window { x: 5.0, y: -5.0, side: 0.25 }, &mut canvas);
        assert!(canvas.luma.samples.iter().all(|&sample| sample == 235));
    }

    #[test]
    fn a_fade_goes_from_one_picture_to_the_other() {
        let (mut frame, white) =
            (Frame::black((2, 2)), Frame::from_rgb(&RgbImage::from_pixel(2, 2, image::Rgb([255; 3]))));
        frame.fade_to(&white, 0);
        assert_eq!(frame, Frame::black((2, 2)));
        frame.fade_to(&white, 256);
        assert_eq!(frame, white);
    }
}
