//! `kling models` and `kling schema`, and the schema of any model: compiled in, or of the live catalog.

use kling::Client;
use kling::catalog::{CatalogEntry, Drift as SchemaDrift, ListModels};
use kling::models::ModelInfo;
use kling::validation::{ChangeClass, ModelSchema, Property, SchemaError};
use serde_json::{Value, json};

use crate::arguments::{Drift, Filter, ModelsCommand, Schema, Search};
use crate::console::{CliError, Console, ExitStatus, Output, name, one_line, table};
use crate::session::Session;

/// Returns a compiled-in model.
pub(crate) fn known_model(id: &str) -> Result<&'static ModelInfo, CliError> {
    let known = || kling::models::all().iter().map(|model| model.id).collect::<Vec<_>>().join(", ");
    kling::models::find(id).ok_or_else(|| {
        CliError::usage(format!(
            "the model {:?} is not compiled in; compiled-in models: {}",
            name(id),
            known()
        ))
    })
}

/// Returns the compiled-in schema of a model, or else the live one, which needs a token.
pub(crate) async fn schema(id: &str, console: Console) -> Result<ModelSchema, CliError> {
    match kling::models::find(id) {
        Some(model) => compiled_schema(model),
        None => live_schema(&Session::free(console)?.client, id).await,
    }
}

/// Returns the schema of a model of the live catalog.
pub(crate) async fn live_schema(client: &Client, id: &str) -> Result<ModelSchema, CliError> {
    client.model(&id.parse()?).await?.schema().map_err(|error| unreadable(&error))
}

pub(crate) fn compiled_schema(model: &ModelInfo) -> Result<ModelSchema, CliError> {
    ModelSchema::of(model).map_err(|error| unreadable(&error))
}

/// Warns about the keywords of a live schema that are not checked.
pub(crate) fn warn_unchecked(schema: &ModelSchema, console: Console) {
    for keyword in schema.unchecked() {
        console.note(format!("warning: {keyword} of the live schema is not supported and was not checked"));
    }
}

fn unreadable(error: &SchemaError) -> CliError {
    let message = format!(
        "cannot read the schema: {error}\n  to send an input unchecked: kling submit --unchecked --model ID --input JSON"
    );
    CliError::service(message)
}

pub(crate) async fn run(command: &ModelsCommand, console: Console) -> Result<Output, CliError> {
    let session = Session::free(console)?;
    let client = &session.client;
    match command {
        ModelsCommand::Drift(arguments) => drift(client, arguments).await,
        ModelsCommand::List(filter) => list(client, &query(filter, None)).await,
        ModelsCommand::Search(Search { words, filter }) => {
            list(client, &query(filter, Some(words.join(" ")))).await
        }
        ModelsCommand::Show { model } => show(client, model).await,
    }
}

fn query(Filter { category, kind }: &Filter, search: Option<String>) -> ListModels {
    ListModels { search, category: category.clone(), kind: kind.clone(), ..ListModels::default() }
}

async fn list(client: &Client, query: &ListModels) -> Result<Output, CliError> {
    let entries = client.catalog(query.clone()).all().await?;
    let entries: Vec<&Value> = entries.iter().map(CatalogEntry::as_json).collect();
    let mut rows = vec![["MODEL", "KIND", "BASE PRICE", "INPUTS"].map(str::to_owned)];
    rows.extend(entries.iter().map(|entry| {
        [text(entry, "model_id").to_owned(), text(entry, "kind").to_owned(), price(entry), inputs(entry)]
    }));
    let text = match &query.search {
        Some(words) if entries.is_empty() => format!("no models match {words:?}"),
        None if entries.is_empty() => "no models".to_owned(),
        _ => table(&rows),
    };
    Ok(Output { text, json: json!({ "models": entries }) })
}

async fn show(client: &Client, id: &str) -> Result<Output, CliError> {
    // Shown even if it names no model.
    let entry = &client.api().model(&id.parse()?).await?;
    let note = match text(entry, "pricing_note") {
        "" => String::new(),
        note => format!(" ({note})"),
    };
    let is_compiled_in = if kling::models::find(id).is_some() { "yes" } else { "no" };
    let facts = [
        ["id", text(entry, "model_id")],
        ["name", text(entry, "display_name")],
        ["about", text(entry, "description")],
        ["kind", text(entry, "kind")],
        ["categories", &texts(entry, "categories").join(", ")],
        ["base price", &format!("{}{note}", price(entry))],
        ["page", text(entry, "model_url")],
        ["compiled in", is_compiled_in],
    ];
    let text = format!("{}\n\n{}", table(&facts.map(|row| row.map(str::to_owned))), properties(entry));
    Ok(Output { text, json: entry.clone() })
}

/// Returns the inputs of an entry as a table, or their names if the schema cannot be read.
fn properties(entry: &Value) -> String {
    match CatalogEntry::new(entry.clone()).map(|entry| entry.schema()) {
        Some(Ok(schema)) => property_table(&schema),
        Some(Err(error)) => {
            format!("inputs: {}\n{}", one_line(&inputs(entry)), one_line(&error.to_string()))
        }
        None => format!("inputs: {}", one_line(&inputs(entry))),
    }
}

