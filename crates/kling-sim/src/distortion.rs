//! A true answer made wrong: as other words in good order, or as bytes that are none.

use std::io::Write;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use axum::http::response::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::Fault;
use crate::wire::Play;

/// The most bytes sent at once by a flood.
const WAVE: usize = 64 * 1024;
/// How deep a value is nested that no reader of JSON wants.
const DEEP: usize = 10_000;
/// Into how many pieces a dripping answer is cut.
const DROPS: usize = 16;

/// A true answer, in hand as a whole.
pub(crate) struct Truth {
    pub(crate) head: Parts,
    pub(crate) body: Bytes,
}

impl Truth {
    /// The answer with other words in it, where the fault is one of words.
    pub(crate) fn in_other_words(self, fault: &Fault) -> Response {
        let Self { mut head, body } = self;
        let body = match fault {
            Fault::BrokenText => with_member(&body, "\"note\":\"half a pair: \\ud83d,\nhalf a line\""),
            Fault::ByteOrderMark => [b"\xef\xbb\xbf", &*body].concat().into(),
            Fault::Compressed => compressed(&body),
            Fault::DeepNesting => {
                let (open, close) = ("[".repeat(DEEP), "]".repeat(DEEP));
                with_member(&body, &format!("\"nested\":{open}{close}"))
            }
            Fault::DuplicateKeys => twice(&body),
            Fault::ForeignOutput(origin) => altered(&body, |answer| move_output(answer, origin)),
            Fault::Html => "<!doctype html><title>Hold on</title><h1>Checking your browser</h1>".into(),
            Fault::InvalidJson => [&*body, b",\""].concat().into(),
            Fault::Truncated => body.slice(..body.len() / 2),
            Fault::UnknownFields => altered(&body, add_fields),
            Fault::UnknownState => altered(&body, |answer| answer["status"] = json!("hibernating")),
            Fault::WrongId => altered(&body, |answer| answer["request_id"] = json!("somebody-elses-request")),
            _ => body,
        };
        match fault {
            Fault::Compressed => {
                drop(head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip")))
            }
            Fault::Html => label(&mut head, "text/html; charset=utf-8"),
            Fault::WrongContentType => label(&mut head, "text/plain"),
            _ => {}
        }
        head.headers.remove(CONTENT_LENGTH);
        Response::from_parts(head, Body::from(body))
    }

    /// The answer as bytes that break off, where the fault is one of the connection.
    pub(crate) fn on_the_wire(&self, fault: &Fault) -> Option<Play> {
        let (head, body) = (self.raw_head(self.body.len()), &self.body);
        let half_body = || Play::default().send(head.clone()).send(body.slice(..body.len() / 2));
        Some(match fault {
            Fault::CloseInBody => half_body(),
            Fault::Drip(pause) => drip([head.as_bytes(), body].concat().into(), *pause),
            Fault::DropProcessed => Play::default(),
            Fault::ShortContentLength => {
                Play::default().send(self.raw_head(body.len() / 2)).send(body.clone())
            }
            Fault::ResetInBody => half_body().reset(),
            Fault::ResetInHead => Play::default().send(head.as_bytes()[..head.len() / 2].to_vec()).reset(),
            Fault::Stall(time) => Play::default().pause(*time),
            Fault::StallAfterBody(time) => {
                Play::default().send(self.raw_head(body.len() + 1)).send(body.clone()).pause(*time)
            }
            Fault::StallInBody(time) => half_body().pause(*time),
            _ => return None,
        })
    }

    fn raw_head(&self, length: usize) -> String {
        let mut raw = format!("HTTP/1.1 {}\r\ncontent-length: {length}\r\n", self.head.status);
        for (name, value) in framed_by_us(&self.head.headers) {
            raw.push_str(&format!("{name}: {value}\r\n"));
        }
        raw + "\r\n"
    }
}

/// So many bytes under no stated length.
pub(crate) fn flood(bytes: u64) -> Play {
    let wave = Bytes::from(vec![b'~'; WAVE]);
    let head = "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: video/mp4\r\n\r\n";
    let mut play = Play::default().send(head);
    let mut left = bytes;
    while left > 0 {
        let size = left.min(WAVE as u64);
        left -= size;
        play = play.send(wave.slice(..usize::try_from(size).unwrap_or(WAVE)));
    }
    play
}

fn drip(bytes: Bytes, pause: Duration) -> Play {
    let size = bytes.len().div_ceil(DROPS).max(1);
    bytes.chunks(size).fold(Play::default(), |play, drop| play.pause(pause).send(drop.to_vec()))
}

fn framed_by_us(headers: &HeaderMap) -> impl Iterator<Item = (&str, &str)> {
    let kept = headers.iter().filter(|(name, _)| !matches!(**name, CONTENT_LENGTH | TRANSFER_ENCODING));
    kept.filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)))
}

