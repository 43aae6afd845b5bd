//! The two sides of each comparison: a set of jobs, and a task for each job.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kling_poll::{Account, FixedInterval, JobSet, RateLimit, WaitOptions};
use kling_transport::{Client, Job, Settings, Token};

use crate::watch::{Polls, Watch};
use crate::{Case, Error};

fn id(job: usize) -> String {
    format!("3f0c2b6e-8a0e-4c55-9d61-{job:012x}")
}

/// Waits through a set of jobs.
pub(crate) async fn with_job_set(case: &Case, address: SocketAddr) -> Result<Polls, Error> {
    let settings = Settings::new(Token::new("bench-0123456789abcdef")?)
        .with_base(format!("http://{address}/v1").parse()?);
    let mut jobs_set = JobSet::open();
    let pace = RateLimit::new(case.in_flight);
    let account: Account = jobs_set.account(Client::new(settings)?, pace);
    let options = WaitOptions::default().with_schedule(FixedInterval(case.every)).with_deadline(None);
    let (jobs, spread) = (case.jobs, spread(case));
    let adding = account.clone();
    tokio::spawn(async move {
        for job in 0..jobs {
            pace_arrivals(job, jobs, spread).await;
            if let Ok(id) = id(job).parse() {
                adding.add(&Job::from_id(id), &options);
            }
        }
    });
    let reading = async { while jobs_set.next().await.is_some() {} };
    let watching = watch(case, || account.stats().polls);
    tokio::select! {
        () = reading => Err("the set of jobs ended".into()),
        polls = watching => Ok(polls),
    }
}

/// Waits as most programs do: one task for each job, which polls, sleeps and polls again. All share one client.
pub(crate) async fn with_tasks(case: &Case, address: SocketAddr) -> Result<Polls, Error> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
    let made = Arc::new(AtomicU64::new(0));
    let (jobs, every, spread) = (case.jobs, case.every, spread(case));
    let (asking, counted) = (client.clone(), made.clone());
    tokio::spawn(async move {
        for job in 0..jobs {
            pace_arrivals(job, jobs, spread).await;
            let url = format!("http://{address}/v1/requests/{}/status", id(job));
            tokio::spawn(ask_for_ever(asking.clone(), url, every, counted.clone()));
        }
    });
    Ok(watch(case, || made.load(Ordering::Relaxed)).await)
}

async fn ask_for_ever(client: reqwest::Client, url: String, every: Duration, made: Arc<AtomicU64>) {
    loop {
        if let Ok(answer) = ask(&client, &url).await
            && answer.status == "in_progress"
        {
            made.fetch_add(1, Ordering::Relaxed);
        }
        if !every.is_zero() {
            tokio::time::sleep(every).await;
        }
    }
}

/// Does the least that a client must: sends the token, checks the HTTP status, and reads the reply into a type.
async fn ask(client: &reqwest::Client, url: &str) -> reqwest::Result<Status> {
    let answer = client.get(url).bearer_auth("bench-0123456789abcdef").send().await?.error_for_status()?;
    answer.json().await
}

#[derive(serde::Deserialize)]
struct Status {
    status: String,
    #[allow(dead_code, reason = "a client reads it all the same")]
    queue_position: Option<u64>,
}

/// Counts polls once all jobs have been added.
async fn watch(case: &Case, polls: impl Fn() -> u64) -> Polls {
    tokio::time::sleep(spread(case) + Duration::from_secs(1)).await;
    let watch = Watch::begin(polls());
    tokio::time::sleep(case.watched).await;
    watch.end(polls())
}

fn spread(case: &Case) -> Duration {
    if case.at_once { Duration::ZERO } else { case.every }
}

/// Spreads arrivals over a span, a hundred steps.
async fn pace_arrivals(job: usize, jobs: usize, spread: Duration) {
    if !spread.is_zero() && job.is_multiple_of(jobs.div_ceil(100)) {
        tokio::time::sleep(spread / 100).await;
    }
}
