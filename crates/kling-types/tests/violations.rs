//! One report, whatever features of serde_json another crate in the graph turns on: run by `cargo xtask ci` with
//! `preserve_order` and `arbitrary_precision` off, on, and both on.

#[path = "../src/fixtures/made_up_frozen/mod.rs"]
#[allow(dead_code, unreachable_pub, reason = "the tests need its input only")]
#[rustfmt::skip]
mod frozen;

use frozen::Input;
use kling_types::ModelInput;

/// What is said of a document, one violation a line.
fn report(document: &str) -> String {
    let value = serde_json::from_str(document).unwrap();
    let Err(violations) = Input::validate_json(&value) else { return "valid".to_owned() };
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_order_of_a_document_does_not_matter() {
    let expected = report(r#"{"zoom": 1, "cfg_scale": 2, "duration": 7, "angle": 1, "prompt": null}"#);
    insta::assert_snapshot!(expected, @r"
    /angle: unknown property; this model accepts: prompt, image_url, tail_image_url, duration, negative_prompt, cfg_scale
    /zoom: unknown property; this model accepts: prompt, image_url, tail_image_url, duration, negative_prompt, cfg_scale
    /prompt: got null; expected a string
    /image_url: required, but missing
    /duration: got 7; expected 5 or 10
    /cfg_scale: got 2; expected at most 1
    ");
    assert_eq!(report(r#"{"prompt": null, "angle": 1, "duration": 7, "cfg_scale": 2, "zoom": 1}"#), expected);
}

#[test]
fn the_spelling_of_a_number_does_not_matter() {
    let numbers =
        ["5", "5.0", "5e0", "0.5e1", "-0.0", "7.50", "1e2", "123456789012345678901234567890", "1e300"];
    let reports = numbers.map(|number| {
        let document =
            format!(r#"{{"image_url": "https://a.b", "duration": {number}, "cfg_scale": {number}}}"#);
        format!("{number}\n{}", report(&document))
    });
    insta::assert_snapshot!(reports.join("\n\n"));
}

#[test]
fn typed_inputs_read_numbers_in_any_spelling() {
    for number in ["5", "5.0", "5e0", "0.5e1"] {
        let document = format!(r#"{{"image_url": "https://a.b", "duration": {number}, "cfg_scale": 1}}"#);
        let from_text: Input = serde_json::from_str(&document).unwrap();
        let from_value: Input = serde_json::from_value(serde_json::from_str(&document).unwrap()).unwrap();
        assert_eq!(from_text, from_value);
        let sent = serde_json::to_string(&from_text).unwrap();
        assert_eq!(sent, r#"{"image_url":"https://a.b","duration":5,"cfg_scale":1.0}"#, "{number}");
    }
}

#[test]
fn json_is_read_as_a_typed_input_or_as_every_violation_with_its_suggestion() {
    let read = |document: &str| Input::from_json(&serde_json::from_str(document).unwrap());
    let input = read(r#"{"image_url": "https://a.b", "prompt": "x"}"#);
    assert_eq!(input, Input::builder().image_url("https://a.b").prompt("x").build());
    let violations = read(r#"{"promt": "x", "duration": 7}"#).unwrap_err();
    insta::assert_snapshot!(violations.to_string().replace("; /", "\n/"), @r#"
    /promt: unknown property; this model accepts: prompt, image_url, tail_image_url, duration, negative_prompt, cfg_scale (did you mean "prompt"?)
    /image_url: required, but missing
    /duration: got 7; expected 5 or 10
    "#);
    for other in ["null", "[]", "[1]", "\"x\"", "{\"image_url\": {}}"] {
        assert!(read(other).is_err(), "{other}");
    }
}