fn label(head: &mut Parts, content_type: &'static str) {
    head.headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
}

/// What is no JSON object stays as it is.
fn altered(body: &Bytes, alter: impl FnOnce(&mut Value)) -> Bytes {
    match serde_json::from_slice(body) {
        Ok(mut answer @ Value::Object(_)) => {
            alter(&mut answer);
            answer.to_string().into()
        }
        _ => body.clone(),
    }
}

fn twice(body: &Bytes) -> Bytes {
    match body.strip_prefix(b"{").and_then(|rest| rest.strip_suffix(b"}")) {
        Some(pairs) if !pairs.is_empty() => [b"{", pairs, b",", pairs, b"}"].concat().into(),
        _ => body.clone(),
    }
}

/// The object with a member as written before all others.
fn with_member(body: &Bytes, member: &str) -> Bytes {
    match body.strip_prefix(b"{") {
        Some(rest) => [b"{", member.as_bytes(), b",", rest].concat().into(),
        None => body.clone(),
    }
}

fn compressed(body: &Bytes) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default().into()
}

fn add_fields(answer: &mut Value) {
    answer["trace"] = json!({"span": [1, null, {"node": "\u{1F40C}"}]});
    answer["eta_seconds"] = json!(-1.5e300);
    answer["error_code"] = json!(0);
}

/// Every URL in `output` keeps its path and gets another origin.
fn move_output(answer: &mut Value, origin: &str) {
    if let Some(output) = answer.get_mut("output") {
        visit(output, &mut |url| {
            let path = url.splitn(4, '/').nth(3).unwrap_or_default();
            *url = format!("{origin}/{path}");
        });
    }
}

fn visit(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::String(text) => change(text),
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, change)),
        Value::Object(pairs) => pairs.values_mut().for_each(|item| visit(item, change)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] =
        br#"{"request_id":"r-1","status":"succeeded","output":{"videos":["http://a:1/x%3D/y"]}}"#;

    fn said(fault: &Fault) -> Bytes {
        let (head, ()) = Response::new(()).into_parts();
        let response = Truth { head, body: Bytes::from_static(BODY) }.in_other_words(fault);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(axum::body::to_bytes(response.into_body(), usize::MAX)).unwrap()
    }

    fn read(fault: &Fault) -> Value {
        serde_json::from_slice(&said(fault)).unwrap()
    }

    #[test]
    fn what_is_still_json_says_the_same_but_for_the_fault() {
        let truth: Value = serde_json::from_slice(BODY).unwrap();
        assert_eq!(read(&Fault::DuplicateKeys), truth);
        assert_eq!(said(&Fault::DuplicateKeys).len(), 2 * BODY.len() - 1);
        assert_eq!(read(&Fault::UnknownState)["status"], "hibernating");
        assert_eq!(read(&Fault::WrongId)["request_id"], "somebody-elses-request");
        assert_eq!(read(&Fault::UnknownFields)["output"], truth["output"]);
        assert_eq!(read(&Fault::WrongContentType), truth);
    }

    #[test]
    fn an_output_moves_to_another_origin_with_its_path() {
        let moved = read(&Fault::ForeignOutput("https://b.example".into()));
        assert_eq!(moved["output"]["videos"][0], "https://b.example/x%3D/y");
    }

    #[test]
    fn what_is_no_json_any_more_cannot_be_read() {
        let broken = [Fault::InvalidJson, Fault::Truncated, Fault::Html];
        let misspelt = [Fault::BrokenText, Fault::ByteOrderMark, Fault::Compressed, Fault::DeepNesting];
        for fault in broken.into_iter().chain(misspelt) {
            assert!(serde_json::from_slice::<Value>(&said(&fault)).is_err(), "{fault}");
        }
    }
}
