//! `cargo xtask update-model`: a model on file against its catalog entry, and the entry's schema in its place.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use kling_codegen::ModelDocument;
use kling_schema::{CatalogEntry, ModelSchema, compare_inputs};

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
        let notes = notes_of_a_printed_schema(&on_file.notes, &entry);
        let generator = codegen::generator(root).model_document(ModelDocument { input, notes, ..on_file });
        let touched = generator.generate().map_err(|error| error.to_string())?;
        eprintln!("{touched} files written");
    }
    Ok(schema_diff::exit_code(changes.class()))
}

/// The notes without what a schema of the provider's own makes untrue: that its words are ours, and which inputs it lacks.
fn notes_of_a_printed_schema(notes: &str, entry: &CatalogEntry) -> String {
    let is_there = |line: &str| {
        let names =
            entry.input_schema["properties"].as_object().into_iter().flat_map(|properties| properties.keys());
        let mut names = names.map(|name| format!("{name:?}"));
        line.starts_with("not_on_file") && names.any(|name| line.contains(&name))
    };
    let is_untrue =
        |line: &str| line.starts_with("facts_only") || line.contains("texts of input.json are ours");
    let kept = notes.lines().filter(|line| !is_untrue(line) && !is_there(line));
    kept.map(|line| format!("{line}\n")).collect()
}

fn find(schema_dir: &Path, id: &str) -> Result<ModelDocument, String> {
    let documents = ModelDocument::all_in(schema_dir).map_err(|error| error.to_string())?;
    let found = documents.into_iter().flatten().find(|document| document.id == id);
    found.ok_or_else(|| format!("{id}: is not on file; `cargo xtask add-model --id {id}` adds it"))
}

fn find_entry(reply: &serde_json::Value, id: &str) -> Result<CatalogEntry, String> {
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
        assert_eq!(notes_of_a_printed_schema(notes, &entry), "output_kind = \"video\"\n");
    }
}
