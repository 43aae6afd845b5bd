//! The errors and retries of clients that cannot connect.
#![cfg(all(feature = "async", feature = "blocking", feature = "rustls"))]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use kling_transport::{
    Backoff, Client, Error, ErrorKind, ModelId, RequestId, RetryPolicy, Settings, SubmitError, Token,
    blocking,
};
use reqwest::Proxy;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::json;

/// Settings with up to three attempts.
fn settings(base: &str) -> Settings {
    let backoff = Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(1) };
    let retry = RetryPolicy::new(Duration::from_secs(60)).with_max_attempts(3).with_backoff(backoff);
    Settings::new(Token::new("wire-token-0123456789").unwrap())
        .with_base(base.parse().unwrap())
        .with_submit_retry(retry)
        .with_call_retry(retry)
}

fn model() -> ModelId {
    "maker/model".parse().unwrap()
}

fn id() -> RequestId {
    "id-1".parse().unwrap()
}

/// Returns the errors of a submit and a status call of the async client.
fn in_async(client: &Client) -> [Error; 2] {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let submitted = client.submit_json(&model(), &json!({})).await.into_result();
        [rejected(submitted.unwrap_err()), client.status(&id()).await.unwrap_err()]
    })
}

/// Returns the errors of a submit and a status call of the blocking client.
fn in_blocking(client: &blocking::Client) -> [Error; 2] {
    let submitted = client.submit_json(&model(), &json!({})).into_result();
    [rejected(submitted.unwrap_err()), client.status(&id()).unwrap_err()]
}

fn rejected(error: SubmitError) -> Error {
    match error {
        SubmitError::Rejected(error) => error,
        unknown => panic!("expected a rejection: {unknown}"),
    }
}

/// Calls `serve` for each connection, and counts them.
fn server(serve: impl Fn(std::net::TcpStream) + Send + 'static) -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (address, count) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            counted.fetch_add(1, Ordering::SeqCst);
            serve(stream);
        }
    });
    (address, count)
}

