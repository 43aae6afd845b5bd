use std::time::SystemTime;

use kling_transport::{
    Call, GetResult, GetStatus, HttpHead, HttpReply, Phase, PostCancel, TransportError, TransportErrorKind,
};

use super::*;
use crate::FixedInterval;

const SECOND: Duration = Duration::from_secs(1);

fn id() -> RequestId {
    "id-1".parse().unwrap()
}

fn http_reply(status: u16, body: &str) -> HttpReply {
    HttpReply::new(HttpHead::new(status, |_| None, SystemTime::UNIX_EPOCH), body.to_owned().into())
}

fn status(code: u16, body: &str) -> Event {
    Event::Status(GetStatus(&id()).read(&http_reply(code, body)))
}

fn word(word: &str) -> Event {
    status(200, &format!(r#"{{"status":"{word}"}}"#))
}

fn result(code: u16, body: &str) -> Event {
    Event::Result(GetResult(&id()).read(&http_reply(code, body)))
}

fn dropped() -> Event {
    Event::Status(Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "reset").into()))
}

fn options() -> WaitOptions {
    WaitOptions::default().with_schedule(FixedInterval(SECOND * 2)).with_deadline(SECOND * 60)
}

/// Plays replies into a machine without latency. Returns its calls and its outcome, each with its time.
fn play(
    age: Option<Duration>,
    options: &WaitOptions,
    replies: impl IntoIterator<Item = Event>,
) -> Vec<String> {
    let mut machine = JobMachine::new(age);
    let mut replies = replies.into_iter();
    let (mut now, mut event, mut log) = (Duration::ZERO, Event::Started, Vec::new());
    loop {
        let step = machine.step(options, now, 0.5, event);
        let at = now.as_secs_f64();
        event = match step.action {
            Action::WaitUntil(due) => {
                assert!(due >= now, "time does not go back");
                now = due;
                Event::Due
            }
            Action::SendStatus { timeout } => {
                log.push(format!("{at} status within {}", timeout.as_secs()));
                replies.next().expect("a reply for each call")
            }
            Action::SendResult { timeout } => {
                log.push(format!("{at} result within {}", timeout.as_secs()));
                replies.next().expect("a reply for each call")
            }
            Action::SendCancel { timeout } => {
                log.push(format!("{at} cancel within {}", timeout.as_secs()));
                replies.next().expect("a reply for each call")
            }
            Action::Done(outcome) => {
                let name = format!("{outcome:?}");
                log.push(format!("{at} {}", name.split(['(', ' ']).next().unwrap_or_default()));
                return log;
            }
        };
    }
}

fn outcome(log: &[String]) -> &str {
    log.last().and_then(|line| line.split(' ').next_back()).unwrap_or_default()
}

