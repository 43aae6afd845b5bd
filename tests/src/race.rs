//! Paid requests whose time limit passes at the very moment at which their connection opens.
//!
//! The server counts the bodies that arrive whole. A client that mistakes a request on its way for one that never left
//! sends it twice, or reports it as rejected although it arrived.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use kling_transport::{Backoff, Client, ModelId, RetryPolicy, Settings, SubmitOutcome, Token};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::task::{JoinSet, spawn_blocking};

/// The time limit of one attempt.
const LIMIT: Duration = Duration::from_millis(8);

/// How long the resolver takes, in microseconds: around the limit, since connecting over loopback takes next to nothing.
const DELAYS: std::ops::Range<u64> = 6_500..9_500;

/// More than a small machine has cores: a thread that is preempted between two steps widens the race.
const WORKERS: usize = 8;

/// Submits at the same time.
const LANES: u64 = 24;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Plan {
    /// How many submits.
    pub count: u64,
    /// What the delays are drawn by.
    pub seed: u64,
}

/// What came of the submits.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Report {
    /// How many submits there were.
    pub submits: u64,
    /// How many ended with an accepted job.
    pub accepted: u64,
    /// How many ended rejected: nothing was sent, says the client.
    pub rejected: u64,
    /// How many ended with an unknown outcome.
    pub unknown: u64,
    /// How many bodies arrived whole, each counted once.
    pub arrived: u64,
    /// How many bodies arrived more than once.
    pub arrived_twice: u64,
    /// How many were reported rejected although they arrived.
    pub rejected_although_arrived: u64,
}

impl Report {
    /// Whether no request arrived twice, and none that was reported rejected arrived.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.arrived_twice == 0 && self.rejected_although_arrived == 0
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { submits, accepted, rejected, unknown, .. } = self;
        writeln!(f, "{submits} submits: {accepted} accepted, {rejected} rejected, {unknown} unknown")?;
        writeln!(f, "{} bodies arrived whole", self.arrived)?;
        writeln!(f, "{} arrived twice", self.arrived_twice)?;
        write!(f, "{} reported rejected although arrived", self.rejected_although_arrived)
    }
}

/// Runs a plan, and calls `done` after each submit.
///
/// # Errors
/// If no runtime can be started or no port of the loopback address can be opened.
pub fn run(plan: Plan, done: impl Fn() + Send + Sync + 'static) -> io::Result<Report> {
    let runtime = Builder::new_multi_thread().worker_threads(WORKERS).enable_all().build()?;
    runtime.block_on(race(plan, Arc::new(done)))
}

async fn race(plan: Plan, done: Arc<impl Fn() + Send + Sync + 'static>) -> io::Result<Report> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let arrivals = Arrivals::default();
    let serving = tokio::spawn(serve(listener, arrivals.clone()));
    let client = client(address, plan.seed).map_err(io::Error::other)?;
    let mut lanes = JoinSet::new();
    for lane in 0..LANES {
        let (client, done) = (client.clone(), Arc::clone(&done));
        lanes.spawn(async move {
            let mut ends = Vec::new();
            for number in (lane..plan.count).step_by(LANES as usize) {
                ends.push((number, submit(&client, number).await));
                done();
            }
            ends
        });
    }
    let ends = lanes.join_all().await.concat();
    // A body that left late is still on its way.
    tokio::time::sleep(20 * LIMIT).await;
    serving.abort();
    Ok(arrivals.report(&ends))
}

/// How a submit ended, as its client says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum End {
    Accepted,
    Rejected,
    Unknown,
}

async fn submit(client: &Client, number: u64) -> End {
    let model: ModelId = "maker/model".parse().expect("a model id");
    match client.submit_json(&model, &json!({ "number": number })).await {
        SubmitOutcome::Accepted(_) => End::Accepted,
        SubmitOutcome::Rejected(_) => End::Rejected,
        SubmitOutcome::Unknown(_) => End::Unknown,
    }
}

fn client(address: SocketAddr, seed: u64) -> Result<Client, kling_transport::Error> {
    let backoff = Backoff { first: Duration::from_millis(2), cap: Duration::from_millis(4) };
    let retry = RetryPolicy::new(Duration::from_secs(5)).with_max_attempts(3).with_backoff(backoff);
    let settings = Settings::new(Token::new("race-0123456789")?)
        .with_base(format!("http://localhost:{}/v1", address.port()).parse()?)
        .with_submit_timeout(LIMIT)
        .with_submit_retry(retry);
    let resolver = SlowResolver { address, random: Mutex::new(Rng::with_seed(seed)) };
    Client::configured(settings, |builder| {
        // No connection is used twice, so that each submit resolves the name.
        builder.pool_max_idle_per_host(0).dns_resolver(Arc::new(resolver))
    })
}

/// Answers with one address, after a while around the limit.
struct SlowResolver {
    address: SocketAddr,
    random: Mutex<Rng>,
}

impl Resolve for SlowResolver {
    fn resolve(&self, _: Name) -> Resolving {
        let delay = self.random.lock().unwrap_or_else(PoisonError::into_inner).u64(DELAYS);
        let address = self.address;
        Box::pin(async move {
            // tokio's clock goes in steps of a millisecond, which is too coarse here.
            #[allow(clippy::disallowed_methods, reason = "the delay is the subject of the test")]
            spawn_blocking(move || thread::sleep(Duration::from_micros(delay))).await?;
            Ok(Box::new(std::iter::once(address)) as Addrs)
        })
    }
}

/// How often each body arrived whole.
#[derive(Clone, Default)]
struct Arrivals(Arc<Mutex<HashMap<u64, u32>>>);

impl Arrivals {
    fn count(&self, number: u64) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(number).or_default() += 1;
    }

    fn report(&self, ends: &[(u64, End)]) -> Report {
        let arrived = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = |wanted: End| ends.iter().filter(move |(_, end)| *end == wanted);
        let count = |wanted: End| ended(wanted).count() as u64;
        Report {
            submits: ends.len() as u64,
            accepted: count(End::Accepted),
            rejected: count(End::Rejected),
            unknown: count(End::Unknown),
            arrived: arrived.len() as u64,
            arrived_twice: arrived.values().filter(|times| **times > 1).count() as u64,
            rejected_although_arrived: ended(End::Rejected)
                .filter(|(number, _)| arrived.contains_key(number))
                .count() as u64,
        }
    }
}

async fn serve(listener: TcpListener, arrivals: Arrivals) {
    while let Ok((stream, _)) = listener.accept().await {
        let arrivals = arrivals.clone();
        // A peer that goes away ends its own connection only.
        tokio::spawn(async move { answer(stream, &arrivals).await.is_ok() });
    }
}

/// Reads one request, counts it if its body is whole, and accepts it.
async fn answer(mut stream: TcpStream, arrivals: &Arrivals) -> io::Result<()> {
    let mut bytes = Vec::new();
    let number = loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
        if let Some(number) = whole(&bytes) {
            break number;
        }
    };
    arrivals.count(number);
    let body = format!(r#"{{"request_id":"job-{number}"}}"#);
    let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    stream.write_all((head + &body).as_bytes()).await
}

/// The number in a request whose body is complete.
fn whole(bytes: &[u8]) -> Option<u64> {
    let text = str::from_utf8(bytes).ok()?;
    let (_, body) = text.split_once("\r\n\r\n")?;
    serde_json::from_str::<Value>(body).ok()?["number"].as_u64()
}
