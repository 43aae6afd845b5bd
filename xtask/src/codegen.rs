//! `cargo xtask codegen`: generates `kling-types` from the schemas of this workspace.

use std::path::{Path, PathBuf};

use kling_codegen::Generator;

pub(crate) fn run(root: &Path, check: bool) -> Result<(), String> {
    let mut touched = 0;
    for generator in [generator(root), fixture_generator(root)] {
        match check {
            true => generator.check().map_err(|error| error.to_string())?,
            false => touched += generator.generate().map_err(|error| error.to_string())?,
        }
    }
    if !check {
        println!("{touched} files written");
    }
    Ok(())
}

/// Returns the folder of the provider's schemas.
pub(crate) fn schema_dir(root: &Path) -> PathBuf {
    root.join("schemas")
}

/// Returns the generator of this workspace.
pub(crate) fn generator(root: &Path) -> Generator {
    let crates = root.join("crates");
    Generator::new()
        .schema_dir(schema_dir(root))
        .out_dir(crates.join("kling-types/src/generated"))
        .features_in(crates.join("kling-types/Cargo.toml"), None)
        .features_in(crates.join("kling/Cargo.toml"), Some("kling-types"))
}

/// Returns the generator of the made-up models for tests. They are compiled inside `kling-types`, since the compiler omits many
/// warnings about macros of other crates.
fn fixture_generator(root: &Path) -> Generator {
    let types = root.join("crates/kling-types");
    Generator::new().schema_dir(types.join("fixtures")).out_dir(types.join("src/fixtures"))
}
