//! The catalog over real sockets.

mod client;

use client::{COMPILED_IN as MODEL, get};
use kling_sim::Sim;
use serde_json::{Value, json};

fn ids(answer: &Value) -> Vec<&str> {
    answer["models"].as_array().unwrap().iter().map(|model| model["model_id"].as_str().unwrap()).collect()
}

#[test]
fn the_list_holds_every_compiled_in_model_in_pages() {
    let sim = Sim::start().unwrap();
    let all = get(&sim, "/models?limit=500").json();
    let mut known: Vec<&str> = kling_types::models::all().iter().map(|model| model.id).collect();
    known.sort_unstable();
    assert_eq!(ids(&all), known);
    assert_eq!((&all["total"], &all["offset"]), (&json!(known.len()), &json!(0)));
    let none = get(&sim, &format!("/models?limit=1&offset={}", known.len())).json();
    assert_eq!((ids(&none).len(), &none["limit"]), (0, &json!(1)));
    assert_eq!(get(&sim, "/models?limit=501").refusal().0, 422);
}

#[test]
fn the_list_is_searched_and_filtered() {
    let sim = Sim::start().unwrap();
    for (query, is_found) in [
        ("search=KLING-1-6", true),
        ("search=nothing", false),
        ("category=image-to-video", true),
        ("category=text-to-audio", false),
        ("kind=video", true),
        ("kind=audio", false),
        ("search=pro%20image", true),
    ] {
        let found = get(&sim, &format!("/models?{query}")).json();
        assert_eq!(ids(&found).contains(&MODEL), is_found, "{query}");
    }
}

#[test]
fn an_entry_has_its_schema_only_on_request() {
    let sim = Sim::start().unwrap();
    let listed = get(&sim, "/models?search=kling-1-6").json()["models"][0].clone();
    assert_eq!(listed["input_schema"], Value::Null);
    let with_schema = get(&sim, "/models?search=kling-1-6&include_schema=true").json()["models"][0].clone();
    let compiled_in = kling_types::models::find(MODEL).unwrap().input_schema;
    assert_eq!(with_schema["input_schema"], serde_json::from_str::<Value>(compiled_in).unwrap());
    assert_eq!(get(&sim, &format!("/models/{MODEL}")).json(), with_schema);
    assert_eq!(listed["required_inputs"], json!(["image_url"]));
    assert!(listed["inputs"].as_array().unwrap().contains(&json!("cfg_scale")));
    assert_eq!((&listed["base_price_usd"], &listed["price_unit"]), (&json!(0.05), &json!("second")));
}

#[test]
fn categories_are_not_a_model_id() {
    let sim = Sim::start().unwrap();
    let categories = get(&sim, "/models/categories").json();
    assert!(categories["categories"].as_array().unwrap().contains(&json!("image-to-video")));
}
