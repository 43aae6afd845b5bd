//! The token is sent in one header to the API's own origin only. It is in no other byte at the socket, in no text that a
//! caller can print, and in no line that a library logs.

use std::fmt::{Debug, Display};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kling_poll::{FixedInterval, Update, WaitOptions};
use kling_tests::log::Log;
use kling_tests::script_server::{Answer, ScriptServer, Turn};
use kling_tests::wire_script::{self, ID, accepted, ok, redirect, status, succeeded};
use kling_transport::{
    ApiBase, Backoff, DownloadOptions, Error, GetStatus, Job, PendingSubmit, RequestId, RetryPolicy,
    Settings, SubmitOutcome, Token, blocking,
};
use kling_types::models::kling_1_6_pro_image_to_video::Input;
use serde::Serialize;
use serde_json::json;
use tempfile::TempDir;

const TOKEN: &str = "token-7f3a9c5e2b8d4610";
/// The longest part of the token that a shortened text may contain.
const BEGUN: &str = "token-7";

/// Every text that a caller may print, log or store.
#[derive(Debug, Default)]
struct Shown(String);

impl Shown {
    fn debug(&mut self, value: &impl Debug) {
        self.0 += &format!("{value:?}\n{value:#?}\n");
    }

    fn text(&mut self, value: &(impl Debug + Display)) {
        self.debug(value);
        self.0 += &format!("{value}\n");
    }

    fn json(&mut self, value: &impl Serialize) {
        self.0 += &serde_json::to_string(value).unwrap();
    }

    fn submission(&mut self, submission: SubmitOutcome) -> Option<Job> {
        self.debug(&submission);
        match submission {
            SubmitOutcome::Accepted(job) => {
                self.json(&job);
                return Some(job);
            }
            SubmitOutcome::Rejected(error) => self.text(&error),
            SubmitOutcome::Unknown(receipt) => {
                self.text(&receipt);
                self.json(&receipt);
            }
        }
        None
    }
}

#[test]
fn the_token_is_in_one_header_to_the_api_and_nowhere_else() {
    let log = listen();
    let mut shown = Shown::default();
    for turns in scripts() {
        for run in [in_async, in_blocking] {
            let foreign = ScriptServer::start([]).unwrap();
            let server = ScriptServer::start(turns(&foreign)).unwrap();
            run(&server, &mut shown);
            assert_eq!(foreign.connections(), 0, "no foreign origin gets a request");
            server.recorded().iter().for_each(|request| check_bytes(request.bytes()));
        }
    }
    assert!(shown.0.len() > 10_000 && !shown.0.contains(BEGUN), "{}", around_token(&shown.0));
    for quote in quotes() {
        assert!(!shown.0.contains(&quote), "{quote} is shown");
    }
    let log = log.text();
    assert!(log.lines().count() > 100, "the log is on: {log}");
    assert!(!log.contains(TOKEN), "{}", around_token(&log));
}

#[test]
fn neither_values_nor_panics_show_the_token() {
    let server = ScriptServer::start([]).unwrap();
    let settings = settings(&server);
    let mut shown = Shown::default();
    shown.debug(&settings);
    shown.debug(&kling_transport::Client::new(settings.clone()).unwrap());
    shown.debug(&blocking::Client::new(settings.clone()).unwrap());
    let submitting = PendingSubmit::typed(&settings, &input(), std::time::SystemTime::now()).unwrap();
    shown.debug(&submitting);
    shown.debug(&submitting.request());
    let id: RequestId = ID.parse().unwrap();
    shown.debug(&kling_transport::Call::request(&GetStatus(&id), &settings));
    for wrong in [format!("{TOKEN}\n"), format!("{TOKEN} x"), format!("\u{1b}{TOKEN}")] {
        if let Err(error) = Token::new(wrong) {
            shown.text(&error);
        }
    }
    for base in
        [format!("ftp://{TOKEN}@host/v1"), format!("https://a:{TOKEN}@host"), format!("https://h/?k={TOKEN}")]
    {
        if let Err(error) = base.parse::<ApiBase>() {
            shown.text(&error);
        }
    }
    let panicked = catch_unwind(AssertUnwindSafe(|| panic!("{settings:?} {submitting:?}")));
    shown.0 += panicked.unwrap_err().downcast_ref::<String>().unwrap();
    assert!(!shown.0.contains(TOKEN), "{}", around_token(&shown.0));
}

