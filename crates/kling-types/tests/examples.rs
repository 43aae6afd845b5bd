//! The example as a program: it reports every violation at once.
#![cfg(feature = "kling-1-6")]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::path::Path;
use std::process::Command;

#[test]
fn an_input_is_checked_without_a_client() {
    let test = std::env::current_exe().unwrap();
    let folder = test.parent().and_then(Path::parent).unwrap().join("examples");
    let program = folder.join("check_only").with_extension(std::env::consts::EXE_EXTENSION);
    assert!(program.exists(), "no {program:?}: run `cargo build -p kling-types --all-features --examples`");
    let output = Command::new(program).output().unwrap();
    let lines = String::from_utf8(output.stdout).unwrap();
    let pointers: Vec<_> = lines.lines().filter_map(|line| line.split(':').next()).collect();
    assert_eq!(pointers, ["/image_uri", "/image_url", "/duration"], "{lines}");
}
