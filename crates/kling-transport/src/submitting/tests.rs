use super::*;
use crate::{FailureKind, HttpHead, Phase, Token};

fn submitting() -> Submitting {
    let settings = Settings::new(Token::new("secret-0123").unwrap());
    let model = "maker/model".parse().unwrap();
    Submitting::json(&settings, &model, &serde_json::json!({}), SystemTime::UNIX_EPOCH).unwrap()
}

fn reply(status: u16, body: &str) -> Result<HttpReply, Failure> {
    Ok(HttpReply::new(HttpHead { status, ..HttpHead::default() }, body.to_owned().into()))
}

fn outcome(attempt: Result<HttpReply, Failure>) -> &'static str {
    match submitting().next(attempt, Duration::ZERO, 0.5) {
        ControlFlow::Continue(_) => "again",
        ControlFlow::Break(Submission::Submitted(_)) => "submitted",
        ControlFlow::Break(Submission::Refused(_)) => "refused",
        ControlFlow::Break(Submission::Unknown(_)) => "unknown",
    }
}

#[test]
fn each_answer_has_one_meaning() {
    let cases = [
        (200, r#"{"request_id":"a-1"}"#, "submitted"),
        (202, r#"{"request_id":"a-1","status":"in_queue","error_code":null}"#, "submitted"),
        (200, r#"{"request_id":"a-1","status":"in_queue","error_code":400099}"#, "submitted"),
        (200, r#"{"request_id":"a-1","status":"in_queue","error_code":400002}"#, "submitted"),
        (201, r#"{"request_id":"a-1","error_code":429001}"#, "submitted"),
        (400, r#"{"request_id":"a-1","error_code":400001}"#, "refused"),
        (200, r#"{"request_id":"a/../b"}"#, "unknown"),
        (200, r#"{"status":"in_queue"}"#, "unknown"),
        (200, "<html>", "unknown"),
        (200, "", "unknown"),
        (200, r#"{"error_code":400002}"#, "refused"),
        (200, r#"{"error_code":400099}"#, "refused"),
        (200, r#"{"error_code":500001}"#, "unknown"),
        (200, r#"{"error_code":408001}"#, "unknown"),
        (500, r#"{"error_code":400001}"#, "refused"),
        (500, r#"{"error_code":400099}"#, "unknown"),
        (500, "", "unknown"),
        (502, "<html>", "unknown"),
        (503, "{}", "unknown"),
        (504, "", "unknown"),
        (408, "", "unknown"),
        (400, "", "refused"),
        (401, "<html>", "refused"),
        (402, "{}", "refused"),
        (413, "", "refused"),
        (422, r#"{"detail":[]}"#, "refused"),
        (425, "", "refused"),
        (429, "", "again"),
        (498, "", "refused"),
        (499, "", "unknown"),
        (499, r#"{"message":"client closed request"}"#, "unknown"),
        (499, r#"{"error_code":400002}"#, "refused"),
        (429, r#"{"error_code":400002}"#, "refused"),
        (301, "", "unknown"),
        (302, "", "unknown"),
        (303, "", "unknown"),
        (307, "", "refused"),
        (308, "", "refused"),
        (100, "", "unknown"),
    ];
    for (status, body, expected) in cases {
        assert_eq!(outcome(reply(status, body)), expected, "{status} {body}");
    }
}

#[test]
fn only_failures_before_sending_are_tried_again() {
    let phases = [
        (Phase::Resolve, "again"),
        (Phase::Connect, "again"),
        (Phase::Sending, "unknown"),
        (Phase::Waiting, "unknown"),
        (Phase::Reading, "unknown"),
    ];
    for (phase, expected) in phases {
        for kind in [FailureKind::Broken, FailureKind::Timeout] {
            assert_eq!(outcome(Err(Failure::new(phase, kind, "cut"))), expected);
        }
    }
}

#[test]
fn a_refusal_that_broke_off_is_still_one() {
    let cut = |status| {
        let head = HttpHead { status, ..HttpHead::default() };
        Err(Failure::new(Phase::Waiting, FailureKind::Broken, "cut").while_reading(&head, Bytes::new()))
    };
    assert_eq!(outcome(cut(422)), "refused");
    assert_eq!(outcome(cut(200)), "unknown");
    assert_eq!(outcome(cut(503)), "unknown");
}

#[test]
fn an_unknown_outcome_says_what_was_read_without_the_token() {
    let attempt = reply(200, r#"{"id":"x","echo":"Bearer secret-0123","url":"https://a/b?sig=1"}"#);
    let ControlFlow::Break(Submission::Unknown(receipt)) = submitting().next(attempt, Duration::ZERO, 0.5)
    else {
        panic!("expected an unknown outcome");
    };
    assert_eq!(receipt.excerpt(), Some(r#"{"id":"x","echo":"Bearer [token]","url":"https://a/b?…"}"#));
    assert_eq!((receipt.phase(), receipt.status(), receipt.attempts()), (Phase::Reading, Some(200), 1));
    let kept = serde_json::to_string(&receipt).unwrap();
    assert_eq!(serde_json::from_str::<Receipt>(&kept).unwrap(), receipt);
}

#[test]
fn the_budget_ends_the_attempts() {
    let mut submitting = submitting();
    let refused = || Err(Failure::new(Phase::Connect, FailureKind::Broken, "refused"));
    assert!(submitting.next(refused(), Duration::ZERO, 0.5).is_continue());
    assert!(submitting.next(refused(), Duration::from_secs(59), 0.0).is_continue());
    let ControlFlow::Break(Submission::Refused(error)) =
        submitting.next(refused(), Duration::from_secs(60), 0.0)
    else {
        panic!("expected a refusal");
    };
    assert!(error.is_connect());
}

#[test]
fn a_submit_that_is_given_up_made_nothing_and_says_why_the_last_attempt_did_not() {
    let Submission::Refused(untried) = submitting().give_up() else { panic!("expected a refusal") };
    assert!(untried.is_given_up());
    let mut submitting = submitting();
    assert!(submitting.next(reply(429, r#"{"message":"busy"}"#), Duration::ZERO, 0.5).is_continue());
    let Submission::Refused(error) = submitting.give_up() else { panic!("expected a refusal") };
    assert!(error.is_given_up() && !error.is_rate_limited());
    assert_eq!(error.to_string(), "given up before another attempt was made (HTTP 429): busy");
}
