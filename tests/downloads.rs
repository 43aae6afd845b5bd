//! Downloads through both clients: the requests, their hosts, and the files on disk.

use std::fs;
use std::path::Path;
use std::time::Duration;

use kling_tests::script_server::{Answer, ScriptServer, Turn};
use kling_transport::{
    Backoff, DownloadOptions, Downloaded, Error, ErrorKind, Progress, RetryPolicy, Settings, Token, blocking,
};
use tempfile::TempDir;

const TOKEN: &str = "download-token-0123456789";

/// Downloads through each client, from a server of its own with the same script.
fn both(
    turns: impl Fn(&ScriptServer) -> Vec<Turn>,
    options: &DownloadOptions,
    check: impl Fn(Result<Downloaded, Error>, &Path, &ScriptServer),
) {
    for download in [in_async, in_blocking] {
        // A server that must get no request. The script has its address.
        let foreign = ScriptServer::start([]).unwrap();
        let server = ScriptServer::start(turns(&foreign)).unwrap();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("clip.mp4");
        let outcome = download(&server, &path, options);
        assert_eq!(foreign.connections(), 0, "no foreign host gets a request");
        for request in server.recorded() {
            assert!(
                !request.bytes().windows(TOKEN.len()).any(|bytes| bytes == TOKEN.as_bytes()),
                "the token stays home"
            );
        }
        let left: Vec<_> =
            fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.is_empty() || left == ["clip.mp4"], "no partial file is left: {left:?}");
        check(outcome, &path, &server);
    }
}

#[test]
fn a_file_arrives_whole_through_a_redirect_and_after_broken_attempts() {
    both(
        |_| {
            vec![
                Turn::CloseAfterReading,
                Answer::new(503, "busy").into(),
                Turn::HalfBody(Answer::new(200, "\x00123456789")),
                Answer::new(302, "").with_header("location", "/files/b?x=1%3D").into(),
                Answer::new(200, "\x00123456789").into(),
            ]
        },
        &options(),
        |outcome, path, server| {
            assert_eq!(outcome.unwrap().bytes, 10);
            assert_eq!(fs::read(path).unwrap(), b"\x00123456789");
            let lines: Vec<_> = server.recorded().iter().map(|request| request.line()).collect();
            assert_eq!(lines[3..], ["GET /files/a%3D1", "GET /files/b?x=1%3D"]);
        },
    );
}

#[test]
fn a_redirect_to_another_host_is_not_followed() {
    both(
        |foreign| {
            vec![Answer::new(302, "").with_header("location", format!("{}/x?sig=1", foreign.base())).into()]
        },
        &options(),
        |outcome, path, _| {
            let error = outcome.unwrap_err();
            assert!(
                error.kind() == ErrorKind::HostNotAllowed && !error.to_string().contains("sig"),
                "{error}"
            );
            assert_eq!(error.host(), Some("127.0.0.1"));
            assert!(!path.exists());
        },
    );
}

#[test]
fn redirects_have_an_end() {
    both(
        |_| (0..6).map(|_| Answer::new(302, "").with_header("location", "/files/round").into()).collect(),
        &options(),
        |outcome, _, server| {
            assert!(outcome.unwrap_err().kind() == ErrorKind::HostNotAllowed);
            assert_eq!(server.connections(), 6);
        },
    );
}

#[test]
fn a_file_that_is_too_large_is_refused_by_its_head_or_when_it_gets_there() {
    let small = options().with_max_bytes(9);
    both(
        |_| vec![Answer::new(200, "\x00123456789").into()],
        &small,
        |outcome, path, server| {
            assert!(outcome.unwrap_err().is_file());
            assert!(!path.exists());
            assert_eq!(server.connections(), 1, "asking again would not help");
        },
    );
}

#[test]
fn an_existing_file_is_kept_by_default() {
    for download in [in_async, in_blocking] {
        let server = ScriptServer::start([Answer::new(200, "\0new").into()]).unwrap();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("clip.mp4");
        fs::write(&path, "old").unwrap();
        assert!(download(&server, &path, &options()).unwrap_err().is_file());
        assert_eq!((fs::read(&path).unwrap(), server.connections()), (b"old".to_vec(), 0));
        download(&server, &path, &options().with_overwrite(true)).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"\0new");
    }
}

#[test]
fn a_missing_folder_is_reported_before_the_download() {
    for download in [in_async, in_blocking] {
        let server = ScriptServer::start([Answer::new(200, "\0new").into()]).unwrap();
        let error = download(&server, Path::new("/nowhere/at/all/clip.mp4"), &options()).unwrap_err();
        assert!(error.is_file() && error.to_string().contains("clip.mp4"), "{error}");
    }
}

fn in_async(server: &ScriptServer, path: &Path, options: &DownloadOptions) -> Result<Downloaded, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = kling_transport::Client::new(settings(server)).unwrap();
        client.download(&url(server), path, options, rising()).await
    })
}

fn in_blocking(server: &ScriptServer, path: &Path, options: &DownloadOptions) -> Result<Downloaded, Error> {
    let client = blocking::Client::new(settings(server)).unwrap();
    client.download(&url(server), path, options, rising())
}

/// Checks that the reported bytes are never more than the file has.
fn rising() -> impl FnMut(Progress) + Send {
    |progress| assert!(progress.received > 0 && progress.total.is_none_or(|total| progress.received <= total))
}

fn url(server: &ScriptServer) -> String {
    server.base().replace("/v1", "/files/a%3D1")
}

fn settings(server: &ScriptServer) -> Settings {
    Settings::new(Token::new(TOKEN).unwrap()).with_base(server.base().parse().unwrap())
}

fn options() -> DownloadOptions {
    let brisk = Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    let retry = RetryPolicy::new(Duration::from_secs(60)).with_max_attempts(5).with_backoff(brisk);
    DownloadOptions::default().with_retry(retry)
}
