//! Downloads into folders that other programs write to, or that refuse the file.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kling_tests::script_server::{Answer, ScriptServer, Turn};
use kling_transport::{DownloadOptions, Downloaded, Error, RetryPolicy, Settings, Token, blocking};
use tempfile::TempDir;

const CLIP: &[u8] = b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom\0\0\0\x08free";

type Download = fn(&ScriptServer, &Path) -> Result<Downloaded, Error>;
const BOTH: [Download; 2] = [in_async, in_blocking];

/// A folder with the partial file and the version of an interrupted download.
struct Shared {
    server: ScriptServer,
    folder: TempDir,
    download: Download,
}

impl Shared {
    fn new(download: Download) -> Self {
        let server = ScriptServer::start([half(), Answer::new(200, CLIP).into()]).unwrap();
        let shared = Self { server, folder: TempDir::new().unwrap(), download };
        shared.download().unwrap_err();
        shared
    }

    fn download(&self) -> Result<Downloaded, Error> {
        (self.download)(&self.server, &self.path("clip.mp4"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Returns the file with this extension that a download left.
    fn left(&self, suffix: &str) -> PathBuf {
        let mut files = fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().path());
        files.find(|file| file.extension().is_some_and(|extension| extension == suffix)).unwrap()
    }

    /// Replaces a file, and returns its path.
    fn replace(&self, suffix: &str, by: impl Fn(&Path)) -> PathBuf {
        let path = self.left(suffix);
        fs::remove_file(&path).unwrap();
        by(&path);
        path
    }

    /// Downloads the clip from its start.
    fn succeeds(&self) {
        self.download().unwrap();
        assert_eq!(fs::read(self.path("clip.mp4")).unwrap(), CLIP);
        let request = self.server.recorded().pop().unwrap();
        assert!(request.headers().iter().all(|(name, _)| name != "range"), "a foreign file is not resumed");
    }
}

#[test]
fn no_link_in_the_place_of_a_part_is_followed() {
    for download in BOTH {
        let shared = Shared::new(download);
        let (precious, nowhere) = (shared.path("precious"), shared.path("nowhere"));
        fs::write(&precious, "mine").unwrap();
        shared.replace("part", |part| symlink(&nowhere, part).unwrap());
        shared.succeeds();
        assert!(!nowhere.exists(), "no file is made where the link points");
        assert_eq!(fs::read(&precious).unwrap(), b"mine");
    }
}

#[test]
fn no_hard_link_in_the_place_of_a_part_is_written_through() {
    for download in BOTH {
        let shared = Shared::new(download);
        let precious = shared.path("precious");
        fs::write(&precious, "mine").unwrap();
        shared.replace("part", |part| fs::hard_link(&precious, part).unwrap());
        shared.succeeds();
        assert_eq!(fs::read(&precious).unwrap(), b"mine");
    }
}

#[test]
fn what_is_no_regular_file_is_not_taken_for_a_part_or_a_note() {
    for download in BOTH {
        for suffix in ["part", "version"] {
            for make in [fifo, folder] {
                let shared = Shared::new(download);
                shared.replace(suffix, make);
                shared.succeeds();
            }
        }
    }
}

#[test]
fn a_note_is_neither_read_nor_written_through_a_link_nor_read_without_bound() {
    for download in BOTH {
        let shared = Shared::new(download);
        let precious = shared.path("precious");
        fs::copy(shared.left("version"), &precious).unwrap();
        let before = fs::read(&precious).unwrap();
        shared.replace("version", |note| symlink(&precious, note).unwrap());
        shared.succeeds();
        assert_eq!(fs::read(&precious).unwrap(), before);

        let shared = Shared::new(download);
        let note = shared.left("version");
        let padded = [fs::read(&note).unwrap(), vec![b' '; 1 << 20]].concat();
        fs::write(&note, padded).unwrap();
        shared.succeeds();
    }
}

#[test]
fn a_whole_file_whose_place_cannot_be_taken_is_kept_and_named_and_needs_no_second_download() {
    for download in BOTH {
        let server = ScriptServer::start([Answer::new(200, CLIP).into()]).unwrap();
        let folder = TempDir::new().unwrap();
        // The partial file has a short name, so that only the last step fails.
        let path = folder.path().join(format!("{}.mp4", "x".repeat(300)));
        for _ in 0..2 {
            let error = download(&server, &path).unwrap_err();
            let kept = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            let kept = kept.filter(|file| file.extension().is_some_and(|suffix| suffix == "part"));
            let kept: Vec<_> = kept.collect();
            assert_eq!(kept.len(), 1);
            assert!(error.is_file() && error.to_string().contains(kept[0].to_str().unwrap()), "{error}");
            assert_eq!(fs::read(&kept[0]).unwrap(), CLIP);
        }
        assert_eq!(server.connections(), 1);
    }
}

#[test]
fn a_whole_file_whose_place_was_taken_meanwhile_is_put_there_once_it_is_free() {
    for download in BOTH {
        let server =
            ScriptServer::start([Answer::new(200, CLIP).into(), Answer::new(200, CLIP).into()]).unwrap();
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("clip.mp4");
        let taking = |_| fs::write(&path, "mine").unwrap();
        let client = blocking::Client::new(settings(&server)).unwrap();
        let error = client.download(&url(&server), &path, &options(), taking).unwrap_err();
        assert!(error.is_file() && error.to_string().contains(".part"), "{error}");
        fs::remove_file(&path).unwrap();
        // A file of another job has the same name. The existing file stays.
        client.download(&format!("{}/other", url(&server)), &path, &options(), |_| {}).unwrap();
        fs::remove_file(&path).unwrap();
        download(&server, &path).unwrap();
        assert_eq!((fs::read(&path).unwrap().as_slice(), server.connections()), (CLIP, 2));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}

fn fifo(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

fn folder(path: &Path) {
    fs::create_dir(path).unwrap();
}

fn half() -> Turn {
    Turn::HalfBody(Answer::new(200, CLIP).with_header("etag", "\"v1\""))
}

fn in_async(server: &ScriptServer, path: &Path) -> Result<Downloaded, Error> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let client = kling_transport::Client::new(settings(server)).unwrap();
        client.download(&url(server), path, &options(), |_| {}).await
    })
}

fn in_blocking(server: &ScriptServer, path: &Path) -> Result<Downloaded, Error> {
    let client = blocking::Client::new(settings(server)).unwrap();
    client.download(&url(server), path, &options(), |_| {})
}

fn url(server: &ScriptServer) -> String {
    server.base().replace("/v1", "/files/a")
}

fn settings(server: &ScriptServer) -> Settings {
    Settings::new(Token::new("folder-token-0123456789").unwrap()).with_base(server.base().parse().unwrap())
}

/// Allows one attempt, since the next attempt is another download.
fn options() -> DownloadOptions {
    DownloadOptions::default().with_retry(RetryPolicy::never()).with_idle_timeout(Duration::from_secs(30))
}
