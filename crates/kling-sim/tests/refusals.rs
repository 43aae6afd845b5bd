//! Every error code, over real sockets.

mod client;

use std::time::Duration;

use client::{MODEL, accepted, cancel, get, image, input, png, post, run, send, submit};
use kling_sim::{ApiVariant, MediaRules};
use serde_json::{Value, json};

#[test]
fn every_call_except_a_download_needs_a_token() {
    let sim = client::start();
    let (base, balance) = (sim.base_url().to_owned(), sim.balance_url());
    let calls = [
        ("POST", format!("{base}/models/{MODEL}")),
        ("GET", format!("{base}/requests/x/status")),
        ("GET", format!("{base}/requests/x/result")),
        ("POST", format!("{base}/requests/x/cancel")),
        ("GET", format!("{base}/models")),
        ("GET", format!("{base}/models/categories")),
        ("GET", format!("{base}/models/{MODEL}")),
        ("GET", balance),
    ];
    for (method, url) in &calls {
        for token in [None, Some("wrong")] {
            let (status, code, message) = send(method, url, token, None).refusal();
            assert_eq!((status, code), (400, 400_004), "{method} {url}: {message}");
        }
    }
    assert!(sim.billed().is_empty());
}

#[test]
fn a_wrong_or_malformed_model_id_is_400001() {
    let sim = client::start();
    for id in [
        "kling/kling-9/pro/image-to-video",
        "kling",
        "",
        "//",
        "kling/kling-1-6/pro/image-to-video/",
        &MODEL.replace('/', "%2F"),
    ] {
        let refusal = post(&sim, &format!("/models/{id}"), &input()).refusal();
        assert_eq!((refusal.0, refusal.1), (400, 400_001), "{id}");
    }
    assert_eq!(get(&sim, "/models/kling/none").refusal().1, 400_001);
}

#[test]
fn an_empty_balance_is_400002() {
    let sim = client::builder().balance(0.3).start().unwrap();
    accepted(&sim, &input());
    accepted(&sim, &input());
    let refusal = submit(&sim, &input()).refusal();
    assert_eq!((refusal.0, refusal.1), (400, 400_002));
    assert_eq!(sim.billed().len(), 2);
    let balance = send("GET", &sim.balance_url(), Some(sim.token()), None).json();
    assert_eq!(balance, json!({"balance_usd": -0.2, "balance_microdollars": -200_000, "currency": "USD"}));
}

#[test]
fn a_foreign_request_is_403001() {
    let sim = client::builder().other_account("other").start().unwrap();
    let id = accepted(&sim, &input());
    for call in ["status", "result"] {
        let url = format!("{}/requests/{id}/{call}", sim.base_url());
        let refusal = send("GET", &url, Some("other"), None).refusal();
        assert_eq!((refusal.0, refusal.1), (403, 403_001));
    }
    let url = format!("{}/requests/{id}/cancel", sim.base_url());
    assert_eq!(send("POST", &url, Some("other"), None).status, 403);
    assert_eq!(cancel(&sim, &id).json()["outcome"], "cancelled");
}

#[test]
fn an_unknown_or_expired_request_is_404001() {
    let sim = client::builder().manual_time().lifetime(Duration::from_secs(60)).start().unwrap();
    let id = accepted(&sim, &input());
    sim.advance(Duration::from_secs(61));
    for id in [id.as_str(), "none", "", "a%2Fb"] {
        for call in ["status", "result"] {
            let refusal = get(&sim, &format!("/requests/{id}/{call}")).refusal();
            assert_eq!((refusal.0, refusal.1), (404, 404_001), "{id}");
        }
        assert_eq!(cancel(&sim, id).refusal().1, 404_001);
    }
}

#[test]
fn a_mismatch_is_a_422_that_names_every_pointer() {
    let sim = client::start();
    let body = json!({"duration": 7, "cfg_scale": 1.5, "prompt": "x".repeat(1392), "colour": "red"});
    let answer = submit(&sim, &body);
    let (status, code, message) = answer.refusal();
    assert_eq!((status, code), (422, 422_000));
    for pointer in ["/image_url", "/duration", "/cfg_scale", "/prompt", "/colour"] {
        assert!(message.contains(pointer), "{pointer}: {message}");
        let detail = answer.json()["detail"].clone();
        let named = detail.as_array().unwrap().iter().find(|item| item["pointer"] == pointer).unwrap();
        assert!(named["keyword"].is_string() && named["found"].is_string() && named["allowed"].is_string());
    }
}

