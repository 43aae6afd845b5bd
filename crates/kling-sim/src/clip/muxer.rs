//! MP4 around encoded pictures, with the index in front, so that a clip plays while it is still loading.

use std::num::NonZeroU32;

use shiguredo_mp4::TrackKind;
use shiguredo_mp4::bitstream::h264::{
    H264NalUnitType, H264SampleEntryConfig, LengthSize, build_avc1_box_from_annexb, parse_annexb_nal_units,
};
use shiguredo_mp4::boxes::SampleEntry;
use shiguredo_mp4::mux::{Mp4FileMuxer, Mp4FileMuxerOptions, Sample, estimate_maximum_moov_box_size};

use super::encoder::Encoded;
use super::{Error, FRAME_RATE};

/// The file of a clip whose first picture is a key.
pub(super) fn mux(pictures: &[Encoded]) -> Result<Vec<u8>, Error> {
    let reserved_moov_box_size = estimate_maximum_moov_box_size(&[pictures.len()]);
    // The time of creation stays at its default, so that the same pictures give the same bytes.
    let options = Mp4FileMuxerOptions { reserved_moov_box_size, ..Mp4FileMuxerOptions::default() };
    let mut muxer = Mp4FileMuxer::with_options(options)?;
    let mut file = muxer.initial_boxes_bytes().to_vec();
    for (index, picture) in pictures.iter().enumerate() {
        let data = length_prefixed(&picture.annex_b)?;
        muxer.append_sample(&Sample {
            track_kind: TrackKind::Video,
            sample_entry: if index == 0 { Some(sample_entry(&picture.annex_b)?) } else { None },
            keyframe: picture.is_key,
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
        return Err("the index of the clip is larger than the room kept for it".into());
    }
    for (offset, bytes) in index.offset_and_bytes_pairs() {
        let start = usize::try_from(offset)?;
        file[start..start + bytes.len()].copy_from_slice(bytes);
    }
    Ok(file)
}

/// The description of the stream, from the parameter sets in front of its first picture.
fn sample_entry(annex_b: &[u8]) -> Result<SampleEntry, Error> {
    let config = H264SampleEntryConfig { length_size: LengthSize::FourBytes };
    Ok(SampleEntry::Avc1(build_avc1_box_from_annexb(annex_b, &config)?))
}

/// A picture as MP4 holds it: lengths in place of start codes, parameter sets left to the description.
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
