//! The output file: a short clip made from the pictures of the input, labelled as simulated in every frame.

mod encoder;
mod frame;
mod label;
mod muxer;
mod picture;
mod scene;

use crate::recipe::Recipe;

use encoder::Encoder;
use frame::Frame;
use scene::Scene;

/// The media type of an output.
pub(crate) const MEDIA_TYPE: &str = "video/mp4";

/// Frames in a second.
const FRAME_RATE: u32 = 24;

/// Why a clip could not be made. Not one picture leads here; a broken encoder does.
type Error = Box<dyn std::error::Error>;

/// The bytes of an MP4 file with H.264 in it; the same for the same recipe.
pub(crate) fn make(recipe: &Recipe) -> Result<Vec<u8>, String> {
    encode(&Scene::of(recipe)).map_err(|error| error.to_string())
}

fn encode(scene: &Scene) -> Result<Vec<u8>, Error> {
    let mut encoder = Encoder::new()?;
    let mut canvas = Frame::black(scene.size);
    let mut pictures = Vec::new();
    for index in 0..scene.frames {
        scene.draw(index, &mut canvas);
        pictures.push(encoder.encode(&canvas)?);
    }
    muxer::mux(&pictures)
}
