//! Objects in objects and in arrays, open ones and empty ones.

use kling_tests::fixtures::{
    made_up_choices as choices, made_up_empty as empty, made_up_nothing as nothing, made_up_output as output,
    made_up_overrides as overrides, made_up_references as references, made_up_structured as structured,
};
use kling_types::{ModelInput, ModelOutput};
use serde_json::json;

use crate::{output_violations, pointers};

#[test]
fn objects_in_arrays_build_where_they_are_given_and_report_at_once() {
    let shot = structured::MultiPromptItem::builder;
    let element = structured::ElementsItem::builder().frontal_image_url("front.jpg");
    let built = structured::Input::builder()
        .multi_prompt([shot().prompt("one"), shot().duration(4), shot().prompt("three")])
        .elements([element])
        .build();
    let found = ["/multi_prompt/1/prompt", "/multi_prompt/1/duration", "/elements/0/frontal_image_url"];
    assert_eq!(pointers(built.unwrap_err()), found);
}

#[test]
fn media_in_objects_in_arrays_are_found_with_their_rules() {
    let names: Vec<&str> = structured::MEDIA.iter().map(|field| &*field.name).collect();
    let nested = ["elements/*/frontal_image_url", "elements/*/reference_image_urls", "keyframes/*/image"];
    assert_eq!(names, [&nested[..], &["references"]].concat());
    assert_eq!(structured::MEDIA[0].rules.len(), 1);
    let input = json!({"elements": [{"frontal_image_url": "a"}, {"reference_image_urls": ["b", "c"]}]});
    let found: Vec<_> = structured::MEDIA.iter().flat_map(|field| field.references(&input)).collect();
    let found: Vec<(&str, &str)> = found.iter().map(|(pointer, text)| (pointer.as_str(), *text)).collect();
    assert_eq!(
        found,
        [
            ("/elements/0/frontal_image_url", "a"),
            ("/elements/1/reference_image_urls/0", "b"),
            ("/elements/1/reference_image_urls/1", "c"),
        ]
    );
}

#[test]
fn an_open_object_takes_more_than_it_names() {
    let camera = structured::Camera::builder().zoom(2).extra("pan", 1);
    let built =
        structured::Input::builder().multi_prompt([structured::MultiPromptItem::builder().prompt("x")]);
    let sent = serde_json::to_value(built.camera(camera).build().unwrap()).unwrap();
    assert_eq!(sent["camera"], json!({"zoom": 2.0, "pan": 1}));
    let read: structured::Input = serde_json::from_value(sent.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), sent);
}

#[test]
fn objects_may_have_no_properties_at_all() {
    let options = empty::Options::builder().build().unwrap();
    let sent = serde_json::to_value(empty::Input::builder().options(options).build().unwrap()).unwrap();
    assert_eq!(sent, json!({"options": {}}));
    assert_eq!(
        pointers(empty::Input::validate_json(&json!({"options": {"a": 1}})).unwrap_err()),
        ["/options/a"]
    );
    assert_eq!(pointers(nothing::Input::validate_json(&json!({"a": 1})).unwrap_err()), ["/a"]);
    assert_eq!(
        pointers(output_violations::<empty::MadeUpEmpty>(&json!({"timings": {"a": 1}}))),
        ["/timings/a"]
    );
}

#[test]
fn an_object_of_any_names_holds_values_of_one_type() {
    let point = || references::PlacesValue::builder().x(3);
    let built = references::Input::builder().size("small").labels([("a", "short")]);
    let built = built.places([("here", point()), ("there", point().y(-1))]).nested([("a", [("b", 1)])]);
    let sent = serde_json::to_value(built.build().unwrap()).unwrap();
    assert_eq!(
        (&sent["labels"], &sent["places"]["there"], &sent["nested"]),
        (&json!({"a": "short"}), &json!({"x": 3, "y": -1}), &json!({"a": {"b": 1}}))
    );
    let wrong = references::Input::builder().size("small").labels([("b", "too long"), ("a", "x")]);
    assert_eq!(pointers(wrong.build().unwrap_err()), ["/labels/b"]);
    let wrong = json!({"size": "small", "places": {"b": {}, "a": {"x": 10}}, "nested": {"a": {"b": -1}}, "mixed": {"a": 1}});
    let found = ["/places/a/x", "/places/b/x", "/nested/a/b", "/mixed"];
    assert_eq!(pointers(references::Input::validate_json(&wrong).unwrap_err()), found);
    let scores = json!({"scores": {"b": -1, "a": 1}});
    assert_eq!(pointers(output_violations::<references::MadeUpReferences>(&scores)), ["/scores/b"]);
}

#[test]
fn an_input_is_an_object_and_never_an_array_however_it_is_read() {
    // By the name of the type and by the trait: there is one reader, and it is the trait's.
    use serde::Deserialize;

    for array in [json!([]), json!(["prompt", 5]), json!(null), json!("x")] {
        assert!(overrides::Input::deserialize(&array).is_err(), "{array}");
        assert!(serde_json::from_value::<overrides::Input>(array.clone()).is_err(), "{array}");
        let nested = json!({"image_size": array});
        assert!(choices::Input::deserialize(&nested).is_err(), "{nested}");
    }
    let twice = serde_json::from_str::<structured::Camera>(r#"{"zoom": 1, "zoom": 2}"#).unwrap_err();
    assert!(twice.to_string().contains("duplicate field `zoom`"), "{twice}");
    let missing = serde_json::from_str::<structured::Camera>(r#"{"pan": 1}"#).unwrap_err();
    assert!(missing.to_string().contains("missing field `zoom`"), "{missing}");
}

#[test]
fn an_output_with_more_than_files_has_fields_for_it() {
    let given = json!({"audio": "https://example.com/a.mp3", "duration": 12.5, "seed": 1.5, "mood": "calm"});
    let read = output::Output::from_json(given.clone());
    assert_eq!((read.duration.map(kling_types::Number::value), read.seed), (Some(12.5), None));
    assert_eq!((&read.extra["seed"], &read.extra["mood"]), (&json!(1.5), &json!("calm")));
    assert_eq!(serde_json::to_value(&read).unwrap(), given);
    assert_eq!(
        pointers(output_violations::<output::MadeUpOutput>(&json!({"seed": 1.5}))),
        ["/audio", "/seed"]
    );
}
