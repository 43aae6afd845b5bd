//! Encoders of output files: H.264 in MP4, PNG and WAV. Equal inputs give equal bytes.

use std::num::NonZeroU32;

use openh264::OpenH264API;
use openh264::encoder::{EncoderConfig, FrameRate, FrameType, IntraFramePeriod, RateControlMode, VuiConfig};
use openh264::formats::YUVSlices;
use shiguredo_mp4::TrackKind;
use shiguredo_mp4::bitstream::h264::{
    H264NalUnitType, H264SampleEntryConfig, LengthSize, build_avc1_box_from_annexb, parse_annexb_nal_units,
};
use shiguredo_mp4::boxes::SampleEntry;
use shiguredo_mp4::mux::{Mp4FileMuxer, Mp4FileMuxerOptions, Sample, estimate_maximum_moov_box_size};

use super::frame::Frame;
use super::{Error, FRAME_RATE};

/// The WAV samples in a second.
const SAMPLE_RATE: u32 = 8_000;
/// The WAV samples in one period of the tone: 400 Hz.
const TONE_PERIOD: u32 = 20;
/// The amplitude of the tone, of 127.
const AMPLITUDE: u8 = 24;
/// The value of silence in samples of 8 bits.
const SILENCE: u8 = 128;

/// An H.264 encoder.
pub(super) struct Encoder(openh264::encoder::Encoder);

/// One encoded frame.
pub(super) struct Encoded {
    annex_b: Vec<u8>,
    is_key: bool,
}

impl Encoder {
    pub(super) fn new() -> Result<Self, Error> {
        let config = EncoderConfig::new()
            .intra_frame_period(IntraFramePeriod::from_num_frames(FRAME_RATE))
            .max_frame_rate(FrameRate::from_hz(FRAME_RATE as f32))
            // One thread gives the same bytes on every machine.
            .num_threads(1)
            // Constant quality: the other modes drop frames or print to stderr.
            .rate_control_mode(RateControlMode::Off)
            .scene_change_detect(false)
            // A dropped frame would shorten the clip.
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
            return Err("the encoder dropped a frame".into());
        }
        Ok(Encoded { annex_b, is_key })
    }
}

/// Returns an MP4 file with its index in front, so that it plays during a download.
///
/// The first frame must be a key frame.
pub(super) fn mp4(frames: &[Encoded]) -> Result<Vec<u8>, Error> {
    let reserved_moov_box_size = estimate_maximum_moov_box_size(&[frames.len()]);
    // The creation time stays at its default, so that equal frames give equal bytes.
    let options = Mp4FileMuxerOptions { reserved_moov_box_size, ..Mp4FileMuxerOptions::default() };
    let mut muxer = Mp4FileMuxer::with_options(options)?;
    let mut file = muxer.initial_boxes_bytes().to_vec();
    for (index, frame) in frames.iter().enumerate() {
        let data = length_prefixed(&frame.annex_b)?;
        muxer.append_sample(&Sample {
            track_kind: TrackKind::Video,
            sample_entry: if index == 0 { Some(sample_entry(&frame.annex_b)?) } else { None },
            keyframe: frame.is_key,
            timescale: NonZeroU32::MIN.saturating_add(FRAME_RATE - 1),
            duration: 1,
            composition_time_offset: None,
            data_offset: file.len() as u64,
            data_size: data.len(),
        })?;
        file.extend(data);
    }
    let index = muxer.finalize()?;
    if !index.is_faststart_enabled() {
        return Err("the index of the clip exceeds its reserved space".into());
    }
    for (offset, bytes) in index.offset_and_bytes_pairs() {
        let start = usize::try_from(offset)?;
        file[start..start + bytes.len()].copy_from_slice(bytes);
    }
    Ok(file)
}

/// Describes the stream by the parameter sets before its first frame.
fn sample_entry(annex_b: &[u8]) -> Result<SampleEntry, Error> {
    let config = H264SampleEntryConfig { length_size: LengthSize::FourBytes };
    Ok(SampleEntry::Avc1(build_avc1_box_from_annexb(annex_b, &config)?))
}

/// Converts start codes to lengths, and removes the parameter sets, as MP4 requires.
fn length_prefixed(annex_b: &[u8]) -> Result<Vec<u8>, Error> {
    let mut data = Vec::with_capacity(annex_b.len());
    for unit in parse_annexb_nal_units(annex_b)? {
        if !matches!(unit.nal_unit_type, H264NalUnitType::Sps | H264NalUnitType::Pps) {
            data.extend(u32::try_from(unit.data.len())?.to_be_bytes());
            data.extend(unit.data);
        }
    }
    Ok(data)
}

/// Returns a grey PNG file.
pub(super) fn png((width, height): (u32, u32), samples: &[u8]) -> Result<Vec<u8>, Error> {
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    let mut writer = encoder.write_header()?;
    writer.write_image_data(samples)?;
    writer.finish()?;
    Ok(file)
}

/// Returns a WAV file of a tone that is on and off for half a second each, unlike any music.
pub(super) fn wav(seconds: u32) -> Vec<u8> {
    let length = seconds * SAMPLE_RATE;
    // PCM, one channel; the rates in samples and in bytes; one byte a sample of 8 bits.
    let mut file = [
        &b"RIFF"[..],
        &(36 + length).to_le_bytes(),
        b"WAVEfmt \x10\0\0\0\x01\0\x01\0",
        &SAMPLE_RATE.to_le_bytes(),
        &SAMPLE_RATE.to_le_bytes(),
        b"\x01\0\x08\0data",
        &length.to_le_bytes(),
    ]
    .concat();
    file.extend((0..length).map(|index| {
        let is_on = (index / (SAMPLE_RATE / 2)).is_multiple_of(2);
        match (is_on, index % TONE_PERIOD < TONE_PERIOD / 2) {
            (false, _) => SILENCE,
            (true, true) => SILENCE + AMPLITUDE,
            (true, false) => SILENCE - AMPLITUDE,
        }
    }));
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_of_a_wav_file_states_its_length() {
        let file = wav(2);
        assert_eq!(file.len(), 44 + 16_000);
        assert_eq!(file[40..44], 16_000_u32.to_le_bytes());
        assert!(file[44..].iter().any(|&sample| sample != SILENCE));
    }
}
