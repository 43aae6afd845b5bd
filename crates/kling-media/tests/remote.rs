//! Both clients against honest and hostile servers over real sockets, all on loopback.
#![cfg(all(feature = "remote", feature = "remote-blocking"))]

mod server;

use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use kling_media::remote::{self, Options, Resolve};
use kling_media::{Error, Measured, from_bytes};

use server::Server;

/// Returns the results of the async and of the blocking client. The async check can be spawned.
fn both(url: &str, options: &Options) -> [Result<Measured, Error>; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (checker, reference) = (remote::Checker::new(options.clone()).unwrap(), url.to_owned());
    let task = async move { checker.measure(&reference).await };
    let measured = runtime.block_on(async { tokio::spawn(task).await.unwrap() });
    [measured, remote::blocking::Checker::new(options.clone()).measure(url)]
}

/// Returns the error of both clients, which must be the same.
fn refusal(url: &str, options: &Options) -> Error {
    let [first, second] = both(url, options).map(Result::unwrap_err);
    assert_eq!(first.to_string(), second.to_string());
    first
}

/// Returns bounds that allow a server on loopback.
fn allowed() -> Options {
    Options::default().with_private_allowed(true)
}

/// Returns the result of both clients for a server on loopback, which must be the same.
fn measured(server: &Server) -> Measured {
    let [first, second] = both(&server.url(), &allowed()).map(Result::unwrap);
    assert_eq!(first.facts, second.facts);
    first
}

/// A photo with metadata before its frame, and pixels after it.
fn photo(segments: usize, size: usize) -> Vec<u8> {
    let segment = [&[0xff, 0xe2, 0xff, 0xff], vec![7; 0xffff - 2].as_slice()].concat();
    let mut file = [&[0xff, 0xd8], segment.repeat(segments).as_slice()].concat();
    file.extend([0xff, 0xc0, 0, 17, 8, 1, 224, 2, 128]);
    file.resize(size - 2, 9);
    file.extend([0xff, 0xd9]);
    file
}

/// Resolves every name to one address.
#[derive(Debug)]
struct FixedResolver(IpAddr);

impl Resolve for FixedResolver {
    fn resolve(&self, _: &str) -> io::Result<Vec<IpAddr>> {
        Ok(vec![self.0])
    }
}

fn resolving_to(address: &str) -> Options {
    Options::default().with_resolver(Arc::new(FixedResolver(address.parse().unwrap())))
}

#[test]
fn an_ordinary_photo_takes_one_request() {
    let file = photo(0, 5_000_000);
    let server = Server::serving(file.clone());
    let measured = measured(&server);
    assert_eq!(measured.facts, from_bytes(&file).unwrap());
    assert!(measured.bytes_read <= 16 * 1024 && measured.requests == 1, "{measured:?}");
    let requests = server.requests();
    assert_eq!(requests.len(), 2, "one of each client");
    for request in requests {
        let request = request.to_ascii_lowercase();
        assert!(request.contains("range: bytes=0-16383\r\n"), "{request}");
        assert!(request.contains("accept-encoding: identity\r\n"), "{request}");
        assert!(request.contains("user-agent: kling-media/"), "{request}");
        assert!(
            !request.contains("referer") && !request.contains("cookie") && !request.contains("authorization")
        );
    }
}

#[test]
fn metadata_is_skipped_over_one_connection() {
    let file = photo(5, 9_000_000);
    let measured = measured(&Server::serving(file.clone()));
    assert_eq!(measured.facts, from_bytes(&file).unwrap());
    assert!(measured.bytes_read <= 64 * 1024 && measured.requests == 6, "{measured:?}");
}

#[test]
fn a_server_that_ignores_ranges_is_cut_off() {
    let file = photo(0, 8_000_000);
    let server = Server::start(move |_, stream| {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len());
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&file)).is_ok()
    });
    let measured = measured(&server);
    assert_eq!((measured.facts.bytes, measured.facts.width), (Some(8_000_000), Some(640)));
    assert!(measured.bytes_read < 1_000_000, "{measured:?}");
}

