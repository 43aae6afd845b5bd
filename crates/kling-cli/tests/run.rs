//! `kling run`: any model by its id, compiled in or not.

mod program;

use std::fs;

use kling_sim::{Call, Reply, Sim};
use program::{Program, photo, png, schemas};
use serde_json::{Value, json};

const EDIT: &str = "bytedance/seedream-5.0-pro/image-to-image";

#[test]
fn a_model_that_is_not_compiled_in_finishes_a_job_offline() {
    let (program, schemas) = (Program::new(), schemas());
    let image = format!("image={}", photo());
    let arguments =
        ["run", EDIT, "--offline", "--schemas", &schemas, "--set", "prompt=a cat", "--set", &image];
    let ended = program.run(&[&arguments[..], &["--json"]].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
    let json = ended.json();
    assert_eq!(
        (&json["simulated"], &json["model"], &json["status"]),
        (&json!(true), &json!(EDIT), &json!("succeeded"))
    );
    assert_eq!(json["checks"]["media"][0]["pointer"], "/image/0");
    let files = program.files();
    assert_eq!(files, [format!("kling-{}.png", json["request_id"].as_str().unwrap())]);
    assert!(fs::read(program.folder().join(&files[0])).unwrap().starts_with(b"\x89PNG"));
}

#[test]
fn a_file_is_sent_if_only_the_elements_are_images() {
    let (program, schemas) = (Program::new(), schemas());
    let image = format!("references={}", photo());
    let model = ["run", "made-up/structured", "--offline", "--schemas", &schemas];
    let input = ["--input", r#"{"multi_prompt": [{"prompt": "x"}]}"#, "--set", &image];
    let ended = program.run(&[&model[..], &input].concat());
    assert_eq!(ended.code, 0, "{ended:?}");
}

#[test]
fn a_compiled_in_model_runs_by_its_own_schema_and_every_violation_is_told_at_once() {
    let program = Program::new();
    let input = r#"{"image_url": "https://127.0.0.1:9/a.jpg", "duration": -1, "promt": "x"}"#;
    let arguments = [
        "run",
        "kling/kling-1-6/pro/image-to-video",
        "--input",
        input,
        "--set",
        "cfg_scale=-1000",
        "--offline",
    ];
    let ended = program.run(&[&arguments[..], &["--json"]].concat());
    assert_eq!(ended.code, 65, "{ended:?}");
    let violations = ended.json()["error"]["violations"].clone();
    let pointers: Vec<&str> = violations
        .as_array()
        .unwrap()
        .iter()
        .map(|violation| violation["pointer"].as_str().unwrap())
        .collect();
    assert_eq!(pointers, ["/promt", "/duration", "/cfg_scale"]);
    assert_eq!(program.files(), [""; 0]);
}

#[test]
fn an_input_that_is_known_to_exist_but_not_on_file_names_the_way_to_send_it() {
    let (program, model) = (Program::new(), "kling/kling-3.0/pro/image-to-video");
    let ended = program.run(&["run", model, "--offline", "--input", r#"{"elements": []}"#]);
    assert_eq!(ended.code, 65, "{ended:?}");
    assert!(
        ended.stderr.contains(
            "note: elements is missing from the compiled-in schema; to use the live schema: --live"
        ),
        "{ended:?}"
    );
}

#[test]
fn a_live_model_is_checked_by_the_catalogs_schema_paid_once_and_journaled() {
    let sim = Sim::builder().speed(100.0).schemas_dir(schemas()).output_count(3).start().unwrap();
    let program = Program::at(&sim);
    let images = ["--set", "image=https://127.0.0.1:9/a.png", "--set", "image=https://127.0.0.1:9/b.png"];
    let arguments =
        [&["run", EDIT, "--set", "prompt=5", "--no-media-check", "-o", "cat.png"], &images[..]].concat();
    let wrong = program.run(&[&arguments[..], &["--set", "resolution=9k", "--set", "bogus=1"]].concat());
    assert_eq!((wrong.code, sim.billed().len()), (65, 0), "{wrong:?}");
    assert!(wrong.stderr.contains("/bogus") && wrong.stderr.contains("/resolution"), "{wrong:?}");
    let ended = program.run(&arguments);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "cat.png\ncat-2.png\ncat-3.png\n"), "{ended:?}");
    assert_eq!(sim.billed()[0].model_id, EDIT);
    let journal = program.journal_text();
    assert!(journal.contains(EDIT) && journal.contains("cat-3.png"), "{journal}");
}

#[test]
fn the_input_comes_from_stdin_a_file_or_settings_alone() {
    let program = Program::new();
    fs::write(program.folder().join("in.json"), r#"{"image_url": "https://127.0.0.1:9/a.jpg"}"#).unwrap();
    let run = |more: &[&str]| {
        let ended = program
            .run(&[&["run", "kling/kling-1-6/pro/image-to-video", "--offline", "--no-wait"], more].concat());
        ended.code
    };
    assert_eq!(run(&["--input-file", "in.json"]), 0);
    assert_eq!(run(&["--set", "image_url=https://127.0.0.1:9/a.jpg"]), 0);
    assert_eq!(run(&["--input-file", "none.json"]), 66);
    assert_eq!(run(&["--input-file", "in.json", "--input", "{}"]), 64);
    assert_eq!(run(&["--set", "prompt"]), 64);
    assert_eq!(run(&[]), 64);
}

#[test]
fn local_files_go_inside_the_request_as_what_their_bytes_are() {
    let sim = Sim::builder().speed(100.0).schemas_dir(schemas()).start().unwrap();
    let program = Program::at(&sim);
    let write = |name: &str, bytes: &[u8]| fs::write(program.folder().join(name), bytes).unwrap();
    write("clip.txt", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom");
    write("page.mp4", b"<html>");
    let run = |file: &str| {
        let setting = format!("video_url={file}");
        let model = "runwayml/runway-aleph-2/video-to-video";
        program.run(&["run", model, "--set", "prompt=x", "--set", &setting, "--no-wait"])
    };
    let sent = run("clip.txt");
    assert_eq!((sent.code, sim.billed().len()), (0, 1), "{sent:?}");
    assert!(sent.stderr.contains("note: uploading clip.txt inline"), "{sent:?}");
    let page = run("page.mp4");
    assert_eq!((page.code, sim.billed().len()), (65, 1), "{page:?}");
    assert!(page.stderr.contains("page.mp4: not a video file of a known format"), "{page:?}");
    assert_eq!(run("none.mp4").code, 66);
}

#[test]
fn a_live_model_is_validated_without_being_paid_for() {
    let sim = Sim::builder().schemas_dir(schemas()).start().unwrap();
    let program = Program::at(&sim);
    let validate = |input: &str| program.run(&["validate", "-m", EDIT, "--no-media-check", "--input", input]);
    let good = validate(r#"{"prompt": "x", "image": ["https://127.0.0.1:9/a.png"]}"#);
    assert_eq!((good.code, good.stdout.as_str()), (0, "valid\n"), "{good:?}");
    let wrong = validate(r#"{"prompt": 1, "image": []}"#);
    assert!(
        wrong.code == 65 && wrong.stderr.contains("/prompt") && wrong.stderr.contains("/image"),
        "{wrong:?}"
    );
    let without_token = Program::new().run(&["validate", "-m", "maker/none", "--input", "{}"]);
    assert_eq!((sim.billed().len(), without_token.code), (0, 77));
}

#[test]
fn pictures_are_measured_before_anything_is_paid() {
    let sim = Sim::builder().schemas_dir(schemas()).start().unwrap();
    let program = Program::at(&sim);
    fs::write(program.folder().join("small.png"), png(10, 10)).unwrap();
    let ended = program.run(&["run", EDIT, "--set", "prompt=x", "--set", "image=small.png", "--json"]);
    assert_eq!((ended.code, sim.billed().len()), (65, 0), "{ended:?}");
    let violations = ended.json()["error"]["violations"].clone();
    assert!(
        violations.as_array().unwrap().iter().all(|violation| violation["pointer"] == "/image/0"),
        "{violations}"
    );
}

#[test]
fn a_folder_that_cannot_be_served_is_one_clear_error() {
    let program = Program::new();
    let ended = program.run(&["run", "a/b", "--offline", "--schemas", ".", "--set", "prompt=x"]);
    assert_eq!(ended.code, 69, "{ended:?}");
    assert!(ended.stderr.contains("the schema folder . cannot be served: found no input.json"), "{ended:?}");
    assert_eq!(program.run(&["run", "a/b", "--schemas", ".", "--set", "prompt=x"]).code, 64);
}

#[test]
fn an_entry_of_another_model_is_not_paid_for() {
    let sim = Sim::start().unwrap();
    let schema = json!({"type": "object", "properties": {"prompt": {"type": "string"}}});
    let entry = json!({"model_id": "kling/kling-1-6/pro/image-to-video", "input_schema": schema});
    sim.answer_next(Call::Catalog, Reply::json(200, &entry));
    let ended = Program::at(&sim).run(&["run", "maker/cheap", "--set", "prompt=x"]);
    assert_eq!((ended.code, sim.billed().len()), (69, 0), "{ended:?}");
    assert!(!sim.requests().iter().any(|call| call.call == Call::Submit));
}

#[test]
fn unsupported_keywords_of_a_live_schema_are_warnings() {
    let sim = Sim::start().unwrap();
    let schema = json!({"type": "object", "required": ["n"], "patternProperties": {"^x": {"type": "string"}},
        "properties": {"n": {"type": "integer", "multipleOf": 5}}});
    let entry = json!({"model_id": "maker/odd", "kind": "image", "input_schema": schema});
    for (arguments, code) in [
        (["validate", "-m", "maker/odd", "--input", r#"{"n": "x", "xy": "z"}"#], 65),
        (["validate", "-m", "maker/odd", "--input", r#"{"n": 5, "xy": "z"}"#], 0),
        (["run", "maker/odd", "--no-wait", "--input", r#"{"n": "x"}"#], 65),
    ] {
        sim.answer_next(Call::Catalog, Reply::json(200, &entry));
        let ended = Program::at(&sim).run(&arguments);
        assert_eq!(ended.code, code, "{ended:?}");
        let lines: Vec<&str> = ended.stderr.lines().collect();
        let warnings = lines.iter().take_while(|line| line.starts_with("warning: /")).count();
        assert_eq!((warnings, lines.len() > 2), (2, code == 65), "{arguments:?}: {}", ended.stderr);
        assert!(lines[0].contains("/patternProperties") && lines[1].contains("/properties/n/multipleOf"));
    }
    assert_eq!(sim.billed().len(), 0);
}

#[test]
fn a_model_that_nobody_has_is_bad_input() {
    let sim = Sim::start().unwrap();
    let ended = Program::at(&sim).run(&["run", "maker/none", "--set", "prompt=x", "--json"]);
    assert_eq!(ended.code, 65, "{ended:?}");
    assert_eq!(ended.json()["error"]["error_code"], Value::from(400_001));
}
