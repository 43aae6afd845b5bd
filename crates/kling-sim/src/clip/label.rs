//! Words written into a picture.

use font8x8::legacy::BASIC_LEGACY;

use super::frame::{Frame, NEUTRAL, Plane, mix};

/// The sides of a letter in dots.
const LETTER: usize = 8;
/// The dots of margin around the words.
const MARGIN: usize = 3;
/// How much of the light behind the words is taken away, in 256 parts.
const SHADE: u32 = 150;
/// The light of a letter.
const WHITE: u8 = 235;
const BLACK: u8 = 16;

/// What every frame says.
pub(super) const WATERMARK: &str = "SIMULATED";

/// Writes the watermark into the lower left corner, large enough to be read at any size.
pub(super) fn watermark(frame: &mut Frame) {
    let (width, height) = frame.size();
    let dot = dot(width, WATERMARK);
    let bottom = height.saturating_sub((LETTER + 2 * MARGIN) * dot);
    write(frame, WATERMARK, (0, bottom), dot);
}

/// Writes words into the middle, half as wide as the picture, so that a zoom leaves them inside.
pub(super) fn title(frame: &mut Frame, words: &str) {
    let (width, height) = frame.size();
    let dot = dot(width, words) * 3 / 2;
    let left = width.saturating_sub((words.len() * LETTER + 2 * MARGIN) * dot) / 2;
    write(frame, words, (left, height.saturating_sub((LETTER + 2 * MARGIN) * dot) / 2), dot);
}

/// The side of a dot in pixels that makes the words about a third as wide as the picture.
fn dot(width: usize, words: &str) -> usize {
    let third = 3 * LETTER * words.len().max(1);
    ((width + third / 2) / third).max(1)
}

fn write(frame: &mut Frame, words: &str, (left, top): (usize, usize), dot: usize) {
    let (width, height) = ((words.len() * LETTER + 2 * MARGIN) * dot, (LETTER + 2 * MARGIN) * dot);
    shade(&mut frame.luma, (left, top), (width, height), BLACK);
    for colour in [&mut frame.blue, &mut frame.red] {
        shade(colour, (left / 2, top / 2), (width / 2, height / 2), NEUTRAL);
    }
    for (index, letter) in words.bytes().enumerate() {
        let left = left + (MARGIN + index * LETTER) * dot;
        draw_letter(&mut frame.luma, letter, (left, top + MARGIN * dot), dot);
    }
}

/// Draws a box behind the words, so that they are read on snow as on coal.
fn shade(plane: &mut Plane, (left, top): (usize, usize), (width, height): (usize, usize), value: u8) {
    for row in rows(plane, top, height) {
        for sample in row.iter_mut().skip(left).take(width) {
            *sample = mix(*sample, value, SHADE);
        }
    }
}

fn draw_letter(plane: &mut Plane, letter: u8, (left, top): (usize, usize), dot: usize) {
    let Some(dots) = BASIC_LEGACY.get(usize::from(letter)) else { return };
    for (index, row) in rows(plane, top, LETTER * dot).enumerate() {
        let bits = dots[index / dot];
        for (x, sample) in row.iter_mut().skip(left).take(LETTER * dot).enumerate() {
            if bits >> (x / dot) & 1 == 1 {
                *sample = WHITE;
            }
        }
    }
}

fn rows(plane: &mut Plane, top: usize, height: usize) -> impl Iterator<Item = &mut [u8]> {
    plane.samples.chunks_exact_mut(plane.width).skip(top).take(height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_is_white_on_dark_in_the_lower_left() {
        let mut frame = Frame::black((640, 400));
        watermark(&mut frame);
        let lit: Vec<usize> = (0..640 * 400).filter(|&at| frame.luma.samples[at] == WHITE).collect();
        assert!(lit.len() > 1000);
        assert!(lit.iter().all(|at| at / 640 > 350 && at % 640 < 320));
    }

    #[test]
    fn a_picture_smaller_than_the_words_is_written_on_as_far_as_it_goes() {
        let mut frame = Frame::black((16, 2));
        watermark(&mut frame);
        title(&mut frame, "PLACEHOLDER");
        assert_eq!(frame.size(), (16, 2));
    }
}
