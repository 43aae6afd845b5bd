//! Many jobs through the async and the blocking set, in virtual time: the same calls at the same moments, the same news.

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

/// A server whose job number `n` is queued until second `n`, and over at `2 n`; every seventh answer is bad, unless it is
/// calm.
#[derive(Debug, Default)]
struct World {
    calm: bool,
    asked: Mutex<Vec<(Duration, String)>>,
}

impl virtual_time::World for World {
    fn reply(&self, request: &HttpRequest, _: Limits, now: Duration) -> Result<HttpReply, TransportError> {
        let path = request.url().path().to_owned();
        let mut asked = self.asked.lock().unwrap();
        asked.push((now, path.clone()));
        match asked.len() % 28 {
            _ if self.calm => {}
            7 => return Err(TransportError::new(Phase::Reading, TransportErrorKind::Broken, "reset")),
            14 => return Ok(answer(503, "", None)),
            21 => return Ok(answer(429, "", Some("3"))),
            0 => return Ok(answer(200, "<html>", None)),
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
        Ok(answer(200, body, None))
    }
}

fn answer(status: u16, body: &str, retry_after: Option<&str>) -> HttpReply {
    let header = |name: &str| retry_after.filter(|_| name == "retry-after");
    HttpReply::new(HttpHead::new(status, header, SystemTime::UNIX_EPOCH), body.to_owned().into())
}

fn fill(account: Account) {
    let steady = Backoff { first: SECOND, cap: SECOND };
    let options = WaitOptions::default().with_schedule(FixedInterval(SECOND * 2)).with_backoff(steady);
    let brief = options.clone().with_deadline(SECOND * 9);
    for job in 0..JOBS {
        let handle: Job = Job::from_id(format!("job-{job}").parse().unwrap());
        let ticket = account.add(&handle, if job % 11 == 10 { &brief } else { &options });
        match job % 9 {
            7 => assert!(account.cancel(ticket)),
            8 => assert!(account.detach(ticket).is_some()),
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

fn words(event: &JobSetEvent) -> String {
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
    let first = Arc::new(World::default());
    let told = paused().block_on(async {
        let mut set = JobSet::new();
        fill(set.account(async_client(settings(), &first), one_at_a_time()));
        let mut told = Vec::new();
        while let Some(event) = set.next().await {
            told.push(words(&event));
        }
        told
    });

    fastrand::seed(7);
    let (second, clock) = (Arc::new(World::default()), VirtualClock::default());
    let mut set = kling_poll::blocking::JobSet::with_runtime(clock.clone());
    fill(set.account(blocking_client(settings(), &second, &clock), one_at_a_time()));
    let also_told: Vec<_> = set.by_ref().map(|event| words(&event)).collect();

    assert_eq!(*first.asked.lock().unwrap(), *second.asked.lock().unwrap());
    assert_eq!(told, also_told);
    let over = told.iter().filter(|line| line.contains(" is over: ")).count();
    assert_eq!(over as u64, JOBS - JOBS / 9, "all but the detached ones");
}

#[test]
fn an_open_set_takes_jobs_while_it_runs_and_ends_with_its_last_account() {
    paused().block_on(async {
        let world = Arc::new(World::default());
        let mut set = JobSet::open();
        let account: Account = set.account(async_client(settings(), &world), RateLimit::default());
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

/// A schedule of somebody else's, with a mistake that shows at the second answer.
#[derive(Debug)]
struct Mistaken;

impl Schedule for Mistaken {
    fn next_delay(&self, seen: &PollContext) -> Duration {
        assert!(seen.polls < 2, "a mistake of somebody else's");
        SECOND
    }
}

#[test]
#[should_panic(expected = "a mistake of somebody else's")]
fn a_schedule_that_panics_takes_along_who_awaits_the_set() {
    paused().block_on(async {
        let mut set = JobSet::new();
        let world = Arc::new(World { calm: true, ..World::default() });
        let account: Account = set.account(async_client(settings(), &world), RateLimit::default());
        let options = WaitOptions::default().with_schedule(Mistaken);
        account.add(&Job::from_id("job-9".parse().unwrap()), &options);
        while set.next().await.is_some() {}
    });
}

/// Runs two futures side by side.
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
fn threads_of_a_blocking_set_bring_every_job_home() {
    let mut set = kling_poll::blocking::JobSet::open();
    let world = Arc::new(World { calm: true, ..World::default() });
    let client = blocking_client(settings(), &world, &VirtualClock::at(SECOND * 1000));
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
