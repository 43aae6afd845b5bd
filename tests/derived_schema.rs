//! The JSON Schema derived from the types says what the provider's schema says.

use kling_types::kling_1_6_pro_image_to_video::{Input, Kling16ProImageToVideo, Output};
use kling_types::Model;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

fn derived<T: JsonSchema>() -> Value {
    canonical(SchemaGenerator::default().into_root_schema_for::<T>().to_value())
}

/// What both sides say: prose and formats are the provider's alone, unknown keys and the draft ours alone.
fn canonical(mut schema: Value) -> Value {
    strip(&mut schema, true);
    schema
}

fn strip(schema: &mut Value, is_schema: bool) {
    match schema {
        Value::Object(keywords) => {
            if is_schema {
                keywords.retain(|keyword, _| {
                    !matches!(keyword.as_str(), "$schema" | "title" | "description" | "format" | "additionalProperties")
                });
            }
            for (keyword, value) in keywords.iter_mut() {
                strip(value, keyword != "properties");
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(|element| strip(element, true)),
        Value::Number(number) => *schema = json!(number.as_f64()),
        _ => {}
    }
}

#[test]
fn the_input_says_what_the_provider_says() {
    let printed: Value = serde_json::from_str(Kling16ProImageToVideo::INFO.input_schema).unwrap();
    assert_eq!(derived::<Input>(), canonical(printed));
}

#[test]
fn the_output_says_what_the_provider_says() {
    let printed: Value = serde_json::from_str(Kling16ProImageToVideo::INFO.output_schema).unwrap();
    assert_eq!(derived::<Output>(), canonical(printed["output"].clone()));
}

#[test]
fn another_bound_in_the_generated_code_would_be_seen() {
    kling_types::text! {
        /// The prompt of the model with a bound that is not the provider's.
        Prompt { min: None, max: Some(1390) }
    }
    let printed: Value = serde_json::from_str(Kling16ProImageToVideo::INFO.input_schema).unwrap();
    let printed = canonical(printed)["properties"]["prompt"].clone();
    assert_eq!(derived::<Input>()["properties"]["prompt"], printed);
    assert_ne!(derived::<Prompt>(), printed);
}
