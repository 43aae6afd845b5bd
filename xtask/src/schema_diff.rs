//! `cargo xtask schema-diff`: two versions of a model, and what the difference asks for.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kling_codegen::ModelDocument;
use kling_schema::{CatalogEntry, ChangeClass, Changes, ModelNotes, ModelSchema, compare};
use kling_types::{OutputKind, json};

/// The two versions: each a folder of a model, an input schema, or an entry of the catalog.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    old: PathBuf,
    new: PathBuf,
    /// Print JSON instead of Markdown.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let changes = compare(&read(&arguments.old)?, &read(&arguments.new)?);
    report(&changes, arguments.json);
    Ok(exit_code(changes.class()))
}

/// Prints changes for a pull request, or for a program.
pub(crate) fn report(changes: &Changes, json: bool) {
    match json {
        true => println!("{:#}", changes.to_json()),
        false => print!("{}", changes.to_markdown()),
    }
}

/// 0 for no change, 10 for words only, 11 for compatible, 12 for behaviour, 13 for breaking; 1 is a failure of the command.
pub(crate) fn exit_code(class: Option<ChangeClass>) -> ExitCode {
    ExitCode::from(match class {
        None => 0,
        Some(ChangeClass::Docs) => 10,
        Some(ChangeClass::Compatible) => 11,
        Some(ChangeClass::Behaviour) => 12,
        Some(ChangeClass::Breaking) => 13,
    })
}

fn read(path: &Path) -> Result<ModelSchema, String> {
    let name = path.display().to_string();
    if path.is_dir() {
        let document = ModelDocument::of_folder(name, path).map_err(|error| error.to_string())?;
        return document.read().map_err(|error| error.to_string());
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("{name}: {error}"))?;
    let document = json::from_slice(text.as_bytes()).map_err(|violation| format!("{name}: {violation}"))?;
    let (input, kind) = match document.get("input_schema") {
        Some(input) => (input.to_string(), CatalogEntry::output_kind(&document)),
        None => (text, OutputKind::Video),
    };
    let notes = ModelNotes::new(kind);
    ModelSchema::read(&name, &input, ModelSchema::GENERIC_OUTPUT, notes).map_err(|error| error.to_string())
}
