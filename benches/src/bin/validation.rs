//! The generated validators against the `jsonschema` crate, and the typed input against plain serde.

use std::fmt::Write;
use std::hint::black_box;

use kling_benches::Comparison;
use kling_types::kling_1_6_pro_image_to_video::{CfgScale, Duration, Input, Kling16ProImageToVideo, Prompt};
use kling_types::{Model, ModelInput, json};
use serde::Deserialize;
use serde_json::{Value, json};

/// The properties of the input without any rule.
#[derive(Deserialize)]
#[allow(dead_code, reason = "it is read from JSON, and that is all")]
struct Plain {
    prompt: Option<String>,
    image_url: String,
    tail_image_url: Option<String>,
    duration: Option<i64>,
    negative_prompt: Option<String>,
    cfg_scale: Option<f64>,
}

fn main() {
    let mut schema: Value = serde_json::from_str(Kling16ProImageToVideo::INFO.input_schema).expect("JSON");
    // The one edit that an input needs: no unknown properties.
    schema["additionalProperties"] = json!(false);
    let theirs = jsonschema::validator_for(&schema).expect("a schema");
    let bytes = serde_json::to_vec(&valid()).expect("JSON");

    check("a valid document", &theirs, &valid());
    check("the longest legal prompt, of 4-byte characters", &theirs, &longest());
    refuse(&theirs, &broken());
    Comparison::new("bytes to a typed input")
        .with("checked Input", || serde_json::from_slice::<Input>(black_box(&bytes)))
        .with("plain struct, unchecked", || serde_json::from_slice::<Plain>(black_box(&bytes)))
        .with("Value, duplicate keys refused, validate_json", || {
            json::from_slice(black_box(&bytes)).map(|value| Input::validate_json(&value))
        })
        .with("Value, jsonschema is_valid", || {
            serde_json::from_slice(black_box(&bytes)).map(|value| theirs.is_valid(&value))
        })
        .print();
}

fn check(title: &'static str, theirs: &jsonschema::Validator, document: &Value) {
    assert!(Input::validate_json(document).is_ok() && theirs.is_valid(document));
    Comparison::new(title)
        .with("validate_json", || Input::validate_json(black_box(document)))
        .with("jsonschema is_valid", || theirs.is_valid(black_box(document)))
        .with("jsonschema iter_errors, all", || theirs.iter_errors(black_box(document)).count())
        .print();
}

fn refuse(theirs: &jsonschema::Validator, document: &Value) {
    let violations = || Input::validate_json(black_box(document)).expect_err("it is broken");
    let errors = || theirs.iter_errors(black_box(document));
    assert_eq!((violations().len(), errors().count()), (6, 6));
    // Both write into memory that is there already.
    let (mut ours, mut others) = (String::with_capacity(16 * 1024), String::with_capacity(16 * 1024));
    Comparison::new("six violations, with pointers")
        .with("validate_json: each written as a line", move || {
            ours.clear();
            violations().iter().try_for_each(|violation| {
                violation.write(&mut ours)?;
                ours.write_char('\n')
            })
        })
        .with("jsonschema iter_errors: each as a line", move || {
            others.clear();
            errors().try_for_each(|error| writeln!(others, "{}: {error}", error.instance_path()))
        })
        .print();
    Comparison::new("six violations, with pointers, words made when somebody reads them")
        .with("validate_json", violations)
        .with("jsonschema iter_errors", move || errors().count())
        .print();
}

fn valid() -> Value {
    json!({
        "prompt": "slow dolly-in over a lake at dusk, leaves moving in a light wind, ".repeat(4),
        "image_url": "https://example.com/photos/2026/11/start.jpg?width=1280&signature=0123456789abcdef",
        "tail_image_url": "https://example.com/photos/2026/11/end.jpg",
        "duration": Duration::default(),
        "negative_prompt": "blur, text, watermark",
        "cfg_scale": CfgScale::default(),
    })
}

fn longest() -> Value {
    let mut document = valid();
    document["prompt"] = "🎬".repeat(longest_prompt()).into();
    document
}

/// The longest prompt that the schema allows, in characters.
fn longest_prompt() -> usize {
    Prompt::BOUNDS.max.and_then(|max| usize::try_from(max).ok()).expect("a bound")
}

/// One violation in each property.
fn broken() -> Value {
    json!({
        "prompt": "x".repeat(longest_prompt() + 1),
        "image_url": null,
        "tail_image_url": 7,
        "duration": -1,
        "negative_prompt": ["blur"],
        "cfg_scale": CfgScale::BOUNDS.max.expect("a bound") + 0.5,
    })
}
