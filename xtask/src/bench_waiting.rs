//! `cargo xtask bench-waiting`: what waiting costs, each figure beside another of the same run.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The parts that need sockets; all others run in virtual time.
const OVER_LOOPBACK: [&str; 5] = ["memory", "burst", "overload", "cpu", "clock"];

/// Runs one part, or all in virtual time where none is named. The part `plot` draws `docs/waiting.svg`.
pub(crate) fn run(root: &Path, part: Option<&str>) -> Result<(), String> {
    let over_loopback = part.is_some_and(|part| OVER_LOOPBACK.contains(&part));
    let program = if over_loopback { "loopback" } else { "schedules" };
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(root).args([
        "run",
        "--quiet",
        "--release",
        "--package",
        "kling-bench-waiting",
        "--bin",
    ]);
    command.arg(program);
    if over_loopback {
        command.args(["--features", "loopback"]);
    }
    command.arg("--").args(part);
    if part == Some("plot") {
        let drawn = command.output().map_err(|error| format!("cargo cannot be run: {error}"))?;
        let place = root.join("docs/waiting.svg");
        return fs::write(&place, drawn.stdout)
            .map_err(|error| format!("{} cannot be written: {error}", place.display()));
    }
    let status = command.status().map_err(|error| format!("cargo cannot be run: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("the measurement {program} failed")) }
}
