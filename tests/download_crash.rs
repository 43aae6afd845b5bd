//! Downloads that another process left incomplete: they resume if that is safe, and leave no other files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kling_tests::script_server::{Answer, Recorded, ScriptServer, Turn};
use kling_transport::{DownloadOptions, Downloaded, Error, RetryPolicy, Settings, Token, blocking};
use tempfile::TempDir;

/// Binary, so that it is accepted as an output.
const FILE: &str = "\x00123456789";
const DATE: &str = "Sun, 22 Nov 2026 12:00:00 GMT";
const NOON: &str = "Sun, 22 Nov 2026 11:59:00 GMT";

type Download = fn(&ScriptServer, &Path, &str) -> Result<Downloaded, Error>;
const BOTH: [Download; 2] = [in_async, in_blocking];

/// A first download that is interrupted, and a second one that resumes it.
fn twice(download: Download, first: Answer, then: Answer) -> (Vec<Recorded>, String, Vec<PathBuf>) {
    let server = ScriptServer::start([Turn::HalfBody(first), then.into()]).unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("clip.mp4");
    assert!(download(&server, &path, "?sig=1").is_err());
    assert!(!path.exists(), "a part is no file");
    download(&server, &path, "?sig=2").unwrap();
    (server.recorded(), fs::read_to_string(&path).unwrap(), files(folder.path()))
}

#[test]
fn a_later_download_fetches_the_rest_alone_by_either_kind_of_version() {
    for download in BOTH {
        for (header, version) in [("etag", "\"v1\""), ("last-modified", NOON)] {
            let versioned = |answer: Answer| answer.with_header(header, version).with_header("date", DATE);
            let rest = Answer::new(206, "56789").with_header("content-range", "bytes 5-9/10");
            let (requests, file, left) = twice(download, versioned(whole()), versioned(rest));
            assert_eq!(range_headers(&requests[1]), (Some("bytes=5-".into()), Some(version.into())));
            assert_eq!((file.as_str(), left.len()), (FILE, 1), "{left:?}");
        }
    }
}

#[test]
fn another_version_is_fetched_anew_and_whole() {
    for download in BOTH {
        let other = Answer::new(200, "\0bcdefghijkl").with_header("etag", "\"v2\"");
        let (_, file, left) = twice(download, whole().with_header("etag", "\"v1\""), other);
        assert_eq!((file.as_str(), left.len()), ("\0bcdefghijkl", 1));
    }
}

#[test]
fn without_a_version_that_can_be_relied_on_nothing_is_left_and_all_is_fetched() {
    let fresh = whole().with_header("last-modified", DATE).with_header("date", DATE);
    for download in BOTH {
        for first in [whole(), whole().with_header("etag", "W/\"v1\""), fresh.clone()] {
            let (requests, file, _) = twice(download, first, whole());
            assert_eq!((range_headers(&requests[1]), file.as_str()), ((None, None), FILE));
        }
    }
}

#[test]
fn a_part_whose_note_is_damaged_is_not_believed() {
    for download in BOTH {
        let server = ScriptServer::start([half(), whole().into()]).unwrap();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("clip.mp4");
        download(&server, &path, "").unwrap_err();
        let note = left("version", &folder);
        fs::write(note, "{\"version\":\"\\\"v").unwrap();
        download(&server, &path, "").unwrap();
        assert_eq!(range_headers(&server.recorded()[1]), (None, None));
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), files(folder.path()).len()), (FILE, 1));
    }
}

#[test]
fn a_whole_part_that_was_not_put_in_its_place_is_asked_about_by_its_last_byte() {
    for download in BOTH {
        let last = Answer::new(206, "9").with_header("content-range", "bytes 9-9/10");
        let server = ScriptServer::start([half(), last.with_header("etag", "\"v1\"").into()]).unwrap();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("clip.mp4");
        download(&server, &path, "").unwrap_err();
        let part = left("part", &folder);
        fs::write(part, FILE).unwrap();
        download(&server, &path, "").unwrap();
        assert_eq!(range_headers(&server.recorded()[1]).0.as_deref(), Some("bytes=9-"));
        assert_eq!(fs::read_to_string(&path).unwrap(), FILE);
    }
}

