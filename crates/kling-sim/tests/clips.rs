//! Output files over real sockets: a playable clip, whole and in ranges.
#![cfg(feature = "clip")]

mod client;

use std::time::Duration;

use client::{Answer, accepted, input, result, run, send};
use kling_sim::Sim;
use serde_json::{Value, json};

/// The start image of the examples, as a `data:` URI.
fn photo() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/start.jpg");
    kling_media::encode_data_uri("image/jpeg", &std::fs::read(path).unwrap())
}

fn clip_url(sim: &Sim, input: &Value) -> String {
    let id = accepted(sim, input);
    sim.advance(Duration::from_secs(3600));
    result(sim, &id)["output"]["video"].as_str().unwrap().to_owned()
}

fn clip(input: &Value) -> Vec<u8> {
    let sim = client::builder().manual_time().start().unwrap();
    let answer = send("GET", &clip_url(&sim, input), None, None);
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("video/mp4")));
    assert_eq!(answer.header("content-length").unwrap(), answer.bytes.len().to_string());
    answer.bytes
}

/// The boxes of an MP4 in order, by name and content.
fn boxes(mut bytes: &[u8]) -> Vec<(&str, &[u8])> {
    let mut found = Vec::new();
    while bytes.len() >= 8 {
        let (head, size) = match number(bytes, 0) {
            // A size of 1 means that a 64-bit size follows the name.
            1 => (16, number(bytes, 12) as usize),
            size => (8, size as usize),
        };
        found.push((std::str::from_utf8(&bytes[4..8]).unwrap(), &bytes[head..size]));
        bytes = &bytes[size..];
    }
    assert!(bytes.is_empty());
    found
}

/// The content of a box inside boxes.
fn inside<'b>(bytes: &'b [u8], path: &[&str]) -> &'b [u8] {
    path.iter()
        .fold(bytes, |bytes, name| boxes(bytes).into_iter().find(|(found, _)| found == name).unwrap().1)
}

fn number(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Frames, seconds, width and height.
fn facts(clip: &[u8]) -> (u32, u32, u32, u32) {
    let track = inside(clip, &["moov", "trak"]);
    let header = inside(track, &["mdia", "mdhd"]);
    let sizes = inside(track, &["mdia", "minf", "stbl", "stsz"]);
    let place = inside(track, &["tkhd"]);
    let side = |from_end: usize| number(place, place.len() - from_end) >> 16;
    (number(sizes, 8), number(header, 16) / number(header, 12), side(8), side(4))
}

#[test]
fn a_clip_has_the_length_and_shape_asked_for_and_its_index_in_front() {
    let short = clip(&json!({"image_url": photo()}));
    assert_eq!(facts(&short), (120, 5, 640, 400));
    let names: Vec<&str> = boxes(&short).into_iter().map(|(name, _)| name).collect();
    let place = |wanted| names.iter().position(|name| *name == wanted).unwrap();
    assert!(place("ftyp") < place("moov") && place("moov") < place("mdat"), "{names:?}");
    let entry = inside(&short, &["moov", "trak", "mdia", "minf", "stbl", "stsd"]);
    assert_eq!(&entry[12..16], b"avc1");
    let long = clip(&json!({"image_url": photo(), "tail_image_url": photo(), "duration": 10}));
    assert_eq!(facts(&long), (240, 10, 640, 400));
}

#[test]
fn equal_inputs_give_equal_bytes_and_a_url_a_placeholder() {
    let (one, other) = (clip(&input()), clip(&input()));
    assert_eq!(facts(&one), (120, 5, 640, 360));
    assert!(one == other);
    assert!(one.len() < 2_000_000);
}

#[test]
fn a_file_is_served_in_ranges_without_a_token() {
    let sim = client::builder().manual_time().start().unwrap();
    let url = clip_url(&sim, &input());
    let whole = send("GET", &url, None, None);
    let etag = whole.header("etag").unwrap();
    let ask = |headers: &[(&str, &str)]| -> Answer {
        let mut request = ureq::http::Request::get(&url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        run(request.body(String::new()).unwrap())
    };
    let length = whole.bytes.len();
    let tail = ask(&[("range", "bytes=1000-"), ("if-range", etag)]);
    assert_eq!((tail.status, &tail.bytes[..]), (206, &whole.bytes[1000..]));
    assert_eq!(tail.header("content-range").unwrap(), format!("bytes 1000-{}/{length}", length - 1));
    let middle = ask(&[("range", "bytes=8-15")]);
    assert_eq!((middle.status, &middle.bytes[..]), (206, &whole.bytes[8..16]));
    assert_eq!(ask(&[("range", "bytes=-4")]).bytes, whole.bytes[length - 4..]);
    assert_eq!(ask(&[("range", "bytes=1000-"), ("if-range", "\"another\"")]).status, 200);
    assert_eq!(ask(&[("range", &format!("bytes={length}-"))]).status, 416);
    assert_eq!(ask(&[("range", "lines=1-2")]).status, 200);
    let head = send("HEAD", &url, None, None);
    assert_eq!((head.status, head.bytes.len()), (200, 0));
    assert_eq!(head.header("content-length").unwrap(), length.to_string());
    assert!(sim.requests().iter().all(|call| !call.has_auth || !call.path.starts_with("/outputs")));
}

#[test]
fn the_path_of_a_file_is_matched_byte_for_byte() {
    let sim = client::builder().manual_time().start().unwrap();
    let url = clip_url(&sim, &input());
    assert!(url.contains("%3D/"));
    for changed in [url.replace("%3D", "="), url.replace("%3D", "%253D"), url.replace("output.", "output_2.")]
    {
        assert_eq!(send("GET", &changed, None, None).status, 404, "{changed}");
    }
}

#[test]
fn a_file_is_missing_before_its_job_is_done() {
    let sim = client::builder().manual_time().start().unwrap();
    let id = accepted(&sim, &input());
    let origin = sim.base_url().strip_suffix("/v1").unwrap();
    assert_eq!(send("GET", &format!("{origin}/outputs/{id}%3D/output.mp4"), None, None).status, 404);
}
