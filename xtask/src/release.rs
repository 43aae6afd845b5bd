//! Checks before a release: the packages.

use std::path::Path;

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
