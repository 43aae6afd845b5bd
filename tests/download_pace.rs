//! Downloads that drip, through both clients, in virtual time: they end, and what came is kept.

use std::fs;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use kling_tests::virtual_time::{VirtualClock, paused};
use kling_transport::blocking::{self, Clock};
use kling_transport::{
    Chunks, DownloadOptions, Error, HttpHead, HttpReply, HttpRequest, Limits, RetryPolicy, Settings,
    Streaming, Token, Transport, TransportError,
};
use tempfile::TempDir;

const LENGTH: u64 = 1 << 30;
const URL: &str = "https://cdn.runcomfy.net/clip.mp4";

/// A host that sends so many bytes each second of a long file, and goes on with it when it is asked for the rest.
struct Dripping {
    bytes: usize,
    opened: Arc<AtomicU64>,
    clock: Arc<VirtualClock>,
}

impl Dripping {
    fn new(bytes: usize) -> Self {
        Self { bytes, opened: Arc::default(), clock: Arc::default() }
    }

    fn head(&self, request: &HttpRequest) -> HttpHead {
        self.opened.fetch_add(1, Ordering::Relaxed);
        let range = request.headers().find(|(name, _)| *name == "range").map(|(_, value)| value);
        let from: Option<u64> = range.and_then(|range| {
            std::str::from_utf8(&range).ok()?.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok()
        });
        let (length, range) = match from {
            Some(from) => (LENGTH - from, Some(format!("bytes {from}-{}/{LENGTH}", LENGTH - 1))),
            None => (LENGTH, None),
        };
        let length = length.to_string();
        let header = |name: &str| match name {
            "content-length" => Some(length.as_str()),
            "content-range" => range.as_deref(),
            "etag" => Some("\"v1\""),
            _ => None,
        };
        HttpHead::new(if range.is_some() { 206 } else { 200 }, header, SystemTime::now())
    }
}

/// What arrives each second; no text, so that it may be an output.
struct Drops(usize, Arc<VirtualClock>);

impl Chunks for Drops {
    async fn chunk(&mut self) -> Result<Option<Bytes>, TransportError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok(Some(vec![0; self.0].into()))
    }
}

impl Read for Drops {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1.sleep(Duration::from_secs(1));
        let length = self.0.min(buffer.len());
        buffer[..length].fill(0);
        Ok(length)
    }
}

impl Transport for Dripping {
    async fn send(&self, _: HttpRequest, _: Limits) -> Result<HttpReply, TransportError> {
        unreachable!("a download makes no call")
    }
}

impl Streaming for Dripping {
    type Body = Drops;

    async fn open(&self, request: HttpRequest, _: Duration) -> Result<(HttpHead, Drops), TransportError> {
        Ok((self.head(&request), Drops(self.bytes, self.clock.clone())))
    }
}

impl blocking::Transport for Dripping {
    fn send(&self, _: HttpRequest, _: Limits) -> Result<HttpReply, TransportError> {
        unreachable!("a download makes no call")
    }
}

impl blocking::Streaming for Dripping {
    type Body = Drops;

    fn open(&self, request: HttpRequest, _: Duration) -> Result<(HttpHead, Drops), TransportError> {
        Ok((self.head(&request), Drops(self.bytes, self.clock.clone())))
    }
}

/// How a download ended, how long it took, how often it was begun, and how much is left on disk.
type End = (Error, Duration, u64, u64);

fn in_async(host: Dripping, options: &DownloadOptions) -> End {
    let (folder, opened) = (TempDir::new().unwrap(), host.opened.clone());
    let (error, time) = paused().block_on(async {
        let started = tokio::time::Instant::now();
        let client = kling_transport::Client::with_transport(settings(), host);
        let path = folder.path().join("clip.mp4");
        (client.download(URL, path, options, |_| {}).await.unwrap_err(), started.elapsed())
    });
    (error, time, opened.load(Ordering::Relaxed), kept(&folder))
}

fn in_blocking(host: Dripping, options: &DownloadOptions) -> End {
    let (folder, opened, clock) = (TempDir::new().unwrap(), host.opened.clone(), host.clock.clone());
    let client = blocking::Client::with_transport(settings(), host).with_clock(clock.clone());
    let error = client.download(URL, folder.path().join("clip.mp4"), options, |_| {}).unwrap_err();
    (error, clock.now(), opened.load(Ordering::Relaxed), kept(&folder))
}

#[test]
fn a_host_that_drips_is_given_up_and_what_came_is_kept() {
    let options = DownloadOptions::default().with_retry(retry(3));
    for download in [in_async, in_blocking] {
        let (error, time, opened, kept) = download(Dripping::new(2), &options);
        assert!(error.is_timeout() && error.to_string().contains("1000 a second"), "{error}");
        assert_eq!((opened, kept), (3, 3 * 61 * 2), "61 drops in each attempt, all of them kept");
        assert!(time < Duration::from_secs(3 * 62), "{time:?}");
    }
}

#[test]
fn idle_limit_and_lowest_rate_are_settable() {
    for download in [in_async, in_blocking] {
        let brief = DownloadOptions::default().with_patience(Duration::from_secs(5)).with_retry(retry(1));
        let (error, time, ..) = download(Dripping::new(2), &brief);
        assert!(error.is_timeout() && time < Duration::from_secs(7), "{time:?}");
        // Fast enough, and in the end too large.
        let content = brief.with_min_rate(2).with_max_bytes(100);
        assert!(download(Dripping::new(2), &content).0.is_file());
    }
}

fn kept(folder: &TempDir) -> u64 {
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let parts = files.filter(|file| file.extension().is_some_and(|ending| ending == "part"));
    parts.map(|part| part.metadata().unwrap().len()).sum()
}

fn settings() -> Settings {
    Settings::new(Token::new("pace-token-0123456789").unwrap())
}

fn retry(attempts: u32) -> RetryPolicy {
    let backoff = kling_transport::Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    RetryPolicy::new(Duration::from_secs(3600)).with_max_attempts(attempts).with_backoff(backoff)
}
