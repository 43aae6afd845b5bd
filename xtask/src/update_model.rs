//! `cargo xtask update-model`: a model on file against its catalog entry, and the entry's schema in its place.

use std::cmp::Reverse;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kling_codegen::ModelDocument;
use kling_schema::{CatalogEntry, ModelSchema, compare_inputs};
use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::{add_model, catalog_reply, codegen, schema_diff};

/// Which model, and where its new schema comes from.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The id of a model on file.
    pub(crate) id: String,
    /// A catalog reply; `-` is standard input. Without it, the live catalog is read with the token of RUNCOMFY_API_TOKEN.
    pub(crate) file: Option<PathBuf>,
    /// Compare only; write nothing.
    #[arg(long)]
    check: bool,
    /// Print JSON instead of Markdown.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<ExitCode, String> {
    let Arguments { id, file, check, json } = arguments;
    let on_file = find(&codegen::schema_dir(root), id)?;
    let reply = catalog_reply::read(file.as_deref(), std::slice::from_ref(id))?;
    let entry = find_entry(&reply, id)?;
    let old = on_file.read().map_err(|error| error.to_string())?;
    let input = add_model::printed(&entry.input_schema);
    let live = ModelSchema::read(id, &input, &on_file.output, old.notes.clone().lenient());
    let changes = compare_inputs(&old, &live.map_err(|error| error.to_string())?);
    schema_diff::report(&changes, *json);
    if !check && !changes.is_empty() {
        let notes = notes_of_a_printed_schema(&on_file.notes, &entry)?;
        let generator = codegen::generator(root).model_document(ModelDocument { input, notes, ..on_file });
        let touched = generator.generate().map_err(|error| error.to_string())?;
        eprintln!("{touched} files written");
    }
    Ok(schema_diff::exit_code(changes.class()))
}

/// The notes without what a schema of the provider's own makes untrue: that its words are ours, and which inputs it lacks.
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
    // From the end on, so that the places before stay where they are.
    edits.sort_by_key(|(place, _)| Reverse(place.start));
    for (Range { start, end }, text) in edits {
        // A key that goes takes its line along.
        let line = || notes[end..].find('\n').map_or(notes.len(), |newline| end + newline + 1);
        let end = if text.is_empty() { line() } else { end };
        kept.replace_range(start..end, &text);
    }
    let is_kept = |line: &&str| !(line.starts_with('#') && line.contains("texts of input.json are ours"));
    Ok(kept.lines().filter(is_kept).map(|line| format!("{line}\n")).collect())
}

/// The line of the inputs that the entry's schema lacks too; empty where there are none.
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
