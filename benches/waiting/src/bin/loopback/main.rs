//! Measures a set of jobs over loopback, beside one tokio task with a timer for each job on one shared reqwest client:
//! `loopback [memory|burst|overload|cpu]`.
//!
//! Each side of a comparison is a process of its own, so that neither inherits the other's memory. The server is a third.

mod server;
mod sides;
mod watch;

use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::watch::Memory;

type Error = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", pause] => serve(Duration::from_millis(pause.parse()?)),
        ["run", case, side_name, address] => one_side(case, side_name, address.parse()?).await,
        [] => ["memory", "burst", "overload", "cpu"].iter().try_for_each(|case| compare(case)),
        [case] => compare(case),
        _ => Err("usage: loopback [memory|burst|overload|cpu]".into()),
    }
}

/// One case: the number of jobs, their interval, and the latency of a reply.
struct Case {
    jobs: usize,
    every: Duration,
    latency: u64,
    in_flight: usize,
    /// How long it is measured once all jobs were added.
    watched: Duration,
    /// Whether the jobs are added at once, or spread over one interval.
    at_once: bool,
    /// How often both sides run.
    rounds: usize,
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
            rounds: 1,
        },
        "burst" => Case {
            jobs: 10_000,
            every: secs(2),
            latency: 100,
            in_flight: 512,
            watched: secs(10),
            at_once: true,
            rounds: 1,
        },
        "overload" => Case {
            jobs: 100_000,
            every: secs(2),
            latency: 100,
            in_flight: 64,
            watched: secs(20),
            at_once: false,
            rounds: 1,
        },
        "cpu" => Case {
            jobs: 64,
            every: secs(0),
            latency: 0,
            in_flight: 64,
            watched: secs(3),
            at_once: true,
            rounds: 9,
        },
        _ => return None,
    })
}

fn compare(name: &str) -> Result<(), Error> {
    let case = case(name).ok_or("no such case")?;
    println!("{name}: {} jobs, every {:?}, replies after {} ms", case.jobs, case.every, case.latency);
    let other = if name == "cpu" { "bare" } else { "tasks" };
    let mut ratios = [Vec::new(), Vec::new()];
    for round in 0..case.rounds {
        // The sides take turns to be first.
        let mut sides = ["set", other];
        sides.rotate_left(round % 2);
        let mut cpu = [(0.0, 0.0); 2];
        for side_name in sides {
            cpu[usize::from(side_name == other)] = side(name, side_name, case.latency)?;
        }
        ratios[0].push(cpu[0].0 / cpu[1].0);
        ratios[1].push((cpu[0].0 - cpu[0].1) / (cpu[1].0 - cpu[1].1));
    }
    for (name, mut ratios) in ["processor time", "of which outside the kernel"].into_iter().zip(ratios) {
        ratios.sort_unstable_by(f64::total_cmp);
        let (least, middle, most) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        println!("  {name} a poll, set ÷ {other}: {middle:.2} (from {least:.2} to {most:.2})");
    }
    Ok(())
}

/// Runs one side in a process of its own. Returns its microseconds of processor time a poll, and the kernel's share of them.
fn side(name: &str, side_name: &str, latency: u64) -> Result<(f64, f64), Error> {
    let mut server = Server::start(latency)?;
    let program = std::env::current_exe()?;
    let output = Command::new(program).args(["run", name, side_name, &server.address]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let report = String::from_utf8_lossy(&output.stdout);
    println!("  {side_name:>5}: {}; {}", report.trim(), server.stop()?);
    let last = report.rsplit(';').next().unwrap_or_default();
    let mut numbers = last.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
    numbers.next().zip(numbers.next()).ok_or_else(|| "no report".into())
}

async fn one_side(name: &str, side_name: &str, address: SocketAddr) -> Result<(), Error> {
    let case = case(name).ok_or("no such case")?;
    let before = Memory::now();
    let polls = match side_name {
        "set" => sides::with_job_set(&case, address).await?,
        _ => sides::with_tasks(&case, address).await?,
    };
    // The most polls a second that the latency allows.
    let most = case.in_flight as f64 * 1000.0 / case.latency as f64;
    let share = if case.latency > 0 && side_name == "set" {
        format!(", {:.2} of in flight ÷ latency", polls.a_second / most)
    } else {
        String::new()
    };
    let (now, each) = (&polls.memory, |bytes: f64| bytes / case.jobs as f64);
    println!(
        "{:.0} bytes a job ({:.0} with the program's own pages, {:.0} at most); {:.0} polls a second{share}; {:.1} µs of CPU a poll, of which {:.1} in the kernel",
        each(now.anonymous - before.anonymous),
        each(now.resident - before.resident),
        each(now.most - before.resident),
        polls.a_second,
        polls.cpu.0 + polls.cpu.1,
        polls.cpu.1
    );
    Ok(())
}

/// The server as a process of its own, so that neither side of a comparison pays for it.
struct Server {
    child: Child,
    lines: BufReader<ChildStdout>,
    address: String,
}

impl Server {
    fn start(pause: u64) -> Result<Self, Error> {
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

    /// Ends it, and returns its counts.
    fn stop(&mut self) -> Result<String, Error> {
        drop(self.child.stdin.take());
        let mut seen = String::new();
        self.lines.read_line(&mut seen)?;
        self.child.wait()?;
        Ok(seen.trim().to_owned())
    }
}

/// Serves until standard input is closed.
fn serve(pause: Duration) -> Result<(), Error> {
    let (address, counts) = server::start(pause)?;
    println!("{address}");
    std::io::stdin().read_line(&mut String::new())?;
    let (requests, kept) = (counts.requests.load(Ordering::Relaxed), counts.kept.load(Ordering::Relaxed));
    println!(
        "most connections {}, each request kept {:.1} ms",
        counts.most_open.load(Ordering::Relaxed),
        kept as f64 / 1000.0 / requests as f64
    );
    Ok(std::io::stdout().flush()?)
}
