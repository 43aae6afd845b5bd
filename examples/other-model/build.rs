//! Generates every model of `schemas/` into the build folder, where `src/lib.rs` includes it.

use std::error::Error;
use std::path::PathBuf;

use kling_codegen::Generator;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=schemas");
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?).join("models");
    Generator::new().schema_dir("schemas").out_dir(out_dir).command("cargo build").generate()?;
    Ok(())
}
