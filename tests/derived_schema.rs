//! The JSON Schema derived from the types is equivalent to the provider's schema.

use kling_tests::{agreement, canonical};
use kling_types::models;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

#[test]
fn every_model_says_what_the_provider_says() {
    agreement::of_derived_schemas(models::all());
}

fn derived<T: JsonSchema>() -> Value {
    canonical::schema(SchemaGenerator::default().into_root_schema_for::<T>().to_value())
}

#[test]
fn another_bound_in_the_generated_code_would_be_seen() {
    kling_types::text! {
        /// The prompt of Kling 1.6 with the provider's bound.
        Prompt { min: None, max: Some(1391) }
    }
    kling_types::text! {
        /// The same prompt with a bound that is not the provider's.
        ShortPrompt { min: None, max: Some(1390) }
    }
    let printed = canonical::schema(json!({"title": "Prompt", "type": "string", "maxLength": 1391}));
    assert_eq!(derived::<Prompt>(), printed);
    assert_ne!(derived::<ShortPrompt>(), printed);
}

#[test]
fn another_media_rule_in_the_generated_code_would_be_seen() {
    let model = models::all().iter().find(|model| model.media.iter().any(|field| !field.rules.is_empty()));
    let [input, _] = (model.expect("a model with media rules is compiled in").derived_schemas)();
    let said = input.to_value().to_string();
    assert!(said.contains("validation_rule") && said.contains("validation_error"), "{said}");
}
