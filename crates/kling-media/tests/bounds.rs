//! How long both clients look at a file, and how much of it they read, whatever a server does. Nothing leaves loopback.
#![cfg(all(feature = "remote", feature = "remote-blocking"))]

mod clients;
mod server;

use std::io::{Read, Write};
use std::time::Duration;

use kling_media::from_bytes;

use clients::{allowed, both, refusal};
use server::Server;

#[test]
fn no_server_holds_a_check_beyond_its_deadline() {
    let patience = allowed().with_deadline(Duration::from_millis(300));
    let silent = Server::start(|_, stream| {
        let _ = stream.read(&mut [0]);
        false
    });
    let stalled = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n\xff\xd8\xff");
        let _ = stream.read(&mut [0]);
        false
    });
    for server in [silent, stalled] {
        let error = refusal(&server.url(), &patience);
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.to_string(), "the server did not answer within 300ms; the image is unchecked");
    }
}

#[test]
fn a_deadline_may_be_as_far_as_can_be_said() {
    let file = b"GIF89a\x40\x01\xf0\0\0\0\0;".to_vec();
    let server = Server::serving(file.clone());
    for deadline in [Duration::MAX, Duration::from_secs(1 << 62)] {
        for result in both(&server.url(), &allowed().with_deadline(deadline)) {
            assert_eq!(result.unwrap().facts, from_bytes(&file).unwrap());
        }
    }
}

#[test]
fn an_endless_answer_is_cut_off_at_the_cap() {
    let endless = [0xff, 0xfe, 0xff, 0xfe].repeat(16 * 1024);
    let server = Server::start(move |_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n\xff\xd8");
        while stream.write_all(&endless).is_ok() {}
        false
    });
    let error = refusal(&server.url(), &allowed().with_max_bytes(200_000));
    insta::assert_snapshot!(error, @"the size of the image was not found in the first 200000 bytes read; the image is unchecked");
}

/// A header as long as they come, in the shortest of segments.
fn long_header() -> Vec<u8> {
    let segments = [0xff, 0xfe, 0, 2].repeat(16_000);
    [&[0xff, 0xd8], segments.as_slice(), &[0xff, 0xc0, 0, 17, 8, 1, 224, 2, 128], &[0; 20], &[0xff, 0xd9]]
        .concat()
}

/// Every byte as a chunk of its own.
fn chunked(file: &[u8]) -> Vec<u8> {
    let chunks = file.iter().flat_map(|&byte| [b'1', b'\r', b'\n', byte, b'\r', b'\n']);
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    head.iter().copied().chain(chunks).chain(*b"0\r\n\r\n").collect()
}

#[test]
fn a_long_header_in_pieces_of_one_byte_takes_no_longer_than_at_once() {
    let file = long_header();
    let answer = chunked(&file);
    let server = Server::start(move |_, stream| stream.write_all(&answer).is_ok());
    for result in both(&server.url(), &allowed()) {
        assert_eq!(result.unwrap().facts.width, from_bytes(&file).unwrap().width);
    }
}
