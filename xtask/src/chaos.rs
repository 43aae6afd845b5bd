//! `cargo xtask chaos`: a program of the tests, started here so that this crate stays light.

use std::path::Path;
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many jobs, half of them by each client.
    #[arg(long, default_value_t = 10_000)]
    jobs: usize,
    /// What the faults are drawn by.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The share of calls that go wrong, from 0 to 1.
    #[arg(long, default_value_t = 0.25)]
    rate: f64,
    /// Wait for all jobs of a client in one fleet, without downloads.
    #[arg(long)]
    fleet: bool,
}

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let Arguments { jobs, seed, rate, fleet } = arguments;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["run", "--quiet", "-p", "kling-tests", "--bin", "chaos", "--"])
        .args(["--jobs", &jobs.to_string(), "--seed", &seed.to_string(), "--rate", &rate.to_string()])
        .args(fleet.then_some("--fleet"))
        .current_dir(root)
        .status()
        .map_err(|error| format!("cargo cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err("a promise was broken, or the run could not be made".into()) }
}
