//! A bare server for measurements: replies to every request after a pause, and says that every job runs.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Connections that may wait to be taken up: a burst must not meet the kernel's own pauses.
const BACKLOG: u32 = 4096;

/// Counts of the server.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) requests: AtomicU64,
    /// How long the requests were kept, in microseconds, all together.
    pub(crate) kept: AtomicU64,
    open: AtomicUsize,
    /// The most connections open at once.
    pub(crate) most_open: AtomicUsize,
}

/// Serves from a runtime on a thread of its own. Each reply comes after a pause.
pub(crate) fn start(pause: Duration) -> std::io::Result<(SocketAddr, Arc<Counts>)> {
    let counts = Arc::new(Counts::default());
    let (told, address) = mpsc::channel();
    let shared = counts.clone();
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
                tokio::spawn(serve(stream, shared.clone(), pause));
            }
            #[allow(unreachable_code, reason = "gives the block its type")]
            std::io::Result::Ok(())
        })
    });
    let address = address.recv().map_err(|_| std::io::Error::other("the server could not listen"))?;
    Ok((address, counts))
}

async fn serve(mut stream: TcpStream, counts: Arc<Counts>, pause: Duration) {
    let open = counts.open.fetch_add(1, Ordering::Relaxed) + 1;
    counts.most_open.fetch_max(open, Ordering::Relaxed);
    let mut buffer = Vec::with_capacity(1024);
    while matches!(stream.read_buf(&mut buffer).await, Ok(read) if read > 0) {
        while let Some(length) = length(&buffer) {
            let came = Instant::now();
            buffer.drain(..length);
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            counts.requests.fetch_add(1, Ordering::Relaxed);
            counts.kept.fetch_add(came.elapsed().as_micros() as u64, Ordering::Relaxed);
            if stream.write_all(reply().as_bytes()).await.is_err() {
                break;
            }
        }
    }
    counts.open.fetch_sub(1, Ordering::Relaxed);
}

/// The length of the first request in a buffer, once it is whole. Polls have no body.
fn length(buffer: &[u8]) -> Option<usize> {
    Some(buffer.windows(4).position(|window| window == b"\r\n\r\n")? + 4)
}

fn reply() -> String {
    let body = r#"{"status":"in_progress","status_url":"https://example.com/status","output":"u"}"#;
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}")
}
