//! A server over loopback that knows ranges, for measuring how little of a file is fetched.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

/// Serves one file for as long as the process lives; returns where.
#[must_use]
pub fn serve(file: Vec<u8>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            while answer(&mut stream, &file).is_some() {}
        }
    });
    address
}

/// Answers one request, if there is another.
fn answer(stream: &mut TcpStream, file: &[u8]) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).ok()?.to_ascii_lowercase();
    let (start, end) = range(&head).unwrap_or((0, file.len()));
    let body = &file[start..end.min(file.len())];
    let answer = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {start}-{}/{}\r\n\r\n",
        body.len(),
        start + body.len() - 1,
        file.len(),
    );
    stream.write_all(answer.as_bytes()).and_then(|()| stream.write_all(body)).ok()
}

/// The first byte that is asked for, and the one behind the last.
fn range(head: &str) -> Option<(usize, usize)> {
    let (_, range) = head.split_once("bytes=")?;
    let (start, end) = range.lines().next()?.split_once('-')?;
    Some((start.parse().ok()?, end.parse::<usize>().ok()? + 1))
}
