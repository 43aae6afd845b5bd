//! `cargo xtask kill`: the program killed again and again in the middle of paid jobs, and what became of them.

use std::path::Path;

use crate::program;

pub(crate) fn run(root: &Path, kills: u32, seed: u64) -> Result<(), String> {
    let arguments = ["test", "--package", "kling-cli", "--test", "kill", "--", "--nocapture"];
    let mut command = program::cargo(root, arguments);
    command.env("KLING_KILLS", kills.to_string()).env("KLING_SEED", seed.to_string());
    program::run(&mut command, "a paid job was lost, or paid twice: see above")
}
