//! Checks of the dependencies: who may depend on what, the oldest compiler, licences, and the lower bounds of versions.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::programs::{self, text};

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

pub(crate) fn check_trees(root: &Path) -> Result<(), String> {
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

/// Checks that each published crate states a `rust-version` that none of its dependencies exceeds.
pub(crate) fn check_rust_versions(root: &Path) -> Result<(), String> {
    let metadata = metadata(root)?;
    let graph = Graph::new(&metadata);
    let mut problems = Vec::new();
    for package in published(&metadata) {
        let (name, stated) = (text(&package["name"]), text(&package["rust_version"]));
        let below = graph.below(text(&package["id"]));
        let newer = below.iter().filter_map(|id| graph.packages.get(id)).filter(|dependency| {
            dependency["rust_version"].as_str().is_some_and(|needed| version(needed) > version(stated))
        });
        problems.extend(newer.map(|dependency| {
            let (dependency, needed) = (text(&dependency["name"]), text(&dependency["rust_version"]));
            format!("{name} states rust-version {stated}, but {dependency} needs {needed}")
        }));
        println!("    {name}: {stated}");
    }
    if problems.is_empty() { Ok(()) } else { Err(problems.join("; ")) }
}

/// Packages by their id, and the packages that each needs to be built.
struct Graph<'a> {
    packages: HashMap<&'a str, &'a Value>,
    edges: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Graph<'a> {
    fn new(metadata: &'a Value) -> Self {
        let packages = items(&metadata["packages"]).map(|package| (text(&package["id"]), package)).collect();
        let edges = items(&metadata["resolve"]["nodes"]).map(|node| {
            let is_simulator =
                |edge: &Value| edge["name"] == "kling_sim" && text(&node["id"]).contains("/kling#");
            // The feature `testing` of kling needs the newer compiler of the simulator, as its documentation says.
            let builds = |edge: &&Value| {
                items(&edge["dep_kinds"]).any(|kind| kind["kind"] != "dev") && !is_simulator(edge)
            };
            let needed = items(&node["deps"]).filter(builds).map(|edge| text(&edge["pkg"]));
            (text(&node["id"]), needed.collect())
        });
        Self { packages, edges: edges.collect() }
    }

    /// Returns the ids of a package and of all below it, without those for tests.
    fn below(&self, id: &'a str) -> BTreeSet<&'a str> {
        let (mut found, mut open) = (BTreeSet::new(), vec![id]);
        while let Some(id) = open.pop() {
            if found.insert(id) {
                open.extend(self.edges.get(id).into_iter().flatten());
            }
        }
        found
    }
}

/// Returns the packages of this workspace that are published.
pub(crate) fn published(metadata: &Value) -> impl Iterator<Item = &Value> {
    let members: BTreeSet<&str> = items(&metadata["workspace_members"]).map(text).collect();
    items(&metadata["packages"])
        .filter(move |package| members.contains(text(&package["id"])) && package["publish"].is_null())
}

/// Whether a package has a library.
#[cfg(feature = "public-api")]
pub(crate) fn is_library(package: &Value) -> bool {
    items(&package["targets"]).any(|target| items(&target["kind"]).any(|kind| kind == "lib"))
}

/// Returns the output of `cargo metadata` with all features.
pub(crate) fn metadata(root: &Path) -> Result<Value, String> {
    let arguments = ["metadata", "--format-version", "1", "--all-features"];
    let output = programs::output(&mut programs::cargo(root, arguments))?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

fn items(array: &Value) -> impl Iterator<Item = &Value> {
    array.as_array().into_iter().flatten()
}

/// Returns three numbers, which can be compared.
fn version(text: &str) -> [u32; 3] {
    let mut numbers = text.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| numbers.next().unwrap_or(0))
}

/// Checks licences, bans and sources by cargo-deny.
pub(crate) fn check_licences(root: &Path) -> Result<(), String> {
    programs::require_subcommand(root, "deny", "cargo install --locked cargo-deny")?;
    programs::step(root, "deny --all-features check bans licenses sources", &[])
}

/// Checks that the last commit compiles with the lowest version of each dependency that its manifests allow.
pub(crate) fn check_lower_bounds(root: &Path) -> Result<(), String> {
    let folder = root.join("target/lower-bounds");
    // A clone keeps the lock file of this folder as it is.
    let source = folder.join("source");
    if source.exists() {
        std::fs::remove_dir_all(&source).map_err(|error| format!("{}: {error}", source.display()))?;
    }
    let mut clone = Command::new("git");
    clone.args(["clone", "--quiet", "--shared"]).args([root, &source]);
    programs::run(&mut clone, "the repository could not be cloned")?;
    programs::step(&source, "update --quiet -Z direct-minimal-versions", &[("RUSTC_BOOTSTRAP", "1")])?;
    let target = folder.join("target");
    let target = target.to_str().ok_or("the path of the workspace is not UTF-8")?;
    programs::step(&source, "check --quiet --workspace --all-features", &[("CARGO_TARGET_DIR", target)])
}
