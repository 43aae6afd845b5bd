//! `cargo xtask schema-diff` and `cargo xtask update-model`: two versions of a schema, and the class of their changes.

use std::cmp::Reverse;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kling_codegen::ModelDocument;
use kling_schema::{CatalogEntry, ChangeClass, Changes, ModelNotes, ModelSchema, compare, compare_inputs};
use kling_types::{OutputKind, json};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::{add_model, catalog, codegen};

/// Two versions of a model: each a folder of a model, an input schema, or an entry of the catalog.
#[derive(clap::Args)]
pub(crate) struct Diff {
    old: PathBuf,
    new: PathBuf,
    /// Print JSON instead of Markdown.
    #[arg(long)]
    json: bool,
}

pub(crate) fn diff(arguments: &Diff) -> Result<ExitCode, String> {
    let changes = compare(&read(&arguments.old)?, &read(&arguments.new)?);
    report(&changes, arguments.json);
    Ok(exit_code(changes.class()))
}

/// Prints changes as Markdown for a pull request, or as JSON.
fn report(changes: &Changes, json: bool) {
    match json {
        true => println!("{:#}", changes.to_json()),
        false => print!("{}", changes.to_markdown()),
    }
}

/// Returns 0 for no change, 10 for words only, 11 for compatible, 12 for behaviour, 13 for breaking. A failed command exits
/// with 1.
fn exit_code(class: Option<ChangeClass>) -> ExitCode {
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

/// A model on file, and the source of its new schema.
#[derive(clap::Args)]
pub(crate) struct Update {
    /// The id of a model on file.
    pub(crate) id: String,
    /// A catalog reply; `-` is standard input. Without it, the live catalog is read with the token of RUNCOMFY_API_TOKEN.
    pub(crate) file: Option<PathBuf>,
    /// Compare only, and write no file.
    #[arg(long)]
    check: bool,
    /// Print JSON instead of Markdown.
    #[arg(long)]
    json: bool,
}

pub(crate) fn update(root: &Path, arguments: &Update) -> Result<ExitCode, String> {
    let Update { id, file, check, json } = arguments;
    let on_file = find(&codegen::schema_dir(root), id)?;
    let reply = catalog::read(file.as_deref(), std::slice::from_ref(id))?;
    let entry = find_entry(&reply, id)?;
    let old = on_file.read().map_err(|error| error.to_string())?;
    let input = add_model::printed(&entry.input_schema);
    let live = ModelSchema::read(id, &input, &on_file.output, old.notes.clone().lenient());
    let changes = compare_inputs(&old, &live.map_err(|error| error.to_string())?);
    report(&changes, *json);
    if !check && !changes.is_empty() {
        let notes = notes_of_a_printed_schema(&on_file.notes, &entry)?;
        let generator = codegen::generator(root).model_document(ModelDocument { input, notes, ..on_file });
        let touched = generator.generate().map_err(|error| error.to_string())?;
        eprintln!("{touched} files written");
    }
    Ok(exit_code(changes.class()))
}

/// Returns the notes without those that the provider's own schema makes untrue: that its texts are ours, and which inputs it
/// lacks.
fn notes_of_a_printed_schema(notes: &str, entry: &CatalogEntry) -> Result<String, String> {
    let table = DeTable::parse(notes).map_err(|error| format!("model.toml: {}", error.message()))?;
    let found = |key: &str| {
        let (key, value) = table.get_ref().get_key_value(key)?;
        Some((key.span().start..value.span().end, value.get_ref()))
    };
    let mut kept = notes.to_owned();
    let facts_only = found("facts_only").map(|(place, _)| (place, String::new()));
    let not_on_file = found("not_on_file").map(|(place, names)| (place, still_missing(names, entry)));
    let mut edits: Vec<(Range<usize>, String)> = facts_only.into_iter().chain(not_on_file).collect();
    // Edits from the end on, so that earlier places stay valid.
    edits.sort_by_key(|(place, _)| Reverse(place.start));
    for (Range { start, end }, text) in edits {
        // A key is removed with its line.
        let line = || notes[end..].find('\n').map_or(notes.len(), |newline| end + newline + 1);
        let end = if text.is_empty() { line() } else { end };
        kept.replace_range(start..end, &text);
    }
    let is_kept = |line: &&str| !(line.starts_with('#') && line.contains("texts of input.json are ours"));
    Ok(kept.lines().filter(is_kept).map(|line| format!("{line}\n")).collect())
}

/// Returns the line of the inputs that the entry's schema lacks too. Empty if there are none.
fn still_missing(names: &DeValue<'_>, entry: &CatalogEntry) -> String {
    let names = names.as_array().into_iter().flatten().filter_map(|name| name.get_ref().as_str());
    let missing: Vec<&str> =
        names.filter(|name| entry.input_schema["properties"].get(name).is_none()).collect();
    // A JSON array of strings is a TOML array too.
    if missing.is_empty() { String::new() } else { format!("not_on_file = {}", Value::from(missing)) }
}

fn find(schema_dir: &Path, id: &str) -> Result<ModelDocument, String> {
    let documents = ModelDocument::all_in(schema_dir).map_err(|error| error.to_string())?;
    let found = documents.into_iter().flatten().find(|document| document.id == id);
    found.ok_or_else(|| format!("{id}: is not on file; `cargo xtask add-model --id {id}` adds it"))
}

fn find_entry(reply: &Value, id: &str) -> Result<CatalogEntry, String> {
    let mut entries = CatalogEntry::read_reply(reply).into_iter();
    let found = entries.find(|entry| match entry {
        Ok(entry) => entry.model_id == id,
        Err(error) => error.model() == id,
    });
    found.ok_or_else(|| format!("{id}: is not in the reply"))?.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn notes_lose_what_a_printed_schema_makes_untrue() {
        let schema = json!({"type": "object", "properties": {"elements": {"type": "array"}}});
        let entry =
            CatalogEntry::read(&json!({"model_id": "a/b", "input_schema": schema})).expect("an entry");
        let notes = "# Facts; the texts of input.json are ours.\noutput_kind = \"video\"\nfacts_only = true\nnot_on_file = [\"elements\"]\n";
        assert_eq!(notes_of_a_printed_schema(notes, &entry).unwrap(), "output_kind = \"video\"\n");
        let notes = "not_on_file = [\n    # Not yet.\n    \"elements\",\n    \"element\",\n]\n\noutput_kind = \"video\"\n";
        assert_eq!(
            notes_of_a_printed_schema(notes, &entry).unwrap(),
            "not_on_file = [\"element\"]\n\noutput_kind = \"video\"\n"
        );
        assert!(notes_of_a_printed_schema("not_on_file = [", &entry).is_err());
    }
}
