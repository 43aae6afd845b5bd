//! `cargo xtask schema-diff` as a person runs it: edited schemas, each with its class, its step and its exit code.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A schema that never changes, since the edits below state its bounds.
const ON_FILE: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../crates/kling-types/fixtures/made-up/frozen/input.json");

/// What an edit comes to: a name for it, the place, what stands there afterwards (nothing for null), and the finding.
type Case = (&'static str, &'static str, Value, Class);

#[derive(Clone, Copy, Debug, PartialEq)]
enum Class {
    Docs = 10,
    Compatible = 11,
    Behaviour = 12,
    Breaking = 13,
}

use Class::{Behaviour, Breaking, Compatible, Docs};

fn cases() -> Vec<Case> {
    vec![
        ("an input is gone", "/properties/negative_prompt", json!(null), Breaking),
        ("an input has another type", "/properties/cfg_scale/type", json!("integer"), Breaking),
        ("a text becomes a list", "/properties/negative_prompt/type", json!("array"), Breaking),
        ("an optional input is required", "/required", json!(["image_url", "prompt"]), Breaking),
        ("a required input is optional", "/required", json!([]), Breaking),
        ("a new input is required", "/required", json!(["image_url", "prompt", "cfg_scale"]), Breaking),
        ("a value of an enum is gone", "/properties/duration/enum", json!([5]), Breaking),
        ("an enum becomes a range", "/properties/duration/enum", json!(null), Breaking),
        ("a bounded text is free", "/properties/prompt/maxLength", json!(null), Breaking),
        ("a free text is bounded", "/properties/negative_prompt/maxLength", json!(10), Breaking),
        ("a text becomes a picture", "/properties/negative_prompt/format", json!("image_uri"), Breaking),
        ("a default that types have is gone", "/properties/cfg_scale/default", json!(null), Breaking),
        ("a default is another", "/properties/duration/default", json!(10), Behaviour),
        ("a text is shorter", "/properties/prompt/maxLength", json!(500), Behaviour),
        ("a range is narrower", "/properties/cfg_scale/maximum", json!(0.9), Behaviour),
        (
            "a picture has to be larger",
            "/properties/image_url/validations/0/validation_value",
            json!(512),
            Behaviour,
        ),
        ("a rule on pictures is gone", "/properties/image_url/validations", json!([]), Behaviour),
        ("an unknown keyword may rule", "/properties/prompt/pattern", json!("^a"), Behaviour),
        ("a text is longer", "/properties/prompt/maxLength", json!(2500), Compatible),
        ("a range is wider", "/properties/cfg_scale/minimum", json!(-1), Compatible),
        ("an enum has one more value", "/properties/duration/enum", json!([5, 10, 15]), Compatible),
        ("an optional input is new", "/properties/seed", json!({"type": "integer"}), Compatible),
        ("a description is another", "/properties/image_url/description", json!("Other words."), Docs),
        ("a title is gone", "/properties/duration/title", json!(null), Docs),
        (
            "a rule says it in other words",
            "/properties/image_url/validations/2/validation_error",
            json!("Large."),
            Docs,
        ),
        ("an input is deprecated", "/properties/tail_image_url/deprecated", json!(true), Docs),
    ]
}

fn edited(pointer: &str, edit: Value) -> Value {
    let mut schema: Value = serde_json::from_str(&fs::read_to_string(ON_FILE).unwrap()).unwrap();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let parent = schema.pointer_mut(parent).unwrap_or_else(|| panic!("{pointer} is in no schema"));
    match edit {
        Value::Null => drop(parent.as_object_mut().unwrap().remove(key).unwrap()),
        edit => parent[key] = edit,
    }
    schema
}

fn schema_diff(new: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
    command.args(["schema-diff", ON_FILE]).arg(new).args(more).output().unwrap()
}

#[test]
fn each_edit_has_its_class_its_step_and_its_exit_code() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("new.json");
    for (name, pointer, edit, class) in cases() {
        fs::write(&path, edited(pointer, edit).to_string()).unwrap();
        let output = schema_diff(&path, &["--json"]);
        let report: Value =
            serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{name}: {output:?}"));
        let (word, step) = match class {
            Docs => ("docs", "patch"),
            Compatible => ("compatible", "minor"),
            Behaviour => ("behaviour", "minor"),
            Breaking => ("breaking", "major"),
        };
        assert_eq!(output.status.code(), Some(class as i32), "{name}: {report}");
        assert_eq!((&report["class"], &report["semver"]), (&json!(word), &json!(step)), "{name}: {report}");
        assert!(!report["changes"].as_array().unwrap().is_empty(), "{name}: {report}");
    }
}

#[test]
fn no_change_is_0_a_failure_is_1_and_a_person_reads_a_table() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("new.json");
    assert_eq!(schema_diff(Path::new(ON_FILE), &[]).status.code(), Some(0));
    assert_eq!(schema_diff(&path, &[]).status.code(), Some(1));
    fs::write(&path, edited("/properties/prompt/maxLength", json!(500)).to_string()).unwrap();
    let table = String::from_utf8(schema_diff(&path, &[]).stdout).unwrap();
    assert!(
        table.contains("| behaviour | `input /properties/prompt/maxLength` | `1391` | `500` |"),
        "{table}"
    );
}
