//! What the fleet costs over loopback, beside one tokio task with a timer a job on one shared reqwest client:
//! `loopback [memory|burst|overload|cpu|clock]`.
//!
//! Each side of a comparison is a process of its own, so that neither inherits the other's memory; the server is in a third.

mod clock;
mod process;
mod sides;
mod watch;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

use crate::process::Server;
use crate::watch::Memory;

type TransportError = Box<dyn std::error::Error>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), TransportError> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = arguments.iter().map(String::as_str).collect();
    match words[..] {
        ["serve", pause] => process::serve(Duration::from_millis(pause.parse()?)),
        ["run", case, who, address] => one_side(case, who, address.parse()?).await,
        [] => ["memory", "burst", "overload", "cpu"].iter().try_for_each(|case| compare(case)),
        ["clock"] => clock::compare().await,
        [case] => compare(case),
        _ => Err("usage: loopback [memory|burst|overload|cpu|clock]".into()),
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
    /// How often both sides run, in turn.
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

fn compare(name: &str) -> Result<(), TransportError> {
    let case = case(name).ok_or("no such case")?;
    println!("{name}: {} jobs every {:?}, answers after {} ms", case.jobs, case.every, case.latency);
    let other = if name == "cpu" { "bare" } else { "tasks" };
    let mut ratios = [Vec::new(), Vec::new()];
    for round in 0..case.rounds {
        // Whoever comes first has no advantage by it.
        let mut sides = ["fleet", other];
        sides.rotate_left(round % 2);
        let mut cpu = [(0.0, 0.0); 2];
        for who in sides {
            cpu[usize::from(who == other)] = side(name, who, case.latency)?;
        }
        ratios[0].push(cpu[0].0 / cpu[1].0);
        ratios[1].push((cpu[0].0 - cpu[0].1) / (cpu[1].0 - cpu[1].1));
    }
    for (what, mut ratios) in ["processor time", "of which outside the kernel"].into_iter().zip(ratios) {
        ratios.sort_unstable_by(f64::total_cmp);
        let (least, middle, most) = (ratios[0], ratios[ratios.len() / 2], ratios[ratios.len() - 1]);
        println!("  {what} a poll, fleet ÷ {other}: {middle:.2} (from {least:.2} to {most:.2})");
    }
    Ok(())
}

/// Runs one side in a process of its own; its microseconds of processor time a poll, and of those the kernel's.
fn side(name: &str, who: &str, latency: u64) -> Result<(f64, f64), TransportError> {
    let mut server = Server::start(latency)?;
    let program = std::env::current_exe()?;
    let output = Command::new(program).args(["run", name, who, &server.address]).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let report = String::from_utf8_lossy(&output.stdout);
    println!("  {who:>5}: {}; {}", report.trim(), server.stop()?);
    let last = report.rsplit(';').next().unwrap_or_default();
    let mut numbers = last.split_whitespace().filter_map(|word| word.parse::<f64>().ok());
    numbers.next().zip(numbers.next()).ok_or_else(|| "no report".into())
}

async fn one_side(name: &str, who: &str, address: SocketAddr) -> Result<(), TransportError> {
    let case = case(name).ok_or("no such case")?;
    let before = Memory::now();
    let polls = match who {
        "fleet" => sides::with_fleet(&case, address).await?,
        _ => sides::with_tasks(&case, address).await?,
    };
    // No more can be made than answers fit into a second.
    let most = case.in_flight as f64 * 1000.0 / case.latency as f64;
    let share = if case.latency > 0 && who == "fleet" {
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
