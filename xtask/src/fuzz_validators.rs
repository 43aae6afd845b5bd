//! `cargo xtask fuzz-validators`: a program of the tests, started here so that this crate stays light.

use std::path::Path;
use std::process::Command;

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How many documents for each model.
    #[arg(long, default_value_t = 100_000)]
    documents: u32,
    /// How many broken pictures.
    #[arg(long, default_value_t = 5_000_000)]
    pictures: u64,
    /// What both are drawn by; another one each time where none is given, and printed.
    #[arg(long)]
    seed: Option<u64>,
}

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let Arguments { documents, pictures, seed } = arguments;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command
        .args(["run", "--quiet", "--release", "-p", "kling-tests", "--bin", "fuzz_validators", "--"])
        .args(["--documents", &documents.to_string(), "--pictures", &pictures.to_string()])
        .current_dir(root);
    if let Some(seed) = seed {
        command.args(["--seed", &seed.to_string()]);
    }
    let status = command.status().map_err(|error| format!("cargo cannot be started: {error}"))?;
    if status.success() { Ok(()) } else { Err("validators disagree, or the run could not be made".into()) }
}
