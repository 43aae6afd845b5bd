//! `cargo xtask bench`: programs that print ratios side by side, started here so that this crate stays light.

use std::path::Path;

use crate::program;

#[derive(Clone, Copy, clap::ValueEnum)]
pub(crate) enum Bench {
    /// The journal beside a million entries: a submit's share, ten processes at once, `kling jobs`.
    Journal,
    /// Header facts of a photo in memory, on disk and over loopback, against other readers.
    Media,
    /// The generated validators against the jsonschema crate, and typed input against plain serde.
    Validation,
}

pub(crate) fn run(root: &Path, bench: Bench) -> Result<(), String> {
    let name = match bench {
        Bench::Journal => {
            let program = ["build", "--quiet", "--release", "-p", "kling-cli"];
            program::run(&mut program::cargo(root, program), "the program could not be built")?;
            "journal"
        }
        Bench::Media => "media",
        Bench::Validation => "validation",
    };
    let arguments = ["run", "--quiet", "--release", "-p", "kling-benches", "--bin", name];
    program::run(&mut program::cargo(root, arguments), "the bench could not be run")
}
