//! `cargo xtask ci`
use std::path::Path;
pub(crate) fn run(_: &Path) -> Result<(), String> {
    Ok(())
}
