//! Output files: the specification of a clip, a cache of the clips made, and replies with ranges.

use std::collections::VecDeque;
use std::ops::RangeInclusive;
use std::sync::{Arc, OnceLock};

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use kling_types::OutputKind;
use sha2::{Digest, Sha256};

/// The most clips in the cache. Other clips are made again on request, with the same bytes.
const MAX_CACHED_CLIPS: usize = 16;

/// Everything that determines the bytes of an output file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ClipSpec {
    pub(crate) kind: OutputKind,
    /// The bytes of the start image. If missing, the clip shows a placeholder.
    pub(crate) start: Option<Arc<[u8]>>,
    /// The bytes of the end image.
    pub(crate) end: Option<Arc<[u8]>>,
    pub(crate) seconds: u32,
}

impl Default for ClipSpec {
    fn default() -> Self {
        Self { kind: OutputKind::Video, start: None, end: None, seconds: 0 }
    }
}

/// A clip, made by the first reader while the others wait.
pub(crate) type Clip = Arc<OnceLock<Result<Bytes, String>>>;

/// The most recent clips.
#[derive(Debug, Default)]
pub(crate) struct ClipCache(VecDeque<(ClipSpec, Clip)>);

impl ClipCache {
    /// Returns the clip of a specification, made or not.
    pub(crate) fn entry(&mut self, spec: &ClipSpec) -> Clip {
        if let Some((_, clip)) = self.0.iter().find(|(known, _)| known == spec) {
            return Arc::clone(clip);
        }
        if self.0.len() == MAX_CACHED_CLIPS {
            self.0.pop_front();
        }
        let clip = Clip::default();
        self.0.push_back((spec.clone(), Arc::clone(&clip)));
        clip
    }
}

/// Returns the path of an output file. Its `%3D` must not be decoded, as in URLs of the real service.
pub(crate) fn path(request_id: &str, number: usize, kind: OutputKind) -> String {
    let (extension, _) = file_type(kind);
    match number {
        0 => format!("/outputs/{request_id}%3D/output.{extension}"),
        _ => format!("/outputs/{request_id}%3D/output_{}.{extension}", number + 1),
    }
}

/// Returns the number in the name of an output file, from zero.
pub(crate) fn file_number(file: &str) -> Option<usize> {
    let (name, extension) = file.rsplit_once('.')?;
    let kinds = [OutputKind::Audio, OutputKind::Image, OutputKind::Video];
    let is_known = kinds.iter().any(|&kind| file_type(kind).0 == extension);
    match name.strip_prefix("output").filter(|_| is_known)? {
        "" => Some(0),
        number => number.strip_prefix('_')?.parse::<usize>().ok()?.checked_sub(1),
    }
}

/// The extension and the media type of an output file.
const fn file_type(kind: OutputKind) -> (&'static str, &'static str) {
    match kind {
        OutputKind::Audio => ("wav", "audio/wav"),
        OutputKind::Image => ("png", "image/png"),
        _ => ("mp4", "video/mp4"),
    }
}

/// Replies to `GET` or `HEAD` of a file with these bytes.
pub(crate) fn reply(bytes: Bytes, kind: OutputKind, head: &Parts) -> Response {
    let etag = format!("\"{}\"", sha256_hex(&bytes));
    let length = bytes.len();
    let response = Response::builder()
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_TYPE, file_type(kind).1)
        .header(ETAG, &etag);
    let (response, body) = match requested_range(head, &etag, length) {
        None => (response, bytes),
        Some(Ok(range)) => {
            let content_range = format!("bytes {}-{}/{length}", range.start(), range.end());
            let response = response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, content_range);
            // A valid range ends inside the file, whose length is a `usize`.
            (response, bytes.slice(*range.start() as usize..=*range.end() as usize))
        }
        Some(Err(())) => {
            let response = response.status(StatusCode::RANGE_NOT_SATISFIABLE);
            (response.header(CONTENT_RANGE, format!("bytes */{length}")), Bytes::new())
        }
    };
    let response = response.header(CONTENT_LENGTH, body.len());
    let body = if head.method == Method::HEAD { Bytes::new() } else { body };
    // The headers consist of ASCII, so building the response cannot fail.
    response.body(Body::from(body)).unwrap_or_default()
}

/// SHA-256 in lower-case hexadecimal digits.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The requested range of a file, or `None` for the whole file.
fn requested_range(head: &Parts, etag: &str, length: usize) -> Option<Result<RangeInclusive<u64>, ()>> {
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let is_same = header(IF_RANGE).is_none_or(|known| known == etag);
    // RFC 9110 ignores an invalid range, and allows the whole file in reply to several ranges.
    let ranges = http_range_header::parse_range_header(header(RANGE).filter(|_| is_same)?).ok()?;
    match ranges.validate(length as u64).as_deref() {
        Ok([range]) => Some(Ok(range.clone())),
        Ok(_) => None,
        Err(_) => Some(Err(())),
    }
}

/// The smallest file of each kind, with a line of text that names the feature `clip`.
#[cfg(not(feature = "clip"))]
pub(crate) mod minimal {
    use super::{ClipSpec, OutputKind};

    /// An MP4 file without a track.
    const MP4: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom";

    /// A PNG file of one black pixel.
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0\x3a\x7e\x9b\x55\
\0\0\0\nIDATx\x9cc`\0\0\0\x02\0\x01\x48\xaf\xa4\x71\0\0\0\0IEND\xaeB`\x82";

    /// A WAV file without samples: 8 kHz, one channel, 8 bits.
    const WAV: &[u8] =
        b"RIFF\x24\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x40\x1f\0\0\x01\0\x08\0data\0\0\0\0";

    /// Returns the bytes of the file.
    pub(crate) fn make(spec: &ClipSpec) -> Result<Vec<u8>, String> {
        let (seconds, kind) = (spec.seconds, spec.kind.singular());
        let text = format!("SIMULATED: {seconds} s of {kind}, built without the feature `clip`.\n");
        Ok(match spec.kind {
            // Readers ignore bytes after the end of these formats.
            OutputKind::Audio => [WAV, text.as_bytes()].concat(),
            OutputKind::Image => [PNG, text.as_bytes()].concat(),
            _ => {
                let size = u32::try_from(text.len() + 8).map_err(|error| error.to_string())?;
                [MP4, &size.to_be_bytes(), b"free", text.as_bytes()].concat()
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_specs_share_a_clip_and_old_clips_are_evicted() {
        let mut clips = ClipCache::default();
        let spec = |seconds| ClipSpec { seconds, ..ClipSpec::default() };
        let first = clips.entry(&spec(0));
        assert!(Arc::ptr_eq(&first, &clips.entry(&spec(0))));
        for seconds in 1..=16 {
            let _ = clips.entry(&spec(seconds));
        }
        assert_eq!(clips.0.len(), MAX_CACHED_CLIPS);
        assert!(!Arc::ptr_eq(&first, &clips.entry(&spec(0))));
    }

    #[test]
    #[cfg(not(feature = "clip"))]
    fn a_minimal_file_is_of_its_kind_and_names_the_feature() {
        for (kind, start) in [
            (OutputKind::Audio, b"RIFF"),
            (OutputKind::Image, b"\x89PNG"),
            (OutputKind::Video, b"\0\0\0\x18"),
        ] {
            let made = minimal::make(&ClipSpec { kind, ..ClipSpec::default() }).unwrap();
            assert!(made.starts_with(start), "{kind:?}");
            let text = String::from_utf8_lossy(&made);
            assert!(text.contains("SIMULATED") && text.contains("feature `clip`"), "{text}");
        }
    }
}
