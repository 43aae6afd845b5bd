//! The spans of one job: the same from both clients, with the documented names and fields.

use std::time::Duration;

use kling_poll::{FixedInterval, WaitOptions};
use kling_tests::log::Log;
use kling_tests::script_server::{Answer, ScriptServer, Turn};
use kling_tests::wire_script::{ID, accepted, ok, status, succeeded};
use kling_transport::{Backoff, DownloadOptions, Job, RetryPolicy, Settings, Token, blocking};
use kling_types::models::kling_1_6_pro_image_to_video::Input;
use serde_json::json;
use tempfile::TempDir;
use tracing_subscriber::fmt::format::FmtSpan;

/// A submit with a retry, a wait with three states and an error, a result, a cancel, and a download with a retry.
fn script() -> Vec<Turn> {
    let busy = r#"{"error_code":429001,"message":"slow down"}"#;
    vec![
        Turn::Answer(Answer::new(429, busy)),
        accepted(),
        status("in_queue"),
        Turn::Answer(Answer::new(502, "<html>")),
        status("in_progress"),
        status("completed"),
        succeeded(),
        ok(json!({ "request_id": ID, "status": "cancelled" })),
        Turn::Answer(Answer::new(503, "")),
        Turn::Answer(Answer::new(200, "\0 clip")),
    ]
}

#[test]
fn both_clients_report_the_same_spans() {
    let spans_of_clients = [in_async, in_blocking].map(|run| {
        let server = ScriptServer::start(script()).unwrap();
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
            .with_span_events(FmtSpan::CLOSE)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || run(&server));
        spans(&log).replace(ID, "ID")
    });
    assert_eq!(spans_of_clients[0], spans_of_clients[1]);
    insta::assert_snapshot!(spans_of_clients[0], @r"
    INFO submit{model=kling/kling-1-6/pro/image-to-video delay_ms=0 outcome=submitted request_id=ID attempt=2}
    DEBUG poll{request_id=ID attempt=1 state=in_queue delay_ms=1}
    DEBUG poll{request_id=ID attempt=2 state=in_queue delay_ms=0 error=server error (HTTP 502, request ID): expected JSON, got <html>}
    DEBUG poll{request_id=ID attempt=3 state=in_progress delay_ms=1}
    DEBUG poll{request_id=ID attempt=4 state=completed}
    INFO result{request_id=ID attempt=4 state=succeeded}
    DEBUG call{call=cancel request_id=ID attempt=1}
    INFO download{host=127.0.0.1 attempt=1 error=server error (HTTP 503): 127.0.0.1 refused the file delay_ms=0 attempt=2 bytes=6}
    ");
    assert!(!spans_of_clients[0].contains("secret") && !spans_of_clients[0].contains("token-of-the-test"));
}

#[test]
fn nothing_is_recorded_in_a_callers_own_span() {
    for run in [in_async, in_blocking, in_a_set] {
        let server = ScriptServer::start(script()).unwrap();
        let log = Log::default();
        let writer = log.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_span_events(FmtSpan::CLOSE)
            .with_ansi(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        let empty = tracing::field::Empty;
        tracing::subscriber::with_default(subscriber, || {
            let own =
                tracing::info_span!("own", attempt = 7, state = "mine", delay_ms = empty, error = empty);
            own.in_scope(|| run(&server));
        });
        let text = log.text();
        assert!(text.contains("own{attempt=7 state=\"mine\"}"), "{text}");
        assert!(!text.contains("own{attempt=7 state=\"mine\" "), "{text}");
    }
}

/// Runs the script with a job set.
fn in_a_set(server: &ScriptServer) {
    let client = kling_transport::Client::new(settings(server)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let job = client.submit(&input()).await.into_result().unwrap();
        let mut set = kling_poll::JobSet::new();
        set.account(client, kling_poll::RateLimit::default()).add(&without_age(&job), &options());
        while set.next().await.is_some() {}
    });
}

fn in_async(server: &ScriptServer) {
    let client = kling_transport::Client::new(settings(server)).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let job = client.submit(&input()).await.into_result().unwrap();
        kling_poll::wait(&client, &without_age(&job), &options(), |_| ()).await.unwrap();
        client.cancel(job.id()).await.unwrap();
        let folder = TempDir::new().unwrap();
        let clip = folder.path().join("clip.mp4");
        client.download(&clip_url(server), &clip, &download(), |_| ()).await.unwrap();
    });
}

fn in_blocking(server: &ScriptServer) {
    let client = blocking::Client::new(settings(server)).unwrap();
    let job = client.submit(&input()).into_result().unwrap();
    kling_poll::blocking::wait(&client, &without_age(&job), &options(), |_| ()).unwrap();
    client.cancel(job.id()).unwrap();
    let folder = TempDir::new().unwrap();
    client.download(&clip_url(server), folder.path().join("clip.mp4"), &download(), |_| ()).unwrap();
}

/// Returns the job without its age, so that it is polled at once.
fn without_age<M: kling_transport::JobModel>(job: &Job<M>) -> Job {
    Job::from_id(job.id().clone())
}

fn input() -> Input {
    Input::builder().image_url("https://example.com/start.jpg").build().unwrap()
}

fn settings(server: &ScriptServer) -> Settings {
    let brisk = Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    let retry = RetryPolicy::new(Duration::from_secs(60)).with_backoff(brisk);
    Settings::new(Token::new("token-of-the-test").unwrap())
        .with_base(server.base().parse().unwrap())
        .with_submit_retry(retry)
}

fn clip_url(server: &ScriptServer) -> String {
    format!("{}/clip.mp4?signature=secret", server.base().trim_end_matches('/'))
}

fn download() -> DownloadOptions {
    let brisk = Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    DownloadOptions::default().with_retry(RetryPolicy::new(Duration::from_secs(60)).with_backoff(brisk))
}

fn options() -> WaitOptions {
    let brisk = Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    WaitOptions::default().with_schedule(FixedInterval(Duration::from_millis(1))).with_backoff(brisk)
}

/// Returns the closed spans of the target `kling`.
fn spans(log: &Log) -> String {
    let text = log.text();
    let spans = text.lines().filter_map(|line| line.strip_suffix(": kling: close"));
    spans.map(|span| format!("{}\n", span.trim())).collect()
}
