//! The output file: a short clip made from the pictures of the input, labelled as simulated in every frame; of models that
//! make something else, one frame of it as a picture, or a tone.

mod encoder;
mod frame;
mod label;
mod muxer;
mod picture;
mod scene;
mod still;
mod tone;

use kling_types::OutputKind;

use crate::output::ClipSpec;

use encoder::Encoder;
use frame::Frame;
use scene::Scene;

/// Frames in a second.
const FRAME_RATE: u32 = 24;

/// Why a clip could not be made. Not one picture leads here; a broken encoder does.
type Error = Box<dyn std::error::Error>;

/// The bytes of an MP4 file with H.264 in it, of a PNG file, or of a WAV file; the same for the same spec.
pub(crate) fn make(spec: &ClipSpec) -> Result<Vec<u8>, String> {
    let made = match spec.kind {
        OutputKind::Audio => Ok(tone::wav(spec.seconds)),
        OutputKind::Image => still::png(&Scene::of(spec)),
        _ => encode(&Scene::of(spec)),
    };
    made.map_err(|error| error.to_string())
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