#[test]
fn an_unusable_image_is_refused_by_pointer() {
    let variant = ApiVariant { media_rules: MediaRules::WhileRunning, ..ApiVariant::default() };
    let sim = client::builder().api_variant(variant).start().unwrap();
    let text = kling_media::encode_data_uri("image/png", b"no picture");
    for url in ["", "start.jpg", "http://example.com/a.jpg", "data:image/png;base64,%%%", "data:,x", &text] {
        let answer = submit(&sim, &json!({"image_url": url}));
        assert_eq!(answer.status, 422, "{url}");
        assert!(answer.refusal().2.contains("/image_url"), "{url}: {}", answer.refusal().2);
    }
    let tail = submit(&sim, &json!({"image_url": "https://example.com/a.jpg", "tail_image_url": text}));
    assert!(tail.refusal().2.contains("/tail_image_url") && !tail.refusal().2.contains(" /image_url"));
    assert!(sim.billed().is_empty());
}

#[test]
fn an_invalid_json_body_is_refused() {
    let sim = client::start();
    let url = format!("{}/models/{MODEL}", sim.base_url());
    for body in ["", "{", "[]", "null", "{\"image_url\": "] {
        assert_eq!(send("POST", &url, Some(sim.token()), Some(body)).status, 422, "{body}");
    }
    let form = ureq::http::Request::post(&url)
        .header("authorization", format!("Bearer {}", sim.token()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(input().to_string())
        .unwrap();
    assert_eq!(run(form).refusal().0, 415);
}

#[test]
fn other_paths_and_methods_are_refused() {
    let sim = client::start();
    assert_eq!(get(&sim, "/requests").refusal().0, 404);
    assert_eq!(get(&sim, "/requests/x/cancel").refusal().0, 405);
    let url = format!("{}/models/{MODEL}", sim.base_url());
    assert_eq!(send("DELETE", &url, Some(sim.token()), None).refusal().0, 405);
}

#[test]
fn media_rules_are_exact_at_each_bound() {
    let sim = client::start();
    let refused = |field: &str, uri: String| -> Option<Value> {
        let mut body = input();
        body[field] = json!(uri);
        let answer = submit(&sim, &body);
        (answer.status != 200).then(|| {
            assert_eq!(answer.status, 422);
            assert!(answer.refusal().2.contains(field));
            answer.json()["detail"].clone()
        })
    };
    for field in ["image_url", "tail_image_url"] {
        assert!(refused(field, image(301, 301, 0)).is_none());
        for (width, height) in [(300, 400), (400, 300), (299, 299)] {
            let detail = refused(field, image(width, height, 0)).unwrap();
            assert_eq!(detail[0]["keyword"], "validations");
        }
    }
    assert!(refused("image_url", image(400, 400, 9_999_999)).is_none());
    assert!(refused("image_url", image(400, 400, 10_000_000)).is_some());
    assert!(refused("tail_image_url", image(400, 400, 10_000_000)).is_none());
}

#[test]
fn a_fetched_image_is_checked_like_an_inline_one() {
    let sim = client::builder()
        .fetcher(|url| url.ends_with("small.png").then(|| png(100, 100, 0)))
        .start()
        .unwrap();
    let answer = submit(&sim, &json!({"image_url": "https://example.com/small.png"}));
    assert_eq!(answer.status, 422);
    let answer = submit(&sim, &json!({"image_url": "https://example.com/elsewhere.png"}));
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header(kling_sim::UNCHECKED_HEADER), Some("/image_url"));
}

#[test]
fn a_content_length_above_64_mib_is_refused_before_the_body() {
    use std::io::{Read, Write};
    let sim = client::start();
    let authority = sim.base_url().split('/').nth(2).unwrap();
    let mut socket = std::net::TcpStream::connect(authority).unwrap();
    let head = "POST /v1/models/x HTTP/1.1\r\nhost: x\r\ncontent-length: 67108865\r\n\r\n";
    socket.write_all(head.as_bytes()).unwrap();
    let mut reply = [0; 12];
    socket.read_exact(&mut reply).unwrap();
    assert_eq!(&reply, b"HTTP/1.1 413");
}
