//! The model against the simulator, offline.

use kling::Token;
use kling::blocking::Client;
use kling::transport::ApiBase;
use kling_sim::{Call, Sim};
use serde_json::json;

/// A simulator that serves the very schemas that the types are generated from.
fn simulator() -> Sim {
    Sim::builder().speed(100.0).schemas_dir("schemas").start().expect("a free port and a folder of schemas")
}

#[test]
fn a_job_of_a_generated_model_finishes() {
    let sim = simulator();
    let token = Token::new(sim.token()).expect("a token");
    let base: ApiBase = sim.base_url().parse().expect("a base");
    let client = Client::builder().token(token).base(base).without_journal().build_blocking().expect("a client");
    let input = other_model::input("https://example.com/start.jpg").expect("a legal input");
    let output = other_model::generate(&client, &input).expect("a finished job");
    assert!(matches!(output.urls()[..], [url] if url.ends_with(".mp4")), "{output:?}");
    assert_eq!(sim.billed().len(), 1);
    let sent = serde_json::to_value(&input).expect("JSON");
    let expected = json!({
        "prompt": "slow dolly-in, leaves moving", "image_url": "https://example.com/start.jpg",
        "resolution": "1080p", "duration": 5,
    });
    assert_eq!(sent, expected);
    let calls = sim.requests();
    let submits: Vec<&str> =
        calls.iter().filter(|call| call.call == Call::Submit).map(|call| call.path.as_str()).collect();
    assert_eq!(submits, ["/v1/models/wan-ai/wan-3.0/image-to-video"]);
}

#[test]
fn a_wrong_input_is_refused_before_anything_is_sent() {
    let violations = other_model::input("start.jpg").expect_err("a path is no URL");
    assert_eq!(violations.iter().next().map(|violation| violation.pointer()), Some("/image_url"));
}
