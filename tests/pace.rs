//! When both clients ask, in virtual time: nothing here waits, and no socket is opened.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kling_poll::{DurationHistory, FixedInterval, WaitOptions};
use kling_tests::virtual_time::{VirtualClock, World, async_client, blocking_client, paused};
use kling_transport::blocking;
use kling_transport::{
    Backoff, Client, HttpHead, HttpReply, HttpRequest, Job, Limits, ModelId, Phase, RetryPolicy, Settings,
    SubmitError, Token, TransportError, TransportErrorKind,
};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

type Outcome = Result<HttpReply, TransportError>;

/// Answers from a list, and notes when each was asked for and how long it may take, in seconds.
#[derive(Debug, Default)]
struct Script {
    outcomes: Mutex<VecDeque<Outcome>>,
    asked: Mutex<Vec<(String, u64, u64)>>,
}

impl World for Script {
    fn reply(&self, request: &HttpRequest, limits: Limits, now: Duration) -> Outcome {
        let last = request.url().path_segments().and_then(|mut path| path.next_back()).unwrap_or_default();
        self.asked.lock().unwrap().push((last.to_owned(), now.as_secs(), limits.timeout.as_secs()));
        self.outcomes.lock().unwrap().pop_front().expect("an outcome for each request")
    }
}

/// What came of it through either client, and what was asked when.
type Told = (String, Vec<(String, u64, u64)>);

fn submitted(outcomes: Vec<Outcome>) -> Told {
    through(
        outcomes,
        async |client| told(client.submit_json(&model(), &json!({})).await.into_result()),
        |client| told(client.submit_json(&model(), &json!({})).into_result()),
    )
}

fn waited(outcomes: Vec<Outcome>, options: &WaitOptions) -> Told {
    waited_for(&Job::from_id("id-1".parse().unwrap()), outcomes, options)
}

fn waited_for(job: &Job, outcomes: Vec<Outcome>, options: &WaitOptions) -> Told {
    through(
        outcomes,
        async |client| told(kling_poll::wait(&client, job, options, |_| {}).await),
        |client| told(kling_poll::blocking::wait(&client, job, options, |_| {})),
    )
}

/// A job of a model that was submitted just now.
fn new_job(model: &str) -> Job {
    let job: Job = Job::from_id("id-1".parse().unwrap());
    job.with_model(model.parse().unwrap()).with_submitted_at(SystemTime::now())
}

/// Plays a script through both, and demands that they do not differ.
fn through(
    outcomes: Vec<Outcome>,
    in_async: impl AsyncFnOnce(Client) -> String,
    in_blocking: impl FnOnce(blocking::Client) -> String,
) -> Told {
    let script = || Arc::new(Script { outcomes: Mutex::new(outcomes.clone().into()), ..Script::default() });

    let first = script();
    let end = paused().block_on(async { in_async(async_client(settings(), &first)).await });
    let told = (end, first.asked.lock().unwrap().clone());

    let second = script();
    let end = in_blocking(blocking_client(settings(), &second, &VirtualClock::default()));
    assert_eq!((end, second.asked.lock().unwrap().clone()), told, "async and blocking keep the same pace");
    told
}

fn told<T, E: std::fmt::Display>(outcome: Result<T, E>) -> String {
    outcome.map_or_else(|error| error.to_string(), |_| "good".to_owned())
}

fn model() -> ModelId {
    "maker/model".parse().unwrap()
}

fn settings() -> Settings {
    let steady = Backoff { first: Duration::ZERO, cap: Duration::ZERO };
    Settings::new(Token::new("pace-token").unwrap())
        .with_submit_retry(RetryPolicy::new(SECOND * 60).with_backoff(steady))
}

fn reply(status: u16, body: &str) -> Outcome {
    Ok(HttpReply::new(HttpHead::new(status, |_| None, SystemTime::UNIX_EPOCH), body.to_owned().into()))
}

fn later(status: u16, seconds: &str) -> Outcome {
    let header = |name: &str| (name == "retry-after").then_some(seconds);
    Ok(HttpReply::new(HttpHead::new(status, header, SystemTime::UNIX_EPOCH), "".into()))
}

