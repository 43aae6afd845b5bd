//! `cargo xtask kill`: the program killed again and again in the middle of paid jobs, and what became of them.

use std::path::Path;
use std::process::Command;

pub(crate) fn run(root: &Path, kills: u32, seed: u64) -> Result<(), String> {
    let status = Command::new(env!("CARGO"))
        .args(["test", "--package", "kling-cli", "--test", "kill", "--", "--nocapture"])
        .env("KLING_KILLS", kills.to_string())
        .env("KLING_SEED", seed.to_string())
        .current_dir(root)
        .status()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if status.success() { Ok(()) } else { Err("a paid job was lost, or paid twice: see above".to_owned()) }
}