#[test]
fn the_first_pause_counts_from_the_submit() {
    for (age, first) in [(0, "2 "), (500, "1.5 "), (1900, "0.1 "), (2100, "0 "), (40_000, "0 ")] {
        let log = play(
            Some(Duration::from_millis(age)),
            &options(),
            [word("completed"), result(200, r#"{"status":"succeeded"}"#)],
        );
        assert!(log[0].starts_with(&format!("{first}status")), "{log:?}");
    }
}

#[test]
fn an_update_has_the_run_time_and_the_time_left() {
    let known = r#"{"request_id":"a","model":"maker/model","submitted_at":{"secs_since_epoch":7,"nanos_since_epoch":0}}"#;
    let job: Job = serde_json::from_str(known).unwrap();
    let history = serde_json::from_str(r#"{"maker/model":[100,110,120,130,140]}"#).unwrap();
    let options = WaitOptions::default().with_history(&history).for_job(&job);
    let mut machine = JobMachine::new(Some(Duration::ZERO));
    let mut times = |at: u32, event| {
        let update = machine.step(&options, SECOND * at, 0.5, event).update.unwrap();
        (update.run_time, update.time_left)
    };
    assert_eq!(times(2, word("in_queue")), (None, None), "a queued job has not begun to run");
    // The run began midway between the two polls.
    let left = TimeLeft::About(SECOND * 115);
    assert_eq!(times(12, word("in_progress")), (Some(SECOND * 5), Some(left)));
    assert_eq!(times(200, dropped()), (Some(SECOND * 193), Some(TimeLeft::Overdue)));
}

#[test]
fn a_new_job_is_polled_by_its_schedule_and_completed_is_not_success() {
    let log = play(
        Some(Duration::ZERO),
        &options(),
        [
            word("in_queue"),
            word("in_progress"),
            word("completed"),
            result(200, r#"{"status":"failed","error":"no"}"#),
        ],
    );
    assert_eq!(
        log,
        ["2 status within 30", "4 status within 30", "6 status within 30", "6 result within 30", "6 Failed"]
    );
}

#[test]
fn a_resumed_job_is_polled_at_once() {
    let log =
        play(None, &options(), [word("completed"), result(200, r#"{"status":"succeeded","output":"u"}"#)]);
    assert_eq!(log, ["0 status within 30", "0 result within 30", "0 Succeeded"]);
}

#[test]
fn the_result_overrides_the_status_and_an_unfinished_one_continues_the_wait() {
    let log = play(
        None,
        &options(),
        [
            word("completed"),
            result(200, r#"{"status":"in_progress"}"#),
            word("failed"),
            result(400, r#"{"error_code":400005}"#),
            word("failed"),
            result(200, r#"{"status":"succeeded","output":"u"}"#),
        ],
    );
    assert_eq!(outcome(&log), "Succeeded");
    assert_eq!(log.len(), 7);
}

#[test]
fn a_rejected_certificate_ends_a_wait_that_never_had_a_reply() {
    let untrusted = || {
        let error =
            TransportError::new(Phase::Connect, TransportErrorKind::Certificate, "invalid peer certificate");
        Event::Status(Err(error.into()))
    };
    assert_eq!(play(None, &options(), [untrusted()]), ["0 status within 30", "0 Refused"]);
    let done = || result(200, r#"{"status":"succeeded","output":"u"}"#);
    let after_a_reply = [word("in_queue"), untrusted(), word("completed"), done()];
    assert_eq!(outcome(&play(None, &options(), after_a_reply)), "Succeeded");
    let after_a_submit = [untrusted(), word("completed"), done()];
    assert_eq!(outcome(&play(Some(Duration::ZERO), &options(), after_a_submit)), "Succeeded");
}

#[test]
fn after_a_final_status_the_content_of_the_result_decides() {
    let cases = [
        (r#"{"status":"success","output":{"video":"https://x/a.mp4"}}"#, "Succeeded"),
        (r#"{"status":"ready","output":"https://x/a.mp4"}"#, "Succeeded"),
        (r#"{"status":"in_progress","output":["https://x/a.mp4"]}"#, "Succeeded"),
        (r#"{"status":"completed","error":"","output":{"video":"https://x/a.mp4"}}"#, "Succeeded"),
        (r#"{"status":"failed","error":"upscaling","output":{"video":"https://x/a.mp4"}}"#, "Succeeded"),
        (r#"{"status":"error","error":"no face"}"#, "Failed"),
        (r#"{"status":"kaput","error":{"message":"no face"}}"#, "Failed"),
    ];
    for (body, expected) in cases {
        for word_of_status in ["completed", "success", "error", "Timed Out"] {
            let log = play(None, &options(), [word(word_of_status), result(200, body)]);
            assert_eq!(outcome(&log), expected, "{word_of_status}, {body}");
        }
    }
}

#[test]
fn a_result_without_content_continues_the_wait() {
    for body in [
        r#"{"status":"completed","error":{},"output":{}}"#,
        r#"{"status":"error"}"#,
        r#"{"status":"kaput","error":""}"#,
    ] {
        let good = result(200, r#"{"status":"succeeded","output":"https://x/a.mp4"}"#);
        let log = play(None, &options(), [word("completed"), result(200, body), word("completed"), good]);
        assert_eq!(outcome(&log), "Succeeded", "{body}");
    }
}

#[test]
fn an_unknown_state_means_that_the_job_runs() {
    let log = play(
        None,
        &options(),
        [
            word("warming_up"),
            word("cancellation_requested"),
            word("cancelled"),
            result(400, r#"{"error_code":400005}"#),
        ],
    );
    assert_eq!(outcome(&log), "Cancelled");
}

#[test]
fn consecutive_bad_replies_are_retried_up_to_the_limit() {
    let bad = || {
        [
            dropped(),
            status(503, ""),
            status(200, "<html>"),
            status(429, ""),
            status(408, ""),
            status(403, "<html>"),
            status(200, r#"{"request_id":"other","status":"completed"}"#),
            status(200, "{}"),
            status(302, ""),
        ]
    };
    let good = [word("completed"), result(200, r#"{"status":"succeeded"}"#)];
    let patient = options().with_max_errors(9).with_deadline(None);
    assert_eq!(outcome(&play(None, &patient, bad().into_iter().chain(good.clone()))), "Succeeded");
    assert_eq!(outcome(&play(None, &patient.clone().with_max_errors(8), bad())), "Exhausted");
    let twice = bad().into_iter().chain([word("in_queue")]).chain(bad()).chain(good);
    assert_eq!(outcome(&play(None, &patient, twice)), "Succeeded");
}

#[test]
fn error_codes_on_token_account_and_id_end_the_wait_at_once() {
    for body in [r#"{"error_code":400004}"#, r#"{"error_code":403001}"#, r#"{"error_code":404001}"#] {
        assert_eq!(play(None, &options(), [status(400, body)]), ["0 status within 30", "0 Refused"]);
    }
}

#[test]
fn an_error_of_a_gateway_is_retried() {
    for (code, body) in [
        (404, r#"{"message":"no Route matched with those values"}"#),
        (404, r#"{"error_code":404000}"#),
        (403, r#"{"message":"Forbidden"}"#),
        (410, r#"{"detail":"gone"}"#),
    ] {
        let gateway = || status(code, body);
        let good = [gateway(), word("completed"), result(code, body), word("completed")];
        let log = play(
            None,
            &options(),
            good.into_iter().chain([result(200, r#"{"status":"succeeded","output":"u"}"#)]),
        );
        assert_eq!(outcome(&log), "Succeeded", "{code} {body}");
        let many = std::iter::repeat_with(gateway);
        assert_eq!(outcome(&play(None, &options().with_max_errors(3), many)), "Exhausted", "{code} {body}");
    }
}

#[test]
fn not_found_is_retried_for_a_new_job() {
    let unknown = || status(404, r#"{"error_code":404001}"#);
    let log = play(
        Some(Duration::ZERO),
        &options(),
        [unknown(), word("completed"), result(200, r#"{"status":"failed"}"#)],
    );
    assert_eq!(outcome(&log), "Failed");
    assert_eq!(outcome(&play(Some(SECOND * 30), &options(), [unknown()])), "Refused");
}

#[test]
fn the_last_poll_is_made_at_the_deadline() {
    let brief = options().with_deadline(SECOND * 5);
    let log = play(None, &brief, [word("in_queue"), word("in_queue"), word("in_queue"), word("in_queue")]);
    assert_eq!(
        log,
        ["0 status within 5", "2 status within 5", "4 status within 5", "5 status within 5", "5 Deadline"]
    );
    let log = play(
        None,
        &brief.with_deadline(Duration::ZERO),
        [word("completed"), result(200, r#"{"status":"succeeded"}"#)],
    );
    assert_eq!(log, ["0 status within 5", "0 result within 5", "0 Succeeded"]);
}

fn cancel(code: u16, body: &str) -> Event {
    Event::Cancel(PostCancel(&id()).read(&http_reply(code, body)))
}

#[test]
fn at_the_deadline_a_job_is_cancelled_by_option_and_the_outcome_is_reported() {
    let lost = || {
        Event::Cancel(Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "reset").into()))
    };
    let gateway = || cancel(404, r#"{"message":"no Route matched with those values"}"#);
    let cases: [(&[Event], Option<CancelOutcome>); 9] = [
        (&[gateway(), gateway(), cancel(202, r#"{"outcome":"cancelled"}"#)], Some(CancelOutcome::Cancelled)),
        (&[cancel(202, r#"{"outcome":"cancelled"}"#)], Some(CancelOutcome::Cancelled)),
        (&[cancel(202, r#"{"outcome":"not_cancellable"}"#)], Some(CancelOutcome::NotCancellable)),
        (
            &[lost(), cancel(503, ""), cancel(202, r#"{"outcome":"cancelled"}"#)],
            Some(CancelOutcome::Cancelled),
        ),
        (&[lost(), lost(), lost(), word("cancelled")], Some(CancelOutcome::Cancelled)),
        (&[cancel(429, ""), word("in_queue")], Some(CancelOutcome::NotConfirmed)),
        (&[cancel(202, "{}"), word("completed")], Some(CancelOutcome::AlreadyOver)),
        (
            &[cancel(202, r#"{"status":"cancellation_requested"}"#), dropped()],
            Some(CancelOutcome::NotConfirmed),
        ),
        (&[lost(), lost(), lost(), dropped()], None),
    ];
    for (replies, expected) in cases {
        let cancelling = options().with_deadline(Duration::ZERO).with_at_deadline(OnDeadline::Cancel);
        let replies = [word("in_queue")].into_iter().chain(replies.iter().cloned());
        let (error, log) = wait_error(&cancelling, replies);
        assert!(error.is_deadline() && error.polls() == 1, "{error}");
        let outcome = error.cancelling().unwrap().as_ref().ok().map(|reply| reply.outcome);
        assert_eq!(outcome, expected, "{error}");
        assert_eq!(log[1], "0 cancel within 5");
    }
}

#[test]
fn at_the_deadline_a_job_is_detached_by_default() {
    let (error, log) = wait_error(&options().with_deadline(Duration::ZERO), [word("in_queue")]);
    assert!(error.is_deadline() && error.cancelling().is_none());
    assert_eq!(log, ["0 status within 5"]);
}

/// Returns the error of a wait that begins at its deadline, and its calls.
fn wait_error(options: &WaitOptions, replies: impl IntoIterator<Item = Event>) -> (WaitError, Vec<String>) {
    let mut machine = JobMachine::new(None);
    let (mut event, mut log, mut replies) = (Event::Started, Vec::new(), replies.into_iter());
    loop {
        event = match machine.step(options, Duration::ZERO, 0.5, event).action {
            Action::WaitUntil(_) => Event::Due,
            Action::SendStatus { timeout } => {
                log.push(format!("0 status within {}", timeout.as_secs()));
                replies.next().unwrap()
            }
            Action::SendCancel { timeout } => {
                log.push(format!("0 cancel within {}", timeout.as_secs()));
                replies.next().unwrap()
            }
            Action::SendResult { .. } => replies.next().unwrap(),
            Action::Done(outcome) => {
                let job: Job = Job::from_id(id());
                return (machine.conclude(&job, Duration::ZERO, *outcome).unwrap_err(), log);
            }
        };
    }
}

#[test]
fn retry_after_is_kept_up_to_a_bound() {
    let busy = |code, pause| {
        let mut reply = http_reply(code, r#"{"status":"in_queue"}"#);
        reply.head.retry_after = Some(pause);
        Event::Status(GetStatus(&id()).read(&reply))
    };
    let patient = options().with_deadline(None);
    let replies = [
        busy(200, SECOND * 7),
        busy(429, SECOND * 9),
        busy(503, SECOND * 100_000),
        status(404, r#"{"error_code":404001}"#),
    ];
    assert_eq!(
        play(None, &patient, replies),
        [
            "0 status within 30",
            "7 status within 30",
            "16 status within 30",
            "316 status within 30",
            "316 Refused"
        ]
    );
}

#[test]
fn only_changes_and_errors_cause_updates() {
    let mut machine = JobMachine::new(None);
    let mut has_update = |event| machine.step(&options(), SECOND, 0.5, event).update.is_some();
    assert!(has_update(status(200, r#"{"status":"in_queue","queue_position":3}"#)));
    assert!(!has_update(status(200, r#"{"status":"in_queue","queue_position":3}"#)));
    assert!(has_update(status(200, r#"{"status":"in_queue","queue_position":2}"#)));
    assert!(has_update(dropped()));
    assert!(has_update(word("in_progress")));
    assert!(!has_update(word("processing")));
}

#[test]
fn a_machine_is_small() {
    assert!(size_of::<JobMachine>() <= 128, "{} bytes", size_of::<JobMachine>());
}
