//! The commands of one call, and the commands without a request.

mod program;

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::time::Duration;

use kling_sim::{ApiVariant, Call, Reply, Sim, UnknownInputs};
use program::{FROZEN, Program, TOKEN, fixtures};
use serde_json::json;

const INPUT: &str = r#"{"image_url": "https://127.0.0.1:9/start.jpg"}"#;

#[test]
fn a_request_is_submitted_followed_and_fetched_by_its_id() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let id = program.run(&["submit", "--input", INPUT]).stdout.trim().to_owned();
    assert_eq!(program.run(&["status", &id]).stdout.trim(), "in_queue, position 1");
    sim.advance(Duration::from_secs(10));
    assert_eq!(program.run(&["status", &id, "--json"]).json()["status"], "in_progress");
    let kept = program.run(&["cancel", &id]);
    assert_eq!(
        (kept.code, kept.stdout.trim()),
        (75, "not cancellable: the job is still running and may be billed")
    );
    assert_eq!(program.run(&["result", &id]).code, 75);
    sim.advance(Duration::from_secs(60));
    assert_eq!(program.run(&["result", &id]).code, 0);
    assert_eq!(program.run(&["result", &id, "--json"]).json()["status"], "succeeded");
    let urls = program.run(&["wait", &id]);
    assert!(urls.stdout.starts_with("http://127.0.0.1:"), "{urls:?}");
    let saved = program.run(&["wait", &id, "-o", "clip.mp4", "--json"]);
    assert_eq!(saved.json()["files"][0]["path"], "clip.mp4");
    assert_eq!(program.run(&["cancel", &id, "--json"]).json()["outcome"], "already_over");
    assert_eq!(sim.billed().len(), 1);
}

#[test]
fn the_outcome_of_a_job_that_failed_is_printed_and_ends_as_one() {
    let sim = Sim::builder().speed(200.0).start().unwrap();
    let program = Program::at(&sim);
    sim.fail_next_job("nothing is on the picture");
    let id = program.run(&["submit", "--input", INPUT]).stdout.trim().to_owned();
    assert_eq!(program.run(&["wait", &id]).code, 1);
    let result = program.run(&["result", &id, "--json"]);
    assert_eq!((result.code, &result.json()["error"]), (1, &json!("nothing is on the picture")));
    assert_eq!(program.run(&["cancel", &id]).code, 0, "it is over");
}

#[test]
fn a_request_in_the_queue_is_cancelled() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let id = program.run(&["submit", "--input", INPUT]).stdout.trim().to_owned();
    assert_eq!(program.run(&["cancel", &id]).stdout, "cancelled\n");
    let waited = program.run(&["wait", &id]);
    assert_eq!(waited.code, 1, "{waited:?}");
}

#[test]
fn ids_are_checked_before_they_become_a_path_and_unknown_ones_are_input() {
    let sim = Sim::start().unwrap();
    let program = Program::at(&sim);
    assert_eq!(program.run(&["status", "../balance"]).code, 64);
    assert_eq!(program.run(&["status", "no-such-request"]).code, 65);
    assert_eq!(sim.requests().len(), 1);
}

#[test]
fn the_balance_is_printed() {
    let sim = Sim::builder().balance(12.5).start().unwrap();
    let program = Program::at(&sim);
    assert_eq!(program.run(&["balance"]).stdout, "12.50 USD\n");
    assert_eq!(program.run(&["balance", "--json"]).json()["balance_usd"], 12.5);
}

#[test]
fn an_empty_balance_refuses_and_bills_nothing() {
    let sim = Sim::builder().balance(0.0).start().unwrap();
    let ended = Program::at(&sim).run(&["submit", "--input", INPUT, "--json"]);
    assert_eq!((ended.code, &ended.json()["error"]["error_code"]), (69, &400_002.into()), "{}", ended.stderr);
}

