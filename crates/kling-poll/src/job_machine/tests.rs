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

fn answer(status: u16, body: &str) -> HttpReply {
    HttpReply::new(HttpHead::new(status, |_| None, SystemTime::UNIX_EPOCH), body.to_owned().into())
}

fn status(code: u16, body: &str) -> Event {
    Event::Status(GetStatus(&id()).read(&answer(code, body)))
}

fn word(word: &str) -> Event {
    status(200, &format!(r#"{{"status":"{word}"}}"#))
}

fn result(code: u16, body: &str) -> Event {
    Event::Result(GetResult(&id()).read(&answer(code, body)))
}

fn dropped() -> Event {
    Event::Status(Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "reset").into()))
}

fn options() -> WaitOptions {
    WaitOptions::default().with_schedule(FixedInterval(SECOND * 2)).with_deadline(SECOND * 60)
}

/// Plays answers into a machine, each as soon as it is asked for, and tells what the machine did and when.
fn play(
    age: Option<Duration>,
    options: &WaitOptions,
    answers: impl IntoIterator<Item = Event>,
) -> Vec<String> {
    let mut machine = JobMachine::new(age);
    let mut answers = answers.into_iter();
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
                answers.next().expect("an answer for each question")
            }
            Action::SendResult { timeout } => {
                log.push(format!("{at} result within {}", timeout.as_secs()));
                answers.next().expect("an answer for each question")
            }
            Action::SendCancel { timeout } => {
                log.push(format!("{at} cancel within {}", timeout.as_secs()));
                answers.next().expect("an answer for each question")
            }
            Action::Done(ending) => {
                let name = format!("{ending:?}");
                log.push(format!("{at} {}", name.split(['(', ' ']).next().unwrap_or_default()));
                return log;
            }
        };
    }
}

