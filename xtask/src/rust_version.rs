//! The `rust-version` that the manifests state: no dependency asks for more, and this very run compiles with it where
//! that is the compiler at hand.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::program;

pub(crate) fn check(root: &Path) -> Result<(), String> {
    let metadata = metadata(root)?;
    let packages = metadata["packages"].as_array().ok_or("cargo metadata names no packages")?;
    let ours = packages.iter().find(|package| package["name"] == "kling-types");
    let stated = ours
        .and_then(|package| package["rust_version"].as_str())
        .ok_or("kling-types states no rust-version")?;
    let newer: Vec<String> = packages
        .iter()
        .filter(|package| {
            package["rust_version"].as_str().is_some_and(|needs| version(needs) > version(stated))
        })
        .map(|package| format!("{} needs {}", package["name"], package["rust_version"]))
        .collect();
    if !newer.is_empty() {
        return Err(format!("rust-version is {stated}, and {}", newer.join(", ")));
    }
    let compiler = compiler()?;
    if version(&compiler) < version(stated) {
        return Err(format!("rust-version is {stated}, and this compiler is {compiler}"));
    }
    let proof = if version(&compiler)[..2] == version(stated)[..2] {
        "which compiled everything above"
    } else {
        "newer"
    };
    println!("    rust-version {stated}; this compiler is {compiler}, {proof}");
    Ok(())
}

fn metadata(root: &Path) -> Result<Value, String> {
    let output = program::output(&mut program::cargo(root, ["metadata", "--format-version", "1"]))?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))
}

fn compiler() -> Result<String, String> {
    let output = Command::new("rustc").arg("--version").output();
    let output = output.map_err(|error| format!("rustc cannot be run: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().nth(1).map(str::to_owned).ok_or_else(|| "rustc names no version".to_owned())
}

/// Three numbers, so that versions compare.
fn version(text: &str) -> [u32; 3] {
    let mut numbers = text.split(['.', '-']).map(|part| part.parse().unwrap_or(0));
    [(); 3].map(|()| numbers.next().unwrap_or(0))
}
