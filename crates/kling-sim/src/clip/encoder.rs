//! H.264 by OpenH264, built from its source.

use openh264::OpenH264API;
use openh264::encoder::{EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode, VuiConfig};
use openh264::formats::YUVSlices;

use super::frame::Frame;
use super::{Error, FRAME_RATE};

/// The encoder of one clip.
pub(super) struct Encoder(openh264::encoder::Encoder);

/// One encoded picture.
pub(super) struct Encoded {
    /// Its units, each behind a start code.
    pub(super) annex_b: Vec<u8>,
    /// Whether it can be decoded without those before it.
    pub(super) is_key: bool,
}

impl Encoder {
    pub(super) fn new() -> Result<Self, Error> {
        let config = EncoderConfig::new()
            .intra_frame_period(IntraFramePeriod::from_num_frames(FRAME_RATE))
            .max_frame_rate(FrameRate::from_hz(FRAME_RATE as f32))
            // One thread, so that the same pictures give the same bytes on any machine.
            .num_threads(1)
            // Every picture in the same quality; the other modes would leave pictures out, or complain on stderr.
            .rate_control_mode(RateControlMode::Off)
            .scene_change_detect(false)
            // A picture left out would shorten the clip.
            .skip_frames(false)
            .vui(VuiConfig::bt601());
        let encoder = openh264::encoder::Encoder::with_api_config(OpenH264API::from_source(), config)?;
        Ok(Self(encoder))
    }

    pub(super) fn encode(&mut self, frame: &Frame) -> Result<Encoded, Error> {
        let (luma, blue, red) = (&frame.luma, &frame.blue, &frame.red);
        let planes = (&luma.samples[..], &blue.samples[..], &red.samples[..]);
        let source = YUVSlices::new(planes, frame.size(), (luma.width, blue.width, red.width));
        let stream = self.0.encode(&source)?;
        let is_key = matches!(stream.frame_type(), FrameType::IDR);
        let annex_b = stream.to_vec();
        if annex_b.is_empty() {
            return Err("the encoder left a picture out".into());
        }
        Ok(Encoded { annex_b, is_key })
    }
}
