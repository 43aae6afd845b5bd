//! `cargo xtask ci`: every check that a change must pass. Each step prints the cargo command that it runs.

use std::path::Path;
use std::time::Instant;

use crate::{codegen, dependencies, programs, public_api, release};

/// A check that runs one cargo command.
struct Step {
    name: &'static str,
    arguments: String,
    /// Environment variables.
    variables: &'static [(&'static str, &'static str)],
}

/// Runs the checks. With `full`, also those that take minutes or need another tool.
pub(crate) fn run(root: &Path, full: bool) -> Result<(), String> {
    let started = Instant::now();
    report("generated code", || codegen::run(root, true))?;
    for step in steps() {
        report(step.name, || step.run(root))?;
    }
    report("dependency tree", || dependencies::check_trees(root))?;
    report("rust-version", || dependencies::check_rust_versions(root))?;
    if full {
        report("licences", || dependencies::check_licences(root))?;
        report("lower bounds of dependencies", || dependencies::check_lower_bounds(root))?;
        report("public API", || public_api::check_in_its_own_build(root))?;
        report("semantic versioning", || release::check_semver(root))?;
    }
    // Last, since it needs a commit of all changes.
    report("packages", || release::check_packages(root, full))?;
    println!("all checks passed in {} s", started.elapsed().as_secs());
    Ok(())
}

fn steps() -> Vec<Step> {
    let step = |name, arguments: &str| Step { name, arguments: arguments.to_owned(), variables: &[] };
    let mut steps = vec![
        step("format", "fmt --all --check"),
        step("clippy", "clippy --workspace --all-targets --all-features -- -D warnings"),
        // A test may unwrap.
        step(
            "no unwrap outside tests",
            "clippy --workspace --exclude xtask --lib --bins --all-features -- -D warnings -D clippy::unwrap_used",
        ),
        step("tests", "test --workspace --all-features"),
        Step {
            variables: &[("RUSTDOCFLAGS", "-D warnings")],
            ..step("docs", "doc --workspace --no-deps --all-features")
        },
    ];
    steps.extend(SERDE_JSON_FEATURES.map(|features| Step {
        name: "the same report with any features of serde_json",
        ..step("", &format!("test -p kling-types --test violations --features all-models,{features}"))
    }));
    // Made-up models with every name and every empty object, compiled inside the crate of the macros.
    steps.extend(["", "schemars"].map(|features| Step {
        name: "fixtures without warnings",
        variables: &[("RUSTFLAGS", "-D warnings")],
        ..step(
            "",
            &format!("check -p kling-types --lib --profile test --no-default-features --features={features}"),
        )
    }));
    let lone =
        LONE_FEATURES.iter().flat_map(|(package, lists)| lists.split(' ').map(move |list| (package, list)));
    steps.extend(lone.map(|(package, features)| Step {
        name: "each feature alone",
        variables: &[("RUSTFLAGS", "-D warnings")],
        ..step("", &format!("check -p {package} --no-default-features --features={features}"))
    }));
    steps
}

/// Features of serde_json that other crates in a dependency tree may enable.
const SERDE_JSON_FEATURES: [&str; 4] = [
    "",
    "serde_json/preserve_order",
    "serde_json/arbitrary_precision",
    "serde_json/preserve_order,serde_json/arbitrary_precision",
];

/// The features that must build without any other, separated by blanks. The first may be none.
const LONE_FEATURES: &[(&str, &str)] = &[
    ("kling-types", " schemars kling-1-6 all-models"),
    ("kling-transport", "async blocking async,rustls blocking,rustls async,native-tls blocking,native-tls"),
    ("kling-poll", "async blocking"),
    (
        "kling",
        "async blocking async,journal blocking,journal async,media-remote async,schemars async,tracing",
    ),
    ("kling", "blocking,media-remote-blocking async,kling-1-6 async,testing unstable-reqwest unstable-ureq"),
    ("kling-media", " remote remote,rustls remote,native-tls"),
    ("kling-media", "remote-blocking remote-blocking,rustls remote-blocking,native-tls"),
    ("kling-journal", " sqlite"),
    ("kling-schema", " folder"),
    ("kling-sim", " clip"),
    ("kling-cli", ""),
];

impl Step {
    fn run(&self, root: &Path) -> Result<(), String> {
        programs::step(root, &self.arguments, self.variables)
    }
}

fn report(name: &str, check: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    println!("--- {name}");
    let started = Instant::now();
    check().map_err(|error| format!("{name}: {error}"))?;
    println!("    {} s", started.elapsed().as_secs());
    Ok(())
}
