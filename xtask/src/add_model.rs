//! `cargo xtask add-model`: models of the catalog into schemas and code, all of them or none.

use std::path::Path;

use kling_codegen::ModelDocument;
use kling_schema::{CatalogEntry, ModelSchema};
use serde_json::Value;

use crate::{catalog, codegen};

/// What to add, and where it comes from.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// A catalog reply: one entry, or `{"models": […]}`; `-` is standard input. Without it, the live catalog is read with the
    /// token of RUNCOMFY_API_TOKEN.
    pub(crate) file: Option<std::path::PathBuf>,
    /// The ids of models to add.
    #[arg(long, num_args = 1.., required_unless_present = "all", conflicts_with = "all")]
    pub(crate) id: Vec<String>,
    /// Add every model of the reply that is not on file.
    #[arg(long)]
    all: bool,
    /// Go on without required names that are no property; they are noted in model.toml.
    #[arg(long)]
    ignore_stray_required: bool,
    /// Keywords that the dialect does not know and that rule nothing; they become documentation, and are noted in model.toml.
    #[arg(long, value_name = "KEYWORD", num_args = 1..)]
    annotation: Vec<String>,
}

/// What a person can do who has no notes to write into yet.
const ADVICE: &str = "nothing was added; --ignore-stray-required goes on without required names that are no property, \
    --annotation KEYWORD takes a keyword for documentation, --id chooses the models that stay, and what else a \
    model.toml has to settle is written by hand beside its schemas, before `cargo xtask codegen`";

pub(crate) fn run(root: &Path, arguments: &Arguments) -> Result<(), String> {
    let reply = catalog::read(arguments.file.as_deref(), &arguments.id)?;
    let known = known_ids(&codegen::schema_dir(root))?;
    let (chosen, mut refusals) = choose(&reply, arguments, &known);
    let mut generator = codegen::generator(root);
    for entry in &chosen {
        generator = generator.model_document(document(entry, arguments));
    }
    let files = generator.files();
    refusals.extend(files.as_ref().err().map(ToString::to_string));
    let (Ok(files), true) = (files, refusals.is_empty()) else {
        refusals.push(ADVICE.to_owned());
        return Err(refusals.join("\n"));
    };
    let touched = files.write().map_err(|error| error.to_string())?;
    chosen.iter().for_each(|entry| println!("added {}", entry.model_id));
    println!("{} models added, {touched} files written", chosen.len());
    Ok(())
}

/// The entries that are asked for, and a line for each that cannot be read or found.
fn choose(reply: &Value, arguments: &Arguments, known: &[String]) -> (Vec<CatalogEntry>, Vec<String>) {
    let is_wanted = |id: &str| match arguments.all {
        true => !known.iter().any(|known| known == id),
        false => arguments.id.iter().any(|wanted| wanted == id),
    };
    let (mut chosen, mut refusals, mut refused) = (Vec::<CatalogEntry>::new(), Vec::new(), Vec::new());
    for read in CatalogEntry::read_reply(reply) {
        match read {
            Ok(entry) if !is_wanted(&entry.model_id) => {}
            Ok(entry) if chosen.iter().any(|other| other.model_id == entry.model_id) => {
                refusals.push(format!("{}: stands in the reply twice", entry.model_id));
            }
            Ok(entry) => chosen.push(entry),
            Err(error) if arguments.all || is_wanted(error.model()) => {
                refusals.push(error.to_string());
                refused.push(error.model().to_owned());
            }
            Err(_) => {}
        }
    }
    for id in &arguments.id {
        if known.contains(id) {
            refusals
                .push(format!("{id}: is on file; `cargo xtask update-model {id}` compares and updates it"));
        } else if !refused.contains(id) && chosen.iter().all(|entry| entry.model_id != *id) {
            refusals.push(format!("{id}: is not in the reply"));
        }
    }
    (chosen, refusals)
}

/// The three files of a model. The catalog has no output schema: the one that every page prints is assumed, and marked so.
fn document(entry: &CatalogEntry, arguments: &Arguments) -> ModelDocument {
    let kind = entry.output_kind.singular();
    let mut notes = format!(
        "# The output kind is inferred from the catalog's words; the output schema is the generic one.\noutput_kind = \"{kind}\"\n"
    );
    if let Some(unit) = &entry.price_unit {
        // A JSON string is a TOML string too.
        notes += &format!("price_unit = {}\n", Value::from(unit.as_str()));
    }
    notes += "output_assumed = true\n";
    let mut stray = Vec::new();
    add_stray_required(&entry.input_schema, &mut stray);
    if arguments.ignore_stray_required && !stray.is_empty() {
        notes += &format!("ignore_required = {}\n", Value::from(stray));
    }
    if !arguments.annotation.is_empty() {
        notes += &format!("annotations = {}\n", Value::from(arguments.annotation.as_slice()));
    }
    let (id, output) = (entry.model_id.clone(), ModelSchema::GENERIC_OUTPUT.to_owned());
    ModelDocument { id, input: printed(&entry.input_schema), output, notes }
}

/// A schema as the provider prints them, with two blanks a level.
pub(crate) fn printed(schema: &Value) -> String {
    format!("{schema:#}\n")
}

