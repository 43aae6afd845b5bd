//! `cargo xtask chaos`: thousands of paid jobs under random faults, through both clients.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use kling_tests::chaos::{Plan, run};

/// Runs jobs under random faults, and joins what the clients kept to what was billed.
#[derive(Parser)]
#[command(bin_name = "cargo xtask chaos")]
struct Arguments {
    /// How many jobs, half of them by each client.
    #[arg(long, default_value_t = 10_000)]
    jobs: usize,
    /// What the faults are drawn by.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The share of calls that go wrong, from 0 to 1.
    #[arg(long, default_value_t = 0.25)]
    rate: f64,
    /// Wait for all jobs of a client in one job set, without downloads.
    #[arg(long, alias = "set")]
    job_set: bool,
}

fn main() -> io::Result<ExitCode> {
    let Arguments { jobs, seed, rate, job_set } = Arguments::parse();
    // Hidden where nobody sees it.
    let bar = ProgressBar::new(jobs as u64);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} jobs, {elapsed} of {duration}") {
        bar.set_style(style);
    }
    let report = run(&Plan { jobs, seed, rate, download_every: 10, job_sets: job_set }, || bar.inc(1))?;
    bar.finish_and_clear();
    let mut out = io::stdout().lock();
    writeln!(out, "{report}")?;
    for words in report.words().iter().take(20) {
        writeln!(out, "  said: {words}")?;
    }
    let broken = report.broken_promises();
    if broken.is_empty() {
        writeln!(out, "every promise was kept")?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "BROKEN: {}", broken.join(", "))?;
    Ok(ExitCode::FAILURE)
}
