//! `cargo xtask codegen`: the schemas of this workspace into `kling-types`.

use std::path::{Path, PathBuf};

use kling_codegen::Generator;

pub(crate) fn run(root: &Path, check: bool) -> Result<(), String> {
    let generator = generator(root);
    if check {
        return generator.check().map_err(|error| error.to_string());
    }
    let touched = generator.generate().map_err(|error| error.to_string())?;
    println!("{touched} files written");
    Ok(())
}

/// The folder of the provider's schemas.
pub(crate) fn schema_dir(root: &Path) -> PathBuf {
    root.join("schemas")
}

/// The generator of this workspace.
pub(crate) fn generator(root: &Path) -> Generator {
    let crates = root.join("crates");
    Generator::new()
        .schema_dir(schema_dir(root))
        .out_dir(crates.join("kling-types/src/generated"))
        .features_in(crates.join("kling-types/Cargo.toml"), None)
        .features_in(crates.join("kling/Cargo.toml"), Some("kling-types"))
}
