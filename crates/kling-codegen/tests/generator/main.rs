//! The generator over whole schema folders: what comes out, and what stops it.

mod refusals;
mod workspace;

use std::fs;
use std::path::Path;

use kling_codegen::ModelDocument;

use workspace::{OUTPUT, Workspace};

#[test]
fn every_shape_has_its_source() {
    let workspace = Workspace::with_properties(
        r#"{
            "prompt": {"type": "string", "title": "Prompt", "description": "What to *show*: <b>see</b> https://x.y/z", "maxLength": 500},
            "aspect_ratio": {"type": "string", "enum": ["auto", "16:9", "9:16"], "default": "16:9"},
            "images": {"type": "array", "format": "image_uris", "minItems": 1, "maxItems": 4,
                "validations": [{"validation_rule": "file_size_mb<", "validation_value": 30, "validation_error": "Too big."},
                                {"validation_rule": "frames<", "validation_value": 9, "validation_error": "Too long."}]},
            "seed": {"type": "integer", "minimum": -1, "maximum": 4294967295, "default": -1},
            "steps": {"type": "integer"},
            "speed": {"type": "float", "default": 1},
            "generateAudio": {"type": "boolean", "default": true},
            "tags": {"type": "array", "items": {"type": "string"}},
            "camera": {"type": "object", "required": ["zoom"], "properties": {"zoom": {"type": "number", "minimum": 0, "maximum": 10}}},
            "rate": {"type": "number", "enum": [0.5, 1, 2], "default": 1},
            "size": {"anyOf": [{"type": "string", "enum": ["square", "wide"]}, {"type": "object", "properties": {"width": {"type": "integer", "exclusiveMinimum": 0}}}]},
            "shots": {"type": "array", "items": {"type": "object", "required": ["image_url"], "properties": {"image_url": {"type": "string"}}}},
            "hints": {"type": "object", "x-order": 3}
        }"#,
    );
    insta::assert_snapshot!(workspace.generated("maker_model"));
}

