//! What the fleet costs over loopback, beside one tokio task with a timer a job on one shared reqwest client:
//! `loopback [memory|burst|overload|cpu]`.
//!
//! Each side of a comparison is a process of its own, so that neither inherits the other's memory; the server is in a third.

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kling_bench_waiting::server;
use kling_poll::{Account, Fixed, Fleet, Pace, WaitOptions};
use kling_transport::{Client, Job, Settings, Token};

type Failure = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", pause] => serve(Duration::from_millis(pause.parse()?)),
        ["run", case, who, address] => one_side(case, who, address.parse()?).await,
        [] => ["memory", "burst", "overload", "cpu"].iter().try_for_each(|case| compare(case)),
        [case] => compare(case),
        _ => Err("usage: loopback [memory|burst|overload|cpu]".into()),
    }
}

/// One case: how many jobs wait, how often each is asked about, and how long an answer takes.
struct Case {
    jobs: usize,
    every: Duration,
    latency: u64,
    in_flight: usize,
    /// How long it is watched once all jobs are there.
    watched: Duration,
    /// Whether the jobs come at once, or spread over one interval.
    at_once: bool,
}

fn case(name: &str) -> Option<Case> {
    let secs = Duration::from_secs;
    Some(match name {
        "memory" => Case {
            jobs: 100_000,
            every: secs(30),
            latency: 0,
            in_flight: 64,
            watched: secs(40),
            at_once: false,
        },
        "burst" => Case {
            jobs: 10_000,
            every: secs(2),
            latency: 100,
            in_flight: 512,
            watched: secs(10),
            at_once: true,
        },
        "overload" => Case {
            jobs: 100_000,
            every: secs(2),
            latency: 100,
            in_flight: 64,
            watched: secs(20),
            at_once: false,
        },
        "cpu" => {
            Case { jobs: 64, every: secs(0), latency: 0, in_flight: 64, watched: secs(8), at_once: true }
        }
        _ => return None,
    })
}

fn compare(name: &str) -> Result<(), Failure> {
    let case = case(name).ok_or("no such case")?;
    println!("{name}: {} jobs every {:?}, answers after {} ms", case.jobs, case.every, case.latency);
    let other = if name == "cpu" { "bare" } else { "tasks" };
    for who in ["fleet", other] {
        let mut server = Server::start(case.latency)?;
        let program = std::env::current_exe()?;
        let output = Command::new(program).args(["run", name, who, &server.address]).output()?;
        let report = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        println!("  {who:>5}: {report}; {}", server.stop()?);
        if !output.status.success() {
            println!("         {}", String::from_utf8_lossy(&output.stderr).trim());
        }
    }
    Ok(())
}

/// The server's process.
struct Server {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    address: String,
}

impl Server {
    fn start(pause: u64) -> Result<Self, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command
            .args(["serve", &pause.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut lines = BufReader::new(child.stdout.take().ok_or("no output")?);
        let mut address = String::new();
        lines.read_line(&mut address)?;
        Ok(Self { child, lines, address: address.trim().to_owned() })
    }

    /// Ends it, and tells what it saw.
    fn stop(&mut self) -> Result<String, Failure> {
        drop(self.child.stdin.take());
        let mut seen = String::new();
        self.lines.read_line(&mut seen)?;
        self.child.wait()?;
        Ok(seen.trim().to_owned())
    }
}

fn serve(pause: Duration) -> Result<(), Failure> {
    let (address, seen) = server::start(pause)?;
    println!("{address}");
    std::io::stdin().read_line(&mut String::new())?;
    println!("most connections {}", seen.most_open.load(Ordering::Relaxed));
    Ok(std::io::stdout().flush()?)
}

async fn one_side(name: &str, who: &str, address: SocketAddr) -> Result<(), Failure> {
    let case = case(name).ok_or("no such case")?;
    let (before, _) = server::resident();
    let polls = match who {
        "fleet" => with_fleet(&case, address).await?,
        _ => with_tasks(&case, address).await?,
    };
    let each = |bytes: f64| (bytes - before) / case.jobs as f64;
    println!(
        "{:.0} bytes a job, {:.0} at most; {:.0} polls a second; {:.1} µs of CPU a poll",
        each(polls.resident.0),
        each(polls.resident.1),
        polls.a_second,
        polls.cpu
    );
    Ok(())
}

struct Polls {
    a_second: f64,
    cpu: f64,
    /// Bytes of this process, now and at most, while all jobs wait.
    resident: (f64, f64),
}

/// Counts polls and CPU over a span that begins and ends with what `polls` says.
struct Watch {
    begun: Instant,
    polls: u64,
    cpu: f64,
}

impl Watch {
    fn begin(polls: u64) -> Self {
        Self { begun: Instant::now(), polls, cpu: cpu_micros() }
    }

    fn end(&self, polls: u64) -> Polls {
        let made = (polls - self.polls) as f64;
        Polls {
            a_second: made / self.begun.elapsed().as_secs_f64(),
            cpu: (cpu_micros() - self.cpu) / made,
            resident: server::resident(),
        }
    }
}

/// User and system time of this process, from `/proc/self/stat`, whose clock ticks a hundred times a second.
fn cpu_micros() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() * 10_000.0
}

fn id(job: usize) -> String {
    format!("3f0c2b6e-8a0e-4c55-9d61-{job:012x}")
}

async fn with_fleet(case: &Case, address: SocketAddr) -> Result<Polls, Failure> {
    let settings = Settings::new(Token::new("bench")?).with_base(format!("http://{address}/v1").parse()?);
    let mut fleet = Fleet::open();
    let pace = Pace { in_flight: case.in_flight, per_second: None };
    let account: Account = fleet.account(Client::new(settings)?, pace);
    let options = WaitOptions::default().with_schedule(Fixed(case.every)).with_deadline(None);
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
    let reading = async { while fleet.next().await.is_some() {} };
    let watching = watch(case, || account.stats().polls);
    tokio::select! {
        () = reading => Err("the fleet ended".into()),
        polls = watching => Ok(polls),
    }
}

/// What everybody writes: a task a job, which asks, sleeps and asks again, all with one client.
async fn with_tasks(case: &Case, address: SocketAddr) -> Result<Polls, Failure> {
    let client = reqwest::Client::builder().no_proxy().build()?;
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
        if let Ok(answer) = client.get(&url).bearer_auth("bench").send().await
            && let Ok(body) = answer.json::<serde_json::Value>().await
            && body["status"] == "in_progress"
        {
            made.fetch_add(1, Ordering::Relaxed);
        }
        if !every.is_zero() {
            tokio::time::sleep(every).await;
        }
    }
}

/// Lets all jobs come, then counts.
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
