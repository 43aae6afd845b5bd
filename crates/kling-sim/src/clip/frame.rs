//! Frames in YUV 4:2:0, as the encoder reads them: zooms, cross-fades and words.

use font8x8::legacy::BASIC_LEGACY;

/// Width and height in pixels.
pub(super) type Size = (usize, usize);

/// The luma of black and of white, and the chroma of grey, in limited range.
const BLACK: u8 = 16;
const WHITE: u8 = 235;
const NEUTRAL: u8 = 128;
/// The sides of a letter in dots.
const LETTER: usize = 8;
/// The margin around words in dots.
const MARGIN: usize = 3;
/// The opacity of the box behind words, in 256 parts.
const SHADE: u32 = 150;

/// One frame with even sides, in limited-range BT.601.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) luma: Plane,
    pub(super) blue: Plane,
    pub(super) red: Plane,
}

/// One component of a frame, row by row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plane {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) samples: Vec<u8>,
}

/// A part of a frame, by its centre and its sides as shares of the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Window {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) width: f64,
    pub(super) height: f64,
}

impl Frame {
    /// Both sides must be even.
    pub(super) fn black((width, height): Size) -> Self {
        let plane = |width, height, value| Plane { width, height, samples: vec![value; width * height] };
        let colour = || plane(width / 2, height / 2, NEUTRAL);
        Self { luma: plane(width, height, BLACK), blue: colour(), red: colour() }
    }

    /// Converts an image. An odd side is extended by its last pixels.
    pub(super) fn from_rgb((width, height): Size, pixels: &[[u8; 3]]) -> Self {
        let mut frame = Self::black((width.next_multiple_of(2), height.next_multiple_of(2)));
        let pixel = |x: usize, y: usize| pixels[y.min(height - 1) * width + x.min(width - 1)];
        frame.luma.fill(|x, y| weigh(pixel(x, y), [65.738, 129.057, 25.064], 16.0));
        let mean = |x: usize, y: usize| {
            let corners = [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(dx, dy)| pixel(2 * x + dx, 2 * y + dy));
            std::array::from_fn(|channel| {
                let sum: u32 = corners.iter().map(|corner| u32::from(corner[channel])).sum();
                ((sum + 2) / 4) as u8
            })
        };
        frame.blue.fill(|x, y| weigh(mean(x, y), [-37.945, -74.494, 112.439], 128.0));
        frame.red.fill(|x, y| weigh(mean(x, y), [112.439, -94.154, -18.285], 128.0));
        frame
    }

    /// Draws the part of `self` inside `window` onto all of `canvas`.
    pub(super) fn draw_window(&self, window: Window, canvas: &mut Self) {
        self.luma.draw_window(window, &mut canvas.luma);
        self.blue.draw_window(window, &mut canvas.blue);
        self.red.draw_window(window, &mut canvas.red);
    }

    /// Mixes a frame of the same size in. A weight of 0 keeps `self`, 256 is `other` alone.
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
    fn fill(&mut self, value: impl Fn(usize, usize) -> u8) {
        for (index, sample) in self.samples.iter_mut().enumerate() {
            *sample = value(index % self.width, index / self.width);
        }
    }

    fn draw_window(&self, window: Window, canvas: &mut Self) {
        let columns = neighbours(self.width, canvas.width, window.x, window.width);
        let rows = neighbours(self.height, canvas.height, window.y, window.height);
        for (target, down) in canvas.samples.chunks_exact_mut(canvas.width).zip(rows) {
            let upper = &self.samples[down.first * self.width..][..self.width];
            let lower = &self.samples[down.second * self.width..][..self.width];
            for (sample, across) in target.iter_mut().zip(&columns) {
                let above = across.mix(upper[across.first], upper[across.second]);
                let below = across.mix(lower[across.first], lower[across.second]);
                // Each sum has weights of 256 in all, so the product has 16 fractional bits.
                *sample = ((above * (256 - down.weight) + below * down.weight + (1 << 15)) >> 16) as u8;
            }
        }
    }

    fn fade_to(&mut self, other: &Self, weight: u32) {
        for (sample, other) in self.samples.iter_mut().zip(&other.samples) {
            *sample = mix(*sample, *other, weight);
        }
    }

    fn rows(&mut self, top: usize, height: usize) -> impl Iterator<Item = &mut [u8]> {
        self.samples.chunks_exact_mut(self.width).skip(top).take(height)
    }

    /// Darkens a box, so that words are readable on any image.
    fn shade(&mut self, (left, top): Size, (width, height): Size, value: u8) {
        for row in self.rows(top, height) {
            for sample in row.iter_mut().skip(left).take(width) {
                *sample = mix(*sample, value, SHADE);
            }
        }
    }

    fn draw_letter(&mut self, letter: u8, (left, top): Size, dot: usize) {
        let Some(dots) = BASIC_LEGACY.get(usize::from(letter)) else { return };
        for (index, row) in self.rows(top, LETTER * dot).enumerate() {
            let bits = dots[index / dot];
            for (x, sample) in row.iter_mut().skip(left).take(LETTER * dot).enumerate() {
                if bits >> (x / dot) & 1 == 1 {
                    *sample = WHITE;
                }
            }
        }
    }
}

/// The two samples around a point, and the weight of the second in 256 parts.
#[derive(Clone, Copy)]
struct Neighbours {
    first: usize,
    second: usize,
    weight: u32,
}

impl Neighbours {
    fn mix(self, first: u8, second: u8) -> u32 {
        u32::from(first) * (256 - self.weight) + u32::from(second) * self.weight
    }
}

