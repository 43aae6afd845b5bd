//! What is refused, and how it is said.

use crate::workspace::{OUTPUT, Workspace};

#[test]
fn what_is_not_understood_is_named_with_model_pointer_and_keyword() {
    let refusal = |properties| Workspace::with_properties(properties).refusal();
    insta::assert_snapshot!(
        refusal(r#"{"a/b": {"type": "string", "pattern": "^x"}}"#),
        @r#"maker/model: input schema, at "/properties/a~1b", keyword "pattern": unknown keyword; if it is documentation only, add it to `annotations` in model.toml"#
    );
    insta::assert_snapshot!(
        refusal(r#"{"n": {"type": "integer", "exclusiveMinimum": true}}"#),
        @r#"maker/model: input schema, at "/properties/n", keyword "exclusiveMinimum": got true without minimum; expected a number"#
    );
    insta::assert_snapshot!(
        refusal(r#"{"n": {"type": "strin"}}"#),
        @r#"maker/model: input schema, at "/properties/n", keyword "type": unknown type "strin""#
    );
    insta::assert_snapshot!(
        refusal(r#"{"n": {"type": "number", "minimum": "0"}}"#),
        @r#"maker/model: input schema, at "/properties/n", keyword "minimum": got "0"; expected a number"#
    );
    insta::assert_snapshot!(
        refusal(r#"{"n": {"type": "string", "validations": [{"validation_rule": "width~", "validation_value": 1}]}}"#),
        @r#"maker/model: input schema, at "/properties/n/validations/0", keyword "validation_rule": got "width~"; expected a metric and one of > >= < <= =="#
    );
    insta::assert_snapshot!(
        refusal(r#"{"n": {"type": "string"}, "n": {"type": "integer"}}"#),
        @r#"maker/model: input schema, at "/properties/n": /properties/n: duplicate key"#
    );
}

#[test]
fn names_that_rust_cannot_tell_apart_are_an_error_and_no_panic() {
    let refusal = |properties| Workspace::with_properties(properties).refusal();
    insta::assert_snapshot!(
        refusal(r#"{"first-frame": {"type": "string"}, "First Frame": {"type": "string"}}"#),
        @r#"maker/model: "first-frame" and "First Frame" would both be the field `first_frame`; override one"#
    );
    insta::assert_snapshot!(
        refusal(r#"{"camera_zoom": {"type": "integer", "minimum": 0}, "camera": {"type": "object", "properties": {"zoom": {"type": "integer", "minimum": 0}}}}"#),
        @r#"maker/model: "camera_zoom" and "zoom" would both have the type `CameraZoom`; override one"#
    );
    insta::assert_snapshot!(
        refusal(r#"{"type": {"type": "string"}, "type_": {"type": "string"}}"#),
        @r#"maker/model: "type" and "type_" would both be the field `type_`; override one"#
    );
    let clash = Workspace::with_properties("{}").with_model("maker/Model", r#"{"type": "object"}"#, OUTPUT);
    insta::assert_snapshot!(clash.refusal(), @r#"maker/model: makes the module `maker_model`, and so does maker/Model; `module = "…"` in model.toml gives another"#);
}

#[test]
fn an_object_that_names_properties_and_rules_others_cannot_be_generated_yet() {
    let object = r#"{"o": {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}}}"#;
    insta::assert_snapshot!(
        Workspace::with_properties(object).refusal(),
        @r#"maker/model: "o" names properties and has `additionalProperties` with a schema; no type for both can be generated yet"#
    );
}

#[test]
fn an_override_that_changes_nothing_is_an_error() {
    let refusal = |settled: &str| {
        let workspace = Workspace::with_properties(r#"{"n": {"type": "integer"}}"#);
        workspace.edit("schemas/maker/model/model.toml", "\n", &format!("\n[[overrides]]\n{settled}\n"));
        workspace.refusal()
    };
    insta::assert_snapshot!(refusal("property = \"m\""), @r#"maker/model: model.toml overrides "m", which is no property"#);
    insta::assert_snapshot!(refusal("property = \"n\"\ntype = \"N\""), @r#"maker/model: model.toml overrides "n", which has no type of its own to be named"#);
    insta::assert_snapshot!(refusal("property = \"n\"\nfield = \"build\""), @r#"maker/model: the field of "n" cannot be `build`"#);
    insta::assert_snapshot!(refusal("property = \"n\"\nvariants = { 1 = \"One\" }"), @r#"maker/model: model.toml overrides "n", which has no variants"#);
    insta::assert_snapshot!(refusal("property = \"n\"\nfeild = \"m\""), @r#"maker/model: model schema, at "/overrides/0", keyword "feild": unknown keyword; if it is documentation only, add it to `annotations` in model.toml"#);
}

#[test]
fn a_required_name_that_is_no_property_is_an_error_with_a_switch() {
    let input =
        r#"{"type": "object", "required": ["image_urls", "n"], "properties": {"n": {"type": "integer"}}}"#;
    let workspace = Workspace::new().with_model("maker/model", input, OUTPUT);
    insta::assert_snapshot!(workspace.refusal(), @r#"maker/model: input schema, at "", keyword "required": "image_urls" is not a property; to ignore it: `ignore_required = ["image_urls"]` in model.toml"#);
    workspace.edit("schemas/maker/model/model.toml", "\n", "\nignore_required = [\"image_urls\"]\n");
    assert!(workspace.generated("maker_model").contains("required n: kt::Integer"));
}

#[test]
fn every_refusal_comes_at_once_and_nothing_is_written() {
    let workspace = Workspace::with_properties(r#"{"n": {"type": "string", "pattern": "x"}}"#)
        .with_model("maker/other", r#"{"type": "array"}"#, OUTPUT)
        .with_model("maker/right", r#"{"type": "object"}"#, OUTPUT);
    let refusal = workspace.refusal();
    assert_eq!(refusal.lines().count(), 2, "{refusal}");
    assert!(!workspace.0.path().join("out").exists());
}
