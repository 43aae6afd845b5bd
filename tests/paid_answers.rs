//! Broken replies that can still be read, through both clients, over real sockets.

use std::time::{Duration, Instant};

use kling_poll::{CompletedJob, FixedInterval, WaitOptions};
use kling_tests::log::Log;
use kling_tests::script_server::{Answer, ScriptServer, Turn};
use kling_tests::wire_script::{self, ID, OUTPUT, accepted, status};
use kling_transport::{
    Backoff, Error, ErrorKind, Job, ModelId, RequestId, RetryPolicy, Settings, SubmitOutcome, Token, blocking,
};
use serde_json::json;

/// More than loopback needs, and less than a test may take.
const LIMIT: Duration = Duration::from_secs(1);

fn settings(server: &ScriptServer) -> Settings {
    let brisk = Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    Settings::new(Token::new("token-of-the-test").unwrap())
        .with_base(server.base().parse().unwrap())
        .with_submit_retry(
            RetryPolicy::new(Duration::from_secs(600)).with_backoff(brisk).with_max_attempts(3),
        )
        .with_call_retry(RetryPolicy::never())
        .with_submit_timeout(LIMIT)
        .with_call_timeout(LIMIT)
}

fn options() -> WaitOptions {
    let brisk = Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    WaitOptions::default()
        .with_schedule(FixedInterval(Duration::ZERO))
        .with_backoff(brisk)
        .with_call_timeout(LIMIT)
}

fn in_async<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn model() -> ModelId {
    "maker/model".parse().unwrap()
}

/// Returns the outcomes of a submit through both clients, with the same script.
fn submit(turns: &[Turn]) -> [SubmitOutcome; 2] {
    let server = || ScriptServer::start(turns.to_vec()).unwrap();
    let (first, second) = (server(), server());
    let client = kling_transport::Client::new(settings(&first)).unwrap();
    let first_submission = in_async(client.submit_json(&model(), &json!({})));
    let client = blocking::Client::new(settings(&second)).unwrap();
    let second_submission = client.submit_json(&model(), &json!({}));
    assert_eq!((first.turns_left(), second.turns_left()), (0, 0));
    [first_submission, second_submission]
}

/// Returns the outcomes of a wait through both clients, with the same script.
fn wait(turns: &[Turn]) -> [CompletedJob; 2] {
    let job = Job::from_id(ID.parse().unwrap());
    let server = || ScriptServer::start(turns.to_vec()).unwrap();
    let (first, second) = (server(), server());
    let finished = in_async(async {
        let client = kling_transport::Client::new(settings(&first)).unwrap();
        kling_poll::wait(&client, &job, &options(), |_| ()).await.unwrap()
    });
    let client = blocking::Client::new(settings(&second)).unwrap();
    [finished, kling_poll::blocking::wait(&client, &job, &options(), |_| ()).unwrap()]
}

fn submitted(submission: SubmitOutcome) -> Job {
    match submission {
        SubmitOutcome::Accepted(job) => job,
        other => panic!("expected a job, got {other:?}"),
    }
}

fn answer() -> Answer {
    Answer::new(200, json!({"request_id": ID, "status_url": "u"}).to_string())
}

#[test]
fn a_submit_answer_that_hangs_after_a_whole_id_is_a_job_with_a_warning() {
    for submission in submit(&[Turn::MissingByteThenStall(answer())]) {
        let job = submitted(submission);
        assert_eq!(job.id().as_str(), ID);
        assert!(job.warning().is_some_and(|warning| warning.contains("cut off")), "{:?}", job.warning());
    }
}

#[test]
fn a_good_answer_has_no_warning() {
    for submission in submit(&[accepted()]) {
        assert_eq!(submitted(submission).warning(), None);
    }
    for finished in wait(&[status("completed"), wire_script::succeeded()]) {
        assert_eq!(finished.reply().warning, None);
    }
}