fn ends(log: &[String]) -> &str {
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
fn an_update_says_how_long_the_job_has_run_and_may_still_run() {
    let known = r#"{"request_id":"a","model":"maker/model","submitted_at":{"secs_since_epoch":7,"nanos_since_epoch":0}}"#;
    let job: Job = serde_json::from_str(known).unwrap();
    let history = serde_json::from_str(r#"{"maker/model":[100,110,120,130,140]}"#).unwrap();
    let options = WaitOptions::default().with_history(&history).for_job(&job);
    let mut machine = JobMachine::new(Some(Duration::ZERO));
    let mut told = |at: u32, event| {
        let update = machine.step(&options, SECOND * at, 0.5, event).update.unwrap();
        (update.run_time, update.time_left)
    };
    assert_eq!(told(2, word("in_queue")), (None, None), "a queued job has not begun to run");
    // The run began midway between the two polls.
    let left = TimeLeft::About(SECOND * 115);
    assert_eq!(told(12, word("in_progress")), (Some(SECOND * 5), Some(left)));
    assert_eq!(told(200, dropped()), (Some(SECOND * 193), Some(TimeLeft::Overdue)));
}

#[test]
fn a_job_just_submitted_gets_time_and_completed_is_not_success() {
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
fn a_job_taken_up_again_is_asked_about_at_once() {
    let log =
        play(None, &options(), [word("completed"), result(200, r#"{"status":"succeeded","output":"u"}"#)]);
    assert_eq!(log, ["0 status within 30", "0 result within 30", "0 Succeeded"]);
}

#[test]
fn the_result_wins_over_the_status_and_an_unfinished_one_goes_back_to_waiting() {
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
    assert_eq!(ends(&log), "Succeeded");
    assert_eq!(log.len(), 7);
}

#[test]
fn a_certificate_that_is_not_accepted_ends_a_wait_that_never_had_an_answer() {
    let untrusted = || {
        let failure =
            TransportError::new(Phase::Connect, TransportErrorKind::Certificate, "invalid peer certificate");
        Event::Status(Err(failure.into()))
    };
    assert_eq!(play(None, &options(), [untrusted()]), ["0 status within 30", "0 Refused"]);
    let done = || result(200, r#"{"status":"succeeded","output":"u"}"#);
    let after_an_answer = [word("in_queue"), untrusted(), word("completed"), done()];
    assert_eq!(ends(&play(None, &options(), after_an_answer)), "Succeeded");
    let after_a_submit = [untrusted(), word("completed"), done()];
    assert_eq!(ends(&play(Some(Duration::ZERO), &options(), after_a_submit)), "Succeeded");
}

#[test]
fn once_the_status_is_terminal_content_decides_and_words_may_be_any() {
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
            assert_eq!(ends(&log), expected, "{word_of_status}, {body}");
        }
    }
}

#[test]
fn an_outcome_without_content_goes_back_to_waiting() {
    for body in [
        r#"{"status":"completed","error":{},"output":{}}"#,
        r#"{"status":"error"}"#,
        r#"{"status":"kaput","error":""}"#,
    ] {
        let good = result(200, r#"{"status":"succeeded","output":"https://x/a.mp4"}"#);
        let log = play(None, &options(), [word("completed"), result(200, body), word("completed"), good]);
        assert_eq!(ends(&log), "Succeeded", "{body}");
    }
}

#[test]
fn unknown_words_mean_that_the_job_goes_on() {
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
    assert_eq!(ends(&log), "Cancelled");
}

#[test]
fn bad_answers_in_a_row_are_forgiven_up_to_the_budget() {
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
    assert_eq!(ends(&play(None, &patient, bad().into_iter().chain(good.clone()))), "Succeeded");
    assert_eq!(ends(&play(None, &patient.clone().with_max_errors(8), bad())), "Exhausted");
    let twice = bad().into_iter().chain([word("in_queue")]).chain(bad()).chain(good);
    assert_eq!(ends(&play(None, &patient, twice)), "Succeeded");
}

#[test]
fn the_apis_own_words_on_token_account_and_id_end_it_at_once() {
    for body in [r#"{"error_code":400004}"#, r#"{"error_code":403001}"#, r#"{"error_code":404001}"#] {
        assert_eq!(play(None, &options(), [status(400, body)]), ["0 status within 30", "0 Refused"]);
    }
}

#[test]
fn a_gateways_json_says_nothing_of_the_job() {
    for (code, body) in [
        (404, r#"{"message":"no Route matched with those values"}"#),
        (404, r#"{"error_code":404000}"#),
        (403, r#"{"message":"Forbidden"}"#),
        (410, r#"{"detail":"gone"}"#),
    ] {
        let gateways = || status(code, body);
        let good = [gateways(), word("completed"), result(code, body), word("completed")];
        let log = play(
            None,
            &options(),
            good.into_iter().chain([result(200, r#"{"status":"succeeded","output":"u"}"#)]),
        );
        assert_eq!(ends(&log), "Succeeded", "{code} {body}");
        let many = std::iter::repeat_with(gateways);
        assert_eq!(ends(&play(None, &options().with_max_errors(3), many)), "Exhausted", "{code} {body}");
    }
}

#[test]
fn an_id_that_is_not_known_yet_is_forgiven_while_it_is_young() {
    let unknown = || status(404, r#"{"error_code":404001}"#);
    let log = play(
        Some(Duration::ZERO),
        &options(),
        [unknown(), word("completed"), result(200, r#"{"status":"failed"}"#)],
    );
    assert_eq!(ends(&log), "Failed");
    assert_eq!(ends(&play(Some(SECOND * 30), &options(), [unknown()])), "Refused");
}

#[test]
fn nothing_is_asked_past_the_deadline_but_the_last_poll_at_it() {
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
    Event::Cancel(PostCancel(&id()).read(&answer(code, body)))
}

#[test]
fn at_the_deadline_a_job_is_cancelled_where_that_was_chosen_and_the_outcome_is_found_out() {
    let lost = || {
        Event::Cancel(Err(TransportError::new(Phase::Waiting, TransportErrorKind::Broken, "reset").into()))
    };
    let gateways = || cancel(404, r#"{"message":"no Route matched with those values"}"#);
    let cases: [(&[Event], Option<CancelOutcome>); 9] = [
        (
            &[gateways(), gateways(), cancel(202, r#"{"outcome":"cancelled"}"#)],
            Some(CancelOutcome::Cancelled),
        ),
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
    for (answers, expected) in cases {
        let cancelling = options().with_deadline(Duration::ZERO).with_at_deadline(OnDeadline::Cancel);
        let answers = [word("in_queue")].into_iter().chain(answers.iter().cloned());
        let (error, log) = wait_error(&cancelling, answers);
        assert!(error.is_deadline() && error.polls() == 1, "{error}");
        let outcome = error.cancelling().unwrap().as_ref().ok().map(|reply| reply.outcome);
        assert_eq!(outcome, expected, "{error}");
        assert_eq!(log[1], "0 cancel within 5");
    }
}

#[test]
fn at_the_deadline_a_job_is_left_unless_chosen_otherwise() {
    let (error, log) = wait_error(&options().with_deadline(Duration::ZERO), [word("in_queue")]);
    assert!(error.is_deadline() && error.cancelling().is_none());
    assert_eq!(log, ["0 status within 5"]);
}

/// What a wait that begins at its deadline ends with.
fn wait_error(options: &WaitOptions, answers: impl IntoIterator<Item = Event>) -> (WaitError, Vec<String>) {
    let mut machine = JobMachine::new(None);
    let (mut event, mut log, mut answers) = (Event::Started, Vec::new(), answers.into_iter());
    loop {
        event = match machine.step(options, Duration::ZERO, 0.5, event).action {
            Action::WaitUntil(_) => Event::Due,
            Action::SendStatus { timeout } => {
                log.push(format!("0 status within {}", timeout.as_secs()));
                answers.next().unwrap()
            }
            Action::SendCancel { timeout } => {
                log.push(format!("0 cancel within {}", timeout.as_secs()));
                answers.next().unwrap()
            }
            Action::SendResult { .. } => answers.next().unwrap(),
            Action::Done(ending) => {
                let job: Job = Job::from_id(id());
                return (machine.conclude(&job, Duration::ZERO, *ending).unwrap_err(), log);
            }
        };
    }
}

#[test]
fn a_server_that_asks_for_a_pause_gets_it_up_to_a_bound() {
    let asks = |code, pause| {
        let mut reply = answer(code, r#"{"status":"in_queue"}"#);
        reply.head.retry_after = Some(pause);
        Event::Status(GetStatus(&id()).read(&reply))
    };
    let patient = options().with_deadline(None);
    let answers = [
        asks(200, SECOND * 7),
        asks(429, SECOND * 9),
        asks(503, SECOND * 100_000),
        status(404, r#"{"error_code":404001}"#),
    ];
    assert_eq!(
        play(None, &patient, answers),
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
fn updates_come_on_change_and_on_errors_only() {
    let mut machine = JobMachine::new(None);
    let mut told = |event| machine.step(&options(), SECOND, 0.5, event).update.is_some();
    assert!(told(status(200, r#"{"status":"in_queue","queue_position":3}"#)));
    assert!(!told(status(200, r#"{"status":"in_queue","queue_position":3}"#)));
    assert!(told(status(200, r#"{"status":"in_queue","queue_position":2}"#)));
    assert!(told(dropped()));
    assert!(told(word("in_progress")));
    assert!(!told(word("processing")));
}

#[test]
fn a_machine_is_small() {
    assert!(size_of::<JobMachine>() <= 128, "{} bytes", size_of::<JobMachine>());
}
