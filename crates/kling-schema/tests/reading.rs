//! Strict reading for the generator, and lenient reading at run time.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use kling_schema::{CatalogEntry, ModelNotes, ModelSchema, SchemaError, compare};
use kling_types::{MediaFacts, MediaField, MediaKind, OutputKind};
use serde_json::{Value, json};

fn entry(properties: &Value, required: &Value) -> CatalogEntry {
    let schema = json!({"type": "object", "properties": properties, "required": required});
    CatalogEntry::read(&json!({"model_id": "maker/model", "kind": "video", "input_schema": schema})).unwrap()
}

fn strictly(entry: &CatalogEntry, notes: &Value) -> Result<ModelSchema, SchemaError> {
    let notes = ModelNotes::read(&entry.model_id, notes)?;
    ModelSchema::read(&entry.model_id, &entry.input_schema.to_string(), ModelSchema::GENERIC_OUTPUT, notes)
}

#[test]
fn at_run_time_an_unknown_keyword_is_unchecked_and_everything_else_is_checked() {
    let shots = json!({"type": "array", "items": {"type": "object", "properties": {"at": {"type": "integer", "multipleOf": 5}}}});
    let entry = entry(
        &json!({"name": {"type": "string", "pattern": "^x", "maxLength": 3}, "shots": shots}),
        &json!(["gone"]),
    );
    let schema = entry.schema().unwrap();
    assert_eq!(schema.output_kind, OutputKind::Video);
    assert_eq!(
        schema.unchecked(),
        ["/properties/name/pattern", "/properties/shots/properties/at/multipleOf"]
    );
    let violations =
        schema.validate_input(&json!({"name": "four", "shots": [{"at": "x"}], "nam": 1})).unwrap_err();
    let pointers: Vec<&str> = violations.iter().map(|violation| violation.pointer()).collect();
    assert_eq!(pointers, ["/nam", "/name", "/shots/0/at"]);
}

#[test]
fn an_unknown_media_rule_is_kept_at_run_time_and_refused_by_strict_reading() {
    let rule =
        json!({"validation_rule": "codec!=", "validation_value": "av1", "validation_error": "No AV1."});
    let entry = entry(&json!({"image_url": {"type": "string", "validations": [rule]}}), &json!([]));
    let media = entry.schema().unwrap().media;
    let judgement = media[0].check("/image_url", &MediaFacts::unknown());
    assert!(judgement.violations.is_empty());
    assert_eq!(judgement.unchecked.len(), 1);
    let error = strictly(&entry, &json!({"output_kind": "video"})).unwrap_err();
    assert_eq!(error.keyword(), Some("validation_rule"));
}

#[test]
fn media_may_be_named_by_an_element_or_a_form_alone() {
    let of = |format: &str| json!({"type": "string", "format": format});
    let rules = json!([{"validation_rule": "file_size_mb<", "validation_value": 9}]);
    let properties = json!({
        "list": {"type": "array", "items": of("image_uri")},
        "choice": {"anyOf": [of("video_uri"), {"type": "array", "items": of("image_uri")}]},
        "ruled": {"type": "array", "items": of("audio_uri"), "validations": rules},
        "words": {"type": "array", "items": {"type": "string"}},
    });
    let entry = entry(&properties, &json!([]));
    let named = |schema: ModelSchema| {
        let field = |field: MediaField| (field.name.into_owned(), field.kind, field.plural);
        schema.media.into_iter().map(field).collect::<Vec<_>>()
    };
    let (choice, ruled) = (("choice", MediaKind::Video, true), ("ruled", MediaKind::Audio, true));
    let expected = [("list", MediaKind::Image, true), choice, ruled];
    assert_eq!(named(entry.schema().unwrap()), expected.map(|(name, kind, is)| (name.to_owned(), kind, is)));
    let notes = json!({"output_kind": "video", "overrides": [{"property": "list", "media": "none"}]});
    let settled = strictly(&entry, &notes).unwrap();
    assert!(settled.validate_input(&json!({"list": ["no url"]})).is_ok());
    assert_eq!(named(settled).len(), 2);
}

#[test]
fn at_run_time_an_error_of_strict_reading_is_unchecked() {
    let tags = json!({"type": "array", "items": {"type": "string"}, "uniqueItems": true});
    let size = json!({"allOf": [{"type": "integer"}, {"minimum": 1}]});
    let extra = json!({"type": "object", "additionalProperties": {"type": "file"}});
    let entry = entry(&json!({"tags": tags, "size": size, "extra": extra.clone()}), &json!([]));
    let schema = entry.schema().unwrap();
    let unchecked =
        ["/properties/tags/uniqueItems", "/properties/size/allOf", "/properties/extra/additionalProperties"];
    for place in unchecked {
        assert!(schema.unchecked().iter().any(|one| one == place), "{place}: {:?}", schema.unchecked());
    }
    let input = json!({"tags": ["a", "a"], "size": "x", "extra": {"any": 1}});
    assert_eq!(schema.validate_input(&input), Ok(()));
    let error = schema.validate_input(&json!({"tags": [1]})).unwrap_err();
    assert_eq!(error.iter().next().unwrap().pointer(), "/tags/0");
    let strict_error = |entry: &CatalogEntry| strictly(entry, &json!({"output_kind": "video"})).unwrap_err();
    assert_eq!(strict_error(&entry).keyword(), Some("uniqueItems"));
    assert_eq!(
        strict_error(&self::entry(&json!({"extra": extra}), &json!([]))).pointer(),
        "/properties/extra/additionalProperties"
    );
}

