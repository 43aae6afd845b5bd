//! The first frame of a scene as a picture, in shades of grey: enough to see what it was made from, and that it is simulated.

use std::io::Cursor;

use image::{GrayImage, ImageFormat};

use super::Error;
use super::frame::Frame;
use super::scene::Scene;

/// The bytes of a PNG file.
pub(super) fn png(scene: &Scene) -> Result<Vec<u8>, Error> {
    let mut canvas = Frame::black(scene.size);
    scene.draw(0, &mut canvas);
    let (width, height) = (u32::try_from(scene.size.0)?, u32::try_from(scene.size.1)?);
    let picture = GrayImage::from_raw(width, height, canvas.luma.samples).ok_or("a frame of another size")?;
    let mut file = Cursor::new(Vec::new());
    picture.write_to(&mut file, ImageFormat::Png)?;
    Ok(file.into_inner())
}
