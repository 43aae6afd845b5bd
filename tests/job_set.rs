//! Many jobs in the async and the blocking set, in virtual time: the same calls at the same times, the same events.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use kling_poll::{
    Account, FixedInterval, JobSet, JobSetEvent, JobSetUpdate, PollContext, RateLimit, Schedule, WaitOptions,
};
use kling_tests::virtual_time::{self, VirtualClock, async_client, blocking_client, paused};
use kling_transport::{
    Backoff, HttpHead, HttpReply, HttpRequest, Job, Limits, Phase, Settings, Token, TransportError,
    TransportErrorKind,
};

const SECOND: Duration = Duration::from_secs(1);
const JOBS: u64 = 40;

/// A server whose job number `n` is queued until second `n`, and over at second `2 n`. Every seventh reply is bad, unless the
/// server is calm.
#[derive(Debug, Default)]
struct Server {
    calm: bool,
    calls: Mutex<Vec<(Duration, String)>>,
}

impl virtual_time::Server for Server {
    fn reply(&self, request: &HttpRequest, _: Limits, now: Duration) -> Result<HttpReply, TransportError> {
        let path = request.url().path().to_owned();
        let mut calls = self.calls.lock().unwrap();
        calls.push((now, path.clone()));
        match calls.len() % 28 {
            _ if self.calm => {}
            7 => return Err(TransportError::new(Phase::Reading, TransportErrorKind::Broken, "reset")),
            14 => return Ok(http_reply(503, "", None)),
            21 => return Ok(http_reply(429, "", Some("3"))),
            0 => return Ok(http_reply(200, "<html>", None)),
            _ => {}
        }
        let mut parts = path.rsplit('/');
        let call = parts.next().unwrap_or_default();
        let job: u64 = parts.next().unwrap_or_default().trim_start_matches("job-").parse().unwrap();
        let (waits, over) = (now < SECOND * job as u32, now >= SECOND * 2 * job as u32);
        let body = match (call, over, waits) {
            ("cancel", ..) => r#"{"outcome":"not_cancellable"}"#,
            ("result", true, _) if job.is_multiple_of(5) => r#"{"status":"failed","error":"no face found"}"#,
            ("result", true, _) => r#"{"status":"succeeded","output":"u","cost":0.5}"#,
            ("status", true, _) => r#"{"status":"completed"}"#,
            (_, _, true) => r#"{"status":"in_queue"}"#,
            _ => r#"{"status":"in_progress"}"#,
        };
        Ok(http_reply(200, body, None))
    }
}

fn http_reply(status: u16, body: &str, retry_after: Option<&str>) -> HttpReply {
    let header = |name: &str| retry_after.filter(|_| name == "retry-after");
    HttpReply::new(HttpHead::new(status, header, SystemTime::UNIX_EPOCH), body.to_owned().into())
}

fn fill(account: Account) {
    let steady = Backoff { first: SECOND, cap: SECOND };
    let options = WaitOptions::default().with_schedule(FixedInterval(SECOND * 2)).with_backoff(steady);
    let brief = options.clone().with_deadline(SECOND * 9);
    for job in 0..JOBS {
        let handle: Job = Job::from_id(format!("job-{job}").parse().unwrap());
        let key = account.add(&handle, if job % 11 == 10 { &brief } else { &options });
        match job % 9 {
            7 => assert!(account.cancel(key)),
            8 => assert!(account.detach(key).is_some()),
            _ => {}
        }
    }
}

fn settings() -> Settings {
    Settings::new(Token::new("set-token").unwrap())
}

fn one_at_a_time() -> RateLimit {
    RateLimit::new(1).with_per_second(10.0)
}

fn text(event: &JobSetEvent) -> String {
    let id = &event.request_id;
    match &event.update {
        JobSetUpdate::Update(update) => format!("{id} {:?} {:?}", update.state, update.error),
        JobSetUpdate::Cancelling(outcome) => format!("{id} {outcome:?}"),
        JobSetUpdate::Done(Ok(done)) => format!("{id} is over: {:?}", done.cost_usd()),
        JobSetUpdate::Done(Err(error)) => format!("{id} is over: {error}"),
        other => format!("{id} {other:?}"),
    }
}

