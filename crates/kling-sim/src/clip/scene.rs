//! What happens in a clip: a slow zoom into the start picture, and a cross-fade to the end picture.

use std::sync::Arc;

use super::FRAME_RATE;
use super::frame::{Frame, Size, Window};
use super::label;
use super::picture::Picture;
use crate::output::ClipSpec;

/// The side of the window when it is closest; the whole picture is 1.
const CLOSEST: f64 = 0.72;
/// The centre of the window when it is closest.
const GOAL: (f64, f64) = (0.56, 0.42);
/// When the cross-fade begins and how long it takes, in shares of the clip.
const FADE: (f64, f64) = (0.45, 0.4);

/// A clip before it is encoded.
pub(super) struct Scene {
    /// The size of every frame.
    pub(super) size: Size,
    /// How many frames it has.
    pub(super) frames: u32,
    start: Frame,
    end: Option<Frame>,
}

impl Scene {
    pub(super) fn of(spec: &ClipSpec) -> Self {
        let decode = |image: &Arc<[u8]>| Picture::decode(Some(image));
        let start = spec.start.as_ref().map_or_else(|| Picture::decode(None), decode);
        let size = start.clip_size();
        let end = spec.end.as_ref().map(|picture| decode(picture).to_frame(size));
        Self { size, frames: spec.seconds * FRAME_RATE, start: start.to_frame(size), end }
    }

    /// Draws one frame: the first shows the whole start picture, the last the whole end picture if there is one.
    pub(super) fn draw(&self, index: u32, canvas: &mut Frame) {
        let time = f64::from(index) / f64::from(self.frames.saturating_sub(1).max(1));
        self.start.draw_window(window(smooth(time)), canvas);
        let fade = smooth((time - FADE.0) / FADE.1);
        if let Some(end) = self.end.as_ref().filter(|_| fade > 0.0) {
            let mut closing = Frame::black(self.size);
            end.draw_window(window(1.0 - smooth(time)), &mut closing);
            canvas.fade_to(&closing, (fade * 256.0) as u32);
        }
        label::watermark(canvas);
    }
}

/// The part that is seen: all of the picture at nought, the closest part at one.
fn window(closeness: f64) -> Window {
    let between = |from: f64, to: f64| from + (to - from) * closeness;
    Window { x: between(0.5, GOAL.0), y: between(0.5, GOAL.1), side: between(1.0, CLOSEST) }
}

/// A course that starts and ends gently; before nought it is nought, after one it is one.
fn smooth(time: f64) -> f64 {
    let time = time.clamp(0.0, 1.0);
    time * time * (3.0 - 2.0 * time)
}

#[cfg(test)]
mod tests {
    use image::{ImageFormat, Rgb, RgbImage};

    use super::*;

    fn picture(light: fn(u32, u32) -> u8) -> Arc<[u8]> {
        let mut png = std::io::Cursor::new(Vec::new());
        let image = RgbImage::from_fn(320, 200, |x, y| Rgb([light(x, y); 3]));
        image.write_to(&mut png, ImageFormat::Png).unwrap();
        png.into_inner().into()
    }

    fn frame(scene: &Scene, index: u32) -> Frame {
        let mut canvas = Frame::black(scene.size);
        scene.draw(index, &mut canvas);
        canvas
    }

    /// The mean difference in light over the upper half, where no watermark is.
    fn difference(one: &Frame, other: &Frame) -> f64 {
        let half = one.luma.samples.len() / 2;
        let pairs = one.luma.samples[..half].iter().zip(&other.luma.samples[..half]);
        pairs.map(|(one, other)| f64::from(one.abs_diff(*other))).sum::<f64>() / half as f64
    }

    #[test]
    fn the_first_frame_is_the_picture_and_a_later_one_differs() {
        let start = picture(|x, y| ((x * 7 + y * 3) % 200) as u8);
        let scene = Scene::of(&ClipSpec { start: Some(start.clone()), seconds: 5, ..ClipSpec::default() });
        assert_eq!((scene.frames, scene.size), (120, (320, 200)));
        let photo = Picture::decode(Some(&start));
        let mut whole = Frame::black(scene.size);
        photo.to_frame(scene.size).draw_window(window(0.0), &mut whole);
        assert_eq!(difference(&frame(&scene, 0), &whole), 0.0);
        assert!(difference(&frame(&scene, 0), &frame(&scene, 119)) > 20.0);
    }

    #[test]
    fn an_end_picture_is_faded_to() {
        let (start, end) = (picture(|_, _| 0), picture(|_, _| 255));
        let scene =
            Scene::of(&ClipSpec { start: Some(start), end: Some(end), seconds: 10, ..ClipSpec::default() });
        assert_eq!(scene.frames, 240);
        assert_eq!(frame(&scene, 0).luma.samples[0], 16);
        assert_eq!(frame(&scene, 239).luma.samples[0], 235);
        assert!((50..200).contains(&frame(&scene, 155).luma.samples[0]));
    }
}
