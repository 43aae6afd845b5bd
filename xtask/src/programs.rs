//! Commands that run a program of another crate by cargo, so that this crate builds quickly.

use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Output};

use serde_json::Value;

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

/// The arguments of a test program.
#[derive(clap::Args)]
pub(crate) struct Passed {
    /// Arguments of the test program of that name.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<OsString>,
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
    run_program(root, &["--release", "-p", "kling-benches", "--bin", name], &[], "the bench failed")
}

/// Runs the schedules in virtual time, or one case over loopback.
pub(crate) fn bench_waiting(root: &Path, case: Option<&OsString>) -> Result<(), String> {
    let which: &[&str] =
        if case.is_some() { &["loopback", "--features", "loopback"] } else { &["schedules"] };
    let which = [&["--release", "-p", "kling-bench-waiting", "--bin"], which].concat();
    run_program(root, &which, case.map(std::slice::from_ref).unwrap_or_default(), "the measurement failed")
}

pub(crate) fn chaos(root: &Path, passed: &Passed) -> Result<(), String> {
    let which = ["-p", "kling-tests", "--bin", "chaos"];
    run_program(root, &which, &passed.arguments, "a promise was broken, or the run failed")
}

pub(crate) fn fuzz_validators(root: &Path, passed: &Passed) -> Result<(), String> {
    // Millions of documents need a release build.
    let which = ["--release", "-p", "kling-tests", "--bin", "fuzz_validators"];
    run_program(root, &which, &passed.arguments, "the validators disagree, or the run failed")
}

pub(crate) fn race(root: &Path, passed: &Passed) -> Result<(), String> {
    // A debug build is too slow for the race to happen.
    let which = ["--release", "-p", "kling-tests", "--bin", "race"];
    run_program(root, &which, &passed.arguments, "a paid request was sent twice, or the run failed")
}

pub(crate) fn kill(root: &Path, kills: u32, seed: u64) -> Result<(), String> {
    let arguments = ["test", "--package", "kling-cli", "--test", "kill", "--", "--nocapture"];
    let mut command = cargo(root, arguments);
    command.env("KLING_KILLS", kills.to_string()).env("KLING_SEED", seed.to_string());
    run(&mut command, "a paid job was lost, or paid twice: see above")
}

fn run_program(root: &Path, which: &[&str], arguments: &[OsString], failed: &str) -> Result<(), String> {
    run(cargo(root, ["run", "--quiet"]).args(which).arg("--").args(arguments), failed)
}

/// Returns a cargo command in a folder.
pub(crate) fn cargo(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO"));
    command.current_dir(folder).args(arguments);
    command
}

/// Runs this command again in a build of this crate with a feature, in the current folder.
pub(crate) fn rerun_with(feature: &str) -> Result<ExitCode, String> {
    // The arguments may name files of the current folder.
    let mut command =
        cargo(Path::new("."), ["run", "--quiet", "--package", "xtask", "--features", feature, "--"]);
    command.args(std::env::args_os().skip(1));
    let status = command.status().map_err(|error| unstarted(&command, &error))?;
    Ok(exit_code(status))
}

/// Returns the exit code of a program that was run in place of this one.
pub(crate) fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// Prints a cargo command and runs it with these environment variables.
pub(crate) fn step(folder: &Path, arguments: &str, variables: &[(&str, &str)]) -> Result<(), String> {
    println!("    cargo {arguments}");
    let mut command = cargo(folder, arguments.split_whitespace());
    command.envs(variables.iter().copied());
    run(&mut command, &format!("failed: cargo {arguments}"))
}

/// Checks that a subcommand of cargo is installed.
pub(crate) fn require_subcommand(root: &Path, name: &str, install: &str) -> Result<(), String> {
    let found = output(&mut cargo(root, [name, "--version"]))?;
    if found.status.success() { Ok(()) } else { Err(format!("cargo-{name} is missing; run `{install}`")) }
}

/// Returns a text of a JSON document, or an empty text if the value is none.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Runs a command to its end. Returns `failed` as the error if it fails.
pub(crate) fn run(command: &mut Command, failed: &str) -> Result<(), String> {
    let status = command.status().map_err(|error| unstarted(command, &error))?;
    if status.success() { Ok(()) } else { Err(failed.to_owned()) }
}

/// Runs a command to its end, and returns its output.
pub(crate) fn output(command: &mut Command) -> Result<Output, String> {
    command.output().map_err(|error| unstarted(command, &error))
}

fn unstarted(command: &Command, error: &std::io::Error) -> String {
    format!("{} cannot be run: {error}", command.get_program().display())
}
