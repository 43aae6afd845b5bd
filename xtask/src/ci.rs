//! `cargo xtask ci`: every check that a change has to pass, each by the command that anyone can run by hand.

use std::path::Path;
use std::time::Instant;

use crate::{codegen, program, rust_version, tree};

/// A check that is one cargo command.
struct Step {
    name: &'static str,
    arguments: String,
    /// Variables of the environment.
    variables: &'static [(&'static str, &'static str)],
}

pub(crate) fn run(root: &Path) -> Result<(), String> {
    let started = Instant::now();
    report("generated code", || codegen::run(root, true))?;
    for step in steps() {
        report(step.name, || step.run(root))?;
    }
    report("dependency tree", || tree::check(root))?;
    report("rust-version", || rust_version::check(root))?;
    deny(root)?;
    println!("all checks passed in {} s", started.elapsed().as_secs());
    Ok(())
}

fn steps() -> Vec<Step> {
    let step = |name, arguments: &str| Step { name, arguments: arguments.to_owned(), variables: &[] };
    let mut steps = vec![
        step("format", "fmt --all --check"),
        step("clippy", "clippy --workspace --all-targets --all-features -- -D warnings"),
        // In tests, to unwrap is to fail.
        step(
            "nothing unwraps outside tests",
            "clippy --workspace --exclude xtask --lib --bins --all-features -- -D warnings -D clippy::unwrap_used",
        ),
        step("tests", "test --workspace --all-features"),
        Step {
            variables: &[("RUSTDOCFLAGS", "-D warnings")],
            ..step("docs", "doc --workspace --no-deps --all-features")
        },
    ];
    steps.extend(serde_json_features().map(|features| Step {
        name: "one report with any features of serde_json",
        ..step("", &format!("test -p kling-types --test violations --features all-models,{features}"))
    }));
    // Made-up models that hold every name and every empty object, compiled inside the crate of the macros.
    steps.extend(["", "schemars"].map(|features| Step {
        name: "fixtures without a warning",
        variables: &[("RUSTFLAGS", "-D warnings")],
        ..step(
            "",
            &format!("check -p kling-types --lib --profile test --no-default-features --features={features}"),
        )
    }));
    steps.extend(lone_features().map(|(package, features)| Step {
        name: "each feature alone",
        variables: &[("RUSTFLAGS", "-D warnings")],
        ..step("", &format!("check -p {package} --no-default-features --features={features}"))
    }));
    steps
}

/// What other crates in a graph may turn on under us.
fn serde_json_features() -> impl Iterator<Item = &'static str> {
    let (order, precision) = ("serde_json/preserve_order", "serde_json/arbitrary_precision");
    ["", order, precision, "serde_json/preserve_order,serde_json/arbitrary_precision"].into_iter()
}

/// The features that have to build without any other.
fn lone_features() -> impl Iterator<Item = (&'static str, &'static str)> {
    let model = "kling-1-6-pro-image-to-video";
    let types = ["", "schemars", model, "all-models"].map(|feature| ("kling-types", feature));
    let shells = [
        "",
        "async",
        "blocking",
        "async,rustls",
        "blocking,rustls",
        "async,native-tls",
        "blocking,native-tls",
    ];
    let transport = shells.map(|feature| ("kling-transport", feature));
    let poll = ["", "async", "blocking"].map(|feature| ("kling-poll", feature));
    let face = [
        "",
        "async",
        "blocking",
        "journal",
        "sqlite",
        "async,journal",
        "media",
        "media-remote",
        "media-remote-blocking",
        "schema",
        "async,schema",
        "blocking,schema",
        "schemars",
        "tracing",
        "async,tracing",
        model,
    ]
    .map(|feature| ("kling", feature));
    let media = [
        "",
        "remote",
        "remote,rustls",
        "remote,native-tls",
        "remote-blocking",
        "remote-blocking,rustls",
        "remote-blocking,native-tls",
    ]
    .map(|feature| ("kling-media", feature));
    let others = [
        ("kling-journal", ""),
        ("kling-journal", "sqlite"),
        ("kling-schema", ""),
        ("kling-schema", "folder"),
        ("kling-sim", ""),
        ("kling-sim", "clip"),
        ("kling-cli", ""),
    ];
    types.into_iter().chain(transport).chain(poll).chain(face).chain(media).chain(others)
}

impl Step {
    fn run(&self, root: &Path) -> Result<(), String> {
        println!("    cargo {}", self.arguments);
        let mut command = program::cargo(root, self.arguments.split_whitespace());
        command.envs(self.variables.iter().copied());
        program::run(&mut command, &format!("failed: cargo {}", self.arguments))
    }
}

/// Licences, bans and sources, where cargo-deny is at hand: it takes ten minutes to build, so it is not fetched here.
fn deny(root: &Path) -> Result<(), String> {
    let found = program::output(&mut program::cargo(root, ["deny", "--version"]));
    if !found.is_ok_and(|output| output.status.success()) {
        println!("--- licences: skipped, `cargo install cargo-deny` brings the check");
        return Ok(());
    }
    let arguments = "deny --all-features check bans licenses sources".to_owned();
    report("licences", || Step { name: "licences", arguments, variables: &[] }.run(root))
}

fn report(name: &str, check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    println!("--- {name}");
    let started = Instant::now();
    check().map_err(|error| format!("{name}: {error}"))?;
    println!("    {} s", started.elapsed().as_secs());
    Ok(())
}
