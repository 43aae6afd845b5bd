//! Development commands of this workspace: `cargo xtask --help`.

mod add_model;
mod bench;
mod bench_waiting;
mod catalog_reply;
mod ci;
mod codegen;
mod kill;
mod live;
mod program;
mod rust_version;
mod schema_diff;
mod size;
mod tree;
mod update_model;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development commands of this workspace")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Add models of the catalog: their schemas and their code, all of them or, where one is refused, none.
    AddModel(add_model::Arguments),
    /// Print ratios of ours to other crates, side by side in one run.
    Bench { bench: bench::Bench },
    /// Measure what waiting costs, each figure beside another of the same run.
    BenchWaiting {
        /// In virtual time: step, age, queue, budget, speed-up, or plot, which draws docs/waiting.svg. Over loopback: memory,
        /// burst, overload, cpu, clock. By default, all in virtual time but the plot.
        part: Option<String>,
    },
    /// Run thousands of paid jobs under random faults, and join what was kept to what was billed.
    #[command(disable_help_flag = true)]
    Chaos {
        /// Those of the program `chaos` of the tests.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Run every check that a change has to pass: what the README calls the tests.
    Ci,
    /// Generate kling-types from the schemas.
    Codegen {
        /// Change nothing; fail where a generated file is not what its schema says.
        #[arg(long)]
        check: bool,
    },
    /// Hold the validators to a judge that is not ours, over arbitrary documents, and the header reader to broken pictures.
    #[command(disable_help_flag = true)]
    FuzzValidators {
        /// Those of the program `fuzz_validators` of the tests.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Kill the program at random moments of paid jobs, and join what was billed to what it remembers.
    Kill {
        /// How many times.
        #[arg(long, default_value_t = 200)]
        kills: u32,
        /// Where chance begins.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Submit thousands of requests whose time limit passes while they connect, and count the bodies that arrive.
    #[command(disable_help_flag = true)]
    Race {
        /// Those of the program `race` of the tests.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
    /// Compare two versions of a model. Exits with 0 for no change, 10 for words only, 11 for compatible, 12 for behaviour, 13
    /// for breaking.
    SchemaDiff(schema_diff::Arguments),
    /// Print how large the product is: lines, files, functions, types in several files, files that use each other.
    Size,
    /// Compare a model on file with its catalog entry, take over the entry's schema, and exit as `schema-diff` does.
    UpdateModel(update_model::Arguments),
}

impl Command {
    /// Whether the live catalog is asked.
    const fn needs_catalog(&self) -> bool {
        match self {
            Self::AddModel(arguments) => arguments.file.is_none(),
            Self::UpdateModel(arguments) => arguments.file.is_none(),
            _ => false,
        }
    }
}

fn main() -> ExitCode {
    let command = Arguments::parse().command;
    let rerun = if command.needs_catalog() { live::rerun() } else { None };
    let result = rerun.unwrap_or_else(|| run(&command, &root()));
    result.unwrap_or_else(|message| {
        eprintln!("{message}");
        ExitCode::FAILURE
    })
}

fn run(command: &Command, root: &Path) -> Result<ExitCode, String> {
    match command {
        Command::AddModel(arguments) => add_model::run(root, arguments).map(|()| ExitCode::SUCCESS),
        Command::Bench { bench } => bench::run(root, *bench).map(|()| ExitCode::SUCCESS),
        Command::BenchWaiting { part } => {
            bench_waiting::run(root, part.as_deref()).map(|()| ExitCode::SUCCESS)
        }
        Command::Chaos { arguments } => chaos(root, arguments).map(|()| ExitCode::SUCCESS),
        Command::Ci => ci::run(root).map(|()| ExitCode::SUCCESS),
        Command::Codegen { check } => codegen::run(root, *check).map(|()| ExitCode::SUCCESS),
        Command::FuzzValidators { arguments } => fuzz_validators(root, arguments).map(|()| ExitCode::SUCCESS),
        Command::Kill { kills, seed } => kill::run(root, *kills, *seed).map(|()| ExitCode::SUCCESS),
        Command::Race { arguments } => race(root, arguments).map(|()| ExitCode::SUCCESS),
        Command::SchemaDiff(arguments) => schema_diff::run(arguments),
        Command::Size => size::run(root).map(|()| ExitCode::SUCCESS),
        Command::UpdateModel(arguments) => update_model::run(root, arguments),
    }
}

fn chaos(root: &Path, arguments: &[OsString]) -> Result<(), String> {
    let mut command = program::cargo(root, ["run", "--quiet", "-p", "kling-tests", "--bin", "chaos", "--"]);
    program::run(command.args(arguments), "a promise was broken, or the run could not be made")
}

fn fuzz_validators(root: &Path, arguments: &[OsString]) -> Result<(), String> {
    // Millions of documents take a release build.
    let program = ["run", "--quiet", "--release", "-p", "kling-tests", "--bin", "fuzz_validators", "--"];
    let mut command = program::cargo(root, program);
    program::run(command.args(arguments), "validators disagree, or the run could not be made")
}

fn race(root: &Path, arguments: &[OsString]) -> Result<(), String> {
    // A debug build is too slow to meet the moment.
    let program = ["run", "--quiet", "--release", "-p", "kling-tests", "--bin", "race", "--"];
    let mut command = program::cargo(root, program);
    program::run(command.args(arguments), "a paid request was sent twice, or the run could not be made")
}

/// The top of the workspace, whatever the current folder is.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
