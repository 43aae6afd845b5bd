//! Paid replies in every state in which a server, a proxy or a broken connection may leave them.

use std::future::ready;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use kling_transport::{
    BoxFuture, Call, Client, Error, ErrorKind, Fingerprint, GetResult, GetStatus, HttpHead, HttpReply,
    HttpRequest, JobOutcome, Limits, ModelId, PendingSubmit, Phase, RequestId, ResultReply, Settings,
    StatusReply, SubmitOutcome, Token, Transport, TransportError, TransportErrorKind,
};
use proptest::prelude::*;
use serde_json::{Value, json};

const ID: &str = "5e1f-09_c";
const URL: &str = "https://cdn.runcomfy.net/acc%3D1/clip.mp4";

type Outcome = Result<HttpReply, TransportError>;

fn settings() -> Settings {
    Settings::new(Token::new("token-0123456789").unwrap())
}

fn head(status: u16, headers: &[(&str, &str)]) -> HttpHead {
    let header = |name: &str| Some(headers.iter().find(|(known, _)| *known == name)?.1);
    HttpHead::new(status, header, SystemTime::UNIX_EPOCH)
}

fn replied(status: u16, body: impl Into<Bytes>) -> Outcome {
    Ok(HttpReply::new(head(status, &[]), body.into()))
}

/// The connection ends within the reply.
fn cut(kind: TransportErrorKind, status: u16, body: impl Into<Bytes>) -> Outcome {
    Err(TransportError::new(Phase::Reading, kind, "cut").while_reading(head(status, &[]), body.into()))
}

fn pending() -> PendingSubmit {
    let model: ModelId = "maker/model".parse().unwrap();
    PendingSubmit::json(&settings(), &model, &json!({}), SystemTime::UNIX_EPOCH).unwrap()
}

fn next(outcome: Outcome) -> ControlFlow<SubmitOutcome, Duration> {
    pending().next(outcome, Duration::ZERO, 0.5)
}

/// Returns the id of the submitted job, or else the outcome in brackets.
fn submitted(outcome: Outcome) -> String {
    match next(outcome) {
        ControlFlow::Break(SubmitOutcome::Accepted(job)) => job.id().to_string(),
        ControlFlow::Break(SubmitOutcome::Rejected(_)) => "<rejected>".to_owned(),
        ControlFlow::Break(SubmitOutcome::Unknown(_)) => "<unknown>".to_owned(),
        ControlFlow::Continue(pause) => format!("<retry after {} s>", pause.as_secs()),
    }
}

/// A transport with one reply.
struct Replying(Mutex<Option<Outcome>>);

impl Transport for Replying {
    fn send(&self, _: HttpRequest, _: Limits) -> BoxFuture<'_, Outcome> {
        Box::pin(ready(self.0.lock().unwrap().take().unwrap()))
    }
}

fn call<C: Call>(call: &C, outcome: Outcome) -> Result<C::Reply, Error> {
    let client = Client::with_transport(settings(), Replying(Mutex::new(Some(outcome))));
    let future = pin!(client.call_without_retry(call, Duration::from_secs(1)));
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(read) => read,
        Poll::Pending => panic!("the reply is there"),
    }
}

fn status(outcome: Outcome) -> Result<StatusReply, Error> {
    let id: RequestId = ID.parse().unwrap();
    call(&GetStatus(&id), outcome)
}

fn result(outcome: Outcome) -> Result<ResultReply, Error> {
    let id: RequestId = ID.parse().unwrap();
    call(&GetResult(&id), outcome)
}

/// A body with a misspelt member behind a valid one.
fn with(first: &str, broken: &str) -> String {
    format!("{{{first},{broken},\"last\":1}}")
}

