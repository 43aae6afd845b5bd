//! Slow downloads through both clients, in virtual time: they end, and keep the received bytes.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use kling_tests::virtual_time::{VirtualClock, paused};
use kling_transport::blocking;
use kling_transport::{
    BodyStream, BoxFuture, DownloadOptions, Error, HttpHead, HttpReply, HttpRequest, Limits, OpenResult,
    RetryPolicy, Settings, Token, Transport, TransportError,
};
use tempfile::TempDir;

const LENGTH: u64 = 1 << 30;
const URL: &str = "https://cdn.runcomfy.net/clip.mp4";

/// A host that sends a long file at a given rate in bytes a second, and supports ranges.
struct Dripping {
    bytes: usize,
    opened: Arc<AtomicU64>,
    /// The clock of the blocking client, or `None` for tokio's.
    clock: Option<VirtualClock>,
}

impl Dripping {
    fn new(bytes: usize) -> Self {
        Self { bytes, opened: Arc::default(), clock: None }
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

/// The bytes of each second. They are binary, so that they are accepted as an output.
struct Drops(usize, Option<VirtualClock>);

impl BodyStream for Drops {
    fn chunk(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, TransportError>> {
        Box::pin(async {
            match &self.1 {
                Some(clock) => clock.advance(Duration::from_secs(1)),
                None => tokio::time::sleep(Duration::from_secs(1)).await,
            }
            Ok(Some(vec![0; self.0].into()))
        })
    }
}

impl Transport for Dripping {
    fn send(&self, _: HttpRequest, _: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
        unreachable!("a download makes no call")
    }

    fn open(&self, request: HttpRequest, _: Duration) -> BoxFuture<'_, OpenResult> {
        Box::pin(async move {
            let body: Box<dyn BodyStream> = Box::new(Drops(self.bytes, self.clock.clone()));
            Ok((self.head(&request), body))
        })
    }
}

/// The outcome of a download, its duration, its attempts, and its bytes on disk.
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
    let (folder, opened, clock) = (TempDir::new().unwrap(), host.opened.clone(), VirtualClock::default());
    let host = Dripping { clock: Some(clock.clone()), ..host };
    let client = blocking::Client::from_parts(settings(), host, clock.clone());
    let error = client.download(URL, folder.path().join("clip.mp4"), options, |_| {}).unwrap_err();
    (error, clock.elapsed(), opened.load(Ordering::Relaxed), kept(&folder))
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
        let brief = DownloadOptions::default().with_idle_timeout(Duration::from_secs(5)).with_retry(retry(1));
        let (error, time, ..) = download(Dripping::new(2), &brief);
        assert!(error.is_timeout() && time < Duration::from_secs(7), "{time:?}");
        // Fast enough, and in the end too large.
        let content = brief.with_min_rate(2).with_max_bytes(100);
        assert!(download(Dripping::new(2), &content).0.is_file());
    }
}

fn kept(folder: &TempDir) -> u64 {
    let files = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let parts = files.filter(|file| file.extension().is_some_and(|suffix| suffix == "part"));
    parts.map(|part| part.metadata().unwrap().len()).sum()
}

fn settings() -> Settings {
    Settings::new(Token::new("pace-token-0123456789").unwrap())
}

fn retry(attempts: u32) -> RetryPolicy {
    let backoff = kling_transport::Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    RetryPolicy::new(Duration::from_secs(3600)).with_max_attempts(attempts).with_backoff(backoff)
}
