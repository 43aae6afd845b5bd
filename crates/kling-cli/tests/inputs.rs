//! Inputs of every kind: encodings, pipes, stdin, endless files, raw base64, and values that begin with a hyphen.

mod program;

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use kling_sim::{Call, Sim};
use program::{Ended, Program, photo, png, schemas};
use serde_json::{Value, json};

const MODEL: &str = "kling/kling-1-6/pro/image-to-video";
const URL: &str = "https://127.0.0.1:9/start.jpg";

fn fast() -> Sim {
    Sim::builder().speed(200.0).start().unwrap()
}

fn with_stdin(program: &Program, arguments: &[&str], input: &[u8]) -> Ended {
    let mut child = program.command(arguments).stdin(Stdio::piped()).spawn().unwrap();
    // A program that refuses its arguments does not read stdin.
    let _ = child.stdin.take().unwrap().write_all(input);
    Ended::new(child.wait_with_output().unwrap())
}

/// What the simulator was sent, which has to be one submit.
fn sent(sim: &Sim) -> String {
    let bills = sim.billed();
    assert_eq!(bills.len(), 1);
    bills[0].body_sha256.clone()
}

fn hash(body: &Value) -> String {
    kling::transport::Fingerprint::of(body.to_string().as_bytes()).to_string()
}

#[test]
fn json_is_read_with_a_byte_order_mark_and_in_utf_16() {
    let program = Program::new();
    let text = json!({ "image_url": URL, "prompt": "ü 🦀" }).to_string();
    let utf16 = |unit: fn(u16) -> [u8; 2]| format!("\u{feff}{text}").encode_utf16().flat_map(unit).collect();
    let files: [Vec<u8>; 3] =
        [format!("\u{feff}{text}").into_bytes(), utf16(u16::to_le_bytes), utf16(u16::to_be_bytes)];
    for (index, file) in files.iter().enumerate() {
        let name = format!("{index}.json");
        fs::write(program.folder().join(&name), file).unwrap();
        for arguments in [
            vec!["validate", "--no-media-check", "--input-file", &name],
            vec!["submit", "--unchecked", "--input-file", &name],
            vec!["run", MODEL, "--offline", "--no-wait", "--no-media-check", "--input-file", &name],
        ] {
            let sim = fast();
            let program = Program::at(&sim);
            fs::write(program.folder().join(&name), file).unwrap();
            let ended = program.run(&arguments);
            assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        }
        let piped = with_stdin(&program, &["validate", "--no-media-check", "--input-file", "-"], file);
        assert_eq!(piped.stdout, "valid\n", "{}", piped.stderr);
    }
    let inline = format!("\u{feff}{text}");
    assert_eq!(program.run(&["validate", "--no-media-check", "--input", &inline]).code, 0);
    for broken in [&files[1][..files[1].len() - 1], b"\xff\xfe\x00\xd8{\0"] {
        fs::write(program.folder().join("broken.json"), broken).unwrap();
        let ended = program.run(&["validate", "--input-file", "broken.json"]);
        assert_eq!(ended.code, 65, "{}", ended.stderr);
        assert!(ended.stderr.contains("not valid UTF-16"), "{}", ended.stderr);
    }
}

