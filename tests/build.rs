//! Generates the fixtures: schemas that hold the quirks of live ones, as anyone's build script would generate models.

use std::error::Error;
use std::path::PathBuf;

use kling_codegen::Generator;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=fixtures/schemas");
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?).join("models");
    Generator::new().schema_dir("fixtures/schemas").out_dir(out_dir).command("cargo build").generate()?;
    Ok(())
}