#[test]
fn both_sets_make_the_same_calls_and_report_the_same_events() {
    fastrand::seed(7);
    let first = Arc::new(Server::default());
    let events = paused().block_on(async {
        let mut set = JobSet::new();
        fill(set.account(async_client(settings(), &first), one_at_a_time()));
        let mut events = Vec::new();
        while let Some(event) = set.next().await {
            events.push(text(&event));
        }
        events
    });

    fastrand::seed(7);
    let (second, clock) = (Arc::new(Server::default()), VirtualClock::default());
    let mut set = kling_poll::blocking::JobSet::with_runtime(clock.clone());
    fill(set.account(blocking_client(settings(), &second, &clock), one_at_a_time()));
    let blocking_events: Vec<_> = set.by_ref().map(|event| text(&event)).collect();

    assert_eq!(*first.calls.lock().unwrap(), *second.calls.lock().unwrap());
    assert_eq!(events, blocking_events);
    let over = events.iter().filter(|line| line.contains(" is over: ")).count();
    assert_eq!(over as u64, JOBS - JOBS / 9, "all but the detached ones");
}

#[test]
fn an_open_set_takes_jobs_while_it_runs_and_ends_with_its_last_account() {
    paused().block_on(async {
        let server = Arc::new(Server::default());
        let mut set = JobSet::open();
        let account: Account = set.account(async_client(settings(), &server), RateLimit::default());
        let adding = async move {
            for job in 0..5 {
                tokio::time::sleep(SECOND * 60).await;
                account.add(&Job::from_id(format!("job-{job}").parse().unwrap()), &WaitOptions::default());
            }
        };
        let reading = async {
            while set.next().await.is_some() {}
            set.stats()
        };
        let stats = both(adding, reading).await;
        assert_eq!((stats.succeeded, stats.failed, stats.waiting), (4, 1, 0));
    });
}

/// A schedule that panics after the second poll.
#[derive(Debug)]
struct Panicking;

impl Schedule for Panicking {
    fn next_delay(&self, context: &PollContext) -> Duration {
        assert!(context.polls < 2, "a fault of the schedule");
        SECOND
    }
}

#[test]
#[should_panic(expected = "a fault of the schedule")]
fn a_panic_of_a_schedule_reaches_the_caller_of_the_set() {
    paused().block_on(async {
        let mut set = JobSet::new();
        let server = Arc::new(Server { calm: true, ..Server::default() });
        let account: Account = set.account(async_client(settings(), &server), RateLimit::default());
        let options = WaitOptions::default().with_schedule(Panicking);
        account.add(&Job::from_id("job-9".parse().unwrap()), &options);
        while set.next().await.is_some() {}
    });
}

/// Runs two futures concurrently.
async fn both<R>(one: impl Future<Output = ()>, other: impl Future<Output = R>) -> R {
    let (mut one, mut other) = (Box::pin(one), Box::pin(other));
    let mut one_is_over = false;
    std::future::poll_fn(|context| {
        one_is_over = one_is_over || one.as_mut().poll(context).is_ready();
        other.as_mut().poll(context)
    })
    .await
}

#[test]
fn the_threads_of_a_blocking_set_finish_every_job() {
    let mut set = kling_poll::blocking::JobSet::open();
    let server = Arc::new(Server { calm: true, ..Server::default() });
    let client = blocking_client(settings(), &server, &VirtualClock::at(SECOND * 1000));
    let account: Account = set.account(client, RateLimit::new(8));
    let quick = WaitOptions::default()
        .with_schedule(FixedInterval(Duration::from_millis(1)))
        .with_backoff(Backoff { first: Duration::ZERO, cap: Duration::ZERO });
    let adding = std::thread::spawn(move || {
        for job in 1..=100 {
            account.add(&Job::from_id(format!("job-{job}").parse().unwrap()), &quick);
        }
    });
    let done = set.by_ref().filter(|event| matches!(event.update, JobSetUpdate::Done(_))).count();
    adding.join().unwrap();
    assert_eq!((done, set.stats().failed), (100, 20));
}