#[test]
fn inputs_are_read_from_text_file_and_stdin() {
    let program = Program::new();
    fs::write(program.folder().join("input.json"), INPUT).unwrap();
    for arguments in [["validate", "--input", INPUT], ["validate", "--input-file", "input.json"]] {
        assert_eq!(program.run(&arguments).stdout, "valid\n");
    }
    let mut child =
        program.command(&["validate", "--input-file", "-"]).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(INPUT.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    assert_eq!(program.run(&["validate", "--input-file", "gone.json"]).code, 66);
    assert_eq!(program.run(&["validate"]).code, 64);
}

/// A catalog with the model whose schema never changes.
fn catalog() -> Sim {
    Sim::builder().schemas_dir(fixtures()).start().unwrap()
}

#[test]
fn a_report_of_violations_is_for_people_and_for_machines() {
    let sim = catalog();
    let program = Program::at(&sim);
    let broken = r#"{"image_url": "data:image/png;base64,aGVsbG8gd29ybGQ=", "promt": "x", "duration": 10.5}"#;
    insta::assert_snapshot!(program.run(&["validate", "-m", FROZEN, "--input", broken]).shown(), @r#"
    kling: invalid input; nothing was submitted
      /promt: unknown property; this model accepts: prompt, image_url, tail_image_url, duration, negative_prompt, cfg_scale (did you mean "prompt"?)
      /duration: got 10.5; expected 5 or 10
      /image_url: got no image; expected an image: jpeg, png, webp, gif, bmp, tiff, heic or avif
    exit 65
    "#);
    let json = program.run(&["validate", "-m", FROZEN, "--json", "--input", broken]).json();
    assert_eq!(json["error"]["violations"].as_array().unwrap().len(), 3);
    assert_eq!(json["error"]["violations"][1]["pointer"], "/duration");
}

#[test]
fn a_duplicate_key_is_refused() {
    let ended = Program::new().run(&["validate", "--input", r#"{"duration": 5, "duration": 10}"#]);
    assert_eq!(ended.code, 65);
    assert!(ended.stderr.contains("/duration: duplicate key"), "{}", ended.stderr);
}

#[test]
fn neither_control_sequences_nor_a_piece_of_the_token_are_shown_or_kept() {
    let sim = Sim::builder().token(TOKEN).start().unwrap();
    let program = Program::at(&sim);
    let id = program.run(&["submit", "--input", INPUT]).stdout.trim().to_owned();
    let paid = || vec!["submit", "--again", "--input", r#"{"image_url": "https://127.0.0.1:9/other.jpg"}"#];
    // Where a text is shortened, it is cut in the midst of the token.
    let words = format!("\u{1b}[31m\u{9b}2J{}{TOKEN}", "x".repeat(385));
    let runs = [
        (Call::Submit, Reply::error(402, 400_002, &words), paid()),
        (Call::Submit, Reply::html(500, &words), paid()),
        (Call::Status, Reply::error(403, 403_001, &words), vec!["wait", &id]),
        (Call::Status, Reply::json(200, &json!({ "status": words })), vec!["status", &id]),
        (
            Call::Result,
            Reply::json(200, &json!({ "status": "failed", "error": { "message": words } })),
            vec!["result", &id],
        ),
    ];
    let begun = &TOKEN[..6];
    for (call, reply, arguments) in runs {
        for format in [None, Some("--json")] {
            sim.answer_next(call, reply.clone());
            let ended = program.run(&arguments.iter().copied().chain(format).collect::<Vec<_>>());
            let shown = ended.stdout + &ended.stderr;
            assert!(shown.contains("xxx") && !shown.contains(['\u{1b}', '\u{9b}']), "{arguments:?}: {shown}");
            assert!(!shown.contains(begun), "{arguments:?}: {shown}");
        }
    }
    let journal = program.journal_text();
    assert!(journal.contains("xxx") && !journal.contains(begun), "{journal}");
}

#[test]
fn what_the_schema_does_not_know_is_sent_only_when_meant() {
    let variant = ApiVariant { unknown_inputs: UnknownInputs::Ignored, ..ApiVariant::default() };
    let sim = Sim::builder().api_variant(variant).start().unwrap();
    let program = Program::at(&sim);
    let input = r#"{"image_url": "https://127.0.0.1:9/a.jpg", "camera_mode": "orbit"}"#;
    assert_eq!(program.run(&["submit", "--input", input]).code, 65);
    assert_eq!(program.run(&["submit", "--unchecked", "--input", input]).code, 0);
    assert_eq!(sim.billed().len(), 1);
}

#[test]
fn a_server_that_asks_for_patience_gets_it_and_one_request_is_billed() {
    let sim = Sim::start().unwrap();
    sim.answer_next(Call::Submit, Reply::empty(429).header("retry-after", "1"));
    let ended = Program::at(&sim).run(&["submit", "--input", INPUT]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(sim.billed().len(), 1);
}

#[test]
fn an_api_that_cannot_be_reached_is_75_and_nothing_was_submitted() {
    let program =
        Program::new().with("RUNCOMFY_MODEL_API_BASE", "http://127.0.0.1:1/v1").with("RUNCOMFY_TOKEN", "x");
    let ended = program.run(&["balance"]);
    assert_eq!(ended.code, 75, "{}", ended.stderr);
}

#[test]
fn plain_http_is_for_loopback_only() {
    let program =
        Program::new().with("RUNCOMFY_MODEL_API_BASE", "http://example.com/v1").with("RUNCOMFY_TOKEN", "x");
    let ended = program.run(&["balance"]);
    assert_eq!(ended.code, 64, "{}", ended.stderr);
}

#[test]
fn usage_errors_are_64_and_machines_are_told_too() {
    let ended = Program::new().run(&["generate", "--json"]);
    assert_eq!((ended.code, &ended.json()["error"]["kind"]), (64, &"usage".into()));
    assert_eq!(Program::new().run(&["--version"]).code, 0);
    assert_eq!(Program::new().run(&["completions", "bash"]).code, 0);
    assert_eq!(Program::new().run(&["submit", "--model", "no/such", "--input", "{}"]).code, 64);
}

#[cfg(unix)]
#[test]
fn the_simulator_serves_any_client_until_ctrl_c() {
    let program = Program::new();
    let mut running = program.start(&["sim", "--speed", "100"]);
    let base = running.wait_for("export RUNCOMFY_MODEL_API_BASE=");
    let client = Program::new().with("RUNCOMFY_MODEL_API_BASE", &base).with("RUNCOMFY_TOKEN", "any");
    assert_eq!(client.run(&["submit", "--input", INPUT]).code, 0);
    running.wait_for("press Ctrl-C");
    running.interrupt();
    let ended = running.end();
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "billed requests, if this were RunComfy: 1\n"));
}

#[test]
fn an_image_that_cannot_be_measured_is_a_warning() {
    let ended = Program::new().run(&["validate", "--input", INPUT]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "valid\n"));
    let warning = "warning: /image_url: 127.0.0.1 is not on a public address";
    assert!(ended.stderr.starts_with(warning), "{}", ended.stderr);
    let silent = Program::new().run(&["validate", "--input", INPUT, "--no-media-check"]);
    assert_eq!((silent.code, silent.stderr.as_str()), (0, ""));
}

#[test]
fn facts_verdicts_and_bytes_read_are_told_to_machines() {
    let mut uri = "data:image/png;base64,".to_owned();
    // 640x480, only the header and the end.
    uri.push_str("iVBORw0KGgoAAAANSUhEUgAAAoAAAAHgCAIAAAAAAAAAAAAAAElFTkSuQmCC");
    let input = json!({ "image_url": uri }).to_string();
    let sim = catalog();
    let json = Program::at(&sim).run(&["validate", "-m", FROZEN, "--json", "--input", &input]).json();
    let media = &json["checks"]["media"][0];
    assert_eq!((&media["facts"]["width"], &media["bytes_read"]), (&640.into(), &45.into()), "{json}");
    assert_eq!(media["verdicts"][0], serde_json::json!({ "rule": "width_pixels > 300", "verdict": "holds" }));
}

#[test]
fn of_a_file_only_the_header_is_read_to_validate_it() {
    let sim = catalog();
    let program = Program::at(&sim);
    let mut large = program::png(640, 480);
    let end = large.split_off(large.len() - 12);
    large.resize(12_000_000, 0);
    large.extend(end);
    fs::write(program.folder().join("large.png"), large).unwrap();
    let input = r#"{"image_url":"large.png"}"#;
    let json = program.run(&["validate", "-m", FROZEN, "--json", "--input", input]).json();
    let violation = &json["error"]["violations"][0];
    assert_eq!(
        (&violation["pointer"], &violation["allowed"]),
        (&"/image_url".into(), &"file_size_mb < 10".into()),
        "{json}"
    );
    let read = json["error"]["checks"]["media"][0]["bytes_read"].as_u64().unwrap();
    assert!(read < 64 * 1024, "{read} bytes were read");
    assert_eq!(program.run(&["validate", "--input", r#"{"image_url":"gone.png"}"#]).code, 66);
}
