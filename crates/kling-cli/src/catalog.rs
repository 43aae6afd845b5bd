//! Models of the live catalog, as the program meets them.

use kling::schema::{CatalogEntry, ModelSchema, SchemaError};
use kling::{Client, ModelInfo};
use serde_json::Value;

use crate::connection::Session;
use crate::console::{CliError, Console, ExitStatus, one_line};

/// The schema of a model: the compiled-in one, else that of the live catalog, which takes a token.
pub(crate) async fn schema(id: &str, console: Console) -> Result<ModelSchema, CliError> {
    match kling::model(id) {
        Some(model) => compiled_schema(model),
        None => live_schema(Session::free(console)?.client.client(), id).await,
    }
}

/// The schema of a model of the live catalog.
pub(crate) async fn live_schema(client: &Client, id: &str) -> Result<ModelSchema, CliError> {
    let entry = client.model(&id.parse()?).await?;
    let entry = CatalogEntry::read(&entry).map_err(|error| unreadable(&error))?;
    if entry.model_id != id {
        // The id of the schema is the one that is paid for.
        let found = one_line(&entry.model_id);
        return Err(CliError::new(
            ExitStatus::Service,
            format!("got the catalog entry of {found}; expected {id}"),
        ));
    }
    entry.schema().map_err(|error| unreadable(&error))
}

/// The schema of a compiled-in model.
pub(crate) fn compiled_schema(model: &ModelInfo) -> Result<ModelSchema, CliError> {
    ModelSchema::of(model).map_err(|error| unreadable(&error))
}

/// Says which keywords of a live schema are not understood, before any verdict on an input.
pub(crate) fn warn_unchecked(schema: &ModelSchema, console: Console) {
    for keyword in schema.unchecked() {
        console.note(format!("warning: {keyword} of the live schema is not supported and was not checked"));
    }
}

/// The text at a key of an entry; empty where there is none.
pub(crate) fn text<'e>(entry: &'e Value, key: &str) -> &'e str {
    entry.get(key).and_then(Value::as_str).unwrap_or_default()
}

/// The texts of a list at a key of an entry.
pub(crate) fn texts<'e>(entry: &'e Value, key: &str) -> Vec<&'e str> {
    entry.get(key).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

/// `$0.05/second`; a base, not a quote.
pub(crate) fn price(entry: &Value) -> String {
    let unit = text(entry, "price_unit");
    match (entry.get("base_price_usd").and_then(Value::as_f64), unit) {
        (None, _) => "-".to_owned(),
        (Some(dollars), "") => format!("${dollars}"),
        (Some(dollars), unit) => format!("${dollars}/{unit}"),
    }
}

/// The names of the inputs, with a star on those that are required.
pub(crate) fn inputs(entry: &Value) -> String {
    let required = texts(entry, "required_inputs");
    let star = |name: &str| if required.contains(&name) { "*" } else { "" };
    let names = texts(entry, "inputs").into_iter().map(|name| format!("{name}{}", star(name)));
    names.collect::<Vec<_>>().join(", ")
}

fn unreadable(error: &SchemaError) -> CliError {
    let message = format!(
        "cannot read the schema: {error}\n  to send an input unchecked: kling submit --unchecked --model ID --input JSON"
    );
    CliError::new(ExitStatus::Service, message)
}