/// A server with an untrusted certificate.
fn untrusted() -> (SocketAddr, Arc<AtomicUsize>) {
    let certificate = CertificateDer::from_pem_slice(include_bytes!("fixtures/untrusted.cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("fixtures/untrusted.key.pem")).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider().into();
    let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = builder.unwrap().with_no_client_auth().with_single_cert(vec![certificate], key).unwrap();
    let config = Arc::new(config);
    server(move |mut stream| {
        let mut connection = rustls::ServerConnection::new(Arc::clone(&config)).unwrap();
        // The client ends the handshake.
        let _ = connection.complete_io(&mut stream);
        let _ = connection.complete_io(&mut stream);
    })
}

/// A proxy with the same reply to every CONNECT.
fn proxy(reply: &'static str) -> (SocketAddr, Arc<AtomicUsize>) {
    server(move |mut stream| {
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            match stream.read(&mut byte) {
                Ok(1) => bytes.push(byte[0]),
                _ => return,
            }
        }
        let _ = stream.write_all(reply.as_bytes());
    })
}

#[test]
fn an_untrusted_certificate_is_not_retried() {
    let (address, connections) = untrusted();
    let settings = settings(&format!("https://localhost:{}/v1", address.port()));
    let first = in_async(&Client::new(settings.clone()).unwrap());
    assert_eq!(connections.load(Ordering::SeqCst), 2, "one connection a call");
    let second = in_blocking(&blocking::Client::new(settings).unwrap());
    assert_eq!(connections.load(Ordering::SeqCst), 4, "one connection a call");
    for error in first.iter().chain(&second) {
        assert!(
            error.kind() == ErrorKind::Certificate && error.is_connect() && !error.is_transient(),
            "{error:?}"
        );
        let text = error.to_string();
        assert!(text.starts_with("the server's certificate was not accepted"), "{text}");
        assert!(text.contains("invalid peer certificate"), "{text}");
        #[cfg(target_os = "linux")]
        assert!(text.contains("SSL_CERT_FILE"), "{text}");
    }
}

#[test]
fn a_proxy_that_requires_a_password_is_not_retried() {
    let (address, connections) =
        proxy("HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n");
    let (settings, proxy) = (settings("https://api.example/v1"), format!("http://{address}"));
    let client =
        Client::configured(settings.clone(), |builder| builder.proxy(Proxy::all(&proxy).unwrap())).unwrap();
    let first = in_async(&client);
    assert_eq!(connections.load(Ordering::SeqCst), 2, "one connection a call");
    let proxied = ureq::Proxy::new(&proxy).ok();
    let client = blocking::Client::configured(settings, |builder| builder.proxy(proxied)).unwrap();
    let second = in_blocking(&client);
    assert_eq!(connections.load(Ordering::SeqCst), 4, "one connection a call");
    for error in first.iter().chain(&second) {
        assert!(error.kind() == ErrorKind::Proxy && error.is_connect() && !error.is_transient(), "{error:?}");
        assert!(error.to_string().contains("USER:PASSWORD"), "{error}");
    }
    assert!(first[0].to_string().contains("through a proxy: "), "{}", first[0]);
    assert!(second[0].to_string().contains(&format!("through the proxy {proxy}: ")), "{}", second[0]);
}

#[test]
fn other_proxy_errors_are_retried_and_name_the_proxy() {
    let (address, connections) = proxy("HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n");
    let (settings, proxy) = (settings("https://api.example/v1"), format!("http://{address}"));
    let client =
        Client::configured(settings.clone(), |builder| builder.proxy(Proxy::all(&proxy).unwrap())).unwrap();
    let first = in_async(&client);
    let proxied = ureq::Proxy::new(&proxy).ok();
    let client = blocking::Client::configured(settings, |builder| builder.proxy(proxied)).unwrap();
    let second = in_blocking(&client);
    assert_eq!(connections.load(Ordering::SeqCst), 12, "three connections a call");
    for error in first.iter().chain(&second) {
        assert!(error.is_connect() && error.is_transient(), "{error:?}");
        let text = error.to_string();
        assert!(text.starts_with("cannot connect") && text.contains(": through "), "{text}");
    }
}

#[test]
fn an_unsupported_proxy_scheme_is_rejected() {
    for scheme in ["socks4", "socks5", "socks5h"] {
        let proxied = ureq::Proxy::new(&format!("{scheme}://user:secret@10.0.0.1:1080")).ok();
        let client = blocking::Client::configured(settings("https://api.example/v1"), |builder| {
            builder.proxy(proxied)
        });
        let error = client.unwrap_err();
        assert!(error.kind() == ErrorKind::Proxy, "{error:?}");
        let text = error.to_string();
        assert!(text.contains(&format!("{scheme}://10.0.0.1:1080")) && !text.contains("secret"), "{text}");
    }
}

#[test]
fn an_unknown_host_is_a_connect_error() {
    // A look-up may take long without a name server.
    let never = RetryPolicy::never();
    let settings = settings("https://nowhere.invalid/v1").with_submit_retry(never).with_call_retry(never);
    let first = in_async(&Client::new(settings.clone()).unwrap());
    let second = in_blocking(&blocking::Client::new(settings).unwrap());
    for error in first.iter().chain(&second) {
        assert!(error.is_connect() && error.is_transient(), "{error:?}");
    }
}

#[test]
fn each_retry_is_notified_before_its_pause() {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let notices = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&notices);
    let settings = settings(&format!("http://{nobody}/v1"))
        .with_on_retry(move |notice| sink.lock().unwrap().push((notice.attempts, notice.to_string())));
    in_async(&Client::new(settings.clone()).unwrap());
    in_blocking(&blocking::Client::new(settings).unwrap());
    let notices = notices.lock().unwrap();
    // Two pauses between three attempts, of four calls.
    let attempts: Vec<_> = notices.iter().map(|(attempts, _)| *attempts).collect();
    assert_eq!(attempts, [1, 2].repeat(4));
    for (_, text) in notices.iter() {
        assert!(text.starts_with("cannot connect") && text.contains(": Connection refused"), "{text}");
        assert!(text.contains("; retrying "), "{text}");
    }
}