#[test]
fn at_run_time_an_odd_property_is_unchecked_and_the_others_are_checked() {
    let object = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}});
    for odd in [
        json!(true),
        json!({"type": "file"}),
        json!({"type": "boolean", "enum": [true]}),
        json!({"type": "array", "items": [{"type": "string"}]}),
        json!({"type": "integer", "minimum": "0"}),
        json!({"oneOf": [object("a"), object("b")]}),
    ] {
        let within = json!({"type": "object", "properties": {"odd": odd.clone()}});
        let properties = json!({"odd": odd, "within": within, "n": {"type": "integer"}});
        let schema = entry(&properties, &json!(["odd"])).schema().unwrap();
        assert_eq!(schema.unchecked(), ["/properties/odd", "/properties/within/properties/odd"], "{odd}");
        let error = schema.validate_input(&json!({"within": {"odd": 1, "od": 1}, "n": "x"})).unwrap_err();
        let pointers: Vec<&str> = error.iter().map(|violation| violation.pointer()).collect();
        assert_eq!(pointers, ["/odd", "/within/od", "/n"], "{odd}");
    }
}

#[test]
fn at_run_time_a_null_keyword_is_ignored() {
    let name = json!({"type": "string", "description": null, "maxLength": null, "enum": null, "items": null});
    let entry = entry(&json!({"name": name, "none": {"const": null}}), &json!([]));
    let schema = entry.schema().unwrap();
    assert_eq!(schema.unchecked(), [""; 0]);
    assert!(schema.validate_input(&json!({"name": "x", "none": null})).is_ok());
    assert!(schema.validate_input(&json!({"name": 5})).is_err());
    assert!(schema.validate_input(&json!({"none": 5})).is_err());
    assert!(strictly(&entry, &json!({"output_kind": "video"})).is_err());
}

#[test]
fn a_property_that_cannot_be_read_is_compared_by_its_text() {
    let read = |odd: Value| entry(&json!({"odd": odd}), &json!([])).schema().unwrap();
    let changes = compare(&read(json!({"type": "file"})), &read(json!({"type": "folder"})));
    assert_eq!(
        changes.to_string(),
        r#"behaviour: input /properties/odd: {"type":"file"} became {"type":"folder"}"#
    );
}

#[test]
fn strict_reading_fails_until_the_notes_settle_it() {
    let entry = entry(&json!({"name": {"type": "string", "order": 1}}), &json!(["gone"]));
    let kind = json!({"output_kind": "video"});
    assert_eq!(strictly(&entry, &kind).unwrap_err().keyword(), Some("required"));
    let notes = json!({"output_kind": "video", "ignore_required": ["gone"]});
    assert_eq!(strictly(&entry, &notes).unwrap_err().keyword(), Some("order"));
    let notes = json!({"output_kind": "video", "ignore_required": ["gone"], "annotations": ["order"]});
    assert!(strictly(&entry, &notes).unwrap().unchecked().is_empty());
    let list = json!({"type": "array", "items": {"type": "string", "order": 1}});
    let within = self::entry(&json!({"list": list}), &json!([]));
    assert!(strictly(&within, &notes).unwrap().unchecked().is_empty());
}

#[test]
fn a_contradiction_is_an_error_at_its_place() {
    for (property, keyword) in [
        (json!({"type": "integer", "minimum": 5, "maximum": 4}), "maximum"),
        (json!({"type": "string", "minLength": 5, "maxLength": 4}), "maxLength"),
        (json!({"type": "integer", "enum": ["5", "10"]}), "enum"),
        (json!({"type": "integer", "enum": [5], "maximum": 4}), "enum"),
        (json!({"type": "number", "exclusiveMinimum": true}), "exclusiveMinimum"),
        (json!({"type": "boolean", "enum": [true]}), "enum"),
        (json!({"oneOf": [{"type": "string"}, {"type": "string", "maxLength": 3}]}), "oneOf"),
        (json!({"type": "string", "enum": ["a"], "const": "a"}), "const"),
        (
            json!({"type": "integer", "validations": [{"validation_rule": "width_pixels>", "validation_value": 1}]}),
            "validations",
        ),
    ] {
        let entry = entry(&json!({"n": property}), &json!([]));
        let error = strictly(&entry, &json!({"output_kind": "video"})).unwrap_err();
        assert_eq!(
            (error.pointer(), error.keyword()),
            ("/properties/n", Some(keyword)),
            "{property}: {error}"
        );
    }
}
