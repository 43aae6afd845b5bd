//! The times at which both clients make calls, in virtual time.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kling_poll::{DurationHistory, FixedInterval, WaitOptions};
use kling_tests::virtual_time::{Server, VirtualClock, async_client, blocking_client, paused};
use kling_transport::blocking;
use kling_transport::{
    Backoff, Client, HttpHead, HttpReply, HttpRequest, Job, Limits, ModelId, Phase, RetryPolicy, Settings,
    SubmitError, Token, TransportError, TransportErrorKind,
};
use serde_json::json;

const SECOND: Duration = Duration::from_secs(1);

type Outcome = Result<HttpReply, TransportError>;

/// Plays a list of replies. Records each call with its time and its time limit, in seconds.
#[derive(Debug, Default)]
struct Script {
    outcomes: Mutex<VecDeque<Outcome>>,
    calls: Mutex<Vec<(String, u64, u64)>>,
}

impl Server for Script {
    fn reply(&self, request: &HttpRequest, limits: Limits, now: Duration) -> Outcome {
        let last = request.url().path_segments().and_then(|mut path| path.next_back()).unwrap_or_default();
        // Rounded, since the age of a new job is a few milliseconds of real time.
        let at = now.as_secs_f64().round() as u64;
        self.calls.lock().unwrap().push((last.to_owned(), at, limits.timeout.as_secs()));
        self.outcomes.lock().unwrap().pop_front().expect("an outcome for each request")
    }
}

/// The outcome, and the calls.
type Trace = (String, Vec<(String, u64, u64)>);

fn submit(outcomes: Vec<Outcome>) -> Trace {
    through(
        outcomes,
        async |client| text(client.submit_json(&model(), &json!({})).await.into_result()),
        |client| text(client.submit_json(&model(), &json!({})).into_result()),
    )
}

fn wait(outcomes: Vec<Outcome>, options: &WaitOptions) -> Trace {
    wait_for(&Job::from_id("id-1".parse().unwrap()), outcomes, options)
}

fn wait_for(job: &Job, outcomes: Vec<Outcome>, options: &WaitOptions) -> Trace {
    through(
        outcomes,
        async |client| text(kling_poll::wait(&client, job, options, |_| {}).await),
        |client| text(kling_poll::blocking::wait(&client, job, options, |_| {})),
    )
}

/// Returns a job of a model that was submitted just now.
fn new_job(model: &str) -> Job {
    let job: Job = Job::from_id("id-1".parse().unwrap());
    job.with_model(model.parse().unwrap()).with_submitted_at(SystemTime::now())
}

/// Plays a script through both clients, whose outcomes and calls must be equal.
fn through(
    outcomes: Vec<Outcome>,
    in_async: impl AsyncFnOnce(Client) -> String,
    in_blocking: impl FnOnce(blocking::Client) -> String,
) -> Trace {
    let script = || Arc::new(Script { outcomes: Mutex::new(outcomes.clone().into()), ..Script::default() });

    let first = script();
    let end = paused().block_on(async { in_async(async_client(settings(), &first)).await });
    let trace = (end, first.calls.lock().unwrap().clone());

    let second = script();
    let end = in_blocking(blocking_client(settings(), &second, &VirtualClock::default()));
    assert_eq!((end, second.calls.lock().unwrap().clone()), trace, "async and blocking keep the same pace");
    trace
}

fn text<T, E: std::fmt::Display>(outcome: Result<T, E>) -> String {
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

fn times(calls: &[(String, u64, u64)]) -> Vec<u64> {
    calls.iter().map(|(_, at, _)| *at).collect()
}

#[test]
fn a_submit_is_retried_after_the_pause_and_within_its_budget() {
    let (end, calls) =
        submit(vec![later(429, "2"), later(429, "25"), reply(200, r#"{"request_id":"id-1"}"#)]);
    assert_eq!((end.as_str(), times(&calls)), ("good", vec![0, 2, 27]));

    let (end, calls) = submit(vec![later(429, "30"), later(429, "30")]);
    assert_eq!(times(&calls), [0, 30]);
    assert_eq!(end, "nothing was submitted: too many calls (HTTP 429); wait, then try again");
}

#[test]
fn a_submit_is_retried_only_if_it_was_not_sent() {
    let unsent =
        || Err(TransportError::new(Phase::Connect, TransportErrorKind::Broken, "connection refused"));
    let sent = || Err(TransportError::new(Phase::Waiting, TransportErrorKind::Timeout, "no answer"));
    let (end, calls) = submit(vec![unsent(), unsent(), sent()]);
    assert_eq!(calls.len(), 3);
    assert!(
        end.starts_with("the outcome of the submit to maker/model is unknown: no answer while waiting"),
        "{end}"
    );
}

#[test]
fn a_wait_polls_by_its_schedule_and_once_more_at_its_deadline() {
    let queued = || reply(200, r#"{"status":"in_queue"}"#);
    let options = WaitOptions::default().with_schedule(FixedInterval(SECOND * 4)).with_deadline(SECOND * 10);
    let (end, calls) = wait(vec![queued(), queued(), queued(), queued()], &options);
    assert_eq!(
        calls.iter().map(|(_, at, limit)| (*at, *limit)).collect::<Vec<_>>(),
        [(0, 10), (4, 6), (8, 5), (10, 5)]
    );
    assert_eq!(
        end,
        "request id-1 timed out after 10s (in_queue, 4 polls); the job is still running and may be billed"
    );
}

#[test]
fn the_default_schedule_grows_from_two_seconds_to_ten() {
    let queued = || reply(200, r#"{"status":"in_queue"}"#);
    let (_, calls) =
        wait((0..40).map(|_| queued()).collect(), &WaitOptions::default().with_deadline(SECOND * 300));
    let times = times(&calls);
    assert!(times[1] <= 2, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 11), "{times:?}");
    assert_eq!(times.last(), Some(&300));
}

#[test]
fn a_rejected_submit_is_not_unknown() {
    let rejected = SubmitError::Rejected(kling_transport::Token::new("").unwrap_err());
    assert!(!rejected.is_unknown() && rejected.unknown_outcome().is_none());
}

#[test]
fn after_five_jobs_of_a_kind_a_wait_is_silent_until_the_next_could_be_over() {
    let running = || reply(200, r#"{"status":"in_progress"}"#);
    let history: DurationHistory =
        serde_json::from_str(r#"{"maker/model": [100, 110, 120, 130, 140]}"#).unwrap();
    let options = WaitOptions::default().with_history(&history).with_deadline(SECOND * 80);
    let (_, calls) = wait_for(&new_job("maker/model"), (0..40).map(|_| running()).collect(), &options);
    assert_eq!(times(&calls)[..9], [2, 17, 32, 47, 62, 71, 72, 73, 74]);
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
        let (end, calls) = wait_for(&job, outcomes(), &WaitOptions::default());
        assert_eq!((end.as_str(), calls.len()), ("good", 3));
    }
    let known = DurationHistory::of_process().schedule(&job).unwrap().seconds();
    assert_eq!(known.len(), 4, "two jobs of each client: {known:?}");
    assert!(known.iter().all(|seconds| (1.0..2.3).contains(seconds)), "{known:?}");
}