fn property_table(schema: &ModelSchema) -> String {
    let row = |property: &Property| {
        let star = if property.required { "*" } else { "" };
        let mut allowed = property.shape.to_string();
        property.rules.iter().for_each(|rule| allowed.push_str(&format!(", {rule}")));
        let default = property.default.as_ref().map_or_else(String::new, excerpt);
        [format!("{}{star}", property.name), default, allowed]
    };
    let mut rows = vec![["INPUT", "DEFAULT", "ALLOWED"].map(str::to_owned)];
    rows.extend(schema.input.properties.iter().map(row));
    table(&rows)
}

/// Shortens a default, which may be a whole prompt.
fn excerpt(value: &Value) -> String {
    const LONGEST: usize = 24;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Compares schemas. The exit code is the worst class of change.
async fn drift(client: &Client, arguments: &Drift) -> Result<Output, CliError> {
    let chosen: Vec<&ModelInfo> = match arguments.all {
        true => kling::models::all().iter().collect(),
        false => arguments.models.iter().map(|id| known_model(id)).collect::<Result<_, _>>()?,
    };
    let (mut lines, mut reports, mut worst) = (Vec::new(), Vec::new(), None);
    for model in chosen {
        let drift = client.drift(model).await?;
        lines.push(format!("{}: {}", model.id, drift.to_string().replace('\n', "\n  ")));
        reports.push(describe(model, &drift));
        worst = worst.max(drift.class());
    }
    let class = worst.map(ChangeClass::as_str);
    let output = Output { text: lines.join("\n"), json: json!({ "class": class, "models": reports }) };
    match worst {
        None => Ok(output),
        Some(class) => Err(CliError::found(exit(class), output)),
    }
}

fn describe(model: &ModelInfo, drift: &SchemaDrift) -> Value {
    let class = drift.class().map(ChangeClass::as_str);
    match drift {
        SchemaDrift::Compared(changes) => {
            let mut json = changes.to_json();
            json["model"] = model.id.into();
            json
        }
        other => json!({ "model": model.id, "class": class, "message": other.to_string() }),
    }
}

const fn exit(class: ChangeClass) -> ExitStatus {
    match class {
        ChangeClass::Docs => ExitStatus::DriftDocs,
        ChangeClass::Compatible => ExitStatus::DriftCompatible,
        ChangeClass::Behaviour => ExitStatus::DriftBehaviour,
        ChangeClass::Breaking => ExitStatus::DriftBreaking,
    }
}

pub(crate) async fn print_schema(arguments: &Schema, console: Console) -> Result<Output, CliError> {
    let schema = match kling::models::find(&arguments.model).filter(|_| !arguments.live) {
        Some(model) => compiled(model, arguments.output, console)?,
        None => live(arguments, console).await?,
    };
    Ok(Output { text: format!("{schema:#}"), json: schema })
}

fn compiled(model: &ModelInfo, is_output: bool, console: Console) -> Result<Value, CliError> {
    if !model.not_on_file.is_empty() && !is_output {
        let names = model.not_on_file.join(", ");
        console.note(format!("note: the live schema has more inputs: {names}; to see them: --live"));
    }
    let text = if is_output { model.output_schema } else { model.input_schema };
    let broken = |error| CliError::service(format!("the compiled-in schema is broken: {error}"));
    serde_json::from_str(text).map_err(broken)
}

async fn live(arguments: &Schema, console: Console) -> Result<Value, CliError> {
    let session = Session::free(console)?;
    let mut entry = session.client.api().model(&arguments.model.parse()?).await?;
    if arguments.output {
        console
            .note("note: the catalog has no output schema; this is the generic one of the provider's pages");
        return Ok(serde_json::from_str(ModelSchema::GENERIC_OUTPUT).unwrap_or_default());
    }
    let none = || CliError::service(format!("the catalog has no schema for {}", arguments.model));
    entry.get_mut("input_schema").map(Value::take).filter(Value::is_object).ok_or_else(none)
}

/// Returns the text at a key of an entry, or an empty one.
pub(crate) fn text<'e>(entry: &'e Value, key: &str) -> &'e str {
    entry.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the texts of a list at a key of an entry.
pub(crate) fn texts<'e>(entry: &'e Value, key: &str) -> Vec<&'e str> {
    entry.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Returns the base price, such as `$0.05/second`.
pub(crate) fn price(entry: &Value) -> String {
    let unit = text(entry, "price_unit");
    match (entry.get("base_price_usd").and_then(Value::as_f64), unit) {
        (None, _) => "-".to_owned(),
        (Some(dollars), "") => format!("${dollars}"),
        (Some(dollars), unit) => format!("${dollars}/{unit}"),
    }
}

/// Returns the names of the inputs. A star marks a required input.
pub(crate) fn inputs(entry: &Value) -> String {
    let required = texts(entry, "required_inputs");
    let star = |name: &str| if required.contains(&name) { "*" } else { "" };
    let names = texts(entry, "inputs").into_iter().map(|name| format!("{name}{}", star(name)));
    names.collect::<Vec<_>>().join(", ")
}
