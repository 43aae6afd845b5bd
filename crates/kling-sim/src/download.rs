//! An output file over HTTP: whole, or the range that is asked for.

use std::ops::RangeInclusive;

use axum::body::{Body, Bytes};
use axum::http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE, RANGE};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::Response;
use kling_types::OutputKind;
use sha2::{Digest, Sha256};

/// The media type of an output.
pub(crate) const fn media_type(kind: OutputKind) -> &'static str {
    match kind {
        OutputKind::Audio => "audio/wav",
        OutputKind::Image => "image/png",
        _ => "video/mp4",
    }
}

/// Answers `GET` or `HEAD` of a file with these bytes.
pub(crate) fn reply(bytes: Bytes, media_type: &str, head: &Parts) -> Response {
    let etag = format!("\"{:x}\"", u64::from_be_bytes(leading(&Sha256::digest(&bytes))));
    let length = bytes.len();
    let response = Response::builder()
        .header(ACCEPT_RANGES, "bytes")
        .header(CONTENT_TYPE, media_type)
        .header(ETAG, &etag);
    let (response, body) = match wanted(head, &etag, length) {
        Wanted::Whole => (response, bytes),
        Wanted::Part(range) => {
            let place = format!("bytes {}-{}/{length}", range.start(), range.end());
            let part = bytes.slice(range);
            (response.status(StatusCode::PARTIAL_CONTENT).header(CONTENT_RANGE, place), part)
        }
        Wanted::Nothing => {
            let response = response.status(StatusCode::RANGE_NOT_SATISFIABLE);
            (response.header(CONTENT_RANGE, format!("bytes */{length}")), Bytes::new())
        }
    };
    let response = response.header(CONTENT_LENGTH, body.len());
    let body = if head.method == Method::HEAD { Bytes::new() } else { body };
    // Every header above is made of digits, so that building it cannot fail.
    response.body(Body::from(body)).unwrap_or_default()
}

enum Wanted {
    Nothing,
    Part(RangeInclusive<usize>),
    Whole,
}

fn wanted(head: &Parts, etag: &str, length: usize) -> Wanted {
    let header = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    let is_same = header(IF_RANGE).is_none_or(|known| known == etag);
    let Some(range) = header(RANGE).filter(|_| is_same) else { return Wanted::Whole };
    // A range that cannot be read is no range, says RFC 9110; several of them may be answered by the whole.
    let Ok(ranges) = http_range_header::parse_range_header(range) else { return Wanted::Whole };
    match ranges.validate(length as u64).as_deref() {
        Ok([range]) => part(range, length),
        Ok(_) => Wanted::Whole,
        Err(_) => Wanted::Nothing,
    }
}

fn part(range: &RangeInclusive<u64>, length: usize) -> Wanted {
    match (usize::try_from(*range.start()), usize::try_from(*range.end())) {
        (Ok(start), Ok(end)) if end < length => Wanted::Part(start..=end),
        _ => Wanted::Nothing,
    }
}

fn leading(digest: &[u8]) -> [u8; 8] {
    std::array::from_fn(|index| digest.get(index).copied().unwrap_or_default())
}