#[test]
fn an_image_comes_from_stdin() {
    let sim = fast();
    let program = Program::at(&sim);
    let image = png(640, 480);
    let uri = kling::media::encode_data_uri("image/png", &image);
    let ended = with_stdin(&program, &["generate", "-", "--no-wait"], &image);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(sent(&sim), hash(&json!({ "image_url": uri })));
    let run = ["run", MODEL, "--set", "image_url=-", "--set", "prompt=x", "--no-wait"];
    assert_eq!(with_stdin(&program, &run, &image).code, 0);
    let validate = ["validate", "--input", r#"{"image_url":"-"}"#];
    assert_eq!(with_stdin(&program, &validate, &image).stdout, "valid\n");
    let small = with_stdin(&program, &validate, &png(10, 10));
    assert!(small.code == 65 && small.stderr.contains("width"), "{}", small.stderr);
    let twice = with_stdin(&program, &["generate", "-", "--tail-image", "-"], &image);
    assert_eq!(twice.code, 64, "{}", twice.stderr);
    assert_eq!(sim.billed().len(), 2);
}

#[cfg(unix)]
#[test]
fn an_image_comes_from_a_pipe_and_is_read_once() {
    let sim = fast();
    let program = Program::at(&sim);
    let image = png(640, 480);
    let pipe = program.folder().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for arguments in [
        vec!["generate", "pipe", "--no-wait"],
        vec!["run", MODEL, "--set", "image_url=pipe", "--set", "prompt=x", "--no-wait"],
        vec!["validate", "--input", r#"{"image_url":"pipe"}"#],
    ] {
        let running = program.start(&arguments);
        // Opening waits for the reader. Closing ends its input.
        fs::write(&pipe, &image).unwrap();
        let ended = running.end();
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(sim.billed().len(), 2);
}

#[cfg(unix)]
#[test]
fn endless_files_are_read_up_to_a_bound() {
    let program = Program::new();
    let zero = r#"{"image_url":"/dev/zero"}"#;
    for arguments in [
        vec!["validate", "--input-file", "/dev/zero"],
        vec!["validate", "--input", zero],
        vec!["run", MODEL, "--offline", "--input", zero],
        vec!["run", MODEL, "--offline", "--no-media-check", "--input", zero],
        vec!["generate", "/dev/zero", "--offline"],
        vec!["submit", "--input-file", "/dev/zero"],
    ] {
        let ended = program.run(&arguments);
        assert_eq!(ended.code, 65, "{arguments:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("/dev/zero: larger than"), "{arguments:?}: {}", ended.stderr);
    }
}

#[test]
fn raw_base64_is_named_and_no_argument_is_printed_whole() {
    let program = Program::new();
    let raw = format!("iVBORw0KGgo{}", "AbC9".repeat(20_000));
    let input = json!({ "image_url": raw }).to_string();
    let generated = program.run(&["generate", &raw, "--offline"]);
    assert_eq!(generated.code, 65);
    assert!(
        generated.stderr.contains("looks like raw base64 (80011 characters); expected a path, an https URL"),
        "{}",
        generated.stderr
    );
    for command in [vec!["validate"], vec!["run", MODEL, "--offline"], vec!["submit"]] {
        let ended = program.run(&[&command[..], &["--input", &input]].concat());
        assert_eq!(ended.code, 65, "{command:?}: {}", ended.stderr);
        assert!(ended.stderr.contains("/image_url: got raw base64"), "{command:?}: {}", ended.stderr);
    }
    let long = "p/".repeat(40_000);
    let setting = format!("{long}=x");
    let (again, key) = (format!("image_url={long}"), json!({ long.as_str(): 1 }).to_string());
    for arguments in [
        vec!["generate", &raw],
        vec!["generate", &long],
        vec!["generate", URL, &long],
        vec!["generate", URL, "--duration", &long, "--no-media-check"],
        vec!["generate", URL, "--model", &long],
        vec!["generate", URL, "--timeout", &long],
        vec!["run", &long, "--set", "a=b"],
        vec!["run", MODEL, "--set", &setting, "--set", &setting],
        vec!["run", MODEL, "--set", &again],
        vec!["run", MODEL, "--set", &long],
        vec!["validate", "--input", &key],
        vec!["validate", "--input-file", &long],
        vec!["validate", "--input", &long],
        vec!["submit", "--unchecked", "--input", "{}", "--model", &long],
        vec!["status", &long],
        vec!["jobs", "settle", &long, "--not-submitted"],
        vec!["schema", &long],
        vec!["models", "show", &long],
        vec!["models", "drift", &long],
        vec![&long],
    ] {
        let ended = program.run(&arguments);
        assert_ne!(ended.code, 0, "{:?}", arguments[0]);
        assert!(ended.stderr.len() < 3_000, "{:?}: {} bytes", &arguments[..1], ended.stderr.len());
    }
}

#[test]
fn many_violations_are_counted_and_not_listed_without_end() {
    let keys: serde_json::Map<String, Value> =
        (0..500).map(|index| (format!("k{index}"), json!(1))).collect();
    let ended = Program::new().run(&["validate", "--input", &Value::from(keys).to_string()]);
    assert_eq!(ended.code, 65);
    assert!(ended.stderr.lines().count() < 60 && ended.stderr.contains("and 451 more"), "{}", ended.stderr);
}

#[test]
fn prompts_that_begin_with_a_hyphen_work_in_every_spelling() {
    let expected = hash(&json!({ "prompt": "-x", "image_url": URL }));
    for arguments in [
        vec!["generate", URL, "--prompt", "-x"],
        vec!["generate", URL, "--prompt=-x"],
        vec!["generate", URL, "-p", "-x"],
        vec!["generate", URL, "-p=-x"],
        vec!["generate", URL, "-p-x"],
        vec!["run", MODEL, "--set", "prompt=-x", "--set", &format!("image_url={URL}")],
        vec!["run", MODEL, "--set=prompt=-x", "--set", &format!("image_url={URL}")],
        vec!["run", MODEL, "--input", &json!({ "prompt": "-x", "image_url": URL }).to_string()],
    ] {
        let sim = fast();
        let ended = Program::at(&sim).run(&[&arguments[..], &["--no-wait", "--no-media-check"]].concat());
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
        assert_eq!(sent(&sim), expected, "{arguments:?}");
    }
    let sim = fast();
    let negative = ["generate", URL, "--negative-prompt", "--blurry, -dark", "--no-wait", "--no-media-check"];
    assert_eq!(Program::at(&sim).run(&negative).code, 0);
}

#[test]
fn an_option_is_no_prompt_even_if_the_text_before_it_is_missing() {
    let sim = fast();
    let program = Program::at(&sim);
    for option in ["--offline", "--no-wait", "-o", "--output=x.mp4", "--json", "--duration", "--help", "-h"] {
        let ended = program.run(&["generate", URL, "--prompt", option]);
        assert_eq!(ended.code, 64, "{option}: {}", ended.stderr);
        assert!(ended.stderr.contains("expected a prompt before it"), "{option}: {}", ended.stderr);
    }
    assert!(sim.requests().is_empty());
}

#[test]
fn ids_that_begin_with_a_hyphen_work_in_every_command() {
    let sim = fast();
    let program = Program::at(&sim);
    for command in ["status", "result", "cancel", "wait", "resume"] {
        for arguments in [vec![command, "-abc"], vec![command, "--json", "-abc"], vec![command, "--", "-abc"]]
        {
            let before = sim.requests().len();
            let ended = program.run(&arguments);
            assert_eq!(ended.code, 65, "{arguments:?}: {}", ended.stderr);
            assert_eq!(sim.requests().len(), before + 1, "{arguments:?}");
        }
    }
    assert!(sim.requests().iter().all(|request| request.call != Call::Submit));
    let wait = program.run(&["wait", "-abc", "-o", "clip.mp4"]);
    assert!(wait.stderr.contains("kling wait -o FILE -- -abc"), "{}", wait.stderr);
    assert_eq!(program.run(&["wait", "-abc", "--outptu", "clip.mp4"]).code, 64);
    assert_eq!(program.run(&["jobs", "settle", "none", "--id", "--json"]).code, 64);
    let unknown = program.run(&["jobs", "settle", "none", "--id", "-abc"]);
    assert!(unknown.code == 64 && !unknown.stderr.contains("Usage"), "{}", unknown.stderr);
}

#[test]
fn no_media_check_means_the_same_in_every_command() {
    let program = Program::new();
    let whole = fs::read(photo()).unwrap();
    let files: [(&str, &[u8], bool); 5] = [
        ("notes.txt", b"hello, this is text", true),
        ("small.png", &png(10, 10), true),
        ("cut.jpg", &whole[..whole.len() / 2], true),
        ("whole.jpg", &whole, true),
        ("empty.jpg", b"", false),
    ];
    for (name, bytes, is_taken_unchecked) in files {
        fs::write(program.folder().join(name), bytes).unwrap();
        let input = json!({ "image_url": name }).to_string();
        for (flag, is_taken) in [(None, name == "whole.jpg"), (Some("--no-media-check"), is_taken_unchecked)]
        {
            let codes = [
                vec!["validate", "--input", &input],
                vec!["generate", name, "--offline", "--no-wait"],
                vec!["run", MODEL, "--input", &input, "--offline", "--no-wait"],
            ]
            .map(|arguments| {
                let arguments: Vec<&str> = arguments.into_iter().chain(flag).collect();
                let ended = program.run(&arguments);
                (ended.code, ended.stderr)
            });
            let expected = if is_taken { 0 } else { 65 };
            // The simulator checks images too. Only a refusal before it counts.
            for (code, stderr) in codes {
                let is_refused_here = code == 65 && !stderr.contains("SIMULATED");
                assert_eq!(is_refused_here, expected == 65, "{name} {flag:?}: {code} {stderr}");
            }
        }
    }
    let cut = program.run(&["generate", "cut.jpg", "--offline"]);
    assert!(cut.stderr.contains("cut.jpg: got a truncated image"), "{}", cut.stderr);
}

#[test]
fn recordings_are_looked_at_alike_in_every_command() {
    let sim = Sim::builder().speed(100.0).schemas_dir(schemas()).start().unwrap();
    let program = Program::at(&sim);
    fs::write(program.folder().join("page.mp4"), b"<html>").unwrap();
    let model = "runwayml/runway-aleph-2/video-to-video";
    let input = json!({ "video_url": "page.mp4", "prompt": "x" }).to_string();
    for command in [vec!["validate", "-m", model], vec!["run", model, "--no-wait"]] {
        let arguments = [&command[..], &["--input", &input]].concat();
        assert_eq!(program.run(&arguments).code, 65, "{command:?}");
        let unchecked = program.run(&[&arguments[..], &["--no-media-check"]].concat());
        assert_ne!(unchecked.code, 65, "{command:?}: {}", unchecked.stderr);
    }
}

#[test]
fn a_mistake_in_pasting_the_token_is_named_before_anything_is_sent() {
    let sim = fast();
    for (token, problem) in [
        ("\"rc-0123\"", "RUNCOMFY_TOKEN has quotes around the token"),
        ("<token>", "RUNCOMFY_TOKEN is a placeholder"),
        ("YOUR_API_TOKEN", "RUNCOMFY_TOKEN is a placeholder"),
        ("Bearer rc-0123", "without the word Bearer"),
        ("rc 0123", "contains a space"),
    ] {
        let program =
            Program::new().with("RUNCOMFY_MODEL_API_BASE", sim.base_url()).with("RUNCOMFY_TOKEN", token);
        for arguments in [vec!["balance"], vec!["generate", URL, "--no-media-check"], vec!["status", "abc"]] {
            let ended = program.run(&arguments);
            assert_eq!(ended.code, 77, "{token}: {}", ended.stderr);
            assert!(ended.stderr.contains(problem), "{token}: {}", ended.stderr);
        }
    }
    assert!(sim.requests().is_empty());
}
