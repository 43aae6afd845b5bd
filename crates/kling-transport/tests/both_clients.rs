//! The settings of both clients that a caller cannot change, over real sockets.
#![cfg(all(feature = "async", feature = "blocking", feature = "rustls"))]

use std::io::{self, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use kling_transport::{
    Client, Error, ErrorKind, RequestId, RetryPolicy, Settings, SubmitOutcome, Token, UnknownOutcome,
    blocking,
};
use serde_json::json;

/// Sends each connection the same bytes, and counts the connections.
fn server(reply: impl Into<Vec<u8>>) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, count, reply) =
        (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)), reply.into());
    let counted = count.clone();
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            // A peer that goes away ends its own connection only.
            let _ = serve(&mut stream, &reply);
        }
    });
    (address, count)
}

/// Closes only after the peer, since closing on unread bytes would reset the connection.
fn serve(stream: &mut TcpStream, reply: &[u8]) -> io::Result<u64> {
    stream.peek(&mut [0])?;
    stream.write_all(reply)?;
    stream.shutdown(Shutdown::Write)?;
    io::copy(stream, &mut io::sink())
}

fn settings(base: &str) -> Settings {
    Settings::new(Token::new("shell-token").unwrap())
        .with_base(base.parse().unwrap())
        .with_submit_retry(RetryPolicy::never())
        .with_call_retry(RetryPolicy::never())
        .with_connect_timeout(Duration::from_secs(5))
}

fn in_async<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(work)
}

fn rejected(outcome: SubmitOutcome) -> Error {
    match outcome {
        SubmitOutcome::Rejected(error) => error,
        other => panic!("expected a rejection, got {other:?}"),
    }
}

fn unknown(outcome: SubmitOutcome) -> UnknownOutcome {
    match outcome {
        SubmitOutcome::Unknown(unknown) => unknown,
        other => panic!("expected an unknown outcome, got {other:?}"),
    }
}

#[test]
fn a_failed_handshake_is_a_rejection() {
    let (address, _) = server("this is no TLS");
    let settings = settings(&format!("https://{address}/v1"));
    let model = "maker/model".parse().unwrap();
    let first =
        in_async(async { Client::new(settings.clone()).unwrap().submit_json(&model, &json!({})).await });
    let second = blocking::Client::new(settings).unwrap().submit_json(&model, &json!({}));
    for error in [rejected(first), rejected(second)] {
        assert!(error.is_connect(), "{error}");
    }
}

#[test]
fn redirects_cannot_be_enabled() {
    let (address, count) =
        server("HTTP/1.1 307 X\r\nlocation: /v1/again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let settings = settings(&format!("http://{address}/v1"));
    let model = "maker/model".parse().unwrap();
    let client = Client::configured(settings.clone(), |builder| {
        builder.redirect(reqwest::redirect::Policy::limited(5)).referer(true)
    });
    let first = in_async(async { client.unwrap().submit_json(&model, &json!({})).await });
    let client =
        blocking::Client::configured(settings, |builder| builder.max_redirects(5).http_status_as_error(true));
    let second = client.unwrap().submit_json(&model, &json!({}));
    assert!(rejected(first).kind() == ErrorKind::Redirect && rejected(second).kind() == ErrorKind::Redirect);
    assert_eq!(count.load(Ordering::SeqCst), 2, "one request by each client");
}

#[test]
fn loopback_bypasses_proxies() {
    let (address, _) = server(
        "HTTP/1.1 200 X\r\ncontent-length: 23\r\nconnection: close\r\n\r\n{\"status\": \"completed\"}",
    );
    let (proxy, proxied) = server("HTTP/1.1 502 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    let settings = settings(&format!("http://{address}/v1"));
    let (id, proxy): (RequestId, _) = ("id-1".parse().unwrap(), format!("http://{proxy}"));
    let client =
        Client::configured(settings.clone(), |builder| builder.proxy(reqwest::Proxy::all(&proxy).unwrap()));
    in_async(async { client.unwrap().status(&id).await }).unwrap();
    let client =
        blocking::Client::configured(settings, |builder| builder.proxy(ureq::Proxy::new(&proxy).ok()));
    client.unwrap().status(&id).unwrap();
    assert_eq!(proxied.load(Ordering::SeqCst), 0);
}

#[test]
fn a_reply_is_bounded() {
    let size = kling_transport::MAX_REPLY_BYTES + 1;
    let head = format!("HTTP/1.1 200 X\r\ncontent-length: {size}\r\nconnection: close\r\n\r\n");
    let (address, _) = server([head.into_bytes(), vec![b' '; size]].concat());
    let settings = settings(&format!("http://{address}/v1"));
    let model = "maker/model".parse().unwrap();
    let first =
        in_async(async { Client::new(settings.clone()).unwrap().submit_json(&model, &json!({})).await });
    let second = blocking::Client::new(settings).unwrap().submit_json(&model, &json!({}));
    for unknown in [unknown(first), unknown(second)] {
        assert!(unknown.message().contains("larger than 16777216 bytes"), "{unknown}");
    }
}

#[test]
fn invalid_tls_settings_are_rejected() {
    let bare = ureq::tls::TlsConfig::builder().build();
    let client =
        blocking::Client::configured(settings("https://127.0.0.1:9/v1"), |builder| builder.tls_config(bare));
    assert!(client.unwrap_err().kind() == ErrorKind::Config);
}
