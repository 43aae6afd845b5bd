//! Generated validators against those of the `jsonschema` crate, and typed input against plain serde.

use std::fmt::Write;
use std::hint::black_box;

use jsonschema::{ValidationError, Validator};
use kling_benches::Comparison;
use kling_types::models::kling_1_6_pro_image_to_video::{
    CfgScale, Duration, Input, Kling16ProImageToVideo, Prompt,
};
use kling_types::{Model, ModelInput, json};
use serde::Deserialize;
use serde_json::{Value, json};

/// The properties of the input without any rule.
#[derive(Deserialize)]
#[allow(dead_code, reason = "only reading it is measured")]
struct Plain {
    prompt: Option<String>,
    image_url: String,
    tail_image_url: Option<String>,
    duration: Option<i64>,
    negative_prompt: Option<String>,
    cfg_scale: Option<f64>,
}

/// The validator that jsonschema generates at compile time.
#[jsonschema::validator(path = "src/bin/validation.json")]
struct Compiled;

fn main() {
    let schema: Value = serde_json::from_str(include_str!("validation.json")).expect("JSON");
    assert_eq!(schema, provided(), "validation.json must be the provider's schema");
    let run_time = jsonschema::validator_for(&schema).expect("a schema");
    let bytes = serde_json::to_vec(&valid()).expect("JSON");

    check("a valid document", &run_time, &valid());
    check("the longest legal prompt, of 4-byte characters", &run_time, &longest());
    refuse(&run_time, &broken());
    Comparison::new("bytes to a typed input")
        .with("checked Input", || serde_json::from_slice::<Input>(black_box(&bytes)))
        .with("plain struct, unchecked", || serde_json::from_slice::<Plain>(black_box(&bytes)))
        .with("Value, duplicate keys refused, validate_json", || {
            json::from_slice(black_box(&bytes)).map(|value| Input::validate_json(&value))
        })
        .with("Value, jsonschema at run time, is_valid", || {
            serde_json::from_slice(black_box(&bytes)).map(|value| run_time.is_valid(&value))
        })
        .print();
}

/// The provider's schema with one edit: unknown properties are refused.
fn provided() -> Value {
    let mut schema: Value = serde_json::from_str(Kling16ProImageToVideo::INFO.input_schema).expect("JSON");
    schema["additionalProperties"] = json!(false);
    schema
}

fn check(title: &'static str, run_time: &Validator, document: &Value) {
    assert!(Input::validate_json(document).is_ok());
    assert!(run_time.is_valid(document) && Compiled::is_valid(document));
    Comparison::new(title)
        .with("validate_json", || Input::validate_json(black_box(document)))
        .with("jsonschema at compile time, is_valid", || Compiled::is_valid(black_box(document)))
        .with("jsonschema at run time, is_valid", || run_time.is_valid(black_box(document)))
        .with("jsonschema at run time, iter_errors", || run_time.iter_errors(black_box(document)).count())
        .print();
}

fn refuse(run_time: &Validator, document: &Value) {
    let violations = || Input::validate_json(black_box(document)).expect_err("it is broken");
    let errors = || run_time.iter_errors(black_box(document));
    let compiled = || Compiled::iter_errors(black_box(document));
    assert_eq!((violations().len(), errors().count(), compiled().count()), (6, 6, 6));
    // All write into memory that is allocated already.
    let memory = || String::with_capacity(16 * 1024);
    let (mut ours, mut at_compile_time, mut at_run_time) = (memory(), memory(), memory());
    Comparison::new("six violations, each with its pointer and message as a line")
        .with("validate_json", move || {
            ours.clear();
            violations().iter().try_for_each(|violation| {
                violation.write(&mut ours)?;
                ours.write_char('\n')
            })
        })
        .with("jsonschema at compile time, iter_errors", move || {
            at_compile_time.clear();
            compiled().into_iter().try_for_each(|error| write_line(&mut at_compile_time, &error))
        })
        .with("jsonschema at run time, iter_errors", move || {
            at_run_time.clear();
            errors().try_for_each(|error| write_line(&mut at_run_time, &error))
        })
        .print();
    Comparison::new("six violations, without messages")
        .with("validate_json", violations)
        .with("jsonschema at compile time, iter_errors", move || compiled().count())
        .with("jsonschema at run time, iter_errors", move || errors().count())
        .print();
}

fn write_line(out: &mut String, error: &ValidationError<'_>) -> std::fmt::Result {
    writeln!(out, "{}: {error}", error.instance_path())
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
