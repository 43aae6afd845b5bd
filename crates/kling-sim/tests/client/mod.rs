//! A minimal client for the tests: one call, one reply, no retry.
#![allow(dead_code, reason = "not every test file needs all of it")]

use kling_sim::{Builder, Sim};
use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request};

/// A compiled-in model.
pub(crate) const COMPILED_IN: &str = "kling/kling-1-6/pro/image-to-video";
/// A model with frozen schemas, so that tests can state its bounds and prices.
pub(crate) const MODEL: &str = "made-up/frozen";

/// A builder of a simulator that serves the frozen model.
pub(crate) fn builder() -> Builder {
    Sim::builder().schemas_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../kling-types/fixtures"))
}

/// A simulator that serves the frozen model.
pub(crate) fn start() -> Sim {
    builder().start().unwrap()
}

/// A reply of any status.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The status, the `error_code` and the `error_message`.
    pub(crate) fn refusal(&self) -> (u16, u64, String) {
        let body = self.json();
        let message = body["error_message"].as_str().unwrap().to_owned();
        (self.status, body["error_code"].as_u64().unwrap(), message)
    }
}

pub(crate) fn send(method: &str, url: &str, token: Option<&str>, body: Option<&str>) -> Answer {
    let mut request = Request::builder().method(method).uri(url);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    if body.is_some() {
        request = request.header("content-type", "application/json");
    }
    run(request.body(body.unwrap_or_default().to_owned()).unwrap())
}

pub(crate) fn run(request: Request<String>) -> Answer {
    let config = ureq::Agent::config_builder().http_status_as_error(false).max_redirects(0).build();
    let mut response = ureq::Agent::new_with_config(config).run(request).unwrap();
    Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        bytes: response.body_mut().read_to_vec().unwrap(),
    }
}

pub(crate) fn get(sim: &Sim, path: &str) -> Answer {
    send("GET", &format!("{}{path}", sim.base_url()), Some(sim.token()), None)
}

pub(crate) fn post(sim: &Sim, path: &str, body: &Value) -> Answer {
    send("POST", &format!("{}{path}", sim.base_url()), Some(sim.token()), Some(&body.to_string()))
}

pub(crate) fn cancel(sim: &Sim, id: &str) -> Answer {
    send("POST", &format!("{}/requests/{id}/cancel", sim.base_url()), Some(sim.token()), None)
}

pub(crate) fn status(sim: &Sim, id: &str) -> Value {
    get(sim, &format!("/requests/{id}/status")).json()
}

pub(crate) fn result(sim: &Sim, id: &str) -> Value {
    get(sim, &format!("/requests/{id}/result?include_cost=true")).json()
}

/// A valid input. Its image is out of reach, so the rules on it stay unchecked.
pub(crate) fn input() -> Value {
    json!({"image_url": "https://example.com/start.jpg"})
}

pub(crate) fn submit(sim: &Sim, input: &Value) -> Answer {
    post(sim, &format!("/models/{MODEL}"), input)
}

/// Submits, and returns the request id.
pub(crate) fn accepted(sim: &Sim, input: &Value) -> String {
    let answer = submit(sim, input);
    assert!(answer.status < 300, "{}", answer.json());
    answer.json()["request_id"].as_str().unwrap().to_owned()
}

/// A PNG header of this size in a `data:` URI, padded to at least `bytes`.
pub(crate) fn image(width: u32, height: u32, bytes: usize) -> String {
    kling_media::encode_data_uri("image/png", &png(width, height, bytes))
}

/// The header and the end of a PNG, which its facts need, with zeros between.
pub(crate) fn png(width: u32, height: u32, bytes: usize) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend(width.to_be_bytes());
    png.extend(height.to_be_bytes());
    png.extend([8, 0, 0, 0, 0, 0, 0, 0, 0]);
    png.resize(png.len().max(bytes.saturating_sub(8)), 0);
    png.extend(b"IEND\xae\x42\x60\x82");
    png
}