/// Adds the required names that are no property, of this schema and of every schema in it.
fn add_stray_required(schema: &Value, stray: &mut Vec<String>) {
    if let (Some(properties), Some(names)) = (schema["properties"].as_object(), schema["required"].as_array())
    {
        let names = names.iter().filter_map(Value::as_str).filter(|name| !properties.contains_key(*name));
        stray.extend(names.map(str::to_owned));
    }
    let inner: Vec<&Value> = match schema {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(keywords) => keywords.values().collect(),
        _ => Vec::new(),
    };
    inner.into_iter().for_each(|inner| add_stray_required(inner, stray));
}

fn known_ids(schema_dir: &Path) -> Result<Vec<String>, String> {
    let documents = ModelDocument::all_in(schema_dir).map_err(|error| error.to_string())?;
    Ok(documents.into_iter().flatten().map(|document| document.id).collect())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use serde_json::json;

    use super::*;

    fn arguments(ids: &[&str], ignore_stray_required: bool) -> Arguments {
        let id: Vec<String> = ids.iter().map(|&id| id.to_owned()).collect();
        Arguments {
            file: None,
            all: id.is_empty(),
            id,
            ignore_stray_required,
            annotation: vec!["order".to_owned()],
        }
    }

    #[test]
    fn every_refusal_is_named_and_models_on_file_are_left_alone() {
        let schema = json!({"type": "object"});
        let entry = |id: &str| json!({"model_id": id, "input_schema": schema});
        let reply = json!({"models": [entry("a/old"), entry("a/new"), entry("a/new"), {"model_id": "a/bare"}, entry("../x")]});
        let known = ["a/old".to_owned()];
        let (chosen, refusals) = choose(&reply, &arguments(&[], false), &known);
        assert_eq!(chosen.iter().map(|entry| entry.model_id.as_str()).collect::<Vec<_>>(), ["a/new"]);
        assert_eq!(refusals.len(), 3, "{refusals:?}");
        let (chosen, refusals) = choose(&reply, &arguments(&["a/old", "a/none", "a/bare"], false), &known);
        assert_eq!((chosen.len(), refusals.len()), (1, 3), "{refusals:?}");
    }

    #[test]
    fn a_new_model_is_in_the_feature_of_its_family() {
        let root = tempfile::tempdir().expect("a folder");
        let manifests = ["crates/kling-types", "crates/kling"].map(|folder| root.path().join(folder));
        let [types, face] = manifests.map(|folder| {
            fs::create_dir_all(&folder).expect("a folder");
            let manifest = folder.join("Cargo.toml");
            fs::write(&manifest, "# <generated-features>\n# </generated-features>\n").expect("a manifest");
            manifest
        });
        fs::create_dir(root.path().join("schemas")).expect("a folder");
        let add = |ids: &[&str]| {
            let entry = |id: &&str| json!({"model_id": id, "input_schema": {"type": "object"}});
            let reply = root.path().join("reply.json");
            let models: Vec<Value> = ids.iter().map(entry).collect();
            fs::write(&reply, json!({ "models": models }).to_string()).expect("a reply");
            run(root.path(), &Arguments { file: Some(reply), ..arguments(ids, false) }).expect("added");
            [&types, &face].map(|manifest| fs::read_to_string(manifest).expect("a manifest"))
        };
        let [types, _] = add(&["kling/kling-3.0/pro/text-to-video"]);
        assert!(types.contains("# kling/kling-3.0/pro/text-to-video\nkling-3-0 = []\n"), "{types}");
        let [types, face] =
            add(&["kling/kling-3.0/4k/text-to-video", "kling/kling-4/pro", "wan-ai/wan-2.7/edit"]);
        let features = ["kling-3-0", "kling-4", "wan-2-7"];
        for feature in features {
            assert_eq!(types.matches(&format!("\n{feature} = []\n")).count(), 1, "{types}");
            assert!(face.contains(&format!("\n{feature} = [\"kling-types/{feature}\"]\n")), "{face}");
        }
        let all: String = features.iter().map(|feature| format!("    {feature:?},\n")).collect();
        assert!(types.contains(&format!("all-models = [\n{all}]\n")), "{types}");
        let generated = root.path().join("crates/kling-types/src/generated/mod.rs");
        let registry = fs::read_to_string(generated).expect("a list of modules");
        assert_eq!(registry.matches("#[cfg(feature = \"kling-3-0\")]\npub mod").count(), 2, "{registry}");
    }

    #[test]
    fn the_notes_say_what_was_assumed_and_gone_on_without() {
        let inner = json!({"type": "object", "required": ["b"], "properties": {}});
        let schema = json!({"type": "object", "required": ["a", "x"], "properties": {"x": inner}});
        let entry =
            json!({"model_id": "a/b", "kind": "image", "price_unit": "output", "input_schema": schema});
        let entry = CatalogEntry::read(&entry).expect("an entry");
        let written = document(&entry, &arguments(&[], true));
        for line in [
            "output_kind = \"image\"",
            "price_unit = \"output\"",
            "output_assumed = true",
            "ignore_required = [\"a\",\"b\"]",
            "annotations = [\"order\"]",
        ] {
            assert!(written.notes.lines().any(|one| one == line), "{line}: {}", written.notes);
        }
        assert!(written.read().is_ok());
    }
}
