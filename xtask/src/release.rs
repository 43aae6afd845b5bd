//! Checks before a release: the packages, and their versions.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::dependencies::{metadata, published};
use crate::programs::{self, text};

/// The files that each package must have beside its manifest and source.
const REQUIRED_FILES: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Packages each published crate. With `verify`, builds each from its package alone.
pub(crate) fn check_packages(root: &Path, verify: bool) -> Result<(), String> {
    let metadata = metadata(root)?;
    let mut arguments = "package --quiet".to_owned();
    for package in published(&metadata) {
        check_files(root, package)?;
        arguments.push_str(" --package ");
        arguments.push_str(text(&package["name"]));
    }
    if !verify {
        arguments.push_str(" --no-verify");
    }
    programs::step(root, &arguments, &[])
}

/// Checks that a package holds its README, and the licence texts of this repository.
fn check_files(root: &Path, package: &Value) -> Result<(), String> {
    let name = text(&package["name"]);
    let mut list = programs::cargo(root, ["package", "--list", "--package", name]);
    let output = programs::output(&mut list)?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let files = String::from_utf8_lossy(&output.stdout);
    let folder = Path::new(text(&package["manifest_path"])).with_file_name("");
    for file in REQUIRED_FILES {
        if !files.lines().any(|line| line == file) {
            return Err(format!("the package {name} has no {file}"));
        }
        // A checkout without symbolic links has the path of the licence in its place.
        let is_ours = std::fs::read(folder.join(file)).ok() == std::fs::read(root.join(file)).ok();
        if file.starts_with("LICENSE") && !is_ours {
            return Err(format!("{file} of {name} differs from that of the repository"));
        }
    }
    Ok(())
}

/// Compares the public API of each crate with that of the last tag, if there is one.
pub(crate) fn check_semver(root: &Path) -> Result<(), String> {
    let mut describe = Command::new("git");
    describe.current_dir(root).args(["describe", "--tags", "--abbrev=0", "--match", "v*"]);
    let output = programs::output(&mut describe)?;
    let tag = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if tag.is_empty() {
        println!("    no release yet: no tag to compare with");
        return Ok(());
    }
    programs::require_subcommand(root, "semver-checks", "cargo install --locked cargo-semver-checks")?;
    programs::step(root, &format!("semver-checks --workspace --baseline-rev {tag}"), &[])
}
