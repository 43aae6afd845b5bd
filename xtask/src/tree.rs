//! What each crate may never pull in, proven on the dependency tree.

use std::path::Path;

use crate::program;

/// A crate with some of its features, and what must not stand in its tree.
struct Rule {
    package: &'static str,
    features: &'static str,
    forbidden: &'static [&'static str],
}

/// Everything that speaks HTTP or runs futures.
const NETWORK: &[&str] = &["axum", "hyper", "reqwest", "rustls", "tokio", "ureq"];

const RULES: &[Rule] = &[
    Rule { package: "kling-types", features: "all-models,schemars", forbidden: NETWORK },
    Rule {
        package: "kling-types",
        features: "all-models",
        forbidden: &["prettyplease", "schemars", "typify", "url"],
    },
    Rule { package: "kling-schema", features: "", forbidden: NETWORK },
    Rule { package: "kling-schema", features: "", forbidden: &["toml", "typify"] },
    Rule { package: "kling-schema", features: "folder", forbidden: NETWORK },
    Rule { package: "kling-journal", features: "", forbidden: NETWORK },
    Rule { package: "kling-media", features: "", forbidden: NETWORK },
    Rule { package: "kling-transport", features: "", forbidden: NETWORK },
    Rule {
        package: "kling-transport",
        features: "blocking,rustls",
        forbidden: &["hyper", "reqwest", "tokio"],
    },
    Rule { package: "kling-poll", features: "", forbidden: NETWORK },
    Rule { package: "kling-poll", features: "blocking", forbidden: &["hyper", "reqwest", "tokio"] },
    Rule {
        package: "kling",
        features: "blocking,rustls,all-models",
        forbidden: &["hyper", "reqwest", "tokio"],
    },
    // One crypto provider serves both shells.
    Rule { package: "kling", features: "async,blocking,rustls", forbidden: &["ring"] },
    Rule { package: "kling-sim", features: "clip", forbidden: &["kling-poll", "kling-transport"] },
    Rule { package: "kling-cli", features: "offline", forbidden: &["prettyplease", "typify"] },
];

pub(crate) fn check(root: &Path) -> Result<(), String> {
    for Rule { package, features, forbidden } in RULES {
        let tree = tree(root, package, features)?;
        if let Some(found) = tree.iter().find(|name| forbidden.contains(&name.as_str())) {
            return Err(format!("{package} with the features [{features}] pulls in {found}"));
        }
    }
    println!("    {} rules hold", RULES.len());
    Ok(())
}

/// The names of all packages below one, build dependencies and proc macros left out.
fn tree(root: &Path, package: &str, features: &str) -> Result<Vec<String>, String> {
    let arguments = ["tree", "--edges", "normal,no-proc-macro", "--prefix", "none", "--no-default-features"];
    let mut command = program::cargo(root, arguments);
    let output = program::output(command.args(["--package", package, "--features", features]))?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect())
}
