//! A true reply, corrupted: its content changed, or its bytes cut off.

use std::io::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::response::Parts;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::Fault;
use crate::connection::RawReply;

/// The most bytes that [`Fault::Flood`] sends at once.
const FLOOD_CHUNK: usize = 64 * 1024;
/// The depth of [`Fault::DeepNesting`], beyond the limit of JSON readers.
const NESTING: usize = 10_000;
/// The headers that state the length of a body.
const FRAMING: [HeaderName; 2] = [CONTENT_LENGTH, TRANSFER_ENCODING];
/// The number of pieces of [`Fault::Drip`].
const DRIP_PIECES: usize = 16;

/// Returns the reply with other content, if `fault` changes the content.
pub(crate) fn content(mut head: Parts, body: Bytes, fault: &Fault) -> Response {
    let body = match fault {
        Fault::BrokenText => with_member(&body, "\"note\":\"half a pair: \\ud83d,\nhalf a line\""),
        Fault::ByteOrderMark => [b"\xef\xbb\xbf", &*body].concat().into(),
        Fault::Compressed => compress(&body),
        Fault::DeepNesting => {
            let (open, close) = ("[".repeat(NESTING), "]".repeat(NESTING));
            with_member(&body, &format!("\"nested\":{open}{close}"))
        }
        Fault::DuplicateKeys => duplicate_keys(&body),
        Fault::ForeignOutput(origin) => edit(&body, |reply| {
            if let Some(output) = reply.get_mut("output") {
                move_output(output, origin);
            }
        }),
        Fault::Html => "<!doctype html><title>Hold on</title><h1>Checking your browser</h1>".into(),
        Fault::InvalidJson => [&*body, b",\""].concat().into(),
        Fault::Truncated => body.slice(..body.len() / 2),
        Fault::UnknownFields => edit(&body, add_fields),
        Fault::UnknownState => edit(&body, |reply| reply["status"] = json!("hibernating")),
        Fault::WrongId => edit(&body, |reply| reply["request_id"] = json!("somebody-elses-request")),
        _ => body,
    };
    let header = match fault {
        Fault::Compressed => Some((CONTENT_ENCODING, "gzip")),
        Fault::Html => Some((CONTENT_TYPE, "text/html; charset=utf-8")),
        Fault::WrongContentType => Some((CONTENT_TYPE, "text/plain")),
        _ => None,
    };
    if let Some((name, value)) = header {
        head.headers.insert(name, HeaderValue::from_static(value));
    }
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, Body::from(body))
}

/// Returns the reply as raw bytes, if `fault` breaks the connection.
pub(crate) fn raw_reply(head: &Parts, body: &Bytes, fault: &Fault) -> Option<RawReply> {
    let whole = raw_head(head, body.len());
    let half_body = || RawReply::default().send(whole.clone()).send(body.slice(..body.len() / 2));
    let with_length = |length| RawReply::default().send(raw_head(head, length)).send(body.clone());
    Some(match fault {
        Fault::CloseInBody => half_body(),
        Fault::Drip(pause) => drip([whole.as_bytes(), body].concat().into(), *pause),
        Fault::DropProcessed => RawReply::default(),
        Fault::ResetInBody => half_body().reset(),
        Fault::ResetInHead => RawReply::default().send(whole.as_bytes()[..whole.len() / 2].to_vec()).reset(),
        Fault::ShortContentLength => with_length(body.len() / 2),
        Fault::Stall(time) => RawReply::default().pause(*time),
        Fault::StallAfterBody(time) => with_length(body.len() + 1).pause(*time),
        Fault::StallInBody(time) => half_body().pause(*time),
        _ => return None,
    })
}

/// Returns `bytes` bytes without a `content-length`.
pub(crate) fn flood(bytes: u64) -> RawReply {
    let chunk = Bytes::from(vec![b'~'; FLOOD_CHUNK]);
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: video/mp4\r\n\r\n";
    let mut reply = RawReply::default().send(head);
    let mut left = bytes;
    while left > 0 {
        let size = left.min(FLOOD_CHUNK as u64);
        left -= size;
        reply = reply.send(chunk.slice(..usize::try_from(size).unwrap_or(FLOOD_CHUNK)));
    }
    reply
}

