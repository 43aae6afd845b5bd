//! The generated validators beside an independent validator, and beside the typed inputs.

use kling_tests::agreement;
use kling_tests::documents::documents;
use kling_tests::frozen::{CfgScale, Duration, Input, InputBuilder, MadeUpFrozen, Prompt};
use kling_tests::oracle::Oracle;
use kling_types::{Keyword, Model, ModelInput, models};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

#[test]
fn verdict_and_pointers_are_those_of_the_standard() {
    agreement::with_the_standard(models::all());
}

#[test]
fn validation_at_run_time_finds_the_same_violations_in_the_same_order() {
    agreement::at_run_time(models::all());
}

#[test]
fn the_types_take_what_the_validators_take() {
    agreement::of_types_and_json(models::all());
}

#[test]
fn the_typed_path_takes_what_the_json_path_takes() {
    let schema = MadeUpFrozen::INFO.input_schema;
    let mut runner = TestRunner::new(Config { cases: 4_000, ..Config::default() });
    let tested = runner.run(&documents(schema), |document| {
        let (checked, typed) =
            (Input::validate_json(&document), serde_json::from_value::<Input>(document.clone()));
        prop_assert_eq!(checked.is_ok(), typed.is_ok(), "{}: {:?}", document, checked);
        let from_text = serde_json::from_str::<Input>(&document.to_string());
        prop_assert_eq!(typed.ok(), from_text.ok(), "{}", document);
        Ok(())
    });
    tested.unwrap();
}

fn builders() -> impl Strategy<Value = InputBuilder> {
    let prompt = proptest::option::of(any::<String>());
    let tail = proptest::option::of(Just("data:image/png;base64,iVBORw0KGgo="));
    let duration = proptest::option::of(prop_oneof![Just(5), Just(10), any::<i32>()]);
    let scale = proptest::option::of(prop_oneof![3 => 0.0..=1.0_f64, 1 => any::<f64>()]);
    (prompt, any::<bool>(), tail, duration, proptest::option::of(any::<String>()), scale).prop_map(
        |(prompt, is_required_set, tail, duration, negative, scale)| {
            let mut builder = Input::builder();
            builder =
                if is_required_set { builder.image_url("https://example.com/a?b=c%3D") } else { builder };
            builder = prompt.into_iter().fold(builder, InputBuilder::prompt);
            builder = tail.into_iter().fold(builder, InputBuilder::tail_image_url);
            builder = duration.into_iter().fold(builder, InputBuilder::duration);
            builder = negative.into_iter().fold(builder, InputBuilder::negative_prompt);
            scale.into_iter().fold(builder, InputBuilder::cfg_scale)
        },
    )
}

#[test]
fn what_the_builder_accepts_is_valid_json_and_comes_back_equal() {
    let oracle = Oracle::of(&MadeUpFrozen::INFO);
    let mut runner = TestRunner::new(Config { cases: 4_000, ..Config::default() });
    let tested = runner.run(&builders(), |builder| {
        let Ok(input) = builder.build() else { return Ok(()) };
        let json = serde_json::to_value(&input).unwrap();
        prop_assert_eq!(Input::validate_json(&json), Ok(()));
        prop_assert!(oracle.failing_pointers(&json).is_empty());
        prop_assert_eq!(&serde_json::from_value::<Input>(json).unwrap(), &input);
        let text = serde_json::to_string(&input).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Input>(&text).unwrap(), &input);
        Ok(())
    });
    tested.unwrap();
}

#[test]
fn a_builder_reports_everything_at_once_in_the_order_of_the_schema() {
    let violations = Input::builder()
        .extra("duration", 5)
        .cfg_scale(f64::NAN)
        .duration(7)
        .tail_image_url("photo.jpg")
        .prompt("x".repeat(1392))
        .build()
        .unwrap_err();
    insta::assert_snapshot!(violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"), @r"
    /prompt: got 1392 characters; expected at most 1391 characters
    /image_url: required, but missing
    /tail_image_url: got text that is not a URL; expected an https URL or a base64 data: URI
    /duration: got 7; expected 5 or 10
    /cfg_scale: got NaN; expected a finite number
    /duration: already a property of the schema (set it by its own method)
    ");
}

#[test]
fn the_last_value_given_is_the_one_that_counts() {
    let builder = Input::builder()
        .image_url("photo.jpg")
        .image_url("https://example.com/a.jpg")
        .duration(7)
        .duration(5);
    assert_eq!(builder.build().unwrap().duration, Some(Duration::Seconds5));
}

#[test]
fn a_report_for_machines_has_every_part() {
    let document = json!({"promt": "x", "image_url": "", "duration": "5", "cfg_scale": 1.5, "prompt": null});
    let violations = Input::validate_json(&document).unwrap_err();
    insta::assert_json_snapshot!(violations);
}

#[test]
fn only_what_was_set_is_sent() {
    let input = Input::builder().image_url("https://example.com/a.jpg").build().unwrap();
    assert_eq!(serde_json::to_value(&input).unwrap(), json!({"image_url": "https://example.com/a.jpg"}));
    assert_eq!((Duration::default().value(), CfgScale::default().value()), (5, 0.5));
}

#[test]
fn extra_properties_are_merged_when_sent_and_never_filled_when_read() {
    let input = Input::builder()
        .image_url("https://example.com/a.jpg")
        .extra("camera_mode", "orbit")
        .build()
        .unwrap();
    let json = serde_json::to_value(&input).unwrap();
    assert_eq!(json, json!({"image_url": "https://example.com/a.jpg", "camera_mode": "orbit"}));
    let error = serde_json::from_value::<Input>(json.clone()).unwrap_err();
    assert!(error.to_string().contains("unknown field `camera_mode`"), "{error}");
    let violations = Input::validate_json(&json).unwrap_err();
    assert_eq!(
        violations.iter().map(|violation| violation.keyword()).collect::<Vec<_>>(),
        [Keyword::AdditionalProperties]
    );
}

#[test]
fn whole_floats_are_integers_and_are_sent_as_integers() {
    let input: Input = serde_json::from_str(r#"{"image_url": "https://a.b", "duration": 5.0}"#).unwrap();
    assert_eq!(serde_json::to_value(&input).unwrap()["duration"].to_string(), "5");
}

#[test]
fn characters_are_unicode_scalar_values() {
    for letter in ["a", "é", "字", "🎬"] {
        assert!(Prompt::new(letter.repeat(1391)).is_ok());
        assert!(Prompt::new(letter.repeat(1392)).is_err());
    }
}

#[test]
fn a_key_that_stands_twice_is_refused_where_bytes_are_read() {
    let text = r#"{"image_url": "https://a.b", "prompt": "x", "prompt": "y"}"#;
    assert!(serde_json::from_str::<Input>(text).is_err());
    let violation = kling_types::json::from_slice(text.as_bytes()).unwrap_err();
    assert_eq!((violation.pointer(), violation.keyword()), ("/prompt", Keyword::DuplicateKey));
}
