//! Commands that run a program of another crate by cargo, so that this crate builds quickly.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Output};

/// A comparison with other crates. Each prints ratios, side by side in one run.
#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Bench {
    /// The journal beside a million entries: its share of a submit, ten processes at once, `kling jobs`.
    Journal,
    /// Header facts of a photo in memory, on disk and over loopback, against other readers.
    Media,
    /// The generated validators against the jsonschema crate, and typed input against plain serde.
    Validation,
}

pub(crate) fn bench(root: &Path, bench: Bench) -> Result<(), String> {
    let name = match bench {
        Bench::Journal => {
            let program = ["build", "--quiet", "--release", "-p", "kling-cli"];
            run(&mut cargo(root, program), "the program could not be built")?;
            "journal"
        }
        Bench::Media => "media",
        Bench::Validation => "validation",
    };
    let arguments = ["run", "--quiet", "--release", "-p", "kling-benches", "--bin", name];
    run(&mut cargo(root, arguments), "the bench failed")
}

/// Runs the schedules in virtual time, or one case over loopback.
pub(crate) fn bench_waiting(root: &Path, case: Option<&str>) -> Result<(), String> {
    let name = if case.is_some() { "loopback" } else { "schedules" };
    let arguments = ["run", "--quiet", "--release", "--package", "kling-bench-waiting", "--bin", name];
    let mut command = cargo(root, arguments);
    if case.is_some() {
        command.args(["--features", "loopback"]);
    }
    command.arg("--").args(case);
    run(&mut command, &format!("the measurement {name} failed"))
}

pub(crate) fn chaos(root: &Path, arguments: &[OsString]) -> Result<(), String> {
    let mut command = cargo(root, ["run", "--quiet", "-p", "kling-tests", "--bin", "chaos", "--"]);
    run(command.args(arguments), "a promise was broken, or the run failed")
}

pub(crate) fn fuzz_validators(root: &Path, arguments: &[OsString]) -> Result<(), String> {
    // Millions of documents need a release build.
    let program = ["run", "--quiet", "--release", "-p", "kling-tests", "--bin", "fuzz_validators", "--"];
    run(cargo(root, program).args(arguments), "the validators disagree, or the run failed")
}

pub(crate) fn kill(root: &Path, kills: u32, seed: u64) -> Result<(), String> {
    let arguments = ["test", "--package", "kling-cli", "--test", "kill", "--", "--nocapture"];
    let mut command = cargo(root, arguments);
    command.env("KLING_KILLS", kills.to_string()).env("KLING_SEED", seed.to_string());
    run(&mut command, "a paid job was lost, or paid twice: see above")
}

pub(crate) fn race(root: &Path, arguments: &[OsString]) -> Result<(), String> {
    // A debug build is too slow for the race to happen.
    let program = ["run", "--quiet", "--release", "-p", "kling-tests", "--bin", "race", "--"];
    run(cargo(root, program).args(arguments), "a paid request was sent twice, or the run failed")
}

/// Returns a cargo command in a folder.
pub(crate) fn cargo(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(folder).args(arguments);
    command
}

/// Runs a command to its end. Returns `failed` as the error if it fails.
pub(crate) fn run(command: &mut Command, failed: &str) -> Result<(), String> {
    let status = command.status().map_err(|error| unstarted(&error))?;
    if status.success() { Ok(()) } else { Err(failed.to_owned()) }
}

/// Runs a command to its end, and returns its output.
pub(crate) fn output(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|error| unstarted(&error))
}

fn unstarted(error: &std::io::Error) -> String {
    format!("cargo cannot be run: {error}")
}
