//! Generates the models of the fixtures, whose schemas have the quirks of live ones.

use std::error::Error;
use std::path::PathBuf;

use kling_codegen::Generator;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=fixtures/schemas");
    let out_dir = PathBuf::from(std::env::var("OUT_DIR")?).join("models");
    Generator::new().schema_dir("fixtures/schemas").out_dir(out_dir).command("cargo build").generate()?;
    Ok(())
}
