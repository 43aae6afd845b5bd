//! `kling generate`, and its errors.

mod program;

use std::fs;
use std::time::Duration;

use kling::media::{ImageFormat, MediaFacts};
use kling_sim::{ApiVariant, Call, MediaRules, Reply, Sim};
use program::{Program, TOKEN, default_model, photo, png, property};
use serde_json::json;

fn fast() -> Sim {
    Sim::builder().speed(200.0).start().unwrap()
}

#[test]
fn a_photo_becomes_a_clip_without_a_token_or_a_network() {
    let program = Program::new();
    let ended =
        program.run(&["generate", &photo(), "--prompt", "slow dolly-in", "--offline", "-o", "clip.mp4"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (0, "clip.mp4\n"), "{}", ended.stderr);
    let clip = fs::read(program.folder().join("clip.mp4")).unwrap();
    assert_eq!(&clip[4..8], b"ftyp");
    assert!(ended.stderr.contains("SIMULATED"), "{}", ended.stderr);
    assert!(ended.stderr.contains("hosted https URLs are the documented way"), "{}", ended.stderr);
    assert_eq!(program.files(), ["clip.mp4"]);
}

#[test]
fn against_an_api_one_request_is_paid_and_the_result_is_one_json_object() {
    let sim = fast();
    let program = Program::at(&sim);
    let seconds = property("duration")["default"].clone();
    let ended = program.run(&["generate", &photo(), "--duration", &seconds.to_string(), "--json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let json = ended.json();
    let id = json["request_id"].as_str().unwrap();
    assert_eq!(json["status"], "succeeded");
    assert_eq!(json["simulated"], false);
    assert_eq!(json["files"][0]["path"], format!("kling-{id}.mp4"));
    assert_eq!(json["cost_usd"], seconds.as_f64().unwrap() / 20.0, "the simulator takes 5 cents a second");
    assert_eq!(program.files(), [format!("kling-{id}.mp4")]);
    assert_eq!(sim.billed().len(), 1);
}

#[test]
fn schema_defaults_are_not_sent() {
    let sim = fast();
    let url = "https://127.0.0.1:9/start.jpg";
    Program::at(&sim).run(&["generate", url, "--no-wait"]);
    let expected = json!({ "image_url": url }).to_string();
    let lengths: Vec<_> = sim.billed().iter().map(|bill| bill.body_sha256.clone()).collect();
    let hash = kling::transport::Fingerprint::of(expected.as_bytes()).to_string();
    assert_eq!(lengths, [hash]);
}

#[test]
fn several_files_are_numbered() {
    let sim = Sim::builder().speed(200.0).output_count(3).start().unwrap();
    let program = Program::at(&sim);
    let ended = program.run(&["generate", &photo(), "-o", "clip.mp4"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, "clip.mp4\nclip-2.mp4\nclip-3.mp4\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn all_violations_are_reported_at_once_before_the_submit() {
    let sim = fast();
    let program = Program::at(&sim);
    fs::write(program.folder().join("small.png"), png(1, 9)).unwrap();
    let ended = program.run(&["generate", "small.png", "--duration=-1", "--cfg-scale", "-1000"]);
    let (model, input) =
        (default_model(), json!({"image_url": "https://a.b", "duration": -1, "cfg_scale": -1000}));
    let mut violations = (model.validate_input)(&input).unwrap_err();
    let facts = MediaFacts::image(ImageFormat::Png, 1, 9, 45);
    violations.extend(model.media[0].check("/image_url", &facts).violations);
    assert_eq!(violations.len(), 5, "two of values, two of sides and one of the shape");
    let lines: String = violations.iter().map(|violation| format!("  {violation}\n")).collect();
    let expected = format!(
        "note: uploading small.png inline (45 B); hosted https URLs are the documented way\n\
         kling: invalid input; nothing was submitted\n{lines}exit 65"
    );
    assert_eq!(ended.shown(), expected);
    assert!(sim.requests().is_empty());
}

#[test]
fn media_rules_can_be_left_to_the_provider() {
    let variant = ApiVariant { media_rules: MediaRules::WhileRunning, ..ApiVariant::default() };
    let sim = Sim::builder().speed(200.0).api_variant(variant).start().unwrap();
    let program = Program::at(&sim);
    fs::write(program.folder().join("small.png"), png(1, 1)).unwrap();
    let ended = program.run(&["generate", "small.png", "--no-media-check"]);
    assert_eq!(ended.code, 1, "{}", ended.stderr);
    assert!(ended.stderr.contains(&*default_model().media[0].rules[0].message), "{}", ended.stderr);
}

#[test]
fn a_file_that_exists_or_cannot_be_written_is_refused_before_anything_is_paid() {
    let sim = fast();
    let program = Program::at(&sim);
    fs::write(program.folder().join("clip.mp4"), "mine").unwrap();
    for (output, found) in [("clip.mp4", "exists"), ("no/such/folder/clip.mp4", "No such file")] {
        let ended = program.run(&["generate", &photo(), "-o", output]);
        assert_eq!(ended.code, 64, "{output}");
        assert!(ended.stderr.contains(found), "{output}: {}", ended.stderr);
    }
    assert!(sim.requests().is_empty());
    assert_eq!(fs::read(program.folder().join("clip.mp4")).unwrap(), b"mine");
}

#[test]
fn without_a_token_it_says_how_to_get_on() {
    insta::assert_snapshot!(Program::new().run(&["generate", "https://127.0.0.1:9/a.jpg"]).shown(), @r"
    kling: no token was found: set RUNCOMFY_API_TOKEN
      create a token in your RunComfy profile and set one of RUNCOMFY_API_TOKEN, RUNCOMFY_TOKEN, YOUR_API_TOKEN
      to try without an account: kling generate IMAGE --offline
    exit 77
    ");
}

#[test]
fn a_token_that_is_not_accepted_is_77_and_is_never_printed() {
    let sim = fast();
    let program =
        Program::new().with("RUNCOMFY_MODEL_API_BASE", sim.base_url()).with("YOUR_API_TOKEN", TOKEN);
    let ended = program.run(&["generate", "https://127.0.0.1:9/a.jpg", "--json"]);
    assert_eq!(ended.code, 77, "{}", ended.stderr);
    assert_eq!(ended.json()["error"]["error_code"], 400_004);
}

#[test]
fn input_files_that_are_missing_or_no_pictures_are_told_apart() {
    let program = Program::new();
    fs::write(program.folder().join("notes.txt"), "hello, this is text").unwrap();
    assert_eq!(program.run(&["generate", "gone.jpg", "--offline"]).code, 66);
    assert_eq!(program.run(&["generate", "notes.txt", "--offline"]).code, 65);
    assert_eq!(program.run(&["generate", "http://example.com/a.jpg", "--offline"]).code, 65);
}

#[test]
fn a_submit_whose_outcome_is_unknown_is_70_and_is_sent_once() {
    let sim = fast();
    sim.answer_next(Call::Submit, Reply::html(502, "<h1>Bad gateway</h1>").after_processing());
    let ended = Program::at(&sim).run(&["generate", "https://127.0.0.1:9/a.jpg", "--json"]);
    assert_eq!(ended.code, 70, "{}", ended.stderr);
    assert_eq!(ended.json()["error"]["kind"], "unknown_outcome");
    assert!(ended.json()["error"]["receipt"]["fingerprint"].is_string(), "{}", ended.stdout);
    assert_eq!(sim.requests().iter().filter(|call| call.method == "POST").count(), 1);
    assert_eq!(sim.billed().len(), 1);
}

#[test]
fn a_failed_job_exits_with_1_and_the_message_of_the_api() {
    let sim = fast();
    sim.fail_next_job("the picture shows \u{1b}[2Jnothing");
    let ended = Program::at(&sim).run(&["generate", "https://127.0.0.1:9/a.jpg"]);
    assert_eq!(ended.code, 1);
    assert!(ended.stderr.contains("the picture shows"), "{}", ended.stderr);
    assert!(!ended.stderr.contains('\u{1b}'), "a control sequence reached the terminal");
}

#[test]
fn a_deadline_that_passed_is_75_with_the_id_to_go_on_with() {
    let sim = Sim::builder().manual_time().start().unwrap();
    let program = Program::at(&sim);
    let ended = program.run(&["generate", &photo(), "--timeout", "100ms", "--json"]);
    assert_eq!(ended.code, 75, "{}", ended.stderr);
    let id = ended.json()["error"]["request_id"].as_str().unwrap().to_owned();
    assert_eq!(ended.json()["error"]["resume"], format!("kling wait {id} -o FILE"));
    sim.advance(Duration::from_secs(100));
    let resumed = program.run(&["wait", &id, "-o", "clip.mp4"]);
    assert_eq!((resumed.code, resumed.stdout.as_str()), (0, "clip.mp4\n"), "{}", resumed.stderr);
    assert_eq!(sim.billed().len(), 1);
}

#[test]
fn an_output_on_a_foreign_host_is_named_and_not_lost() {
    let sim = fast();
    let program = Program::at(&sim);
    let id = program.run(&["generate", "https://127.0.0.1:9/a.jpg", "--no-wait"]).stdout.trim().to_owned();
    let output = json!({ "video": "https://cdn.example/clip.mp4?key=1" });
    sim.advance(Duration::from_secs(60));
    let reply = json!({ "request_id": id, "status": "succeeded", "output": output });
    sim.answer_next(Call::Result, Reply::json(200, &reply));
    let ended = program.run(&["wait", &id, "-o", "clip.mp4"]);
    assert_eq!(ended.code, 69);
    assert!(ended.stderr.contains("download it from https://cdn.example/clip.mp4?key=1"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--allow-host cdn.example"), "{}", ended.stderr);
}

#[test]
fn a_machine_without_certificates_is_enough_for_loopback() {
    let sim = fast();
    let without =
        |program: Program| program.with("SSL_CERT_FILE", "/nonexistent").with("SSL_CERT_DIR", "/nonexistent");
    let offline = without(Program::new()).run(&["generate", &photo(), "--offline", "--no-wait"]);
    assert_eq!(offline.code, 0, "{}", offline.stderr);
    let ended = without(Program::at(&sim)).run(&["balance"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}
