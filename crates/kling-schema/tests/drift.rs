//! Live schemas compared with those on file.

use kling_schema::ChangeClass::Behaviour;
use kling_schema::{CatalogEntry, ModelNotes, ModelSchema, compare};
use serde_json::{Value, json};

#[test]
fn an_override_on_file_is_not_a_change_of_the_live_schema() {
    let input = json!({"type": "object", "properties": {"style_image": {"type": "string"}}});
    let notes = json!({
        "output_kind": "video",
        "overrides": [{"property": "style_image", "media": "none"}],
        "prose_rules": [],
    });
    let read = |input: &Value, notes| {
        ModelSchema::read("maker/model", &input.to_string(), ModelSchema::GENERIC_OUTPUT, notes).unwrap()
    };
    let on_file = read(&input, ModelNotes::read("maker/model", &notes).unwrap());
    let drift = |live: &Value| compare(&on_file, &read(live, on_file.notes.clone().lenient()));
    assert!(drift(&input).is_empty(), "{}", drift(&input));
    let mut live = input.clone();
    live["properties"]["end_image"] = json!({"type": "string", "pattern": "x"});
    let expected = "compatible: input /properties/end_image: an optional media reference is new";
    assert_eq!(drift(&live).to_string(), expected);
}

#[test]
fn drift_leaves_out_texts_of_a_model_with_facts_only() {
    let model = kling_types::models::all()
        .iter()
        .find(|model| model.facts_only)
        .expect("such models are compiled in");
    let mut live: Value = serde_json::from_str(model.input_schema).unwrap();
    live["properties"]["prompt"]["description"] = json!("The provider's own words.");
    live["properties"]["prompt"]["default"] = json!("A long example prompt.");
    let entry =
        |schema: &Value| CatalogEntry::read(&json!({"model_id": model.id, "input_schema": schema})).unwrap();
    live["properties"]["prompt"]["examples"] = json!(["An example."]);
    assert!(entry(&live).drift(model).unwrap().is_empty());
    live["properties"]["prompt"]["pattern"] = json!("^A");
    assert_eq!(
        entry(&live).drift(model).unwrap().to_string(),
        "behaviour: input /properties/prompt/pattern: \"^A\" is new"
    );
    let another = CatalogEntry::read(&json!({"model_id": "maker/other", "input_schema": live})).unwrap();
    assert_eq!(another.drift(model).unwrap_err().pointer(), "/model_id");
    live["properties"]["duration"]["maximum"] = json!(12);
    live["properties"]["elements"] = json!({"type": "array", "items": {"type": "object"}});
    let drift = entry(&live).drift(model).unwrap();
    assert_eq!(drift.class(), Some(Behaviour), "{drift}");
    assert!(drift.iter().any(|change| change.pointer == "/properties/elements"));
}
