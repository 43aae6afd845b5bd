//! Downloads through both clients of bodies that are no output, and the kinds of their errors.

use std::fs;
use std::path::Path;
use std::time::Duration;

use kling_tests::script_server::{Answer, Recorded, ScriptServer, Turn};
use kling_transport::{
    Backoff, DownloadOptions, Downloaded, Error, ErrorKind, RetryPolicy, Settings, Token, blocking,
};
use tempfile::TempDir;

const CLIP: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08free";

/// Downloads through each client. Returns the outcome, the bytes of the file, and the requests.
fn both(
    turns: &[Turn],
    options: &DownloadOptions,
    check: impl Fn(Result<Downloaded, Error>, Option<Vec<u8>>, &[Recorded]),
) {
    for download in [in_async, in_blocking] {
        let server = ScriptServer::start(turns.to_vec()).unwrap();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("clip.mp4");
        let outcome = download(&server, &url(&server), &path, options);
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, usize::from(outcome.is_ok()), "no partial file is left");
        check(outcome, fs::read(&path).ok(), &server.recorded());
    }
}

/// Bodies that hosts send with 200 instead of a clip.
fn impostors() -> Vec<Answer> {
    let bodies = [
        "",
        r#"{"error": "expired"}"#,
        "[]",
        "<?xml version=\"1.0\"?><Error><Code>AccessDenied</Code></Error>",
        "\u{feff}  <!DOCTYPE html><title>Checking your browser</title>",
        "not freely available yet",
        "BMW",
    ];
    let labelled = |body: &str| Answer::new(200, body).with_header("content-type", "video/mp4");
    let mut answers: Vec<_> = bodies.into_iter().map(labelled).collect();
    answers.push(Answer::new(200, b"\xff\xfen\0o\0"));
    answers.push(Answer::new(200, b"\x1f\x8b\x08\0\0\0\0\0"));
    answers
}

#[test]
fn what_is_no_media_is_tried_again_and_then_refused() {
    for impostor in impostors() {
        let turns: Vec<Turn> = vec![impostor.clone().into(); 3];
        both(&turns, &options(), |outcome, file, requests| {
            let error = outcome.expect_err(&format!("{impostor:?}"));
            assert!(error.is_transient() && !error.is_file(), "{error}");
            assert_eq!((file, requests.len()), (None, 3));
        });
    }
}

#[test]
fn a_clip_that_comes_after_a_page_is_saved() {
    for impostor in impostors() {
        let turns = [impostor.with_header("etag", "\"v0\"").into(), Answer::new(200, CLIP).into()];
        both(&turns, &options(), |outcome, file, _| {
            assert_eq!(outcome.unwrap().bytes, CLIP.len() as u64);
            assert_eq!(file.as_deref(), Some(CLIP));
        });
    }
}

#[test]
fn the_rest_of_a_file_passes_the_checks_of_a_whole_one() {
    let rest = || {
        let range = format!("bytes {}-{}/{}", CLIP.len() / 2, CLIP.len() - 1, CLIP.len());
        Answer::new(206, &CLIP[CLIP.len() / 2..]).with_header("content-range", range)
    };
    for (header, value) in [("content-encoding", "gzip"), ("content-type", "text/html")] {
        let half = Turn::HalfBody(Answer::new(200, CLIP).with_header("etag", "\"v1\""));
        let turns = [half, rest().with_header(header, value).into(), Answer::new(200, CLIP).into()];
        both(&turns, &options(), |outcome, file, requests| {
            assert_eq!((outcome.unwrap().bytes, file.as_deref()), (CLIP.len() as u64, Some(CLIP)));
            assert_eq!(requests.len(), 3, "what is compressed or a page is not joined: {header}");
        });
    }
}

#[test]
fn a_rest_that_completes_a_page_is_refused_as_the_page_would_be() {
    let page = "<html><h1>Checking your browser</h1>";
    let half = Turn::HalfBody(Answer::new(200, page).with_header("etag", "\"v1\""));
    let range = format!("bytes {}-{}/{}", page.len() / 2, page.len() - 1, page.len());
    let rest = Answer::new(206, &page[page.len() / 2..]).with_header("content-range", range);
    both(&[half, rest.into(), Answer::new(200, CLIP).into()], &options(), |outcome, file, requests| {
        assert_eq!((outcome.unwrap().bytes, file.as_deref()), (CLIP.len() as u64, Some(CLIP)));
        assert!(requests[2].headers().iter().all(|(name, _)| name != "range"), "from the beginning");
    });
}

