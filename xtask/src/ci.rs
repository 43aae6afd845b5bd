//! `cargo xtask ci`: every check that a change must pass. Each step prints the cargo command that it runs.

use std::path::Path;
use std::time::Instant;

use serde_json::Value;

use crate::{codegen, programs};

/// A check that runs one cargo command.
struct Step {
    name: &'static str,
    arguments: String,
    /// Environment variables.
    variables: &'static [(&'static str, &'static str)],
}

pub(crate) fn run(root: &Path) -> Result<(), String> {
    let started = Instant::now();
    report("generated code", || codegen::run(root, true))?;
    for step in steps() {
        report(step.name, || step.run(root))?;
    }
    report("dependency tree", || check_trees(root))?;
    report("rust-version", || check_rust_version(root))?;
    deny(root)?;
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
    ("kling", "async blocking async,journal blocking,journal async,sqlite async,media async,media-remote"),
    ("kling", "blocking,media-remote-blocking async,schema blocking,schema async,schemars async,tracing"),
    ("kling", "async,kling-1-6"),
    ("kling-media", " remote remote,rustls remote,native-tls"),
    ("kling-media", "remote-blocking remote-blocking,rustls remote-blocking,native-tls"),
    ("kling-journal", " sqlite"),
    ("kling-schema", " folder"),
    ("kling-sim", " clip"),
    ("kling-cli", ""),
];

impl Step {
    fn run(&self, root: &Path) -> Result<(), String> {
        println!("    cargo {}", self.arguments);
        let mut command = programs::cargo(root, self.arguments.split_whitespace());
        command.envs(self.variables.iter().copied());
        programs::run(&mut command, &format!("failed: cargo {}", self.arguments))
    }
}

/// Checks licences, bans and sources if cargo-deny is installed. It takes ten minutes to build, so it is not installed here.
fn deny(root: &Path) -> Result<(), String> {
    let found = programs::output(&mut programs::cargo(root, ["deny", "--version"]));
    if !found.is_ok_and(|output| output.status.success()) {
        println!("--- licences: skipped; install the check with `cargo install cargo-deny`");
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

/// A crate with some of its features, and the packages that must not be in its dependency tree.
struct TreeRule {
    package: &'static str,
    features: &'static str,
    forbidden: &'static [&'static str],
}

/// Packages that use HTTP or run futures.
const NETWORK: &[&str] = &["axum", "hyper", "reqwest", "rustls", "tokio", "ureq"];

const TREE_RULES: &[TreeRule] = &[
    TreeRule { package: "kling-types", features: "all-models,schemars", forbidden: NETWORK },
    TreeRule {
        package: "kling-types",
        features: "all-models",
        forbidden: &["prettyplease", "schemars", "typify", "url"],
    },
    TreeRule { package: "kling-schema", features: "", forbidden: NETWORK },
    TreeRule { package: "kling-schema", features: "", forbidden: &["toml", "typify"] },
    TreeRule { package: "kling-schema", features: "folder", forbidden: NETWORK },
    TreeRule { package: "kling-journal", features: "", forbidden: NETWORK },
    TreeRule { package: "kling-media", features: "", forbidden: NETWORK },
    TreeRule { package: "kling-transport", features: "", forbidden: NETWORK },
    TreeRule {
        package: "kling-transport",
        features: "blocking,rustls",
        forbidden: &["hyper", "reqwest", "tokio"],
    },
    TreeRule { package: "kling-poll", features: "", forbidden: NETWORK },
    TreeRule { package: "kling-poll", features: "blocking", forbidden: &["hyper", "reqwest", "tokio"] },
    TreeRule {
        package: "kling",
        features: "blocking,rustls,all-models",
        forbidden: &["hyper", "reqwest", "tokio"],
    },
    // Both clients use one crypto provider.
    TreeRule { package: "kling", features: "async,blocking,rustls", forbidden: &["ring"] },
    TreeRule { package: "kling-sim", features: "clip", forbidden: &["kling-poll", "kling-transport"] },
    TreeRule { package: "kling-cli", features: "offline", forbidden: &["prettyplease", "typify"] },
];

fn check_trees(root: &Path) -> Result<(), String> {
    for TreeRule { package, features, forbidden } in TREE_RULES {
        let tree = packages_below(root, package, features)?;
        if let Some(found) = tree.iter().find(|name| forbidden.contains(&name.as_str())) {
            return Err(format!("{package} with the features [{features}] pulls in {found}"));
        }
    }
    println!("    {} rules hold", TREE_RULES.len());
    Ok(())
}

/// Returns the names of all packages below one, without build dependencies and proc macros.
fn packages_below(root: &Path, package: &str, features: &str) -> Result<Vec<String>, String> {
    let arguments = ["tree", "--edges", "normal,no-proc-macro", "--prefix", "none", "--no-default-features"];
    let mut command = programs::cargo(root, arguments);
    let output = programs::output(command.args(["--package", package, "--features", features]))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}

/// Checks that no dependency needs a newer compiler than the stated `rust-version`. Cargo itself refuses an older compiler.
fn check_rust_version(root: &Path) -> Result<(), String> {
    let output = programs::output(&mut programs::cargo(root, ["metadata", "--format-version", "1"]))?;
    let metadata: Value =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let needed = |package: &Value| version(package["rust_version"].as_str().unwrap_or_default());
    let stated = packages.iter().find(|package| package["name"] == "kling-types").map(needed);
    match packages.iter().find(|package| Some(needed(package)) > stated) {
        Some(newer) => Err(format!("{} needs {}", newer["name"], newer["rust_version"])),
        None => Ok(()),
    }
}

/// Returns three numbers, which can be compared.
fn version(text: &str) -> [u32; 3] {
    let mut numbers = text.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| numbers.next().unwrap_or(0))
}
