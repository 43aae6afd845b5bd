//! `cargo xtask codegen`: the schemas of this workspace into `kling-types`.

use std::path::Path;

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

fn generator(root: &Path) -> Generator {
    let crates = root.join("crates");
    Generator::new()
        .schema_dir(root.join("schemas"))
        .out_dir(crates.join("kling-types/src/generated"))
        .features_in(crates.join("kling-types/Cargo.toml"), None)
        .features_in(crates.join("kling/Cargo.toml"), Some("kling-types"))
}
