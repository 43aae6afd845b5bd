//! Interrupted downloads through both clients: they resume if that is safe, and otherwise restart.

use std::fs;
use std::time::Duration;

use kling_tests::script_server::{Answer, Recorded, ScriptServer, Turn};
use kling_transport::{
    Backoff, DownloadOptions, Downloaded, Error, ErrorKind, Progress, RetryPolicy, Settings, Token, blocking,
};
use tempfile::TempDir;

/// Binary, so that it is accepted as an output.
const FILE: &str = "\x00123456789";

/// Downloads through each client. Returns the outcome, the bytes of the file, and the requests.
fn both(turns: &[Turn], check: impl Fn(Result<Downloaded, Error>, Option<String>, &[Recorded])) {
    for download in [in_async, in_blocking] {
        let server = ScriptServer::start(turns.to_vec()).unwrap();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("clip.mp4");
        let outcome = download(&server, path.clone());
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, usize::from(outcome.is_ok()), "no partial file is left");
        check(outcome, fs::read_to_string(path).ok(), &server.recorded());
    }
}

#[test]
fn the_rest_is_requested_by_its_version_and_appended() {
    both(&[first_half("\"v1\""), rest("56789", "bytes 5-9/10").into()], |outcome, file, requests| {
        assert_eq!(outcome.unwrap().bytes, 10);
        assert_eq!(file.as_deref(), Some(FILE));
        assert_eq!(range_headers(&requests[0]), (None, None));
        assert_eq!(range_headers(&requests[1]), (Some("bytes=5-".into()), Some("\"v1\"".into())));
    });
}

#[test]
fn another_version_is_taken_whole() {
    let other = Answer::new(200, "\0bcdefghijkl").with_header("etag", "\"v2\"");
    both(&[first_half("\"v1\""), other.into()], |outcome, file, _| {
        assert_eq!(outcome.unwrap().bytes, 12);
        assert_eq!(file.as_deref(), Some("\0bcdefghijkl"));
    });
}

#[test]
fn a_rest_that_does_not_fit_is_not_joined() {
    let misfits = [
        rest("6789", "bytes 6-9/10"),
        rest("56789", "bytes 5-9/11"),
        Answer::new(206, "56789"),
        rest("56789", "bytes 5-9/10").with_header("etag", "\"v2\""),
        Answer::new(416, "").with_header("content-range", "bytes */10"),
    ];
    for misfit in misfits {
        both(&[first_half("\"v1\""), misfit.into(), whole().into()], |outcome, file, requests| {
            assert_eq!(outcome.unwrap().bytes, 10);
            assert_eq!(file.as_deref(), Some(FILE));
            assert_eq!(range_headers(&requests[2]), (None, None), "from the beginning");
        });
    }
}

#[test]
fn without_a_strong_version_a_file_is_fetched_anew() {
    both(&[first_half("W/\"v1\""), whole().into()], |outcome, file, requests| {
        assert_eq!((outcome.unwrap().bytes, file.as_deref()), (10, Some(FILE)));
        assert_eq!(range_headers(&requests[1]), (None, None));
    });
}

#[test]
fn an_attempt_that_brings_something_further_does_not_count() {
    let (file, sizes) = ("\0".repeat(256), [256, 128, 64, 32, 16, 8, 4, 2]);
    let mut turns = vec![Turn::HalfBody(Answer::new(200, file.clone()).with_header("etag", "\"v1\""))];
    for size in &sizes[1..] {
        turns.push(Turn::HalfBody(rest(&file[..*size], &format!("bytes {}-255/256", 256 - size))));
    }
    turns.push(rest("\0", "bytes 255-255/256").into());
    both(&turns, |outcome, read, requests| {
        assert_eq!((outcome.unwrap().bytes, read.as_deref()), (256, Some(&*file)));
        assert_eq!(requests.len(), 9, "more than the 3 attempts that may bring nothing");
    });
}

#[test]
fn after_a_break_the_way_begins_at_the_source_again() {
    let moved = |to: &str| Turn::from(Answer::new(302, "").with_header("location", to));
    let turns =
        [moved("/signed/1"), first_half("\"v1\""), moved("/signed/2"), rest("56789", "bytes 5-9/10").into()];
    both(&turns, |outcome, file, requests| {
        assert_eq!((outcome.unwrap().bytes, file.as_deref()), (10, Some(FILE)));
        let lines: Vec<_> = requests.iter().map(Recorded::line).collect();
        assert_eq!(lines, ["GET /files/a", "GET /signed/1", "GET /files/a", "GET /signed/2"]);
    });
}

#[test]
fn what_is_no_output_is_not_kept_as_one() {
    let page = Answer::new(200, "<h1>Checking your browser</h1>").with_header("content-type", "text/html");
    let squeezed = whole().with_header("content-encoding", "gzip");
    for answer in [page, squeezed] {
        let turns: Vec<Turn> = vec![answer.into(); 3];
        both(&turns, |outcome, file, requests| {
            assert!(outcome.unwrap_err().kind() == ErrorKind::Content);
            assert_eq!((file, requests.len()), (None, 3));
        });
    }
}

fn first_half(etag: &str) -> Turn {
    Turn::HalfBody(whole().with_header("etag", etag))
}

fn whole() -> Answer {
    Answer::new(200, FILE)
}

fn rest(body: &str, range: &str) -> Answer {
    Answer::new(206, body).with_header("content-range", range)
}

fn range_headers(request: &Recorded) -> (Option<String>, Option<String>) {
    let headers = request.headers();
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    (value("range"), value("if-range"))
}

fn in_async(server: &ScriptServer, path: std::path::PathBuf) -> Result<Downloaded, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = kling_transport::Client::new(settings(server)).unwrap();
        client.download(&url(server), path, &options(), never_too_much()).await
    })
}

fn in_blocking(server: &ScriptServer, path: std::path::PathBuf) -> Result<Downloaded, Error> {
    let client = blocking::Client::new(settings(server)).unwrap();
    client.download(&url(server), path, &options(), never_too_much())
}

fn never_too_much() -> impl FnMut(Progress) + Send {
    |progress| assert!(progress.total.is_none_or(|total| progress.received <= total))
}

fn url(server: &ScriptServer) -> String {
    server.base().replace("/v1", "/files/a")
}

fn settings(server: &ScriptServer) -> Settings {
    Settings::new(Token::new("resume-token-0123456789").unwrap()).with_base(server.base().parse().unwrap())
}

fn options() -> DownloadOptions {
    let brisk = Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    let retry = RetryPolicy::new(Duration::from_secs(60)).with_max_attempts(3).with_backoff(brisk);
    DownloadOptions::default().with_retry(retry)
}
