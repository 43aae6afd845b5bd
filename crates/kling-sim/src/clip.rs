//! Clips: a slow zoom into the start image and a cross-fade to the end image. Every frame says SIMULATED.
//!
//! A model of images makes the first frame as a grey PNG. A model of audio makes a tone.

mod encoder;
mod frame;
mod image;

use std::sync::Arc;

use kling_types::OutputKind;

use crate::output::ClipSpec;
use encoder::Encoder;
use frame::{Frame, Size, Window};
use image::Image;

/// The frames in a second.
const FRAME_RATE: u32 = 24;
/// The side of the window at the closest zoom. The whole image is 1.
const ZOOM: f64 = 0.72;
/// The centre of the window at the closest zoom.
const ZOOM_CENTRE: (f64, f64) = (0.56, 0.42);
/// The start and the length of the cross-fade, as shares of the clip.
const FADE: (f64, f64) = (0.45, 0.4);

/// An error of an encoder. No image causes one.
type Error = Box<dyn std::error::Error>;

/// Returns the bytes of an MP4, PNG or WAV file. Equal specifications give equal bytes.
pub(crate) fn make(spec: &ClipSpec) -> Result<Vec<u8>, String> {
    let made = match spec.kind {
        OutputKind::Audio => Ok(encoder::wav(spec.seconds)),
        OutputKind::Image => Scene::of(spec).png(),
        _ => Scene::of(spec).mp4(),
    };
    made.map_err(|error| error.to_string())
}

/// A clip before it is encoded.
struct Scene {
    size: Size,
    frames: u32,
    start: Frame,
    end: Option<Frame>,
}

impl Scene {
    fn of(spec: &ClipSpec) -> Self {
        let start = Image::decode(spec.start.as_deref());
        let size = start.clip_size();
        let end = spec.end.as_ref().map(|image: &Arc<[u8]>| Image::decode(Some(image)).to_frame(size));
        Self { size, frames: spec.seconds * FRAME_RATE, start: start.to_frame(size), end }
    }

    fn mp4(&self) -> Result<Vec<u8>, Error> {
        let mut encoder = Encoder::new()?;
        let encoded = (0..self.frames).map(|index| encoder.encode(&self.frame(index)));
        encoder::mp4(&encoded.collect::<Result<Vec<_>, _>>()?)
    }

    fn png(&self) -> Result<Vec<u8>, Error> {
        let size = (u32::try_from(self.size.0)?, u32::try_from(self.size.1)?);
        encoder::png(size, &self.frame(0).luma.samples)
    }

    /// Draws one frame. The first is the whole start image, the last the whole end image if there is one.
    fn frame(&self, index: u32) -> Frame {
        let mut canvas = Frame::black(self.size);
        let time = f64::from(index) / f64::from(self.frames.saturating_sub(1).max(1));
        self.start.draw_window(window(smooth(time)), &mut canvas);
        let fade = smooth((time - FADE.0) / FADE.1);
        if let Some(end) = self.end.as_ref().filter(|_| fade > 0.0) {
            let mut closing = Frame::black(self.size);
            end.draw_window(window(1.0 - smooth(time)), &mut closing);
            canvas.fade_to(&closing, (fade * 256.0) as u32);
        }
        frame::write_watermark(&mut canvas);
        canvas
    }
}

/// The visible part of an image: all of it at 0, the closest zoom at 1.
fn window(zoom: f64) -> Window {
    let between = |from: f64, to: f64| from + (to - from) * zoom;
    let side = between(1.0, ZOOM);
    Window { x: between(0.5, ZOOM_CENTRE.0), y: between(0.5, ZOOM_CENTRE.1), width: side, height: side }
}

/// A smooth step from 0 to 1.
fn smooth(time: f64) -> f64 {
    let time = time.clamp(0.0, 1.0);
    time * time * (3.0 - 2.0 * time)
}

#[cfg(test)]
mod tests {
    use super::image::tests::png;
    use super::*;

    fn image(light: fn(u32, u32) -> u8) -> Arc<[u8]> {
        png(320, 200, light).into()
    }

    /// The mean difference in luma over the upper half, without the watermark.
    fn difference(one: &Frame, other: &Frame) -> f64 {
        let half = one.luma.samples.len() / 2;
        let pairs = one.luma.samples[..half].iter().zip(&other.luma.samples[..half]);
        pairs.map(|(one, other)| f64::from(one.abs_diff(*other))).sum::<f64>() / half as f64
    }

    #[test]
    fn the_first_frame_is_the_image_and_a_later_one_differs() {
        let start = image(|x, y| ((x * 7 + y * 3) % 200) as u8);
        let scene = Scene::of(&ClipSpec { start: Some(start.clone()), seconds: 5, ..ClipSpec::default() });
        assert_eq!((scene.frames, scene.size), (120, (320, 200)));
        let mut whole = Frame::black(scene.size);
        Image::decode(Some(&start)).to_frame(scene.size).draw_window(window(0.0), &mut whole);
        assert_eq!(difference(&scene.frame(0), &whole), 0.0);
        assert!(difference(&scene.frame(0), &scene.frame(119)) > 20.0);
    }

    #[test]
    fn a_clip_fades_to_its_end_image() {
        let (start, end) = (Some(image(|_, _| 0)), Some(image(|_, _| 255)));
        let scene = Scene::of(&ClipSpec { start, end, seconds: 10, ..ClipSpec::default() });
        assert_eq!(scene.frames, 240);
        assert_eq!(scene.frame(0).luma.samples[0], 16);
        assert_eq!(scene.frame(239).luma.samples[0], 235);
        assert!((50..200).contains(&scene.frame(155).luma.samples[0]));
    }
}