#[test]
fn an_answer_nested_too_deep_names_its_job_all_the_same() {
    let deep = format!("{{\"x\":{}{},\"request_id\":\"{ID}\"}}", "[".repeat(200_000), "]".repeat(200_000));
    for run in [in_async, in_blocking] {
        let server = ScriptServer::start([Answer::new(200, deep.clone()).into()]).unwrap();
        let mut shown = Shown::default();
        run(&server, &mut shown);
        assert!(shown.0.contains(&format!("{{\"request_id\":\"{ID}\"")), "{}", shown.0);
        let posts = server.recorded().iter().filter(|request| request.line().starts_with("POST")).count();
        assert_eq!(posts, 1, "a submit is sent once");
    }
}

/// A script that may contain the address of its server.
type Script = Box<dyn Fn(&ScriptServer) -> Vec<Turn>>;

/// The scripts of the wire, scripts that quote the token or redirect, and a download.
fn scripts() -> Vec<Script> {
    let mut scripts: Vec<Script> = Vec::new();
    for script in wire_script::all() {
        scripts.push(Box::new(move |_| script.turns.clone()));
    }
    for turn in quoting() {
        scripts.push(Box::new(move |_| vec![turn.clone()]));
    }
    scripts.push(Box::new(|_| {
        let quoting = quoting().into_iter().filter(|turn| !matches!(turn, Turn::HalfBody(_)));
        [accepted()].into_iter().chain(quoting).chain([status("completed"), succeeded()]).collect()
    }));
    scripts.push(Box::new(|_| {
        let failed = json!({"request_id": ID, "status": "failed", "error": {"message": format!("{}{TOKEN}", "x".repeat(390))}});
        vec![accepted(), status("completed"), ok(failed)]
    }));
    scripts.push(Box::new(|foreign| {
        let url = format!("{}/requests/{ID}/status", foreign.base());
        let links = json!({"request_id": ID, "status": "in_queue", "status_url": url, "result_url": url});
        vec![accepted(), ok(links), redirect(307, &url), status("completed"), succeeded()]
    }));
    scripts.push(Box::new(|_| {
        vec![accepted(), status("completed"), succeeded(), Answer::new(200, "\0 clip").into()]
    }));
    scripts.push(Box::new(|foreign| {
        let output = json!({"video": format!("{}/x.mp4", foreign.base())});
        let result = ok(json!({"request_id": ID, "status": "succeeded", "output": output}));
        vec![accepted(), status("completed"), result]
    }));
    scripts
}

/// Replies that quote the token.
fn quoting() -> Vec<Turn> {
    let bearer = format!("Bearer {TOKEN}");
    // As long as the shown texts, so that a text is shortened inside the token.
    let long = |length| format!("{}{TOKEN}", "x".repeat(length));
    let answer = |status, body: String| Turn::from(Answer::new(status, body));
    vec![
        answer(500, format!("<pre>authorization: {bearer}</pre>")),
        answer(502, json!({"error_code": 500_001, "error_message": format!("bad {TOKEN}")}).to_string()),
        answer(
            503,
            json!({"error_code": 503_001, "message": "no", "detail": [{"header": bearer}]}).to_string(),
        ),
        answer(200, format!("not json at all: {TOKEN}")),
        answer(502, long(390)),
        answer(500, json!({"error_code": 500_001, "error_message": long(390)}).to_string()),
        answer(200, json!({"status": long(50)}).to_string()),
        Turn::HalfBody(Answer::new(200, format!("{TOKEN} {TOKEN} {TOKEN} {TOKEN}"))),
        answer(500, format!("authorization=Bearer%20{}", TOKEN.replace('-', "%2D"))),
        answer(500, json!({"error_code": 500_001, "error_message": percent()}).to_string()),
        answer(502, format!("<p>Basic {}</p>", STANDARD.encode(format!("api:{TOKEN}")))),
        answer(503, json!({"message": "no", "detail": [URL_SAFE_NO_PAD.encode(&bearer)]}).to_string()),
        Answer::new(502, wire_script::gzip(&bearer)).with_header("content-encoding", "gzip").into(),
    ]
}

/// Returns the token with every letter percent-encoded.
fn percent() -> String {
    TOKEN.bytes().map(|letter| format!("%{letter:02X}")).collect()
}

