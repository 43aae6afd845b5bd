//! A server on loopback whose responses a test writes byte by byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A listening server. Its threads end with the process.
pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    /// Responds to every request by `answer`, which gets its head and the socket. It returns whether the connection stays open.
    pub(crate) fn start(answer: impl Fn(&str, &mut TcpStream) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (answer, seen) = (Arc::new(answer), requests.clone());
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, answer, seen) = (stream.unwrap(), answer.clone(), seen.clone());
                thread::spawn(move || {
                    while let Some(head) = head(&mut stream) {
                        seen.lock().unwrap().push(head.clone());
                        if !answer(&head, &mut stream) {
                            break;
                        }
                    }
                });
            }
        });
        Self { address, requests }
    }

    /// Starts a server that always sends the same text.
    pub(crate) fn saying(answer: impl Into<Vec<u8>>) -> Self {
        let answer = answer.into();
        Self::start(move |_, stream| {
            let _ = stream.write_all(&answer);
            false
        })
    }

    /// Starts a server with support for ranges.
    pub(crate) fn serving(file: Vec<u8>) -> Self {
        Self::start(move |head, stream| {
            let (start, end) = range(head);
            let body = &file[start..end.min(file.len())];
            let size = file.len();
            let head = format!(
                "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{size}\r\n\r\n",
                body.len(),
                start + body.len() - 1,
            );
            stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).is_ok()
        })
    }

    /// Returns a URL of this server.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/photo.jpg", self.address)
    }

    /// Returns the port.
    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// Returns the heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

fn head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    String::from_utf8(head).ok()
}

/// Returns the first byte that is requested, and the one after the last.
fn range(head: &str) -> (usize, usize) {
    let (_, range) = head.split_once("bytes=").expect("every request has a range");
    let (start, end) = range.lines().next().unwrap().split_once('-').unwrap();
    (start.parse().unwrap(), end.parse::<usize>().unwrap() + 1)
}
