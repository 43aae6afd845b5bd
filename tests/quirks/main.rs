//! Every quirk of live schemas, by name: it generates, compiles without a warning, and behaves.

mod choices;
mod images;
mod names;
mod numbers;
mod objects;

use kling_schema::{CatalogEntry, ModelSchema};
use kling_tests::agreement;
use kling_tests::fixtures::{
    all, blackforestlabs_flux_2_flash_text_to_image as flux,
    bytedance_seedream_5_0_pro_image_to_image as seedream, made_up_defaults as defaults,
    made_up_stray_required as stray, minimax_h3_image_to_video as h3,
};
use kling_types::models::kling_3_0_pro_image_to_video as kling_3;
use kling_types::{Integer, MediaKind, Model, Violations};
use serde_json::{Value, json};

const URL: &str = "https://example.com/a.jpg";

#[test]
fn verdict_and_pointers_are_those_of_the_standard() {
    agreement::with_the_standard(all());
}

#[test]
fn validation_at_run_time_finds_the_same_violations_in_the_same_order() {
    agreement::at_run_time(all());
}

#[test]
fn the_types_take_what_the_validators_take() {
    agreement::of_types_and_json(all());
}

#[test]
fn derived_schemas_say_what_the_schemas_say() {
    agreement::of_derived_schemas(all());
}

#[test]
fn an_array_without_items_and_with_a_plural_format_holds_media() {
    let built = seedream::Input::builder().prompt("x").image([URL, "photo.jpg"]).build();
    assert_eq!(pointers(built.unwrap_err()), ["/image/1"]);
    let [image] = seedream::MEDIA else { panic!("one media property") };
    assert_eq!(
        (&*image.name, image.kind, image.plural, image.rules.len()),
        ("image", MediaKind::Image, true, 5)
    );
}

#[test]
fn a_default_of_null_is_none() {
    let schema: Value =
        serde_json::from_str(flux::BlackforestlabsFlux2FlashTextToImage::INFO.input_schema).unwrap();
    assert_eq!(schema["properties"]["seed"]["default"], Value::Null);
    let input = flux::Input::builder().prompt("x").seed(7).build().unwrap();
    assert_eq!(input.seed, Some(Integer::from(7)));
}

#[test]
fn defaults_that_are_example_prompts_are_never_sent() {
    let input = defaults::Input::builder().prompt("mine").build().unwrap();
    assert_eq!(serde_json::to_value(input).unwrap(), json!({"prompt": "mine"}));
}

#[test]
fn a_default_that_breaks_its_own_rules_is_documentation_only() {
    // The property takes numbers, its default is a text; the types of the others have no `Default` either.
    assert!(defaults::Strength::new(0.5).is_ok());
    assert_eq!(defaults::Steps::default().value(), 28);
    assert_eq!(defaults::Style::default().as_str(), "plain");
}

#[test]
fn a_required_property_with_a_default_has_to_be_set() {
    let built = h3::Input::builder().image(URL).prompt("x").build();
    assert_eq!(pointers(built.unwrap_err()), ["/duration", "/resolution"]);
}

#[test]
fn a_required_name_that_is_no_property_can_be_gone_on_without() {
    let sent = stray::Input::builder().prompt("x").extra("image_urls", json!([URL])).build().unwrap();
    assert_eq!(serde_json::to_value(sent).unwrap(), json!({"prompt": "x", "image_urls": [URL]}));
}

#[test]
fn a_live_schema_that_is_the_one_on_file_has_not_moved() {
    for model in all() {
        let schema: Value = serde_json::from_str(model.input_schema).unwrap();
        let entry = json!({"model_id": model.id, "input_schema": schema});
        let drift = CatalogEntry::read(&entry).and_then(|entry| entry.drift(model)).unwrap();
        assert!(drift.is_empty(), "{}: {drift}", model.id);
    }
}

#[test]
fn inputs_that_are_not_on_file_are_sent_as_extra_ones() {
    let shots = json!([{"prompt": "one", "duration": 5}]);
    let built =
        kling_3::Input::builder().prompt("x").start_image_url(URL).extra("multi_prompt", shots.clone());
    assert_eq!(serde_json::to_value(built.build().unwrap()).unwrap()["multi_prompt"], shots);
}

/// The violations of an output, by its schema at run time.
fn output_violations<M: Model>(value: &Value) -> Violations {
    ModelSchema::of(&M::INFO).unwrap().validate_output(value).unwrap_err()
}

fn pointers(violations: Violations) -> Vec<String> {
    violations.into_iter().map(|violation| violation.pointer().to_owned()).collect()
}
