//! A bare server for measurements: it answers every request on a connection after a pause, and knows a job by its id.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Connections that may wait to be taken up: a burst must not meet the kernel's own pauses.
const BACKLOG: u32 = 4096;

/// Ids tell moments in so many microseconds.
const TICK: u64 = 100;

/// What the server saw, and what it tells.
#[derive(Debug)]
pub struct Seen {
    /// Requests answered.
    pub requests: AtomicU64,
    /// How long they were kept, in microseconds, all together.
    pub kept: AtomicU64,
    /// Connections open now.
    pub open: AtomicUsize,
    /// The most connections open at once.
    pub most_open: AtomicUsize,
    /// Whether every job is over that does not carry its end in its id.
    pub over: AtomicBool,
    pause: Duration,
    /// How long jobs that are submitted run.
    draw: fn(&mut Rng) -> Duration,
    rng: Mutex<Rng>,
}

/// Serves from a runtime on a thread of its own: answers after a pause, and jobs that run for so long once submitted.
///
/// # Errors
/// Where no port can be listened on.
pub fn start(pause: Duration, draw: fn(&mut Rng) -> Duration) -> std::io::Result<(SocketAddr, Arc<Seen>)> {
    let seen = Arc::new(Seen {
        requests: AtomicU64::new(0),
        kept: AtomicU64::new(0),
        open: AtomicUsize::new(0),
        most_open: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        pause,
        draw,
        rng: Mutex::new(Rng::with_seed(1)),
    });
    let (told, address) = mpsc::channel();
    let shared = seen.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let socket = TcpSocket::new_v4()?;
            socket.bind(([127, 0, 0, 1], 0).into())?;
            let listener = socket.listen(BACKLOG)?;
            let address = listener.local_addr()?;
            told.send(address).map_err(|_| std::io::Error::other("nobody asks"))?;
            loop {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                tokio::spawn(serve(stream, shared.clone()));
            }
            #[allow(unreachable_code, reason = "gives the block its type")]
            std::io::Result::Ok(())
        })
    });
    let address = address.recv().map_err(|_| std::io::Error::other("the server could not listen"))?;
    Ok((address, seen))
}

async fn serve(mut stream: TcpStream, seen: Arc<Seen>) {
    let open = seen.open.fetch_add(1, Ordering::Relaxed) + 1;
    seen.most_open.fetch_max(open, Ordering::Relaxed);
    let mut buffer = Vec::with_capacity(1024);
    while matches!(stream.read_buf(&mut buffer).await, Ok(read) if read > 0) {
        while let Some(length) = length(&buffer) {
            let came = Instant::now();
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            buffer.drain(..length);
            if !seen.pause.is_zero() {
                tokio::time::sleep(seen.pause).await;
            }
            seen.requests.fetch_add(1, Ordering::Relaxed);
            seen.kept.fetch_add(came.elapsed().as_micros() as u64, Ordering::Relaxed);
            if stream.write_all(seen.reply(&request).as_bytes()).await.is_err() {
                break;
            }
        }
    }
    seen.open.fetch_sub(1, Ordering::Relaxed);
}

/// The length of the first request in a buffer, with its body, once it is whole.
fn length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&buffer[..head]).ok()?;
    let body = text.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length = head + body.and_then(|length| length.parse().ok()).unwrap_or(0);
    (buffer.len() >= length).then_some(length)
}

impl Seen {
    fn reply(&self, request: &str) -> String {
        let path = request.split(' ').nth(1).unwrap_or_default();
        let body = if request.starts_with("POST") {
            format!(r#"{{"request_id":"{}"}}"#, self.submit())
        } else {
            let over =
                end(path).map_or_else(|| self.over.load(Ordering::Relaxed), |end| end <= since_epoch());
            let status = match (path.contains("/result"), over) {
                (true, _) => "succeeded",
                (false, true) => "completed",
                (false, false) => "in_progress",
            };
            format!(r#"{{"status":"{status}","status_url":"https://example.com/status","output":"u"}}"#)
        };
        let length = body.len();
        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
    }

    /// The id of a job that begins to run now.
    fn submit(&self) -> String {
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let end = (since_epoch() + (self.draw)(&mut rng)).as_micros() as u64 / TICK;
        format!("{:08x}-{:04x}-4000-e000-{end:012x}", rng.u32(..), rng.u16(..))
    }
}

/// When a job is over whose id, or whose path, tells it: since the UNIX epoch.
#[must_use]
pub fn end(text: &str) -> Option<Duration> {
    let digits = text.split_once("-e000-")?.1.get(..12)?;
    Some(Duration::from_micros(TICK * u64::from_str_radix(digits, 16).ok()?))
}

/// The time of the system's clock.
#[must_use]
pub fn since_epoch() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