#[test]
fn a_compressed_answer_is_read_and_called_compressed() {
    let body = json!({"request_id": ID}).to_string();
    let labelled = Answer::new(200, wire_script::gzip(&body)).with_header("content-encoding", "gzip");
    let unlabelled = Answer::new(200, wire_script::gzip(&body));
    for answer in [labelled, unlabelled] {
        for submission in submit(&[answer.into()]) {
            let job = submitted(submission);
            let warning = "damaged reply: compressed (gzip), which was not requested";
            assert_eq!((job.id().as_str(), job.warning()), (ID, Some(warning)));
        }
    }
}

#[test]
fn a_coding_that_cannot_be_undone_is_named() {
    let answer = Answer::new(200, &b"\x8b\x02\x80\x01"[..]).with_header("content-encoding", "br");
    for submission in submit(&[answer.into()]) {
        let SubmitOutcome::Unknown(receipt) = submission else { panic!("expected an unknown outcome") };
        assert!(receipt.to_string().contains("compressed (br)"), "{receipt}");
    }
}

#[test]
fn a_result_that_breaks_off_or_hangs_after_its_output_is_delivered_with_a_warning() {
    let body = json!({"request_id": ID, "status": "succeeded", "output": {"video": OUTPUT}, "cost": 0.35});
    let result = Answer::new(200, body.to_string());
    let turns = [
        Turn::MissingByte(result.clone()),
        Turn::MissingByteThenStall(result.clone()),
        Turn::OpenChunks(result),
    ];
    for turn in turns {
        for finished in wait(&[status("completed"), turn.clone()]) {
            assert_eq!(finished.reply().output_urls(), [OUTPUT]);
            assert!(finished.reply().warning.is_some(), "{turn:?}");
        }
    }
}

#[test]
fn a_429_whose_body_breaks_off_is_waited_for_as_long_as_it_asks() {
    let torn = Answer::new(429, "{\"error_message\":\"slow down\"}").with_header("retry-after", "0.4");
    for turn in [Turn::HalfBody(torn.clone()), Turn::HalfBodyThenStall(torn.clone())] {
        let started = Instant::now();
        for submission in submit(&[turn, accepted()]) {
            assert_eq!(submitted(submission).id().as_str(), ID);
        }
        // A fraction is rounded up, so that the second attempt of each client comes after a second.
        assert!(started.elapsed() >= Duration::from_secs(2));
    }
    let retry = |error: Error| (error.kind() == ErrorKind::RateLimited, error.retry_after());
    let (turns, id): (_, RequestId) = ([Turn::HalfBody(torn)], ID.parse().unwrap());
    let server = ScriptServer::start(turns.clone()).unwrap();
    let client = kling_transport::Client::new(settings(&server)).unwrap();
    assert_eq!(retry(in_async(client.status(&id)).unwrap_err()), (true, Some(Duration::from_secs(1))));
    let server = ScriptServer::start(turns).unwrap();
    let client = blocking::Client::new(settings(&server)).unwrap();
    assert_eq!(retry(client.status(&id).unwrap_err()), (true, Some(Duration::from_secs(1))));
}

#[test]
fn an_error_beside_an_output_is_kept_with_it() {
    let body =
        json!({"request_id": ID, "status": "failed", "error": "no upscaling", "output": {"video": OUTPUT}});
    for finished in wait(&[status("failed"), wire_script::ok(body)]) {
        assert_eq!(finished.reply().output_urls(), [OUTPUT]);
        assert_eq!(finished.reply().error_text().as_deref(), Some("no upscaling"));
    }
}

#[test]
fn tracing_hears_what_was_wrong_with_an_answer() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let bom = |body: serde_json::Value| Turn::from(Answer::new(200, format!("\u{feff}{body}")));
        let _ = submit(&[bom(json!({"request_id": ID}))]).map(submitted);
        let result = json!({"status": "succeeded", "output": OUTPUT});
        wait(&[bom(json!({"status": "completed"})), bom(result)]);
    });
    let text = log.text();
    for span in ["submit{", "poll{", "result{"] {
        let lines = text.lines().filter(|line| line.contains(span) && line.contains("close"));
        let warned = lines.filter(|line| line.contains("warning=damaged reply: not valid JSON"));
        assert_eq!(warned.count(), 2, "{span} of both clients: {text}");
    }
}
