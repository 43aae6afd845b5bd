//! Gives the program the text of `kling --version`: version, commit, date of the commit, and target.

use std::path::Path;
use std::process::Command;
use std::{env, fs};

/// The folder of this crate in the repository.
const FOLDER: &str = "crates/kling-cli/";

/// The length of a short commit hash.
const SHORT: usize = 7;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let [version, target] = ["CARGO_PKG_VERSION", "TARGET"].map(|name| env::var(name).unwrap_or_default());
    let source = packaged_commit().or_else(checked_out_commit);
    let details = source.map_or_else(|| target.clone(), |commit| format!("{commit} {target}"));
    println!("cargo::rustc-env=KLING_LONG_VERSION={version} ({details})");
}

/// Returns the commit of a published package. Cargo records no date there.
fn packaged_commit() -> Option<String> {
    let file = Path::new(".cargo_vcs_info.json");
    if !file.exists() {
        return None;
    }
    println!("cargo::rerun-if-changed={}", file.display());
    let info = fs::read_to_string(file).ok()?;
    let (_, after) = info.split_once("\"sha1\"")?;
    let hash = after.split('"').nth(1)?;
    let is_hash = hash.len() > SHORT && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hash.then(|| hash[..SHORT].to_owned())
}

/// Returns the commit and its date, if this folder is in a git checkout of the repository.
fn checked_out_commit() -> Option<String> {
    // A copy of this crate in another repository has another prefix.
    if git(&["rev-parse", "--show-prefix"])? != FOLDER {
        return None;
    }
    rerun_after_a_commit();
    git(&["show", "--no-patch", &format!("--abbrev={SHORT}"), "--format=%h %cs", "HEAD"])
}

/// Asks cargo to run this script again when another commit is checked out, but not at each build.
fn rerun_after_a_commit() {
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    // Git appends to the log of HEAD at each commit, also if the branch has no file of its own.
    for name in ["HEAD", "logs/HEAD"].into_iter().chain(branch.as_deref()) {
        // Cargo runs the script at each build if a watched file does not exist.
        if let Some(path) = git(&["rev-parse", "--git-path", name]).filter(|path| Path::new(path).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
}

/// Returns the output of a git command, or `None` if git or the repository is missing.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success() && !text.trim().is_empty()).then(|| text.trim().to_owned())
}
