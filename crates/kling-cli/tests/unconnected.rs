//! The program without a connection.

mod program;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::thread;

use program::Program;

const INPUT: &str = r#"{"image_url":"https://example.com/start.jpg"}"#;

/// A program whose API has a closed port.
fn unconnected() -> Program {
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    elsewhere().with("RUNCOMFY_MODEL_API_BASE", &format!("http://{nobody}/v1"))
}

fn elsewhere() -> Program {
    Program::new().with("RUNCOMFY_TOKEN", program::TOKEN)
}

#[cfg(unix)]
#[test]
fn each_retry_of_a_submit_says_why_and_when_and_ctrl_c_ends_them() {
    let program = unconnected();
    let mut running = program.start(&["submit", "--input", INPUT, "--unchecked"]);
    for _ in 0..2 {
        let text = running.wait_for("cannot connect: Connection refused");
        assert!(text.contains("; retrying "), "{text}");
    }
    running.interrupt();
    let ended = running.end();
    assert_eq!(ended.code, 75, "{ended:?}");
    assert!(ended.stderr.contains("nothing was submitted"), "{}", ended.stderr);
    assert_eq!(program.states(), ["rejected"]);
}

#[test]
fn a_proxy_that_wants_a_password_ends_a_submit_at_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        stream.write_all(b"HTTP/1.1 407 X\r\ncontent-length: 0\r\n\r\n").unwrap();
        // A second attempt would wait for ever.
        thread::park();
    });
    let program = elsewhere().with("RUNCOMFY_MODEL_API_BASE", "https://api.example/v1");
    let ended = program.with("HTTPS_PROXY", &proxy).run(&["submit", "--input", INPUT, "--unchecked"]);
    assert_eq!(ended.code, 69, "{ended:?}");
    let expected = format!(
        "nothing was submitted: the proxy cannot be used: through the proxy {proxy}: tunnel error: proxy authorization \
         required; set HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT"
    );
    assert!(ended.stderr.contains(&expected), "{}", ended.stderr);
}

#[test]
fn a_proxy_that_cannot_be_used_is_named_before_anything_is_sent() {
    let secret = "socks5h://user:secret@10.0.0.1:1080";
    for (variable, value, named) in [
        ("ALL_PROXY", secret, "socks5h://10.0.0.1:1080"),
        ("HTTPS_PROXY", secret, "socks5h://10.0.0.1:1080"),
        ("HTTPS_PROXY", "ftp://user:secret@10.0.0.1", "the one in HTTPS_PROXY"),
    ] {
        let program = elsewhere().with(variable, value);
        let ended = program.run(&["submit", "--input", INPUT, "--unchecked"]);
        assert_eq!(ended.code, 69, "{ended:?}");
        assert!(ended.stderr.contains("only http:// and https:// proxies are supported"), "{}", ended.stderr);
        assert!(ended.stderr.contains(named) && !ended.stderr.contains("secret"), "{}", ended.stderr);
        let unused =
            elsewhere().with(variable, value).with("RUNCOMFY_MODEL_API_BASE", "http://127.0.0.1:1/v1");
        let ended = unused.run(&["status", "id-1"]);
        assert_eq!(ended.code, 75, "on loopback no proxy is used: {ended:?}");
    }
}