/// The ways in which a body may be readable but invalid JSON.
fn misspelt(member: &str) -> Vec<(&'static str, Vec<u8>)> {
    let deep = format!("\"x\":{}{}", "[".repeat(200_000), "]".repeat(200_000));
    let text = |text: String| text.into_bytes();
    vec![
        ("a byte order mark", text(format!("\u{feff}{{{member}}}"))),
        ("half a surrogate pair", text(with(member, r#""prompt":"a \ud83d cat""#))),
        ("the other half", text(with(member, r#""prompt":"\udc31""#))),
        ("a raw line feed", text(with(member, "\"prompt\":\"a\nb\tc\""))),
        ("an escape that is none", text(with(member, r#""path":"C:\q\new""#))),
        ("no UTF-8", [b"{\"prompt\":\"\xff\xfe\",", member.as_bytes(), b"}"].concat()),
        ("text after the object", text(format!("{{{member}}}\n<!-- served by cache 7 -->"))),
        ("text before the object", text(format!(")]}}',\n{{{member}}}"))),
        ("two objects", text(format!("{{{member}}}{{\"x\":1}}"))),
        ("an array around it", text(format!("[{{{member}}}]"))),
        ("JSON within a text of JSON", text(Value::from(format!("{{{member}}}")).to_string())),
        ("too deep a nesting before it", text(format!("{{{deep},{member}}}"))),
        ("too deep a nesting after it", text(format!("{{{member},{deep}}}"))),
        (
            "numbers that are none",
            text(with(member, r#""a":NaN,"b":-Infinity,"c":01,"d":.5,"e":1e999,"f":+3"#)),
        ),
        ("words of Python", text(with(member, r#""a":None,"b":True,"c":False"#))),
        ("a comma too many", text(format!("{{{member},}}"))),
        ("a comma too few", text(format!("{{\"a\":1 {member}}}"))),
        ("an end that is missing", text(format!("{{{member}"))),
        ("an end within a later member", text(format!("{{{member},\"prompt\":\"a ca"))),
    ]
}

#[test]
fn a_submit_with_invalid_json_still_gives_its_id() {
    for (damage, body) in misspelt(&format!(r#""request_id":"{ID}""#)) {
        assert_eq!(submitted(replied(200, body.clone())), ID, "{damage}");
        assert_eq!(submitted(cut(TransportErrorKind::Broken, 200, body.clone())), ID, "{damage}, cut");
        assert_eq!(submitted(cut(TransportErrorKind::Timeout, 200, body)), ID, "{damage}, hanging");
    }
}

#[test]
fn a_status_with_invalid_json_is_read() {
    for (damage, body) in misspelt(r#""queue_position":3,"status":"in_queue""#) {
        let reply = status(replied(200, body)).unwrap_or_else(|error| panic!("{damage}: {error}"));
        assert_eq!((reply.state.as_str(), reply.queue_position), ("in_queue", Some(3)), "{damage}");
    }
}

#[test]
fn a_result_with_invalid_json_still_gives_its_output() {
    let output = format!(r#""status":"succeeded","output":{{"video":"{URL}"}}"#);
    for (damage, body) in misspelt(&output) {
        for outcome in [replied(200, body.clone()), cut(TransportErrorKind::Broken, 200, body)] {
            let reply = result(outcome).unwrap_or_else(|error| panic!("{damage}: {error}"));
            assert_eq!(reply.outcome(), JobOutcome::Succeeded, "{damage}");
            assert_eq!(reply.output_urls(), [URL], "{damage}");
        }
    }
}

#[test]
fn an_id_may_be_a_number_padded_or_unquoted() {
    let cases = [
        (r#"{"request_id":1234567890}"#, "1234567890"),
        (r#"{"request_id":123456789012345678901234567890}"#, "123456789012345678901234567890"),
        (r#"{"request_id":" a-1\n"}"#, "a-1"),
        (r#"{"request_id":"a-1 "}"#, "a-1"),
        (r#"{"request_id":a-1}"#, "a-1"),
        (r#"{"data":{"request_id":"a-1"}}"#, "a-1"),
        (r#"{"request_id":null,"data":{"request_id":"a-1"}}"#, "a-1"),
        (r#"{"request_id":null}"#, "<unknown>"),
        (r#"{"request_id":""}"#, "<unknown>"),
        (r#"{"request_id":true}"#, "<unknown>"),
        (r#"{"request_id":-1.5}"#, "<unknown>"),
        (r#"{"request_id":["a-1"]}"#, "<unknown>"),
        (r#"{"request_id":12345"#, "<unknown>"),
        (r#"{"request_id":"a-1"#, "<unknown>"),
        (r#"{"echo":"\"request_id\":\"a-1\""}"#, "<unknown>"),
    ];
    for (body, expected) in cases {
        assert_eq!(submitted(replied(200, body)), expected, "{body}");
    }
    let id: RequestId = "77".parse().unwrap();
    let reply = HttpReply::new(head(200, &[]), r#"{"request_id":77,"status":"completed"}"#.into());
    assert!(GetStatus(&id).read(&reply).is_ok(), "the requested id, as a number");
    let reply = HttpReply::new(head(200, &[]), r#"{"request_id":78,"status":"completed"}"#.into());
    assert!(
        GetStatus(&id).read(&reply).unwrap_err().kind() == ErrorKind::Protocol,
        "another id, as a number"
    );
}

#[test]
fn an_id_counts_under_any_status_unless_the_reply_has_an_error() {
    let plain = format!(r#"{{"request_id":"{ID}"}}"#);
    let queued = format!(r#"{{"request_id":"{ID}","status":"in_queue","status_url":"u"}}"#);
    let with_error = format!(r#"{{"request_id":"{ID}","error_code":500001,"error_message":"no"}}"#);
    let cases = [
        (429, &plain, ID),
        (429, &queued, ID),
        (429, &with_error, ID),
        (500, &plain, ID),
        (503, &queued, ID),
        (408, &plain, ID),
        (302, &queued, ID),
        (500, &with_error, "<unknown>"),
        (504, &with_error, "<unknown>"),
        (409, &queued, ID),
        (400, &plain, "<rejected>"),
        (422, &with_error, "<rejected>"),
    ];
    for (code, body, expected) in cases {
        assert_eq!(submitted(replied(code, body.clone())), expected, "{code} {body}");
        assert_eq!(
            submitted(cut(TransportErrorKind::Broken, code, body.clone())),
            expected,
            "cut {code} {body}"
        );
    }
}

#[test]
fn an_id_in_a_page_is_not_a_job() {
    let page = r#"<html><script>{"request_id":"trace-7"}</script></html>"#;
    for (code, expected) in [(403, "<rejected>"), (502, "<unknown>")] {
        assert_eq!(submitted(replied(code, page)), expected);
    }
}

#[test]
fn a_rejection_is_not_read_from_an_incomplete_reply() {
    let cases = [
        ("\u{feff}{\"error_code\":400002}", "<rejected>"),
        ("{\"error_code\":400002} ", "<rejected>"),
        ("{\"error_code\":400002,\"error_message\":\"no", "<unknown>"),
        ("{\"error_code\":400002,,:\"x\" \"}", "<unknown>"),
    ];
    for (body, expected) in cases {
        assert_eq!(submitted(replied(200, body)), expected, "{body}");
    }
}

#[test]
fn a_truncated_429_keeps_its_retry_after() {
    let cut = |body: &'static str| {
        let head = head(429, &[("retry-after", "30")]);
        Err(TransportError::new(Phase::Reading, TransportErrorKind::Broken, "cut")
            .while_reading(head, body.into()))
    };
    for body in ["", "{\"error_", "<html>"] {
        assert_eq!(submitted(cut(body)), "<retry after 30 s>");
        let error = status(cut(body)).unwrap_err();
        assert!(error.kind() == ErrorKind::RateLimited && error.is_transient(), "{error}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    }
}

#[test]
fn an_incomplete_result_is_an_error_unless_its_output_is_whole() {
    let cases = [
        (r#"{"status":"succeeded","output":{"video":"https://x/a.mp4"},"co"#, Some(JobOutcome::Succeeded)),
        (r#"{"status":"succeeded","output":{"videos":["https://x/a.mp4","https"#, None),
        (r#"{"status":"succeeded","outp"#, None),
        (r#"{"status":"failed","error":"no face","outp"#, None),
        (
            r#"{"status":"completed","error":"upscale","output":{"video":"https://x/a.mp4"}"#,
            Some(JobOutcome::Succeeded),
        ),
        (r#"{"request_id":"5e1f-09_c","output":{"video":"https://x/a.mp4"},"#, Some(JobOutcome::Succeeded)),
        (r#"{"status":"in_progress","#, Some(JobOutcome::Unfinished)),
    ];
    for (body, expected) in cases {
        for outcome in [replied(200, body), cut(TransportErrorKind::Timeout, 200, body)] {
            let read = result(outcome);
            assert!(read.as_ref().err().is_none_or(Error::is_transient), "{body}");
            assert_eq!(read.ok().map(|reply| reply.outcome()), expected, "{body}");
        }
    }
}

#[test]
fn members_are_found_in_a_destroyed_structure() {
    let body = br#"{"status":"failed" ^ %% "prompt":"a" b "c" ,"error":"no face found", "x" }"#;
    let reply = result(replied(200, &body[..])).unwrap();
    assert_eq!((reply.outcome(), reply.error_text().as_deref()), (JobOutcome::Failed, Some("no face found")));
    let body = format!(r#"?"status":"succeeded","output":{{"video":"{URL}"}},"cost":0.35}}"#);
    let reply = result(replied(200, body)).unwrap();
    assert_eq!((reply.outcome(), reply.output_urls()), (JobOutcome::Succeeded, vec![URL]));
}

/// A valid reply to a submit, with the members in any order and any blanks between them.
fn good_submit() -> impl Strategy<Value = Vec<u8>> {
    let members = [
        format!(r#""request_id":"{ID}""#),
        r#""status":"in_queue""#.to_owned(),
        format!(r#""status_url":"https://model-api.runcomfy.net/v1/requests/{ID}/status""#),
        r#""prompt":"a \"cat\" {with} [brackets], \u00e9 and \ud83d\udc31""#.to_owned(),
        r#""cost":null,"tags":["a",{"b":-1.5e3}]"#.to_owned(),
    ];
    (Just(members.to_vec()).prop_shuffle(), prop_oneof![Just(","), Just(", "), Just(",\n  ")])
        .prop_map(|(members, comma)| format!("{{{}}}", members.join(comma)).into_bytes())
}

fn has_whole_id(bytes: &[u8]) -> bool {
    let whole = format!(r#""request_id":"{ID}""#);
    bytes
        .windows(whole.len())
        .enumerate()
        .any(|(at, window)| window == whole.as_bytes() && (at == 0 || bytes[at - 1] != b'\\'))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_whole_id_is_found_after_any_truncation(body in good_submit(), length in 0usize..700) {
        let left = &body[..length.min(body.len())];
        let expected = if has_whole_id(left) { ID } else { "<unknown>" };
        prop_assert_eq!(submitted(replied(200, left.to_vec())), expected);
        prop_assert_eq!(submitted(cut(TransportErrorKind::Broken, 200, left.to_vec())), expected);
    }

    #[test]
    fn a_whole_id_is_found_after_any_corruption(
        body in good_submit(),
        noise in prop::collection::vec((0usize..700, prop_oneof![
            any::<u8>(), Just(b'"'), Just(b'\\'), Just(b'{'), Just(b'}'), Just(b','), Just(b':'), Just(b'\n'), Just(0),
        ]), 1..5),
    ) {
        let mut body = body;
        for (at, byte) in noise {
            let at = at % body.len();
            body[at] = byte;
        }
        if has_whole_id(&body) {
            prop_assert_eq!(submitted(replied(200, body.clone())), ID, "{}", String::from_utf8_lossy(&body));
        }
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(status_code in 100u16..600, body in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = next(replied(status_code, body.clone()));
        let _ = next(cut(TransportErrorKind::TooLarge, status_code, body.clone()));
        let _ = (status(replied(status_code, body.clone())), result(replied(status_code, body)));
    }

    #[test]
    fn json_like_text_does_not_panic(text in r#"([{}\[\]",:\\]|\\u[d-e][89a-f]0?|"status"|"output"|"request_id"|null|-?[0-9.e]{1,4}| |é){0,60}"#) {
        let _ = next(replied(200, text.clone()));
        let _ = (status(replied(200, text.clone())), result(cut(TransportErrorKind::Broken, 200, text)));
    }

    #[test]
    fn a_valid_result_is_read_as_by_serde_json(
        output in json_value(), error in json_value(), cost in any::<f64>(), extra in json_value(),
    ) {
        let body = json!({
            "status": "succeeded", "output": {"video": URL, "more": output}, "cost": cost,
            "created_at": "2025-12-07T00:21:22.331289+00:00", "x": extra,
        });
        let reply = result(replied(200, body.to_string())).unwrap();
        prop_assert_eq!(reply.output.as_ref(), body.get("output"));
        prop_assert_eq!(reply.cost_usd, body["cost"].as_f64());
        prop_assert_eq!(reply.created_at.as_deref(), body["created_at"].as_str());
        let failed = json!({"status": "failed", "error": {"reason": "no", "more": error}});
        let reply = result(replied(200, failed.to_string())).unwrap();
        prop_assert_eq!(reply.error.as_ref(), failed.get("error"));
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((".{0,8}", inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

#[test]
fn equal_requests_have_equal_fingerprints() {
    let first =
        Fingerprint::of(br#"{"prompt":"a cat","duration":5,"cfg_scale":0.5,"tags":[1,{"b":1,"a":2}]}"#);
    let same = [
        &br#"{"duration":5,"cfg_scale":0.5,"prompt":"a cat","tags":[1,{"a":2,"b":1}]}"#[..],
        br#"{ "prompt" : "a c\u0061t", "duration" : 5.0, "cfg_scale" : 5e-1, "tags" : [1.0, {"b":1,"a":2e0}] }"#,
    ];
    for body in same {
        assert_eq!(Fingerprint::of(body), first, "{}", String::from_utf8_lossy(body));
    }
    let others = [
        &br#"{"prompt":"a cat","duration":"5","cfg_scale":0.5,"tags":[1,{"b":1,"a":2}]}"#[..],
        br#"{"prompt":"a cat","duration":5,"cfg_scale":0.5,"tags":[{"b":1,"a":2},1]}"#,
        br#"{"prompt":"a cat","duration":5,"cfg_scale":0.5000001,"tags":[1,{"b":1,"a":2}]}"#,
    ];
    for body in others {
        assert_ne!(Fingerprint::of(body), first, "{}", String::from_utf8_lossy(body));
    }
}