#[test]
fn an_output_hosts_refusal_blames_neither_token_nor_account_nor_request() {
    for status in [400, 401, 402, 403, 407, 410, 422, 451] {
        let answer = Answer::new(status, r#"{"error_code": 400004, "message": "sign in"}"#);
        both(&[answer.into()], &options(), |outcome, _, requests| {
            let error = outcome.unwrap_err();
            let blamed = error.kind() == ErrorKind::Auth
                || error.kind() == ErrorKind::Permission
                || error.kind() == ErrorKind::InsufficientBalance;
            assert!(
                !blamed && error.kind() != ErrorKind::NotFound && error.kind() != ErrorKind::InvalidInput,
                "{status}: {error}"
            );
            assert_eq!((error.status(), error.host(), requests.len()), (Some(status), Some("127.0.0.1"), 1));
            let text = error.to_string();
            assert!(!text.contains("token") && !text.contains("account") && !text.contains(" id"), "{text}");
        });
    }
}

#[test]
fn a_file_that_is_not_found_is_retried_a_few_times() {
    let missing = || Turn::from(Answer::new(404, ""));
    both(&[missing(), missing(), Answer::new(200, CLIP).into()], &options(), |outcome, file, _| {
        assert_eq!((outcome.unwrap().bytes, file.as_deref()), (CLIP.len() as u64, Some(CLIP)));
    });
    let patient = DownloadOptions::default().with_retry(brisk(100));
    both(&vec![missing(); 10], &patient, |outcome, _, requests| {
        let error = outcome.unwrap_err();
        assert!(error.kind() != ErrorKind::NotFound && error.status() == Some(404), "{error}");
        assert_eq!(requests.len(), 4);
    });
}

#[test]
fn an_output_inside_the_answer_is_written_to_the_file() {
    let encoded = "data:video/mp4;base64,AAAAGGZ0eXBtcDQyAAAAAG1wNDJpc29tAAAACGZyZWU=";
    for download in [in_async, in_blocking] {
        let server = ScriptServer::start([]).unwrap();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("clip.mp4");
        assert_eq!(download(&server, encoded, &path, &options()).unwrap().bytes, CLIP.len() as u64);
        assert_eq!(fs::read(&path).unwrap(), CLIP);
        assert!(download(&server, encoded, &path, &options()).unwrap_err().is_file(), "never over a file");
        let (small, other) = (options().with_max_bytes(9), folder.path().join("other.mp4"));
        assert!(download(&server, encoded, &other, &small).unwrap_err().is_file());
        for broken in ["data:video/mp4;base64,AA~A", "data:", "data:text/plain,hello", "data:video/mp4,"] {
            assert!(download(&server, broken, &other, &options()).is_err(), "{broken}");
        }
        assert_eq!((fs::read_dir(folder.path()).unwrap().count(), server.connections()), (1, 0));
    }
}

fn in_async(
    server: &ScriptServer,
    url: &str,
    path: &Path,
    options: &DownloadOptions,
) -> Result<Downloaded, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = kling_transport::Client::new(settings(server)).unwrap();
        client.download(url, path, options, |_| {}).await
    })
}

fn in_blocking(
    server: &ScriptServer,
    url: &str,
    path: &Path,
    options: &DownloadOptions,
) -> Result<Downloaded, Error> {
    let client = blocking::Client::new(settings(server)).unwrap();
    client.download(url, path, options, |_| {})
}

fn url(server: &ScriptServer) -> String {
    server.base().replace("/v1", "/files/a")
}

fn settings(server: &ScriptServer) -> Settings {
    Settings::new(Token::new("content-token-0123456789").unwrap()).with_base(server.base().parse().unwrap())
}

fn brisk(attempts: u32) -> RetryPolicy {
    let backoff = Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    RetryPolicy::new(Duration::from_secs(60)).with_max_attempts(attempts).with_backoff(backoff)
}

fn options() -> DownloadOptions {
    DownloadOptions::default().with_retry(brisk(3))
}
