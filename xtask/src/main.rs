//! Development commands of this workspace: `cargo xtask --help`.

mod add_model;
mod catalog;
mod ci;
mod codegen;
mod dependencies;
mod programs;
mod public_api;
mod release;
mod schema_changes;
mod size;

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
    /// Add models of the catalog: their schemas and their code. If one is refused, none is added.
    AddModel(add_model::Arguments),
    /// Compare with other crates, side by side in one run.
    Bench { bench: programs::Bench },
    /// Measure the cost of waiting, each figure beside another of the same run.
    BenchWaiting {
        /// Over loopback: memory, burst, overload or cpu. By default, the schedules in virtual time.
        case: Option<std::ffi::OsString>,
    },
    /// Run thousands of paid jobs under random faults, and compare the journal with the bill.
    #[command(disable_help_flag = true)]
    Chaos(programs::Passed),
    /// Run every check that a change must pass.
    Ci {
        /// Also run the checks that take minutes or need another tool.
        #[arg(long)]
        full: bool,
    },
    /// Generate kling-types from the schemas.
    Codegen {
        /// Write no file, and fail if a generated file differs from its schema.
        #[arg(long)]
        check: bool,
    },
    /// Compare the validators with an independent one over arbitrary documents, and read the headers of broken images.
    #[command(disable_help_flag = true)]
    FuzzValidators(programs::Passed),
    /// Kill the program at random moments of paid jobs, and compare the bill with the journal.
    Kill {
        /// The number of kills.
        #[arg(long, default_value_t = 200)]
        kills: u32,
        /// The seed of the random moments.
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Write the public API of each library to docs/public-api.
    PublicApi {
        /// Write no file, and fail if the API differs from its file.
        #[arg(long)]
        check: bool,
    },
    /// Submit thousands of requests that time out while they connect, and count the bodies that arrive.
    #[command(disable_help_flag = true)]
    Race(programs::Passed),
    /// Compare two versions of a model. Exits with 0 for no change, 10 for words only, 11 for compatible, 12 for behaviour, 13
    /// for breaking.
    SchemaDiff(schema_changes::Diff),
    /// Print the size of the product: lines, files, functions, types in several files, files that use each other.
    Size,
    /// Replace the schema of a model on file by that of its catalog entry. Prints the changes and exits as `schema-diff`.
    UpdateModel(schema_changes::Update),
}

impl Command {
    /// Returns the feature that the command needs, if this build lacks it.
    fn missing_feature(&self) -> Option<&'static str> {
        let reads_catalog = match self {
            Self::AddModel(arguments) => arguments.file.is_none(),
            Self::UpdateModel(arguments) => arguments.file.is_none(),
            _ => false,
        };
        let reads_api = matches!(self, Self::PublicApi { .. });
        let needed = [
            (reads_catalog && !cfg!(feature = "live"), "live"),
            (reads_api && !cfg!(feature = "public-api"), "public-api"),
        ];
        needed.into_iter().find_map(|(is_missing, feature)| is_missing.then_some(feature))
    }
}

fn main() -> ExitCode {
    if let Some(code) = public_api::run_as_rustdoc() {
        return code;
    }
    let command = Arguments::parse().command;
    let result = match command.missing_feature() {
        Some(feature) => programs::rerun_with(feature),
        None => run(&command, &root()),
    };
    result.unwrap_or_else(|message| {
        eprintln!("{message}");
        ExitCode::FAILURE
    })
}

fn run(command: &Command, root: &Path) -> Result<ExitCode, String> {
    match command {
        Command::AddModel(arguments) => add_model::run(root, arguments),
        Command::Bench { bench } => programs::bench(root, *bench),
        Command::BenchWaiting { case } => programs::bench_waiting(root, case.as_ref()),
        Command::Chaos(passed) => programs::chaos(root, passed),
        Command::Ci { full } => ci::run(root, *full),
        Command::Codegen { check } => codegen::run(root, *check),
        Command::FuzzValidators(passed) => programs::fuzz_validators(root, passed),
        Command::Kill { kills, seed } => programs::kill(root, *kills, *seed),
        Command::PublicApi { check } => public_api::run(root, *check),
        Command::Race(passed) => programs::race(root, passed),
        Command::SchemaDiff(arguments) => return schema_changes::diff(arguments),
        Command::Size => size::run(root),
        Command::UpdateModel(arguments) => return schema_changes::update(root, arguments),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// Returns the root of the workspace, in any current folder.
fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}
