//! Downloads: names that are tested before the submit, hosts that refuse a file, and outputs without a file.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod program;

use std::fs;
use std::time::Duration;

use kling_sim::{Call, Fault, Reply, Sim};
use program::{Ended, Program, photo};
use serde_json::{Value, json};

const IMAGE: &str = "https://127.0.0.1:9/a.jpg";

fn fast() -> Sim {
    Sim::builder().speed(200.0).start().unwrap()
}

/// A job that is over, submitted by the program.
fn submitted(sim: &Sim, program: &Program, further: &[&str]) -> String {
    let arguments = [&["generate", IMAGE, "--no-wait"], further].concat();
    let ended = program.run(&arguments);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    sim.advance(Duration::from_secs(60));
    ended.stdout.trim().to_owned()
}

/// The next result has this output.
fn answer(sim: &Sim, output: &Value) {
    sim.answer_next(Call::Result, Reply::json(200, &json!({ "status": "succeeded", "output": output })));
}

fn calls(sim: &Sim, call: Call) -> usize {
    sim.requests().iter().filter(|one| one.call == call).count()
}

#[test]
fn a_missing_folder_at_the_end_is_made_and_one_that_exists_is_used() {
    let sim = fast();
    let program = Program::at(&sim);
    for (output, folder) in [("new/", "new"), ("new/", "new"), ("new", "new"), (".", "")] {
        let ended = program.run(&["generate", &photo(), "-o", output]);
        assert_eq!(ended.code, 0, "{output}: {}", ended.stderr);
        let id = sim.billed().last().unwrap().request_id.clone();
        assert!(program.folder().join(folder).join(format!("kling-{id}.mp4")).is_file(), "{output}");
    }
    let id = submitted(&sim, &program, &["-o", "later/"]);
    fs::remove_dir(program.folder().join("later")).unwrap();
    assert_eq!(program.run(&["resume", &id]).code, 0);
    assert!(program.folder().join("later").join(format!("kling-{id}.mp4")).is_file());

    let ids = [submitted(&sim, &program, &[]), submitted(&sim, &program, &[])];
    let ended = program.run(&["wait", &ids[0], &ids[1], "-o", "all/"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(fs::read_dir(program.folder().join("all")).unwrap().count(), 2);
}

#[test]
fn names_that_cannot_be_written_are_refused_before_anything_is_paid() {
    let sim = fast();
    let program = Program::at(&sim);
    let long = |length: usize| format!("{}.mp4", "x".repeat(length));
    // Of the second, only the name of a second output is too long.
    for output in [&long(300), &long(251), "no/such/clip.mp4", "no/such/", "Cargo.toml/clip.mp4"] {
        let ended = program.run(&["generate", &photo(), "-o", output]);
        assert_eq!(ended.code, 64, "{output}: {}", ended.stderr);
        assert!(ended.stderr.contains("nothing was submitted"), "{}", ended.stderr);
    }
    assert!(sim.requests().is_empty() && program.files().is_empty(), "{:?}", program.files());
    let refused = program.run(&["generate", &photo(), "--duration", "12345678", "-o", "new/"]);
    assert_eq!(refused.code, 65, "{}", refused.stderr);
    assert!(program.files().is_empty(), "what is refused makes no folder");
}

#[test]
fn a_second_output_whose_name_is_taken_gets_one_of_its_own() {
    let sim = Sim::builder().speed(200.0).output_count(3).start().unwrap();
    let program = Program::at(&sim);
    fs::write(program.folder().join("clip-2.mp4"), "mine").unwrap();
    let ended = program.run(&["generate", &photo(), "-o", "clip.mp4"]);
    let id = sim.billed()[0].request_id.clone();
    let expected = format!("clip.mp4\nkling-{id}-2.mp4\nclip-3.mp4\n");
    assert_eq!((ended.code, ended.stdout), (0, expected), "{}", ended.stderr);
    assert_eq!(fs::read(program.folder().join("clip-2.mp4")).unwrap(), b"mine");
}

#[test]
fn a_request_with_an_unwritable_path_is_resumed_at_another() {
    let sim = fast();
    let program = Program::at(&sim);
    fs::create_dir(program.folder().join("gone")).unwrap();
    let ids =
        [submitted(&sim, &program, &["-o", "gone/a.mp4"]), submitted(&sim, &program, &["-o", "gone/b.mp4"])];
    fs::remove_dir(program.folder().join("gone")).unwrap();
    fs::write(program.folder().join("gone"), "a file by now").unwrap();
    let resumed = program.run(&["resume", &ids[0]]);
    assert_eq!(resumed.code, 64, "{}", resumed.stderr);
    assert!(resumed.stderr.contains(&format!("kling resume {} -o ", ids[0])), "{}", resumed.stderr);
    let elsewhere = program.run(&["resume", &ids[0], "-o", "clip.mp4"]);
    assert_eq!((elsewhere.code, elsewhere.stdout.as_str()), (0, "clip.mp4\n"), "{}", elsewhere.stderr);
    let all = program.run(&["resume", "--all", "-o", "all/"]);
    assert_eq!(all.code, 0, "{}", all.stderr);
    assert!(program.folder().join("all").join(format!("kling-{}.mp4", ids[1])).is_file());
    assert_eq!(program.states(), ["succeeded", "succeeded"]);
}

#[test]
fn content_that_is_not_media_is_refused_and_the_request_stays_resumable() {
    let sim = fast();
    let program = Program::at(&sim);
    let id = submitted(&sim, &program, &["-o", "clip.mp4"]);
    for body in [r#"{"error": "expired"}"#, "GIF89a\u{1}\0\u{1}\0"] {
        // The first kilobyte decides, not the label.
        (0..5).for_each(|_| sim.answer_next(Call::Output, Reply::text(200, "video/mp4", body)));
        let ended = program.run(&["resume", &id]);
        assert_eq!(ended.code, 69, "{body}: {}", ended.stderr);
        assert!(ended.stderr.contains(&format!("kling resume {id}")), "{}", ended.stderr);
        assert!(program.files().is_empty() && program.jobs()[0]["files"] == json!([]));
    }
    sim.answer_next(Call::Output, Reply::text(200, "text/plain", "as it comes"));
    let ended = program.run(&["resume", &id, "--any-content"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(fs::read(program.folder().join("clip.mp4")).unwrap(), b"as it comes");
}

#[test]
fn an_output_hosts_refusal_asks_for_a_fresh_link_once() {
    let sim = fast();
    let program = Program::at(&sim);
    let id = submitted(&sim, &program, &["-o", "clip.mp4"]);
    let origin = sim.base_url().trim_end_matches("/v1").to_owned();
    answer(&sim, &json!({ "video": format!("{origin}/outputs/{id}%3D/output.mp4?expired=1") }));
    sim.answer_next(Call::Output, Reply::empty(403));
    let ended = program.run(&["resume", &id]);
    assert_eq!((ended.code, program.files()), (0, vec!["clip.mp4".to_owned()]), "{}", ended.stderr);
    assert_eq!(calls(&sim, Call::Result), 2);
}

#[test]
fn a_refusal_of_an_output_host_blames_neither_token_nor_id() {
    for (status, code) in [(401, 69), (403, 69), (404, 75), (410, 69)] {
        let sim = fast();
        let program = Program::at(&sim);
        let id = submitted(&sim, &program, &["-o", "clip.mp4"]);
        (0..20).for_each(|_| sim.answer_next(Call::Output, Reply::empty(status)));
        let ended = program.run(&["resume", &id]);
        assert_eq!(ended.code, code, "{status}: {}", ended.stderr);
        assert!(!ended.stderr.contains("token") && !ended.stderr.contains("account"), "{}", ended.stderr);
        assert!(ended.stderr.contains(&format!("kling resume {id}")), "{}", ended.stderr);
        assert_eq!(calls(&sim, Call::Result), 2, "one fresh look at the result");
        assert_eq!(
            program.run(&["resume", "--all"]).code,
            75 - 6 * i32::from(status != 404),
            "it is still taken up"
        );
    }
}

#[test]
fn an_output_that_is_inside_the_answer_is_written_to_the_file() {
    let sim = fast();
    let program = Program::at(&sim);
    let output = json!({ "video": "data:video/mp4;base64,AAAAGGZ0eXBtcDQyAAAAAG1wNDJpc29tAAAACGZyZWU=" });
    let id = submitted(&sim, &program, &["-o", "clip.mp4"]);
    answer(&sim, &output);
    let listed = program.run(&["wait", &id]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    assert!(listed.stdout.starts_with("data:video/mp4") && listed.stdout.len() < 200, "{}", listed.stdout);
    answer(&sim, &output);
    let ended = program.run(&["resume", &id]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(&fs::read(program.folder().join("clip.mp4")).unwrap()[4..12], b"ftypmp42");
}

#[test]
fn an_output_without_a_url_to_fetch_is_shown_and_never_silent() {
    let outputs = [
        json!("/files/x.mp4"),
        json!({ "text": "a cat on a roof" }),
        json!({ "video": null, "seed": 12_345_678 }),
    ];
    for output in outputs {
        let sim = fast();
        let program = Program::at(&sim);
        let word = if output.is_string() {
            "/files/x.mp4"
        } else if output["text"].is_string() {
            "a cat on a roof"
        } else {
            "12345678"
        };
        let ids = [submitted(&sim, &program, &[]), submitted(&sim, &program, &[])];
        let is_shown = |ended: &Ended| ended.stdout.contains(word) || ended.stderr.contains(word);
        answer(&sim, &output);
        let waited = program.run(&["wait", &ids[0]]);
        assert!(waited.code == 0 && waited.stdout.contains(word), "{output}: {waited:?}");
        for arguments in
            [vec!["wait", &ids[0], "-o", "clip.mp4"], vec!["resume", &ids[0]], vec!["resume", "--all"]]
        {
            ids.iter().for_each(|_| answer(&sim, &output));
            let ended = program.run(&arguments);
            assert!(ended.code == 69 && is_shown(&ended), "{arguments:?}: {ended:?}");
        }
        let many = program.run(&["wait", &ids[0], &ids[1]]);
        assert!(many.code == 0 && many.stdout.matches(word).count() == 2, "{many:?}");
        answer(&sim, &output);
        let generated = program.run(&["generate", IMAGE]);
        assert!(generated.code == 69 && is_shown(&generated), "{generated:?}");
    }
    let sim = fast();
    let program = Program::at(&sim);
    let ids = [submitted(&sim, &program, &[]), submitted(&sim, &program, &[])];
    let arguments: [&[&str]; 2] = [&["wait", &ids[0]], &["wait", &ids[0], &ids[1]]];
    for arguments in arguments {
        ids.iter().for_each(|_| answer(&sim, &Value::Null));
        let ended = program.run(arguments);
        assert!(ended.code == 69 && ended.stderr.contains("no output"), "{ended:?}");
    }
}

#[test]
fn a_host_that_goes_silent_is_given_up_by_the_idle_limit() {
    let sim = fast();
    let program = Program::at(&sim);
    let id = submitted(&sim, &program, &["-o", "clip.mp4"]);
    sim.fault_next(Call::Output, Fault::StallInBody(Duration::from_secs(600)));
    let ended = program.run(&["resume", &id, "--idle-timeout", "300ms", "--min-rate", "1kB"]);
    assert_eq!(ended.code, 0, "the rest comes from the next attempt: {}", ended.stderr);
}

#[test]
fn the_size_of_an_output_is_bounded_by_a_switch() {
    let sim = fast();
    let program = Program::at(&sim);
    let id = submitted(&sim, &program, &["-o", "clip.mp4"]);
    let ended = program.run(&["resume", &id, "--max-size", "1kB"]);
    assert_eq!(ended.code, 64, "{}", ended.stderr);
    assert!(ended.stderr.contains(&format!("kling resume {id} --max-size ")), "{}", ended.stderr);
    assert_eq!(program.run(&["resume", &id, "--max-size", "3GiB"]).code, 0);
}
