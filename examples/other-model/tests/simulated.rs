//! The model against the simulator, offline.

use kling::blocking::Client;
use kling::{ApiBase, Settings, Token};
use kling_sim::{Call, Reply, Sim};
use serde_json::json;

/// The simulator serves the models that kling ships; for this one its answers are given by hand.
fn simulator() -> Sim {
    let sim = Sim::start().expect("a free port");
    let base = sim.base_url();
    let links = json!({"request_id": "r-1", "status_url": base, "result_url": base, "cancel_url": base});
    sim.answer_next(Call::Submit, Reply::json(200, &links));
    sim.answer_next(Call::Status, Reply::json(200, &json!({"request_id": "r-1", "status": "completed"})));
    let output = json!({"video": "https://playgrounds-storage-public.runcomfy.net/clip.mp4"});
    let result = json!({"request_id": "r-1", "status": "succeeded", "output": output});
    sim.answer_next(Call::Result, Reply::json(200, &result));
    sim
}

#[test]
fn a_job_of_a_generated_model_finishes() {
    let sim = simulator();
    let token = Token::new(sim.token()).expect("a token");
    let base: ApiBase = sim.base_url().parse().expect("a base");
    let client = Client::new(Settings::new(token).with_base(base)).expect("a client");
    let input = other_model::input("https://example.com/start.jpg").expect("a legal input");
    let output = other_model::generate(&client, &input).expect("a finished job");
    assert_eq!(output.urls(), ["https://playgrounds-storage-public.runcomfy.net/clip.mp4"]);
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
