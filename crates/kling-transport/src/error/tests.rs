use std::time::SystemTime;

use super::*;
use crate::{ApiBase, Call, Failure, FailureKind, GetStatus, HttpHead, HttpReply, ModelId, Token};

/// What a person reads, by what happened.
#[test]
fn texts_say_what_was_found_and_what_to_do() {
    let id: RequestId = "5e1f-09c".parse().unwrap();
    let answered = |status: u16, body: &str| {
        let head = HttpHead::new(status, |_| None, SystemTime::UNIX_EPOCH);
        let reply = HttpReply::new(head, body.to_owned().into());
        let error = GetStatus(&id).read(&reply).unwrap_err();
        error.with_request_id(Some(id.clone()))
    };
    let ended = |phase, kind, words: &str| Error::from(Failure::new(phase, kind, words));
    let texts = [
        answered(400, r#"{"error_code":400001,"error_message":"no such model"}"#),
        answered(400, r#"{"error_code":400002,"message":"insufficient credits"}"#),
        answered(200, r#"{"error_code":400004,"error":"token revoked"}"#),
        answered(400, r#"{"error_code":400005}"#),
        answered(403, r#"{"error_code":403001,"error_message":"not yours"}"#),
        answered(404, r#"{"error_code":404001,"error_message":"gone"}"#),
        answered(422, r#"{"detail":[{"loc":["body","duration"],"msg":"not 5 or 10"}]}"#),
        answered(409, "{}"),
        answered(429, ""),
        answered(307, ""),
        answered(502, "<html><h1>Bad Gateway</h1></html>"),
        answered(200, "{\"status\":"),
        ended(Phase::Resolve, FailureKind::Broken, "no such host"),
        ended(Phase::Connect, FailureKind::Broken, "connection refused"),
        ended(Phase::Connect, FailureKind::Certificate, "invalid peer certificate: UnknownIssuer"),
        ended(Phase::Connect, FailureKind::Proxy, "through the proxy http://10.0.0.1:3128: 407"),
        ended(Phase::Waiting, FailureKind::Timeout, "timed out"),
        ended(Phase::Reading, FailureKind::Broken, "reset by https://api.example/x?signature=1"),
        Error::new(Kind::OutputUnavailable, "cdn.example does not give the file").with_status(403),
        Error::new(Kind::Content, "found JSON, expected video"),
        "../x".parse::<RequestId>().unwrap_err(),
        "a//b".parse::<ModelId>().unwrap_err(),
        "http://example.com".parse::<ApiBase>().unwrap_err(),
        Token::new("Bearer x").unwrap_err(),
    ];
    let texts: Vec<_> = texts.iter().map(Error::to_string).collect();
    insta::assert_snapshot!(texts.join("\n"));
}

#[test]
fn an_error_is_small_enough_to_return_by_value() {
    assert_eq!(size_of::<Error>(), size_of::<usize>());
}
