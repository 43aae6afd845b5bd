//! Models of a schema folder, served like the compiled-in ones.

mod client;

use std::fs;
use std::path::Path;
use std::time::Duration;

#[cfg(feature = "clip")]
use client::send;
use client::{get, post, result};
use kling_sim::{Builder, Sim};
use serde_json::{Value, json};
use tempfile::TempDir;

const IMAGE: &str = "https://127.0.0.1:9/a.png";

/// A folder of models: id, kind of output, input schema.
fn folder(models: &[(&str, &str, Value)]) -> TempDir {
    let root = TempDir::new().unwrap();
    for (id, kind, input) in models {
        add(root.path(), id, &format!("output_kind = {kind:?}"), &input.to_string());
    }
    root
}

fn add(root: &Path, id: &str, notes: &str, input: &str) {
    let own = root.join(id);
    fs::create_dir_all(&own).unwrap();
    let write = |name: &str, text: &str| fs::write(own.join(name), text).unwrap();
    write("model.toml", notes);
    write("input.json", input);
    write("output.json", r#"{"output": {"type": "object", "properties": {}}}"#);
}

fn serving(folder: &TempDir) -> Builder {
    Sim::builder().manual_time().schemas_dir(folder.path())
}

fn edit() -> Value {
    json!({"type": "object", "required": ["images"], "properties": {
        "images": {"type": "array", "format": "image_uris", "maxItems": 2, "validations": [
            {"validation_rule": "width_pixels>", "validation_value": 14, "validation_error": "Too narrow."}]},
        "size": {"type": "string", "enum": ["1K", "2K"]}}})
}

#[test]
fn a_model_of_the_folder_is_listed_checked_and_run() {
    let folder = folder(&[("maker/Model 1.5/edit", "image", edit())]);
    let sim = serving(&folder).start().unwrap();
    let found = get(&sim, "/models?search=model%201.5").json();
    assert_eq!((&found["total"], &found["models"][0]["kind"]), (&json!(1), &json!("image")));
    let entry = get(&sim, "/models/maker/Model%201.5/edit").json();
    assert_eq!(entry["input_schema"], edit());
    let path = "/models/maker/Model%201.5/edit";
    let wrong = post(&sim, path, &json!({"images": [IMAGE], "size": "9K", "bogus": 1}));
    let (status, _, message) = wrong.refusal();
    assert!(status == 422 && message.contains("/size") && message.contains("/bogus"), "{message}");
    let narrow = kling_media::encode_data_uri("image/gif", b"GIF89a\x0a\0\x0a\0\x80\0\0\0\0\0\0\0\0;");
    let (status, _, message) = post(&sim, path, &json!({"images": [IMAGE, narrow]})).refusal();
    assert!(status == 422 && message.contains("/images/1"), "{message}");
    assert_eq!(sim.billed().len(), 0);
    let job = post(&sim, path, &json!({"images": [IMAGE]})).json();
    assert_eq!(sim.billed().len(), 1);
    sim.advance(Duration::from_secs(3600));
    let result = result(&sim, job["request_id"].as_str().unwrap());
    assert!(result["output"]["image"].as_str().unwrap().ends_with("/output.png"), "{result}");
}

#[test]
#[cfg(feature = "clip")]
fn a_file_has_the_output_kind_of_its_model() {
    let any = || json!({"type": "object", "properties": {"prompt": {"type": "string"}}});
    let folder =
        folder(&[("a/sound", "audio", any()), ("a/picture", "image", any()), ("a/clip", "video", any())]);
    let sim = serving(&folder).start().unwrap();
    for (id, kind, media_type, start) in [
        ("a/sound", "audio", "audio/wav", &b"RIFF"[..]),
        ("a/picture", "image", "image/png", b"\x89PNG"),
        ("a/clip", "video", "video/mp4", b"\0\0\0"),
    ] {
        let job = post(&sim, &format!("/models/{id}"), &json!({"prompt": "x"})).json();
        sim.advance(Duration::from_secs(3600));
        let result = result(&sim, job["request_id"].as_str().unwrap());
        let url = result["output"][kind].as_str().unwrap();
        let file = send("GET", url, None, None);
        assert_eq!((file.status, file.header("content-type")), (200, Some(media_type)));
        assert!(file.bytes.starts_with(start), "{id}");
        let (name, _) = url.rsplit_once('.').unwrap();
        assert_eq!(send("GET", &format!("{name}.exe"), None, None).status, 404);
    }
}

#[test]
fn a_model_of_the_folder_replaces_a_compiled_in_one() {
    let folder = folder(&[(client::COMPILED_IN, "image", edit())]);
    let sim = serving(&folder).start().unwrap();
    let entry = get(&sim, &format!("/models/{}", client::COMPILED_IN)).json();
    assert_eq!(entry["required_inputs"], json!(["images"]));
    let total = get(&sim, "/models").json()["total"].as_u64().unwrap();
    assert_eq!(total, kling_types::models::all().len() as u64);
}

#[test]
fn an_invalid_folder_is_one_error_with_every_reason() {
    let refused = |folder: &Path| Sim::builder().schemas_dir(folder).start().unwrap_err().to_string();
    let root = TempDir::new().unwrap();
    assert!(refused(root.path()).contains("found no input.json in it"));
    assert!(refused(&root.path().join("none")).contains("none"));
    add(root.path(), "a/good", "output_kind = \"image\"", &edit().to_string());
    add(root.path(), "a/torn", "output_kind = \"image\"", "{");
    add(
        root.path(),
        "a/strange",
        "output_kind = \"image\"",
        r#"{"type": "object", "patternProperties": {}}"#,
    );
    add(root.path(), "a/kindless", "output_kind = \"smell\"", &edit().to_string());
    add(root.path(), "a/bare", "output_kind = \"image\"", &edit().to_string());
    fs::remove_file(root.path().join("a/bare/output.json")).unwrap();
    let message = refused(root.path());
    for word in ["a/torn: input", "\"patternProperties\"", "a/kindless: model", "output.json: No such file"] {
        assert!(message.contains(word), "{word}: {message}");
    }
    assert!(!message.contains("a/good") && !message.contains('\n'), "{message}");
}
