//! Images that break a rule of the model: refused by the builder and by both clients, before anything is sent.
#![cfg(all(feature = "async", feature = "blocking", feature = "journal", feature = "kling-1-6"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod setup;

use kling::models::kling_1_6_pro_image_to_video::Input;
use kling::{Error, ErrorKind, Image, MediaPolicy, Violations};
use kling_sim::{ApiVariant, MediaRules, Sim};
use serde_json::json;
use setup::{Setup, model};

/// The provider's words for an image that is too small.
const WORDS: &str = "The uploaded image width and height must both exceed 300 pixels.";

/// Returns a whole PNG of these sides, without pixels.
fn png(side: u32) -> Vec<u8> {
    let sides = [side.to_be_bytes(), side.to_be_bytes()].concat();
    let (start, end) = (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", b"\x08\x02\0\0\0\0\0\0\0\0\0\0\0IEND\0\0\0\0");
    [start.as_slice(), &sides, end].concat()
}

/// Returns the `data:` URI of an image that no rule of the builder sees.
fn data_uri(side: u32) -> String {
    kling::media::encode_data_uri("image/png", &png(side))
}

fn assert_too_small(violations: &Violations) {
    let found: Vec<_> = violations.iter().map(|one| (one.pointer(), one.found())).collect();
    let sides = ["a width of 64 pixels", "a height of 64 pixels"];
    assert_eq!(found, sides.map(|side| ("/image_url", side.to_owned())));
    assert!(violations.iter().all(|one| one.advice() == Some(WORDS)), "{violations}");
}

fn assert_refused(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!error.is_money_at_stake());
    assert_too_small(error.violations().unwrap());
}

/// Returns a setup whose simulator checks no image, so that only the client can refuse one.
fn lenient() -> Setup {
    let api = ApiVariant { media_rules: MediaRules::Ignored, ..ApiVariant::default() };
    Setup::with(Sim::builder().speed(500.0).api_variant(api).start().unwrap())
}

#[test]
fn a_builder_refuses_a_small_image_beside_every_other_violation() {
    let image = Image::bytes(png(64)).unwrap();
    assert_too_small(&Input::builder().image_url(image.clone()).build().unwrap_err());
    let violations = Input::builder().cfg_scale(-1.0).image_url(image).duration(-1).build().unwrap_err();
    let pointers: Vec<_> = violations.iter().map(|one| one.pointer()).collect();
    assert_eq!(pointers, ["/image_url", "/image_url", "/duration", "/cfg_scale"]);
}

#[test]
fn a_file_that_is_no_image_is_invalid_and_one_that_is_missing_is_not() {
    let kind = |error: kling::media::MediaError| Error::from(error).kind();
    assert_eq!(kind(Image::bytes("no image at all").unwrap_err()), ErrorKind::InvalidInput);
    assert_eq!(kind(Image::file("no/such/file.png").unwrap_err()), ErrorKind::File);
}

#[tokio::test]
async fn the_async_client_refuses_a_small_image_before_any_request() {
    let setup = lenient();
    let client = setup.client();
    let input = Input::builder().image_url(data_uri(64)).build().unwrap();
    assert_refused(&client.run(&input).await.unwrap_err());
    assert_refused(&client.submit(&input).await.unwrap_err());
    let json = json!({ "image_url": data_uri(64) });
    assert_refused(&client.run_json(&model(), &json).await.unwrap_err());
    assert!(setup.sim.requests().is_empty() && setup.entries().is_empty());
}

#[test]
fn the_blocking_client_refuses_a_small_image_before_any_request() {
    let setup = lenient();
    let client = setup.blocking();
    let input = Input::builder().image_url(data_uri(64)).build().unwrap();
    assert_refused(&client.run(&input).unwrap_err());
    assert_refused(&client.submit(&input).unwrap_err());
    let json = json!({ "image_url": data_uri(64) });
    assert_refused(&client.run_json(&model(), &json).unwrap_err());
    assert!(setup.sim.requests().is_empty() && setup.entries().is_empty());
}

#[tokio::test]
async fn a_client_that_skips_images_submits_a_small_one() {
    let setup = lenient();
    let client = setup.builder().media(MediaPolicy::Skip).build().unwrap();
    let input = Input::builder().image_url(data_uri(64)).build().unwrap();
    client.submit(&input).await.unwrap();
    let client = setup.builder().media(MediaPolicy::Skip).build_blocking().unwrap();
    client.submit(&input).unwrap();
    assert_eq!((setup.posts(), setup.sim.billed().len()), (2, 2));
}

#[tokio::test]
async fn a_good_image_is_submitted() {
    let setup = Setup::new();
    let input = Input::builder().image_url(Image::bytes(png(400)).unwrap()).build().unwrap();
    setup.client().submit(&input).await.unwrap();
    setup.blocking().submit(&input).unwrap();
    assert_eq!(setup.sim.billed().len(), 2);
}

#[cfg(feature = "testing")]
#[tokio::test]
async fn an_image_is_in_the_body_once() {
    use kling::testing::ScriptedTransport;

    let setup = Setup::new();
    let transport = ScriptedTransport::new().json(&json!({ "request_id": "job-1" }));
    let client = setup.builder().transport(transport.clone()).build().unwrap();
    let input = Input::builder().image_url(Image::bytes(png(400)).unwrap()).build().unwrap();
    client.submit(&input).await.unwrap();
    let [request] = &transport.requests()[..] else { panic!("one request") };
    let body = std::str::from_utf8(request.body().unwrap()).unwrap();
    assert_eq!(body, json!({ "image_url": data_uri(400) }).to_string());
}
