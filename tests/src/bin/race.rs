//! `cargo xtask race`: paid requests whose time limit passes while their connection opens.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use kling_tests::race::{Plan, run};

/// Submits whose time limit passes while their connection opens, and counts the bodies that arrive.
#[derive(Parser)]
#[command(bin_name = "cargo xtask race")]
struct Arguments {
    /// How many submits.
    #[arg(long, default_value_t = 50_000)]
    count: u64,
    /// What the delays are drawn by.
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> io::Result<ExitCode> {
    let Arguments { count, seed } = Arguments::parse();
    // Hidden if stderr is no terminal.
    let bar = ProgressBar::new(count);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {pos}/{len} submits, {elapsed} of {duration}") {
        bar.set_style(style);
    }
    let shown = bar.clone();
    let report = run(Plan { count, seed }, move || shown.inc(1))?;
    bar.finish_and_clear();
    let mut out = io::stdout().lock();
    writeln!(out, "{report}")?;
    if report.is_clean() {
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "BROKEN: a paid request was sent twice, or called rejected although it arrived")?;
    Ok(ExitCode::FAILURE)
}
