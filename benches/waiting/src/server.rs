//! A bare server for measurements: it answers every request on a connection with one of two bodies, after a pause.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the server saw, and whether its jobs are over.
#[derive(Debug, Default)]
pub struct Seen {
    /// Requests answered.
    pub requests: AtomicU64,
    /// Connections open now, and the most there were.
    pub open: AtomicUsize,
    /// The most connections open at once.
    pub most_open: AtomicUsize,
    /// Whether every job is over.
    pub over: AtomicBool,
}

/// Serves from a runtime on a thread of its own.
///
/// # Errors
/// Where no port can be listened on.
pub fn start(pause: Duration) -> std::io::Result<(SocketAddr, Arc<Seen>)> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let (address, seen) = (listener.local_addr()?, Arc::new(Seen::default()));
    let shared = seen.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async move {
            let listener = TcpListener::from_std(listener)?;
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(serve(stream, pause, shared.clone()));
            }
            #[allow(unreachable_code, reason = "gives the block its type")]
            std::io::Result::Ok(())
        })
    });
    Ok((address, seen))
}

async fn serve(mut stream: TcpStream, pause: Duration, seen: Arc<Seen>) {
    let open = seen.open.fetch_add(1, Ordering::Relaxed) + 1;
    seen.most_open.fetch_max(open, Ordering::Relaxed);
    let mut buffer = Vec::with_capacity(1024);
    while matches!(stream.read_buf(&mut buffer).await, Ok(read) if read > 0) {
        while let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let result = buffer[..end].windows(7).any(|window| window == b"/result");
            buffer.drain(..end + 4);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            seen.requests.fetch_add(1, Ordering::Relaxed);
            if stream.write_all(reply(result, seen.over.load(Ordering::Relaxed)).as_bytes()).await.is_err() {
                break;
            }
        }
    }
    seen.open.fetch_sub(1, Ordering::Relaxed);
}

fn reply(result: bool, over: bool) -> String {
    let status = match (result, over) {
        (true, _) => "succeeded",
        (false, true) => "completed",
        (false, false) => "in_progress",
    };
    let body = format!(r#"{{"status":"{status}","status_url":"https://example.com/status","output":"u"}}"#);
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// The figures of this process in `/proc/self/status`, in bytes: resident now and at most.
#[must_use]
pub fn resident() -> (f64, f64) {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let lines: BTreeMap<_, _> = text.lines().filter_map(|line| line.split_once(':')).collect();
    let bytes = |name| {
        let number = lines.get(name).and_then(|value: &&str| value.split_whitespace().next());
        number.and_then(|number| number.parse::<f64>().ok()).unwrap_or_default() * 1024.0
    };
    (bytes("VmRSS"), bytes("VmHWM"))
}
