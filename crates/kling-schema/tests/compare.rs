//! Edited schemas, each with the class of its change.

use kling_schema::ChangeClass::{Behaviour, Breaking, Compatible, Docs};
use kling_schema::{ChangeClass, Changes, ModelNotes, ModelSchema, compare};
use kling_types::OutputKind;
use serde_json::{Value, json};

fn input() -> Value {
    json!({
        "type": "object",
        "title": "Input",
        "required": ["prompt"],
        "properties": {
            "prompt": {"title": "Prompt", "description": "What to show.", "type": "string", "maxLength": 500},
            "style": {"type": "string"},
            "duration": {"type": "integer", "enum": [5, 10], "default": 5},
            "mode": {"type": "string", "enum": ["fast", "slow"]},
            "scale": {"type": "number", "minimum": 0, "maximum": 1, "default": 0.5},
            "seed": {"type": "integer", "minimum": 0},
            "sound": {"type": "boolean", "default": false},
            "image_url": {"type": "string", "validations": [
                {"validation_rule": "width_pixels>", "validation_value": 300, "validation_error": "Too narrow."}]},
            "images": {"type": "array", "format": "image_uris", "maxItems": 4},
            "size": {"anyOf": [{"type": "string"}, {"type": "integer"}]},
            "camera": {"type": "object", "properties": {"zoom": {"type": "number", "maximum": 10}}},
        },
    })
}

fn read(input: &Value) -> ModelSchema {
    let (input, output) = (input.to_string(), ModelSchema::GENERIC_OUTPUT);
    ModelSchema::read("maker/model", &input, output, ModelNotes::new(OutputKind::Video)).unwrap()
}

/// Returns the changes of an edit: the value at a pointer is replaced, or removed if the edit is null.
fn edited(pointer: &str, edit: Value) -> Changes {
    let mut changed = input();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    match changed.pointer_mut(parent).unwrap() {
        Value::Object(object) if edit.is_null() => drop(object.remove(key).unwrap()),
        Value::Object(object) => drop(object.insert(key.to_owned(), edit)),
        Value::Array(array) => array[key.parse::<usize>().unwrap()] = edit,
        _ => panic!("{pointer} is in no object"),
    }
    compare(&read(&input()), &read(&changed))
}

#[test]
fn every_edit_has_its_class() {
    let cases: [(&str, Value, ChangeClass, &str); 30] = [
        ("/properties/style", json!(null), Breaking, "/properties/style"),
        ("/properties/style/type", json!("boolean"), Breaking, "/properties/style/type"),
        ("/properties/style/maxLength", json!(9), Breaking, "/properties/style/type"),
        ("/properties/prompt/maxLength", json!(null), Breaking, "/properties/prompt/type"),
        ("/properties/seed/maximum", json!(9), Breaking, "/properties/seed/type"),
        ("/required", json!([]), Breaking, "/properties/prompt"),
        ("/required", json!(["prompt", "style"]), Breaking, "/properties/style"),
        ("/properties/mode/enum", json!(["fast"]), Breaking, "/properties/mode/enum"),
        ("/properties/duration/default", json!(null), Breaking, "/properties/duration/default"),
        ("/properties/images/items", json!({"type": "integer"}), Breaking, "/properties/images/items/type"),
        ("/properties/size/anyOf", json!([{"type": "string"}]), Breaking, "/properties/size/type"),
        ("/properties/style/format", json!("image_uri"), Breaking, "/properties/style/type"),
        ("/properties/camera/properties/zoom", json!(null), Breaking, "/properties/camera/properties/zoom"),
        ("/properties/prompt/maxLength", json!(400), Behaviour, "/properties/prompt/maxLength"),
        ("/properties/scale/minimum", json!(0.1), Behaviour, "/properties/scale/minimum"),
        ("/properties/images/maxItems", json!(2), Behaviour, "/properties/images/maxItems"),
        ("/properties/images/minItems", json!(1), Behaviour, "/properties/images/minItems"),
        ("/properties/duration/default", json!(10), Behaviour, "/properties/duration/default"),
        ("/properties/sound/default", json!(true), Behaviour, "/properties/sound/default"),
        (
            "/properties/image_url/validations/0/validation_value",
            json!(400),
            Behaviour,
            "/properties/image_url/validations",
        ),
        ("/properties/image_url/validations", json!([]), Behaviour, "/properties/image_url/validations"),
        ("/properties/prompt/maxLength", json!(900), Compatible, "/properties/prompt/maxLength"),
        ("/properties/seed/minimum", json!(-1), Compatible, "/properties/seed/minimum"),
        ("/properties/fresh", json!({"type": "string"}), Compatible, "/properties/fresh"),
        ("/properties/mode/enum", json!(["fast", "slow", "best"]), Compatible, "/properties/mode/enum"),
        (
            "/properties/camera/properties/pan",
            json!({"type": "number"}),
            Compatible,
            "/properties/camera/properties/pan",
        ),
        ("/properties/prompt/description", json!("Other words."), Docs, "/properties/prompt/description"),
        ("/properties/mode/enum", json!(["slow", "fast"]), Docs, "/properties/mode/enum"),
        (
            "/properties/image_url/validations/0/validation_error",
            json!("Narrow."),
            Docs,
            "/properties/image_url/validations",
        ),
        ("/properties/prompt/deprecated", json!(true), Docs, "/properties/prompt/deprecated"),
    ];
    for (pointer, edit, class, expected) in cases {
        let changes = edited(pointer, edit);
        let gravest = changes.iter().next().unwrap_or_else(|| panic!("{pointer}: no change"));
        assert_eq!((gravest.class, gravest.pointer.as_str()), (class, expected), "{pointer}: {changes}");
    }
}