fn at(asked: &[(String, u64, u64)]) -> Vec<u64> {
    asked.iter().map(|(_, at, _)| *at).collect()
}

#[test]
fn a_submit_comes_no_sooner_than_asked_and_within_the_budget() {
    let (end, asked) =
        submitted(vec![later(429, "2"), later(429, "25"), reply(200, r#"{"request_id":"id-1"}"#)]);
    assert_eq!((end.as_str(), at(&asked)), ("good", vec![0, 2, 27]));

    let (end, asked) = submitted(vec![later(429, "30"), later(429, "30")]);
    assert_eq!(at(&asked), [0, 30]);
    assert_eq!(end, "nothing was submitted: too many calls (HTTP 429); wait, then try again");
}

#[test]
fn a_submit_that_never_left_is_tried_again_and_one_that_may_have_is_not() {
    let unsent =
        || Err(TransportError::new(Phase::Connect, TransportErrorKind::Broken, "connection refused"));
    let sent = || Err(TransportError::new(Phase::Waiting, TransportErrorKind::Timeout, "no answer"));
    let (end, asked) = submitted(vec![unsent(), unsent(), sent()]);
    assert_eq!(asked.len(), 3);
    assert!(
        end.starts_with("the outcome of the submit to maker/model is unknown: no answer while waiting"),
        "{end}"
    );
}

#[test]
fn a_wait_asks_by_its_schedule_and_once_more_at_its_deadline() {
    let queued = || reply(200, r#"{"status":"in_queue"}"#);
    let options = WaitOptions::default().with_schedule(FixedInterval(SECOND * 4)).with_deadline(SECOND * 10);
    let (end, asked) = waited(vec![queued(), queued(), queued(), queued()], &options);
    assert_eq!(
        asked.iter().map(|(_, at, limit)| (*at, *limit)).collect::<Vec<_>>(),
        [(0, 10), (4, 6), (8, 5), (10, 5)]
    );
    assert_eq!(
        end,
        "request id-1 timed out after 10s (in_queue, 4 polls); the job is still running and may be billed"
    );
}

#[test]
fn the_default_schedule_starts_within_two_seconds_and_calms_down_to_ten() {
    let queued = || reply(200, r#"{"status":"in_queue"}"#);
    let (_, asked) =
        waited((0..40).map(|_| queued()).collect(), &WaitOptions::default().with_deadline(SECOND * 300));
    let times = at(&asked);
    assert!(times[1] <= 2, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 11), "{times:?}");
    assert_eq!(times.last(), Some(&300));
}

#[test]
fn an_error_of_a_submit_tells_refused_from_unknown() {
    let refused = SubmitError::Rejected(kling_transport::Token::new("").unwrap_err());
    assert!(!refused.is_unknown() && refused.unknown_outcome().is_none());
}

#[test]
fn once_five_jobs_of_a_kind_are_known_a_wait_is_silent_until_the_next_could_be_over() {
    let running = || reply(200, r#"{"status":"in_progress"}"#);
    let history: DurationHistory =
        serde_json::from_str(r#"{"maker/model": [100, 110, 120, 130, 140]}"#).unwrap();
    let options = WaitOptions::default().with_history(&history).with_deadline(SECOND * 80);
    let (_, asked) = waited_for(&new_job("maker/model"), (0..40).map(|_| running()).collect(), &options);
    assert_eq!(at(&asked)[..9], [2, 17, 32, 47, 62, 71, 72, 73, 74]);
}

#[test]
fn waits_learn_by_default() {
    let job = new_job("maker/learned-by-default");
    let outcomes = || {
        vec![
            reply(200, r#"{"status":"in_progress"}"#),
            reply(200, r#"{"status":"completed"}"#),
            reply(200, r#"{"status":"succeeded"}"#),
        ]
    };
    for _ in 0..2 {
        let (end, asked) = waited_for(&job, outcomes(), &WaitOptions::default());
        assert_eq!((end.as_str(), asked.len()), ("good", 3));
    }
    let known = DurationHistory::of_process().schedule(&job).unwrap().seconds();
    assert_eq!(known.len(), 4, "two jobs of each client: {known:?}");
    assert!(known.iter().all(|seconds| (1.0..2.3).contains(seconds)), "{known:?}");
}
