//! The examples as programs against the simulator: their files, their lines and their bills.
#![cfg(all(
    feature = "async",
    feature = "blocking",
    feature = "journal",
    feature = "kling-1-6",
    feature = "testing"
))]
#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "a test may panic, and says if it was skipped")]

mod programs;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use kling::ErrorKind;
use kling::models::kling_1_6_pro_image_to_video::Input;
use kling_sim::{Call, Fault, Sim};
use programs::{Workplace, repository};

fn fast() -> kling_sim::Builder {
    Sim::builder().speed(200.0)
}

#[test]
fn each_task_takes_at_most_ten_lines() {
    let kling =
        ["any_model", "one_clip", "one_clip_blocking", "resume"].map(|name| format!("kling/examples/{name}"));
    for name in kling.into_iter().chain(["kling-types/examples/check_only".to_owned()]) {
        let source = fs::read_to_string(repository().join(format!("crates/{name}.rs"))).unwrap();
        let body = source.lines().skip_while(|line| !line.contains("fn main(")).skip(1);
        let lines = body.take_while(|line| *line != "}").count();
        assert!((1..=10).contains(&lines), "{name}: {lines} lines");
    }
}

#[test]
fn one_clip_is_one_file_and_one_bill_async_and_blocking() {
    for example in ["one_clip", "one_clip_blocking"] {
        let place = Workplace::new(fast());
        assert_eq!(place.run(example), ["saved clip.mp4"]);
        assert_eq!(
            (place.sim.billed().len(), place.clips(".")),
            (1, vec!["clip.mp4".to_owned()]),
            "{example}"
        );
    }
}

#[test]
fn a_model_that_is_not_compiled_in_is_checked_by_the_live_schema() {
    let schemas = repository().join("examples/other-model/schemas");
    let place = Workplace::new(fast().schemas_dir(schemas));
    place.run("any_model");
    let bills = place.sim.billed();
    assert_eq!((bills.len(), bills[0].model_id.as_str()), (1, "wan-ai/wan-3.0/image-to-video"));
    assert_eq!(place.clips("clips"), [format!("kling-{}.mp4", bills[0].request_id)]);
    assert_eq!(place.calls(Call::Catalog), 1);
}

#[tokio::test]
async fn resume_saves_the_jobs_that_were_left_and_names_unknown_outcomes() {
    let place = Workplace::new(fast());
    let input =
        |prompt| Input::builder().image_url("https://example.com/start.jpg").prompt(prompt).build().unwrap();
    {
        let client = place.builder().build().unwrap();
        for prompt in ["the first", "the second"] {
            client.submit(&input(prompt)).await.unwrap();
        }
        place.sim.fail_next_job("the image is empty");
        client.submit(&input("the third")).await.unwrap();
        place.sim.fault_next(Call::Submit, Fault::DropProcessed);
        let error = client.submit(&input("the fourth")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownOutcome);
    }
    let lines = place.run("resume");
    let count = |word| lines.iter().filter(|line| line.contains(word)).count();
    assert_eq!((lines.len(), count("saved"), count("may be billed")), (3, 2, 1), "{lines:?}");
    assert_eq!((place.sim.billed().len(), place.clips("clips").len()), (4, 2));
    assert_eq!(place.run("resume").len(), 1, "only the unknown outcome is left");
}

#[test]
fn fifty_clips_are_fifty_files_and_fifty_bills_also_after_a_second_run() {
    let place = Workplace::new(fast().concurrency(10));
    for _ in 0..2 {
        assert_eq!(place.run("fifty_clips").len(), 50);
        assert_eq!((place.sim.billed().len(), place.clips("clips").len()), (50, 50));
    }
}

#[test]
fn the_program_with_faults_ends_well() {
    let place = Workplace::new(fast());
    assert_eq!(place.run("faults"), ["the program survives its faults"]);
}

/// The web service, which ends with the test.
struct Service {
    program: Child,
    host: String,
}

impl Service {
    fn start(place: &Workplace) -> Self {
        let mut program = place.command("web_service").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { program, host: line.trim().strip_prefix("http://").unwrap().to_owned() }
    }

    /// Returns the head and the body of a reply.
    fn call(&self, request: &str, content_type: &str, body: &[u8]) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect(&self.host).unwrap();
        let host = &self.host;
        let length = body.len();
        let head = format!(
            "{request} HTTP/1.0\r\nhost: {host}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).unwrap();
        let end = reply.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        (String::from_utf8(reply[..end].to_vec()).unwrap(), reply[end + 4..].to_vec())
    }

    fn text(&self, request: &str, content_type: &str, body: &[u8]) -> String {
        String::from_utf8(self.call(request, content_type, body).1).unwrap()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

#[test]
fn the_web_service_streams_the_progress_and_serves_the_clip_also_after_a_restart() {
    let place = Workplace::new(fast());
    let mut service = Service::start(&place);
    assert!(service.text("GET /", "", b"").contains("<video"));
    let image = fs::read(repository().join("examples/start.jpg")).unwrap();
    let id = service.text("POST /jobs?prompt=a+calm+sea", "image/jpeg", &image);
    assert_eq!(id, place.sim.billed()[0].request_id);
    for _restart in 0..2 {
        let events = service.text(&format!("GET /jobs/{id}/events"), "", b"");
        assert!(events.contains(&format!("event: clip\ndata: /clips/{id}\n")), "{events}");
        service = Service::start(&place);
    }
    let (head, clip) = service.call(&format!("GET /clips/{id}"), "", b"");
    assert!(head.contains("video/mp4") && clip.get(4..8) == Some(b"ftyp"), "{head}");
    assert_eq!((place.sim.billed().len(), place.clips("clips").len()), (1, 1));
}

#[test]
fn the_web_service_refuses_a_wrong_upload_before_anything_is_paid() {
    let place = Workplace::new(fast());
    let service = Service::start(&place);
    let cases = [("text/plain", "415", "expected an image"), ("image/jpeg", "422", "no image")];
    for (content_type, status, message) in cases {
        let (head, body) = service.call("POST /jobs?prompt=x", content_type, b"no image");
        let body = String::from_utf8(body).unwrap();
        assert!(head.contains(status) && body.contains(message), "{head} {body}");
    }
    let (head, _) = service.call("GET /clips/..%2Fjournal", "", b"");
    assert!(head.contains("400"), "{head}");
    assert!(place.sim.billed().is_empty());
}

/// Runs only if `KLING_BROWSER` names a folder with playwright-core: see `check.mjs`.
#[test]
fn the_web_service_plays_the_clip_in_a_browser() {
    let Some(folder) = std::env::var_os("KLING_BROWSER") else {
        eprintln!("skipped: KLING_BROWSER is not set");
        return;
    };
    let place = Workplace::new(Sim::builder().speed(10.0));
    let service = Service::start(&place);
    let files = ["crates/kling/examples/web_service/check.mjs", "examples/start.jpg"];
    let [script, image] = files.map(|file| repository().join(file).canonicalize().unwrap());
    let mut node = Command::new("node");
    node.current_dir(folder).arg(script).arg(format!("http://{}", service.host)).arg(image).arg("page.png");
    let output = node.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((place.sim.billed().len(), place.clips("clips").len()), (1, 1));
}