/// Every form in which the servers of these tests quote the token.
fn quotes() -> Vec<String> {
    let inner = |offset: usize| {
        let letters = STANDARD.encode([&[0; 3][..offset], TOKEN.as_bytes()].concat());
        letters[4..letters.len() - 4].to_owned()
    };
    [BEGUN.to_owned(), BEGUN.replace('-', "%2D"), percent(), inner(0), inner(1), inner(2)].into()
}

/// Checks that a request to the API has the token once, in its header, and that a download has none.
fn check_bytes(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let is_call = text.contains(" /v1/") || text.contains(" /prod/");
    assert_eq!(text.matches(TOKEN).count(), usize::from(is_call), "{text}");
    assert_eq!(text.contains(&format!("authorization: Bearer {TOKEN}\r\n")), is_call, "{text}");
}

fn in_async(server: &ScriptServer, shown: &mut Shown) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = kling_transport::Client::new(settings(server)).unwrap();
        let submission = client.submit_json(&model(), &serde_json::to_value(input()).unwrap()).await;
        let Some(job) = shown.submission(submission) else { return };
        let on_update = |update: &Update| shown.debug(update);
        let urls = match kling_poll::wait(&client, &job, &options(), on_update).await {
            Ok(done) => vec![done.output()["video"].as_str().unwrap_or_default().to_owned()],
            Err(error) => return shown.text(&error),
        };
        let folder = TempDir::new().unwrap();
        for url in within_reach(urls, server) {
            let done = client.download(&url, folder.path().join("x"), &download(), |_| {}).await;
            seen(shown, done.map(drop));
        }
    });
}

fn in_blocking(server: &ScriptServer, shown: &mut Shown) {
    let client = blocking::Client::new(settings(server)).unwrap();
    let submission = client.submit_json(&model(), &serde_json::to_value(input()).unwrap());
    let Some(job) = shown.submission(submission) else { return };
    let on_update = |update: &Update| shown.debug(update);
    let urls = match kling_poll::blocking::wait(&client, &job, &options(), on_update) {
        Ok(done) => vec![done.output()["video"].as_str().unwrap_or_default().to_owned()],
        Err(error) => return shown.text(&error),
    };
    let folder = TempDir::new().unwrap();
    for url in within_reach(urls, server) {
        let done = client.download(&url, folder.path().join("x"), &download(), |_| {});
        seen(shown, done.map(drop));
    }
}

fn seen(shown: &mut Shown, outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        shown.text(&error);
    }
}

/// The outputs of the tests, and one on the API's own origin, which is allowed on loopback.
fn within_reach(urls: Vec<String>, server: &ScriptServer) -> impl Iterator<Item = String> {
    let own = server.base().replace("/v1", "/files/x.mp4");
    urls.into_iter().filter(|url| url.starts_with("http://127.0.0.1")).chain([own])
}

fn model() -> kling_transport::ModelId {
    "kling/kling-1-6/pro/image-to-video".parse().unwrap()
}

fn input() -> Input {
    Input::builder().image_url("https://example.com/start.jpg").build().unwrap()
}

fn brisk() -> Backoff {
    Backoff { first: Duration::ZERO, cap: Duration::ZERO }
}

fn settings(server: &ScriptServer) -> Settings {
    let retry = RetryPolicy::new(Duration::from_secs(60)).with_backoff(brisk()).with_max_attempts(2);
    Settings::new(Token::new(TOKEN).unwrap())
        .with_base(server.base().parse().unwrap())
        .with_submit_retry(retry)
        .with_call_retry(retry)
        .with_submit_timeout(Duration::from_millis(500))
}

fn options() -> WaitOptions {
    WaitOptions::default().with_schedule(FixedInterval(Duration::ZERO)).with_backoff(brisk())
}

fn download() -> DownloadOptions {
    DownloadOptions::default().with_retry(RetryPolicy::never())
}

fn around_token(text: &str) -> String {
    let lines: Vec<_> = text.lines().filter(|line| line.contains(BEGUN)).take(5).collect();
    format!("{} characters; with the token: {lines:#?}", text.len())
}

/// Every line that a library logs by `log` or `tracing`, at the most detailed level.
fn listen() -> Log {
    let log = Log::default();
    let writer = log.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .init();
    log
}
