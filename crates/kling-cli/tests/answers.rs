//! Broken replies, and text of a server on a terminal.
#![cfg(feature = "offline")]

mod program;

use kling_sim::{Call, Fault, Reply, Sim};
use program::{Program, photo};
use serde_json::json;

fn fast() -> Sim {
    Sim::builder().speed(200.0).start().unwrap()
}

#[test]
fn a_broken_answer_to_a_submit_names_the_job_and_is_called_broken() {
    for fault in [Fault::BrokenText, Fault::ByteOrderMark, Fault::Compressed, Fault::DeepNesting] {
        let sim = fast();
        sim.fault_next(Call::Submit, fault.clone());
        let program = Program::at(&sim);
        let ended = program.run(&["generate", &photo(), "-o", "clip.mp4", "--json"]);
        assert_eq!(ended.code, 0, "{fault}: {}", ended.stderr);
        let id = &sim.billed()[0].request_id;
        assert_eq!(ended.json()["request_id"], id.as_str());
        assert!(ended.json()["warning"].as_str().unwrap().starts_with("damaged reply"), "{fault}");
        let note = ended.stderr.lines().find(|line| line.starts_with("note: damaged reply"));
        assert!(
            note.is_some_and(|note| note.ends_with("the request id was found in it")),
            "{}",
            ended.stderr
        );
        assert_eq!((program.files(), sim.billed().len()), (vec!["clip.mp4".to_owned()], 1));
    }
}

#[test]
fn an_output_beside_an_error_is_saved_and_the_error_is_shown() {
    for (error, is_shown) in [(json!(""), false), (json!({}), false), (json!("no upscaling"), true)] {
        let sim = fast();
        let program = Program::at(&sim);
        let id = program.run(&["generate", &photo(), "--no-wait"]).stdout.trim().to_owned();
        let honest = program.run(&["wait", &id, "--json"]).json();
        let result =
            json!({"request_id": id, "status": "completed", "error": error, "output": honest["output"]});
        sim.answer_next(Call::Result, Reply::json(200, &result));
        let ended = program.run(&["wait", &id, "-o", "clip.mp4"]);
        assert_eq!((ended.code, ended.stdout.as_str()), (0, "clip.mp4\n"), "{}", ended.stderr);
        let note = "note: the job has an output, but also an error: no upscaling";
        assert_eq!(ended.stderr.contains(note), is_shown, "{}", ended.stderr);
    }
}

#[test]
fn the_same_request_in_another_spelling_is_not_paid_again_unasked() {
    let first =
        r#"{"image_url":"https://127.0.0.1:9/start.jpg","duration":5,"cfg_scale":0.5,"prompt":"a cat"}"#;
    let others = [
        r#"{"prompt":"a cat","cfg_scale":0.5,"duration":5,"image_url":"https://127.0.0.1:9/start.jpg"}"#,
        r#"{"image_url":"https://127.0.0.1:9/st\u0061rt.jpg","duration":5.0,"cfg_scale":5e-1,"prompt":"a cat"}"#,
    ];
    for other in others {
        let sim = fast();
        let program = Program::at(&sim);
        sim.fault_next(Call::Submit, Fault::DropProcessed);
        assert_eq!(program.run(&["submit", "--input", first]).code, 70);
        let ended = program.run(&["submit", "--input", other]);
        assert_eq!((ended.code, sim.billed().len()), (70, 1), "{}", ended.stderr);
        let different = first.replace("a cat", "a dog");
        assert_eq!(program.run(&["submit", "--input", &different]).code, 0);
        assert_eq!(sim.billed().len(), 2);
    }
}

/// A forged line of this program, as a server could send it.
const FORGED: &str = "kling: nothing was submitted";

#[test]
fn server_text_cannot_add_lines_or_reverse_text() {
    let breaks = ["\n", "\r\n", "\u{2028}", "\u{2029}", "\u{85}", "\u{b}"];
    for line_break in breaks {
        let sim = fast();
        let program = Program::at(&sim);
        let id = program.run(&["generate", &photo(), "--no-wait"]).stdout.trim().to_owned();
        let hostile = format!("\u{202e}no{line_break}{FORGED}\u{2066}\u{61c}");
        let url = format!("https://cdn.runcomfy.net/x.mp4{line_break}{FORGED}\u{202e}");
        let calls: [(Call, serde_json::Value, &[&str]); 5] = [
            (Call::Status, json!({"status": hostile}), &["status", &id]),
            (Call::Balance, json!({"balance_usd": 1, "currency": hostile}), &["balance"]),
            (Call::Result, json!({"status": "succeeded", "output": url}), &["wait", &id]),
            (Call::Result, json!({"status": "succeeded", "output": url}), &["wait", &id, "-o", "x.mp4"]),
            (Call::Result, json!({"status": "failed", "error": hostile}), &["wait", &id]),
        ];
        for (call, body, arguments) in calls {
            sim.answer_next(call, Reply::json(200, &body));
            let ended = program.run(arguments);
            let shown = format!("{}{}", ended.stdout, ended.stderr);
            assert!(
                !shown.lines().any(|line| line.trim_start().starts_with(FORGED)),
                "{arguments:?}: {shown:?}"
            );
            assert!(!shown.contains(['\u{2028}', '\u{2029}', '\u{85}', '\u{b}', '\r']), "{shown:?}");
            assert!(!shown.contains(['\u{202e}', '\u{2066}', '\u{61c}']), "{shown:?}");
        }
    }
}