#[test]
fn a_property_of_the_output_becomes_a_field_and_a_check() {
    let workspace = Workspace::with_properties("{}");
    assert!(!workspace.generated("maker_model").contains("pub seed"));
    workspace.edit(
        "schemas/maker/model/output.json",
        r#""video""#,
        r#""seed": {"type": "integer"}, "video""#,
    );
    let source = workspace.generated("maker_model");
    assert!(source.contains("pub seed: Option<i64>"), "{source}");
    assert!(source.contains(r#"optional seed: Option<i64> = "seed";"#), "{source}");
    workspace.edit(
        "schemas/maker/model/output.json",
        r#"{"type": "integer"}"#,
        r#"{"type": "integer", "minimum": 0}"#,
    );
    assert!(workspace.generated("maker_model").contains("seed\", by |value, at, out| kt::check::integer("));
}

#[test]
fn a_check_passes_after_generating_and_changes_nothing() {
    let workspace = Workspace::with_properties(r#"{"n": {"type": "integer"}}"#);
    assert!(workspace.generator().check().unwrap_err().is_stale(), "nothing is generated yet");
    assert_eq!(workspace.generator().generate().unwrap(), 4);
    workspace.generator().check().unwrap();
    assert_eq!(workspace.generator().generate().unwrap(), 0);
}

#[test]
fn a_check_names_every_stale_file_and_the_command() {
    let workspace = Workspace::with_properties(r#"{"n": {"type": "integer"}}"#);
    workspace.generator().generate().unwrap();
    workspace.edit("out/maker_model/mod.rs", "Input", "Imput");
    workspace.edit("out/maker_model/input.json", "integer", "integer ");
    fs::remove_file(workspace.0.path().join("out/mod.rs")).unwrap();
    fs::create_dir(workspace.0.path().join("out/gone")).unwrap();
    fs::write(workspace.0.path().join("out/gone/mod.rs"), "").unwrap();
    let error = workspace.generator().check().unwrap_err();
    assert!(error.is_stale());
    insta::assert_snapshot!(workspace.plain(&error), @r"
    /out/maker_model/input.json is not what its schema says; run `cargo xtask codegen`
    /out/maker_model/mod.rs is not what its schema says; run `cargo xtask codegen`
    /out/mod.rs is missing; run `cargo xtask codegen`
    /out/gone/mod.rs has no schema any more; run `cargo xtask codegen`
    ");
}

#[test]
fn one_byte_of_a_schema_is_seen() {
    let workspace = Workspace::with_properties(r#"{"n": {"type": "integer"}}"#);
    workspace.generator().generate().unwrap();
    for file in ["input.json", "output.json"] {
        workspace.edit(&format!("schemas/maker/model/{file}"), "}", "} ");
        assert!(workspace.generator().check().unwrap_err().is_stale());
        workspace.generator().generate().unwrap();
    }
}

#[test]
fn a_model_that_is_gone_takes_its_module_along() {
    let workspace =
        Workspace::with_properties("{}").with_model("maker/other", r#"{"type": "object"}"#, OUTPUT);
    workspace.generator().generate().unwrap();
    fs::remove_dir_all(workspace.0.path().join("schemas/maker/other")).unwrap();
    workspace.generator().generate().unwrap();
    assert!(!Path::new(&workspace.0.path().join("out/maker_other")).exists());
    workspace.generator().check().unwrap();
}

#[test]
fn names_that_are_taken_are_changed_by_rule() {
    let properties = r#"{"extra": {"type": "string"}, "type": {"type": "string"}, "input": {"type": "string", "maxLength": 9},
        "mode": {"type": "string", "enum": ["a-b", "a_b"]}}"#;
    let source = Workspace::with_properties(properties).generated("maker_model");
    for row in
        ["extra_value: String = \"extra\"", "type_: String = \"type\"", "input: InputValue = \"input\""]
    {
        assert!(source.contains(row), "{row}: {source}");
    }
    assert!(source.contains("AUnderscoreB = \"a_b\""), "{source}");
}

#[test]
fn overrides_settle_names_variants_and_media() {
    let workspace = Workspace::with_properties(
        r#"{"first-frame": {"type": "string"}, "First Frame": {"type": "string"}, "n": {"type": "integer", "enum": [1, 2]}}"#,
    );
    workspace.edit(
        "schemas/maker/model/model.toml",
        "\n",
        "\nmodule = \"other_name\"\nnot_on_file = [\"shots\"]
        [[overrides]]
        property = \"First Frame\"
        field = \"opening\"
        media = \"none\"
        [[overrides]]
        property = \"n\"
        type = \"Count\"
        variants = { 2 = \"Two\" }\n",
    );
    let source = workspace.generated("other_name");
    for line in [
        "optional first_frame: kt::MediaRef = \"first-frame\"",
        "optional opening: String = \"First Frame\"",
        "N1 = 1,",
        "Two = 2,",
        "pub n: Option<Count>",
        "The live model also takes `shots`",
    ] {
        assert!(source.contains(line), "{line}: {source}");
    }
}

#[test]
fn keywords_that_rule_nothing_are_named_in_the_notes() {
    let workspace = Workspace::with_properties(r#"{"n": {"type": "integer", "order": 3}}"#);
    assert!(workspace.refusal().contains("keyword \"order\""));
    workspace.edit("schemas/maker/model/model.toml", "\n", "\nannotations = [\"order\"]\n");
    assert!(workspace.generated("maker_model").contains("The schema also says `order`: `3`."));
}

#[test]
fn a_model_given_by_hand_is_written_with_its_documents_or_not_at_all() {
    let workspace = Workspace::with_properties("{}");
    let given = |input: &str| {
        let (input, output, notes) =
            (input.to_owned(), OUTPUT.to_owned(), "output_kind = \"video\"\n".to_owned());
        workspace.generator().model_document(ModelDocument {
            id: "maker/given".to_owned(),
            input,
            output,
            notes,
        })
    };
    assert!(given(r#"{"type": "object", "pattern": "x"}"#).generate().is_err());
    assert!(
        !workspace.0.path().join("schemas/maker/given").exists() && !workspace.0.path().join("out").exists()
    );
    given(r#"{"type": "object"}"#).generate().unwrap();
    assert!(workspace.0.path().join("schemas/maker/given/input.json").exists());
    workspace.generator().check().unwrap();
}