#[test]
fn hostile_answers_end_in_clear_words() {
    let tour: [(&[u8], bool); 8] = [
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", true),
        (b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", false),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 13\r\n\r\n<html>sign in", true),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 10\r\n\r\n\x1f\x8bbombbomb", false),
        (b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 7-8/9\r\nContent-Length: 2\r\n\r\nxx", false),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n\x89PNG\r\n\x1a\n\0\0\0\r", true),
        (b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", false),
        (b"HTTP/1.1 200 OK\r\nContent-Type: image/jxl\r\nContent-Length: 12\r\n\r\n\0\0\0\x0cJXL \r\n\x87\n", false),
    ];
    let mut messages = Vec::new();
    for (answer, is_violation) in tour {
        let error = refusal(&Server::saying(answer).url(), &allowed());
        assert_eq!((error.is_violation(), error.is_unchecked()), (is_violation, !is_violation), "{error}");
        messages.push(error.to_string());
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_body_shorter_than_its_length_is_unchecked() {
    let server = Server::saying(
        "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-99/5000000\r\nContent-Length: 100\r\n\r\n\u{ff}",
    );
    for result in both(&server.url(), &allowed()) {
        assert!(result.unwrap_err().is_unchecked());
    }
}

#[test]
fn redirects_are_followed_within_the_server_and_never_into_a_private_network() {
    let file = photo(0, 100_000);
    let inside = Server::serving(file.clone());
    let to = |place: String| {
        Server::start(move |head, stream| {
            let place = if head.starts_with("GET /photo.jpg ") { &place } else { "/photo.jpg" };
            let answer = format!("HTTP/1.1 302 Found\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).is_ok()
        })
    };
    let elsewhere = refusal(&to(inside.url()).url(), &allowed());
    assert!(elsewhere.is_unchecked(), "{elsewhere}");
    let address = refusal(&to(format!("https://127.0.0.1:{}/x", inside.port())).url(), &allowed());
    assert!(address.is_private_address(), "{address}");
    let name = format!("https://photos.example:{}/x", inside.port());
    let name = refusal(&to(name).url(), &resolving_to("127.0.0.1").with_private_allowed(true));
    assert!(name.is_private_address(), "{name}");
    assert_eq!(inside.requests(), [""; 0], "no request was sent");
    let round = refusal(&to("/other.jpg".to_owned()).url(), &allowed());
    insta::assert_snapshot!(round, @"the server's answer cannot be used: it redirects more than 5 times; the image is unchecked");
}

#[test]
fn names_that_lead_to_private_addresses_are_refused_before_any_connection() {
    let server = Server::serving(photo(0, 1000));
    for address in [
        "127.0.0.1",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
    ] {
        let url = format!("https://photos.example:{}/x.jpg?signature=secret", server.port());
        let error = refusal(&url, &resolving_to(address));
        assert!(error.is_private_address() && error.is_unchecked(), "{address}: {error}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(error, @"photos.example is not on a public address; a check connects to public addresses only; the image is unchecked");
        }
    }
    let literal = refusal(&server.url().replace("http:", "https:"), &Options::default());
    assert!(literal.is_private_address(), "{literal}");
    assert_eq!(server.requests(), [""; 0], "no request was sent");
}

#[test]
fn a_name_is_allowed_by_the_caller_only() {
    let file = photo(0, 1000);
    let server = Server::serving(file.clone());
    let url = format!("http://user:password@photos.example:{}/photo.jpg", server.port());
    for result in both(&url, &resolving_to("127.0.0.1").with_private_allowed(true)) {
        assert_eq!(result.unwrap().facts, from_bytes(&file).unwrap());
    }
    assert!(server.requests().iter().all(|request| !request.to_ascii_lowercase().contains("authorization")));
    assert!(refusal(&url, &resolving_to("127.0.0.1")).is_violation(), "plain http");
}

#[test]
fn an_unreachable_server_is_unchecked() {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for result in both(&format!("http://{gone}/x.jpg?signature=secret"), &allowed()) {
        let error = result.unwrap_err();
        assert!(error.is_unchecked() && !error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn any_form_of_reference_is_measured() {
    let file = photo(0, 1000);
    let uri = kling_media::encode_data_uri("image/jpeg", &file);
    let path = std::env::temp_dir().join(format!("kling-media-any-{}.jpg", std::process::id()));
    std::fs::write(&path, &file).unwrap();
    let results = [both(&uri, &Options::default()), both(path.to_str().unwrap(), &Options::default())];
    std::fs::remove_file(&path).unwrap();
    for result in results.into_iter().flatten() {
        assert_eq!(result.unwrap().facts, from_bytes(&file).unwrap());
    }
    assert!(refusal("no/such/file.jpg", &Options::default()).is_io());
}

#[test]
fn no_server_delays_a_check_beyond_its_deadline() {
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
fn a_deadline_may_be_the_longest_duration() {
    let file = b"GIF89a\x40\x01\xf0\0\0\0\0;".to_vec();
    let server = Server::serving(file.clone());
    for deadline in [Duration::MAX, Duration::from_secs(1 << 62)] {
        for result in both(&server.url(), &allowed().with_deadline(deadline)) {
            assert_eq!(result.unwrap().facts, from_bytes(&file).unwrap());
        }
    }
}

#[test]
fn an_endless_response_is_cut_off_at_the_limit() {
    let endless = [0xff, 0xfe, 0xff, 0xfe].repeat(16 * 1024);
    let server = Server::start(move |_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n\xff\xd8");
        while stream.write_all(&endless).is_ok() {}
        false
    });
    let error = refusal(&server.url(), &allowed().with_max_bytes(200_000));
    insta::assert_snapshot!(error, @"the size of the image was not found in the first 200000 bytes read; the image is unchecked");
}

/// A long header of the shortest segments.
fn long_header() -> Vec<u8> {
    let segments = [0xff, 0xfe, 0, 2].repeat(16_000);
    [&[0xff, 0xd8], segments.as_slice(), &[0xff, 0xc0, 0, 17, 8, 1, 224, 2, 128], &[0; 20], &[0xff, 0xd9]]
        .concat()
}

/// A response with every byte in a chunk of its own.
fn chunked(file: &[u8]) -> Vec<u8> {
    let chunks = file.iter().flat_map(|&byte| [b'1', b'\r', b'\n', byte, b'\r', b'\n']);
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    head.iter().copied().chain(chunks).chain(*b"0\r\n\r\n").collect()
}

#[test]
fn a_long_header_in_chunks_of_one_byte_is_read_as_fast_as_at_once() {
    let file = long_header();
    let answer = chunked(&file);
    let server = Server::start(move |_, stream| stream.write_all(&answer).is_ok());
    for result in both(&server.url(), &allowed()) {
        assert_eq!(result.unwrap().facts.width, from_bytes(&file).unwrap().width);
    }
}
