//! Schemas of other tools: references, compositions of one schema, and objects with any names.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use kling_schema::{ModelNotes, ModelSchema, SchemaError, Shape, compare};
use kling_types::OutputKind;
use serde_json::{Value, json};

/// Reads a schema as the generator does: an unknown keyword is an error.
fn strictly(schema: &Value) -> Result<ModelSchema, SchemaError> {
    let notes = ModelNotes::read("maker/model", &json!({"output_kind": "video"})).unwrap();
    ModelSchema::read("maker/model", &schema.to_string(), ModelSchema::GENERIC_OUTPUT, notes)
}

/// Reads a schema as programs do at run time.
fn at_run_time(schema: &Value) -> ModelSchema {
    let (text, notes) = (schema.to_string(), ModelNotes::new(OutputKind::Video));
    ModelSchema::read("maker/model", &text, ModelSchema::GENERIC_OUTPUT, notes).unwrap()
}

fn object(properties: Value) -> Value {
    json!({"type": "object", "properties": properties})
}

fn pointers(schema: &ModelSchema, input: &Value) -> Vec<String> {
    let violations = schema.validate_input(input).err().unwrap_or_default();
    violations.iter().map(|violation| violation.pointer().to_owned()).collect()
}

/// An enum as Replicate and FastAPI write each of them.
fn with_definitions() -> Value {
    json!({
        "type": "object",
        "properties": {
            "size": {"allOf": [{"$ref": "#/components/schemas/Size"}], "default": "small", "description": "How large."},
            "same": {"$ref": "#/components/schemas/Size"},
            "start": {"$ref": "#/$defs/Image"},
            "deep": {"type": "array", "items": {"allOf": [{"allOf": [{"$ref": "#/definitions/Point"}]}]}},
            "choice": {"anyOf": [{"$ref": "#/components/schemas/Size"}, {"type": "null"}]},
            "labels": {"type": "object", "additionalProperties": {"$ref": "#/definitions/Point"}},
            "definitions": {"type": "string", "default": {"$ref": "#/nowhere"}},
        },
        "components": {"schemas": {"Size": {"type": "string", "title": "Size", "enum": ["small", "large"], "description": "An enumeration."}}},
        "$defs": {"Image": {"type": "string", "format": "image_uri"}},
        "definitions": {"Point": {"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}}},
    })
}

#[test]
fn references_within_a_document_and_compositions_of_one_are_what_they_name() {
    for schema in [strictly(&with_definitions()).unwrap(), at_run_time(&with_definitions())] {
        assert_eq!(schema.unchecked(), [""; 0]);
        let property = |name: &str| schema.input.property(name).unwrap();
        let listed = Shape::TextEnum(vec!["small".into(), "large".into()]);
        assert_eq!((&property("size").shape, &property("same").shape), (&listed, &listed));
        let words =
            |name: &str| (property(name).description.clone().unwrap(), property(name).default.clone());
        assert_eq!(words("size"), ("How large.".to_owned(), Some(json!("small"))), "the nearer words count");
        assert_eq!(words("same"), ("An enumeration.".to_owned(), None));
        assert_eq!(schema.media.iter().map(|field| &*field.name).collect::<Vec<_>>(), ["start"]);
        let input = json!({"size": "medium", "start": "x", "deep": [{"x": 1}, {"y": 1}], "choice": null,
            "labels": {"a": {"x": "1"}, "b": {"x": 1}}, "definitions": "x"});
        assert_eq!(pointers(&schema, &input), ["/size", "/start", "/deep/1/y", "/deep/1/x", "/labels/a/x"]);
    }
}

#[test]
fn rules_on_both_sides_of_a_reference_hold_together_or_are_not_understood() {
    let point = json!({"type": "object", "required": ["x"], "properties": {"x": {"type": "integer"}}});
    let both = |beside: Value| {
        let mut schema = object(json!({"point": beside}));
        schema["$defs"] = json!({"Point": point.clone()});
        schema
    };
    let joined =
        both(json!({"$ref": "#/$defs/Point", "required": ["y"], "properties": {"y": {"type": "integer"}}}));
    assert_eq!(pointers(&strictly(&joined).unwrap(), &json!({"point": {}})), ["/point/y", "/point/x"]);
    let clash = both(json!({"$ref": "#/$defs/Point", "type": "string"}));
    let error = strictly(&clash).unwrap_err();
    assert_eq!((error.pointer(), error.keyword()), ("/properties/point", Some("type")), "{error}");
    assert_eq!(at_run_time(&clash).unchecked(), ["/properties/point/$ref"]);
}

#[test]
fn a_reference_that_leads_nowhere_or_in_a_circle_is_an_error_and_unchecked_at_run_time() {
    let tree = json!({"type": "object", "properties": {"child": {"$ref": "#/$defs/Tree"}}});
    for (reference, definitions) in [
        ("#/$defs/None", json!({})),
        ("https://example.com/schema.json", json!({})),
        ("other.json#/Size", json!({})),
        ("#", json!({})),
        ("#/$defs/Tree", json!({"Tree": tree})),
        ("#/$defs/A", json!({"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}})),
        ("#/$defs/A", json!({"A": 5})),
    ] {
        let mut schema = object(json!({"n": {"$ref": reference}, "m": {"type": "integer"}}));
        schema["$defs"] = definitions;
        let error = strictly(&schema).unwrap_err();
        assert_eq!(error.keyword(), Some("$ref"), "{error}");
        let read = at_run_time(&schema);
        assert!(read.unchecked().iter().all(|place| place.ends_with("/$ref")), "{:?}", read.unchecked());
        assert!(!read.unchecked().is_empty());
        assert_eq!(pointers(&read, &json!({"n": {"child": {"any": 1}}, "m": "x"})), ["/m"], "{reference}");
    }
}

#[test]
fn references_that_multiply_are_bounded() {
    let twice = |name: usize| {
        let next = json!({"$ref": format!("#/$defs/{name}")});
        json!({"type": "object", "properties": {"a": next.clone(), "b": next}})
    };
    let mut definitions: serde_json::Map<String, Value> =
        (0..60).map(|name| (name.to_string(), twice(name + 1))).collect();
    definitions.insert("60".to_owned(), json!({"type": "string"}));
    let mut schema = object(json!({"n": {"$ref": "#/$defs/0"}, "m": {"type": "integer"}}));
    schema["$defs"] = definitions.into();
    let error = strictly(&schema).unwrap_err();
    assert_eq!(error.keyword(), Some("$ref"), "{error}");
    let read = at_run_time(&schema);
    assert_eq!(read.unchecked(), ["/properties/n/$ref"]);
    assert_eq!(pointers(&read, &json!({"n": 1, "m": "x"})), ["/m"]);
}

#[test]
fn an_object_may_rule_what_names_nobody_knows_hold() {
    let labels = json!({"type": "object", "additionalProperties": {"type": "string", "maxLength": 3}});
    let named = json!({"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "boolean"}});
    let schema = strictly(&object(json!({"labels": labels, "named": named}))).unwrap();
    let input = json!({"labels": {"b": "long", "a": 5, "c": "ok"}, "named": {"a": 1, "b": true, "c": 1}});
    assert_eq!(pointers(&schema, &input), ["/labels/a", "/labels/b", "/named/c"]);
    assert_eq!(
        schema.input.property("labels").unwrap().shape.to_string(),
        "object of (text, at most 3 characters)"
    );
    let partly = json!({"type": "object", "additionalProperties": {"type": "string", "pattern": "x"}});
    let read = at_run_time(&object(json!({"labels": partly})));
    assert_eq!(read.unchecked(), ["/properties/labels/additionalProperties/pattern"]);
    assert_eq!(pointers(&read, &json!({"labels": {"a": 5}})), ["/labels/a"]);
}

#[test]
fn a_rule_of_other_names_is_compared() {
    let read =
        |more: Value| at_run_time(&object(json!({"n": {"type": "object", "additionalProperties": more}})));
    let change = |old: Value, new: Value| compare(&read(old), &read(new)).to_string();
    let text = |longest: u32| json!({"type": "string", "maxLength": longest});
    let place = "input /properties/n/additionalProperties";
    assert_eq!(change(text(5), text(4)), format!("behaviour: {place}/maxLength: 5 became 4"));
    assert_eq!(
        change(text(5), json!({"type": "integer"})),
        format!("breaking: {place}/type: string with bounds became integer")
    );
    assert!(change(json!(true), text(5)).starts_with("breaking"));
    assert!(change(text(5), json!(false)).starts_with("breaking"));
}

#[test]
fn at_run_time_an_object_stays_open_if_what_may_name_properties_was_not_understood() {
    let two = json!([{"properties": {"b": {"type": "string"}}}, {"properties": {"c": {"type": "string"}}}]);
    for (keyword, value) in [
        ("allOf", two.clone()),
        ("anyOf", two.clone()),
        ("oneOf", two),
        ("patternProperties", json!({"^b": {"type": "string"}})),
        ("$ref", json!("https://example.com/more.json")),
        ("if", json!({"required": ["b"]})),
        ("dependentSchemas", json!({"a": {"properties": {"b": {}}}})),
    ] {
        for closed in [
            json!({}),
            json!({"additionalProperties": false}),
            json!({"additionalProperties": {"type": "integer"}}),
        ] {
            let mut whole = object(json!({"a": {"type": "integer"}}));
            whole[keyword] = value.clone();
            whole.as_object_mut().unwrap().extend(closed.as_object().unwrap().clone());
            let read = at_run_time(&whole);
            assert_eq!(pointers(&read, &json!({"a": "x", "b": "y"})), ["/a"], "{keyword} {closed}");
            assert!(read.unchecked().iter().any(|place| place.contains(keyword)), "{keyword}");
            let within = at_run_time(&object(json!({"inner": whole})));
            let found = pointers(&within, &json!({"inner": {"b": "y"}, "innr": 1}));
            assert_eq!(found, ["/innr"], "{keyword} {closed}");
            assert!(
                within.unchecked().iter().any(|place| place.starts_with("/properties/inner")),
                "{keyword}"
            );
        }
    }
    let understood = at_run_time(&object(json!({"a": {"type": "integer", "multipleOf": 5}})));
    assert_eq!(pointers(&understood, &json!({"b": 1})), ["/b"], "a keyword of a value names no property");
}
