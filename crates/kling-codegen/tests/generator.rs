//! The generator over whole schema folders: what comes out, and what stops it.

use std::fs;
use std::path::Path;

use kling_codegen::{Error, Generator, ModelDocument};
use tempfile::TempDir;

const OUTPUT: &str =
    r#"{"output": {"type": "object", "properties": {"video": {"type": "string", "format": "uri"}}}}"#;

/// A folder of schemas and a folder for what is generated from them.
struct Workspace(TempDir);

impl Workspace {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn with_model(self, id: &str, input: &str, output: &str) -> Self {
        let folder = self.0.path().join("schemas").join(id);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("input.json"), input).unwrap();
        fs::write(folder.join("output.json"), output).unwrap();
        fs::write(folder.join("model.toml"), "output_kind = \"video\"\n").unwrap();
        self
    }

    /// One model whose input has these properties, none of them required.
    fn with_properties(properties: &str) -> Self {
        let input = format!(r#"{{"type": "object", "title": "Input", "properties": {properties}}}"#);
        Self::new().with_model("maker/model", &input, OUTPUT)
    }

    fn generator(&self) -> Generator {
        Generator::new().schema_dir(self.0.path().join("schemas")).out_dir(self.0.path().join("out"))
    }

    fn generated(&self, module: &str) -> String {
        self.generator().generate().unwrap();
        fs::read_to_string(self.0.path().join("out").join(module).join("mod.rs")).unwrap()
    }

    fn refusal(&self) -> String {
        self.generator().generate().unwrap_err().to_string()
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.0.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
    }

    /// An error's text without the folder of this run.
    fn plain(&self, error: &Error) -> String {
        error.to_string().replace(&*self.0.path().to_string_lossy(), "")
    }
}

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
fn what_is_not_understood_is_named_with_model_pointer_and_keyword() {
    let refusal = |properties| Workspace::with_properties(properties).refusal();
    insta::assert_snapshot!(
        refusal(r#"{"a/b": {"type": "string", "pattern": "^x"}}"#),
        @r#"maker/model: input schema, at "/properties/a~1b", keyword "pattern": not understood here; `annotations` in the notes names keywords that rule nothing"#
    );
    insta::assert_snapshot!(
        refusal(r#"{"n": {"type": "integer", "exclusiveMinimum": true}}"#),
        @r#"maker/model: input schema, at "/properties/n", keyword "exclusiveMinimum": is true without a minimum that it could be about"#
    );
    insta::assert_snapshot!(
        refusal(r#"{"n": {"type": "strin"}}"#),
        @r#"maker/model: input schema, at "/properties/n", keyword "type": found "strin", which is no type of the dialect"#
    );
    insta::assert_snapshot!(
        refusal(r#"{"n": {"type": "number", "minimum": "0"}}"#),
        @r#"maker/model: input schema, at "/properties/n", keyword "minimum": found "0", allowed a number"#
    );
    insta::assert_snapshot!(
        refusal(r#"{"n": {"type": "string", "validations": [{"validation_rule": "width~", "validation_value": 1}]}}"#),
        @r#"maker/model: input schema, at "/properties/n/validations/0", keyword "validation_rule": found "width~", allowed a metric and one of > >= < <= =="#
    );
    insta::assert_snapshot!(
        refusal(r#"{"n": {"type": "string"}, "n": {"type": "integer"}}"#),
        @r#"maker/model: input schema, at "/properties/n": /properties/n: found the key twice, allowed once"#
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
    let clash = Workspace::with_properties("{}").with_model("maker/Model", r#"{"type": "object"}"#, OUTPUT);
    insta::assert_snapshot!(clash.refusal(), @r#"maker/model: makes the module `maker_model`, and so does maker/Model; `module = "…"` in model.toml gives another"#);
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

#[test]
fn an_override_that_changes_nothing_is_an_error() {
    let refusal = |settled: &str| {
        let workspace = Workspace::with_properties(r#"{"n": {"type": "integer"}}"#);
        workspace.edit("schemas/maker/model/model.toml", "\n", &format!("\n[[overrides]]\n{settled}\n"));
        workspace.refusal()
    };
    insta::assert_snapshot!(refusal("property = \"m\""), @r#"maker/model: model.toml overrides "m", which is no property"#);
    insta::assert_snapshot!(refusal("property = \"n\"\ntype = \"N\""), @r#"maker/model: model.toml overrides "n", which has no type of its own to be named"#);
    insta::assert_snapshot!(refusal("property = \"n\"\nvariants = { 1 = \"One\" }"), @r#"maker/model: model.toml overrides "n", which has no variants"#);
    insta::assert_snapshot!(refusal("property = \"n\"\nfeild = \"m\""), @r#"maker/model: model schema, at "/overrides/0", keyword "feild": not understood here; `annotations` in the notes names keywords that rule nothing"#);
}

#[test]
fn a_required_name_that_is_no_property_is_an_error_with_a_switch() {
    let input =
        r#"{"type": "object", "required": ["image_urls", "n"], "properties": {"n": {"type": "integer"}}}"#;
    let workspace = Workspace::new().with_model("maker/model", input, OUTPUT);
    insta::assert_snapshot!(workspace.refusal(), @r#"maker/model: input schema, at "", keyword "required": names "image_urls", which is no property; `ignore_required = ["image_urls"]` in the notes goes on without it"#);
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
