//! `cargo xtask bench-waiting`: what waiting costs, each figure beside another of the same run.

use std::fs;
use std::path::Path;

use crate::program;

/// The parts that need sockets; all others run in virtual time.
const OVER_LOOPBACK: [&str; 5] = ["memory", "burst", "overload", "cpu", "clock"];

/// Runs one part, or all in virtual time where none is named. The part `plot` draws `docs/waiting.svg`.
pub(crate) fn run(root: &Path, part: Option<&str>) -> Result<(), String> {
    let over_loopback = part.is_some_and(|part| OVER_LOOPBACK.contains(&part));
    let name = if over_loopback { "loopback" } else { "schedules" };
    let arguments = ["run", "--quiet", "--release", "--package", "kling-bench-waiting", "--bin", name];
    let mut command = program::cargo(root, arguments);
    if over_loopback {
        command.args(["--features", "loopback"]);
    }
    command.arg("--").args(part);
    if part == Some("plot") {
        let drawn = program::output(&mut command)?;
        let place = root.join("docs/waiting.svg");
        return fs::write(&place, drawn.stdout)
            .map_err(|error| format!("{} cannot be written: {error}", place.display()));
    }
    program::run(&mut command, &format!("the measurement {name} failed"))
}