/// Returns a head with a length of its own.
fn raw_head(head: &Parts, length: usize) -> String {
    let mut raw = format!("HTTP/1.1 {}\r\ncontent-length: {length}\r\n", head.status);
    for (name, value) in head.headers.iter().filter(|(name, _)| !FRAMING.contains(name)) {
        raw.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap_or_default()));
    }
    raw + "\r\n"
}

fn drip(bytes: Bytes, pause: Duration) -> RawReply {
    let size = bytes.len().div_ceil(DRIP_PIECES).max(1);
    bytes.chunks(size).fold(RawReply::default(), |reply, piece| reply.pause(pause).send(piece.to_vec()))
}

/// Edits a JSON object. Any other body stays as it is.
fn edit(body: &Bytes, edit: impl FnOnce(&mut Value)) -> Bytes {
    match serde_json::from_slice(body) {
        Ok(mut reply @ Value::Object(_)) => {
            edit(&mut reply);
            reply.to_string().into()
        }
        _ => body.clone(),
    }
}

fn duplicate_keys(body: &Bytes) -> Bytes {
    match body.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) {
        Some(pairs) if !pairs.is_empty() => [b"{", pairs, b",", pairs, b"}"].concat().into(),
        _ => body.clone(),
    }
}

/// Inserts `member`, as written, before the other members of an object.
fn with_member(body: &Bytes, member: &str) -> Bytes {
    match body.strip_prefix(b"{") {
        Some(rest) => [b"{", member.as_bytes(), b",", rest].concat().into(),
        None => body.clone(),
    }
}

fn compress(body: &Bytes) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory never fails.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}

fn add_fields(reply: &mut Value) {
    reply["trace"] = json!({"span": [1, null, {"node": "\u{1F40C}"}]});
    reply["eta_seconds"] = json!(-1.5e300);
    reply["error_code"] = json!(0);
}

/// Moves every URL of an output to another origin. The paths stay.
fn move_output(output: &mut Value, origin: &str) {
    match output {
        Value::String(url) => *url = format!("{origin}/{}", url.splitn(4, '/').nth(3).unwrap_or_default()),
        Value::Array(items) => items.iter_mut().for_each(|item| move_output(item, origin)),
        Value::Object(pairs) => pairs.values_mut().for_each(|item| move_output(item, origin)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        br#"{"request_id":"r-1","status":"succeeded","output":{"videos":["http://a:1/x%3D/y"]}}"#;

    fn corrupted(fault: &Fault) -> Bytes {
        let (head, ()) = Response::new(()).into_parts();
        let response = content(head, Bytes::from_static(BODY), fault);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(axum::body::to_bytes(response.into_body(), usize::MAX)).unwrap()
    }

    fn read(fault: &Fault) -> Value {
        serde_json::from_slice(&corrupted(fault)).unwrap()
    }

    #[test]
    fn valid_json_differs_only_by_the_fault() {
        let reply: Value = serde_json::from_slice(BODY).unwrap();
        assert_eq!(read(&Fault::DuplicateKeys), reply);
        assert_eq!(corrupted(&Fault::DuplicateKeys).len(), 2 * BODY.len() - 1);
        assert_eq!(read(&Fault::UnknownState)["status"], "hibernating");
        assert_eq!(read(&Fault::WrongId)["request_id"], "somebody-elses-request");
        assert_eq!(read(&Fault::UnknownFields)["output"], reply["output"]);
        assert_eq!(read(&Fault::WrongContentType), reply);
    }

    #[test]
    fn an_output_moves_to_another_origin_with_its_path() {
        let moved = read(&Fault::ForeignOutput("https://b.example".into()));
        assert_eq!(moved["output"]["videos"][0], "https://b.example/x%3D/y");
    }

    #[test]
    fn invalid_json_cannot_be_parsed() {
        let invalid = [Fault::InvalidJson, Fault::Truncated, Fault::Html];
        let misspelt = [Fault::BrokenText, Fault::ByteOrderMark, Fault::Compressed, Fault::DeepNesting];
        for fault in invalid.into_iter().chain(misspelt) {
            assert!(serde_json::from_slice::<Value>(&corrupted(&fault)).is_err(), "{fault}");
        }
    }
}