/// Places `to` points evenly among `from` samples, inside the window.
fn neighbours(from: usize, to: usize, centre: f64, side: f64) -> Vec<Neighbours> {
    let (length, last) = (from as f64, from.saturating_sub(1));
    let start = (centre - side / 2.0).clamp(0.0, (1.0 - side).max(0.0)) * length;
    let place = |index: usize| {
        let at = (start + (index as f64 + 0.5) * side * length / to as f64 - 0.5).max(0.0);
        let first = (at as usize).min(last);
        let weight = (at.fract() * 256.0) as u32;
        Neighbours { first, second: (first + 1).min(last), weight }
    };
    (0..to).map(place).collect()
}

/// Mixes two samples. The second has `weight` parts in 256.
fn mix(first: u8, second: u8, weight: u32) -> u8 {
    ((u32::from(first) * (256 - weight) + u32::from(second) * weight + 128) >> 8) as u8
}

fn weigh(colour: [u8; 3], weights: [f32; 3], offset: f32) -> u8 {
    let sum: f32 = colour.iter().zip(weights).map(|(sample, weight)| f32::from(*sample) * weight).sum();
    (sum / 256.0 + offset + 0.5) as u8
}

/// Writes SIMULATED into the lower left corner.
pub(super) fn write_watermark(frame: &mut Frame) {
    let words = "SIMULATED";
    let (width, height) = frame.size();
    let dot = dot_size(width, words);
    write(frame, words, (0, height.saturating_sub((LETTER + 2 * MARGIN) * dot)), dot);
}

/// Writes words into the middle, half as wide as the frame, so that a zoom keeps them inside.
pub(super) fn write_title(frame: &mut Frame, words: &str) {
    let (width, height) = frame.size();
    let dot = dot_size(width, words) * 3 / 2;
    let left = width.saturating_sub((words.len() * LETTER + 2 * MARGIN) * dot) / 2;
    write(frame, words, (left, height.saturating_sub((LETTER + 2 * MARGIN) * dot) / 2), dot);
}

/// The side of a dot in pixels that makes words about a third as wide as the frame.
fn dot_size(width: usize, words: &str) -> usize {
    let third = 3 * LETTER * words.len().max(1);
    ((width + third / 2) / third).max(1)
}

fn write(frame: &mut Frame, words: &str, (left, top): Size, dot: usize) {
    let (width, height) = ((words.len() * LETTER + 2 * MARGIN) * dot, (LETTER + 2 * MARGIN) * dot);
    frame.luma.shade((left, top), (width, height), BLACK);
    for colour in [&mut frame.blue, &mut frame.red] {
        colour.shade((left / 2, top / 2), (width / 2, height / 2), NEUTRAL);
    }
    for (index, letter) in words.bytes().enumerate() {
        let left = left + (MARGIN + index * LETTER) * dot;
        frame.luma.draw_letter(letter, (left, top + MARGIN * dot), dot);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(colour: [u8; 3]) -> Frame {
        Frame::from_rgb((2, 2), &[colour; 4])
    }

    fn image((width, height): Size, pixel: fn(usize, usize) -> [u8; 3]) -> Frame {
        let pixels: Vec<[u8; 3]> = (0..width * height).map(|at| pixel(at % width, at / width)).collect();
        Frame::from_rgb((width, height), &pixels)
    }

    #[test]
    fn white_black_and_red_have_the_values_of_the_standard() {
        let values = |colour| {
            let frame = filled(colour);
            (frame.luma.samples[0], frame.blue.samples[0], frame.red.samples[0])
        };
        assert_eq!(values([255, 255, 255]), (235, 128, 128));
        assert_eq!(values([0, 0, 0]), (16, 128, 128));
        assert_eq!(values([255, 0, 0]), (81, 90, 240));
    }

    #[test]
    fn the_whole_window_at_the_same_size_is_the_frame_itself() {
        let frame = image((16, 8), |x, y| [(x * 16) as u8, (y * 30) as u8, 77]);
        let mut canvas = Frame::black((16, 8));
        frame.draw_window(Window { x: 0.5, y: 0.5, width: 1.0, height: 1.0 }, &mut canvas);
        assert_eq!(canvas, frame);
    }

    #[test]
    fn a_window_beyond_the_border_is_moved_inside() {
        let frame = image((16, 8), |x, _| [if x < 8 { 0 } else { 255 }; 3]);
        let mut canvas = Frame::black((8, 4));
        frame.draw_window(Window { x: 5.0, y: -5.0, width: 0.25, height: 0.25 }, &mut canvas);
        assert!(canvas.luma.samples.iter().all(|&sample| sample == 235));
    }

    #[test]
    fn a_fade_goes_from_one_frame_to_the_other() {
        let (mut frame, white) = (Frame::black((2, 2)), filled([255; 3]));
        frame.fade_to(&white, 0);
        assert_eq!(frame, Frame::black((2, 2)));
        frame.fade_to(&white, 256);
        assert_eq!(frame, white);
    }

    #[test]
    fn the_watermark_is_white_on_dark_in_the_lower_left() {
        let mut frame = Frame::black((640, 400));
        write_watermark(&mut frame);
        let lit: Vec<usize> = (0..640 * 400).filter(|&at| frame.luma.samples[at] == WHITE).collect();
        assert!(lit.len() > 1000);
        assert!(lit.iter().all(|at| at / 640 > 350 && at % 640 < 320));
    }

    #[test]
    fn a_frame_smaller_than_its_words_keeps_its_size() {
        let mut frame = Frame::black((16, 2));
        write_watermark(&mut frame);
        write_title(&mut frame, "PLACEHOLDER");
        assert_eq!(frame.size(), (16, 2));
    }
}