#[test]
fn an_unknown_keyword_is_a_change_at_any_place() {
    let cases = [
        ("/dependentRequired", json!({"prompt": ["style"]}), "/dependentRequired"),
        ("/anyOf", json!([{"required": ["style"]}]), "/anyOf"),
        ("/properties/camera/minProperties", json!(1), "/properties/camera/minProperties"),
        (
            "/properties/camera/additionalProperties",
            json!({"type": "string", "pattern": "a"}),
            "/properties/camera/additionalProperties/pattern",
        ),
        ("/properties/size/anyOf/0/pattern", json!("^a"), "/properties/size/anyOf/0/pattern"),
        ("/properties/size/anyOf/1/multipleOf", json!(2), "/properties/size/anyOf/1/multipleOf"),
        (
            "/properties/images/items",
            json!({"type": "string", "pattern": "a"}),
            "/properties/images/items/pattern",
        ),
    ];
    for (pointer, edit, expected) in cases {
        let changes = edited(pointer, edit);
        let found = changes.iter().find(|change| change.pointer == expected);
        assert_eq!(found.map(|change| change.class), Some(Behaviour), "{pointer}: {changes}");
    }
}

#[test]
fn each_form_of_a_choice_is_compared_with_itself() {
    let of_forms = |first: &str, second: &str| {
        let forms = json!([{"type": "string", "pattern": first}, {"type": "array", "items": {"type": "string", "pattern": second}}]);
        read(&json!({"type": "object", "properties": {"n": {"anyOf": forms}}}))
    };
    let changes = compare(&of_forms("a", "b"), &of_forms("a", "c"));
    assert_eq!(
        changes.to_string(),
        "behaviour: input /properties/n/anyOf/1/items/pattern: \"b\" became \"c\""
    );
}

#[test]
fn an_integer_that_leaves_64_bits_is_of_another_type() {
    let of = |most: i64| {
        read(
            &json!({"type": "object", "properties": {"seed": {"type": "integer", "minimum": 0, "maximum": most}}}),
        )
    };
    let class = |old, new| compare(&of(old), &of(new)).class();
    assert_eq!(class(i64::MAX, 4_294_967_295), Some(Breaking));
    assert_eq!(class(4_294_967_295, i64::MAX), Some(Breaking));
    assert_eq!(class(i64::MAX - 1, 4_294_967_295), Some(Behaviour));
}

#[test]
fn a_new_required_property_is_breaking() {
    let mut changed = input();
    changed["properties"]["fresh"] = json!({"type": "string"});
    changed["required"] = json!(["prompt", "fresh"]);
    let changes = compare(&read(&input()), &read(&changed));
    assert_eq!(changes.to_string(), "breaking: input /properties/fresh: a required string is new");
    assert_eq!(changes.semver_step(), Some("major"));
}

#[test]
fn the_same_schema_has_no_changes() {
    let changes = compare(&read(&input()), &read(&input()));
    assert!(changes.is_empty() && changes.class().is_none());
    assert_eq!(changes.to_markdown(), "Nothing changed.\n");
}

#[test]
fn the_gravest_comes_first_and_markdown_is_a_table() {
    let mut changed = input();
    changed["properties"]["prompt"]["title"] = json!("A | b");
    changed["properties"]["prompt"]["maxLength"] = json!(400);
    changed["properties"]["mode"]["enum"] = json!(["fast"]);
    let changes = compare(&read(&input()), &read(&changed));
    assert_eq!(
        changes.to_markdown(),
        "Asks for a **major** version.\n\n| class | where | old | new |\n|---|---|---|---|\n\
         | breaking | `input /properties/mode/enum` | `\"slow\"` |  |\n\
         | behaviour | `input /properties/prompt/maxLength` | `500` | `400` |\n\
         | docs | `input /properties/prompt/title` | `Prompt` | `A \\| b` |\n"
    );
    assert_eq!(changes.to_json()["changes"][1]["old"], json!("500"));
}

#[test]
fn outputs_are_compared_too() {
    let output = |text: &str| {
        let notes = ModelNotes::new(OutputKind::Video);
        ModelSchema::read("maker/model", &input().to_string(), text, notes).unwrap()
    };
    let old = output(
        r#"{"output": {"type": "object", "properties": {"video": {"type": "string"}, "seed": {"type": "integer"}}}}"#,
    );
    let new = output(
        r#"{"output": {"type": "object", "required": ["video"], "properties": {"video": {"type": "string"}, "mask": {"type": "string"}}}}"#,
    );
    assert_eq!(
        compare(&old, &new).to_string(),
        "breaking: output /properties/seed: integer is gone\n\
         behaviour: output /properties/video: optional became required\n\
         compatible: output /properties/mask: an optional string is new"
    );
}