#[test]
fn a_part_in_somebody_elses_hands_is_left_to_him() {
    for download in BOTH {
        let server = ScriptServer::start([half(), whole().into()]).unwrap();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("clip.mp4");
        download(&server, &path, "").unwrap_err();
        let part = left("part", &folder);
        let held = fs::File::open(&part).unwrap();
        held.lock().unwrap();
        let error = download(&server, &path, "").unwrap_err();
        assert!(error.is_file() && error.to_string().contains("another process"), "{error}");
        assert_eq!((server.connections(), fs::read(&part).unwrap().as_slice()), (1, &FILE.as_bytes()[..5]));
        drop(held);
        download(&server, &path, "").unwrap();
    }
}

#[test]
fn what_other_urls_left_for_a_file_goes_when_it_is_there_and_other_files_parts_stay() {
    for download in BOTH {
        let server = ScriptServer::start([half(), half(), whole().into()]).unwrap();
        let folder = TempDir::new().unwrap();
        let (path, other) = (folder.path().join("clip.mp4"), folder.path().join("other.mp4"));
        download(&server, &path, "/elsewhere").unwrap_err();
        download(&server, &other, "").unwrap_err();
        assert_eq!(files(folder.path()).len(), 4, "two parts with their notes");
        download(&server, &path, "").unwrap();
        let left = files(folder.path());
        assert_eq!((left.len(), left.contains(&path)), (3, true), "the other file's part and note: {left:?}");
    }
}

#[test]
fn an_abandoned_download_is_gone_on_with() {
    let server = ScriptServer::start([
        Turn::HalfBodyThenStall(whole().with_header("etag", "\"v1\"")),
        Answer::new(206, "56789").with_header("content-range", "bytes 5-9/10").into(),
    ])
    .unwrap();
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("clip.mp4");
    runtime().block_on(async {
        let client = kling_transport::Client::new(settings(&server)).unwrap();
        let (url, options) = (url(&server, ""), options());
        let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
        let progress = |progress: kling_transport::Progress| sender.send(progress.received).unwrap();
        tokio::select! {
            _ = client.download(&url, &path, &options, progress) => panic!("it stalls"),
            received = receiver.recv() => assert_eq!(received, Some(5)),
        }
        client.download(&url, &path, &options, |_| {}).await.unwrap();
    });
    assert_eq!(range_headers(&server.recorded()[1]).0.as_deref(), Some("bytes=5-"));
    assert_eq!(fs::read_to_string(&path).unwrap(), FILE);
}

fn whole() -> Answer {
    Answer::new(200, FILE)
}

fn half() -> Turn {
    Turn::HalfBody(whole().with_header("etag", "\"v1\""))
}

/// Returns the file with this extension that a download left.
fn left(suffix: &str, folder: &TempDir) -> PathBuf {
    let mut files = files(folder.path()).into_iter();
    files.find(|file| file.extension().is_some_and(|extension| extension == suffix)).unwrap()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn range_headers(request: &Recorded) -> (Option<String>, Option<String>) {
    let headers = request.headers();
    let value = |name: &str| headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone());
    (value("range"), value("if-range"))
}

fn in_async(server: &ScriptServer, path: &Path, tail: &str) -> Result<Downloaded, Error> {
    runtime().block_on(async {
        let client = kling_transport::Client::new(settings(server)).unwrap();
        client.download(&url(server, tail), path, &options(), |_| {}).await
    })
}

fn in_blocking(server: &ScriptServer, path: &Path, tail: &str) -> Result<Downloaded, Error> {
    let client = blocking::Client::new(settings(server)).unwrap();
    client.download(&url(server, tail), path, &options(), |_| {})
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

fn url(server: &ScriptServer, tail: &str) -> String {
    format!("{}{tail}", server.base().replace("/v1", "/files/a"))
}

fn settings(server: &ScriptServer) -> Settings {
    Settings::new(Token::new("crash-token-0123456789").unwrap()).with_base(server.base().parse().unwrap())
}

/// Allows one attempt, since the next attempt is that of another process.
fn options() -> DownloadOptions {
    DownloadOptions::default().with_retry(RetryPolicy::never()).with_idle_timeout(Duration::from_secs(30))
}
