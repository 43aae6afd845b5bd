//! `kling models`: the live catalog, and its changes; and `kling schema`: the input or the output of a model, as the provider
//! prints it.

use kling::schema::{CatalogEntry, ChangeClass, ModelSchema, Property};
use kling::{Client, ListModels, ModelInfo};
use serde_json::{Value, json};

use crate::arguments::{Drift, Filter, Models, ModelsCommand, Schema, Search};
use crate::catalog::{inputs, price, text, texts};
use crate::connection::Session;
use crate::console::{CliError, Console, ExitStatus, Output, one_line, table};
use crate::input;

pub(crate) async fn run(arguments: &Models, console: Console) -> Result<Output, CliError> {
    let connection = Session::free(console)?;
    let client = connection.client.client();
    match &arguments.command {
        ModelsCommand::Drift(arguments) => drift(client, arguments).await,
        ModelsCommand::List(filter) => list(client, &query(filter, None)).await,
        ModelsCommand::Search(Search { words, filter }) => {
            list(client, &query(filter, Some(words.join(" ")))).await
        }
        ModelsCommand::Show(id) => show(client, &id.model).await,
    }
}

fn query(Filter { category, kind }: &Filter, search: Option<String>) -> ListModels {
    ListModels { search, category: category.clone(), kind: kind.clone(), ..ListModels::default() }
}

async fn list(client: &Client, query: &ListModels) -> Result<Output, CliError> {
    let entries = kling::catalog(client, query).await?;
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
    let entry = client.model(&id.parse()?).await?;
    let note = match text(&entry, "pricing_note") {
        "" => String::new(),
        note => format!(" ({note})"),
    };
    let is_compiled_in = if kling::model(id).is_some() { "yes" } else { "no" };
    let facts = [
        ["id", text(&entry, "model_id")],
        ["name", text(&entry, "display_name")],
        ["about", text(&entry, "description")],
        ["kind", text(&entry, "kind")],
        ["categories", &texts(&entry, "categories").join(", ")],
        ["base price", &format!("{}{note}", price(&entry))],
        ["page", text(&entry, "model_url")],
        ["compiled in", is_compiled_in],
    ];
    let text = format!("{}\n\n{}", table(&facts.map(|row| row.map(str::to_owned))), properties(&entry));
    Ok(Output { text, json: entry })
}

/// The inputs of an entry in a table; where its schema cannot be read, their names alone.
fn properties(entry: &Value) -> String {
    match CatalogEntry::read(entry).and_then(|entry| entry.schema()) {
        Ok(schema) => property_table(&schema),
        Err(error) => format!("inputs: {}\n{}", one_line(&inputs(entry)), one_line(&error.to_string())),
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

/// Enough of a default to know it by: some are whole prompts.
fn excerpt(value: &Value) -> String {
    const LONGEST: usize = 24;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

/// Where something moved, the report is the answer, and the exit code its class.
async fn drift(client: &Client, arguments: &Drift) -> Result<Output, CliError> {
    let chosen: Vec<&ModelInfo> = match arguments.all {
        true => kling::models().iter().collect(),
        false => arguments.models.iter().map(|id| input::known_model(id)).collect::<Result<_, _>>()?,
    };
    let (mut lines, mut reports, mut gravest) = (Vec::new(), Vec::new(), None);
    for model in chosen {
        let drift = kling::drift(client, model).await?;
        lines.push(format!("{}: {}", model.id, drift.to_string().replace('\n', "\n  ")));
        reports.push(describe(model, &drift));
        gravest = gravest.max(drift.class());
    }
    let class = gravest.map(ChangeClass::as_str);
    let answer = Output { text: lines.join("\n"), json: json!({ "class": class, "models": reports }) };
    match gravest {
        None => Ok(answer),
        Some(class) => Err(CliError::found(exit(class), answer)),
    }
}

fn describe(model: &ModelInfo, drift: &kling::Drift) -> Value {
    let class = drift.class().map(ChangeClass::as_str);
    match drift {
        kling::Drift::Compared(changes) => {
            let mut json = changes.to_json();
            json["model"] = model.id.into();
            json
        }
        other => json!({ "model": model.id, "class": class, "message": other.to_string() }),
    }
}

const fn exit(class: ChangeClass) -> ExitStatus {
    match class {
        ChangeClass::Docs => ExitStatus::MovedDocs,
        ChangeClass::Compatible => ExitStatus::MovedCompatibly,
        ChangeClass::Behaviour => ExitStatus::MovedBehaviour,
        ChangeClass::Breaking => ExitStatus::MovedBreaking,
    }
}

pub(crate) async fn schema(arguments: &Schema, console: Console) -> Result<Output, CliError> {
    let schema = match kling::model(&arguments.model).filter(|_| !arguments.live) {
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
    let broken =
        |error| CliError::new(ExitStatus::Service, format!("the compiled-in schema is broken: {error}"));
    serde_json::from_str(text).map_err(broken)
}

async fn live(arguments: &Schema, console: Console) -> Result<Value, CliError> {
    let connection = Session::free(console)?;
    let mut entry = connection.client.client().model(&arguments.model.parse()?).await?;
    if arguments.output {
        console
            .note("note: the catalog has no output schema; this is the generic one of the provider's pages");
        // A constant that the crate's own tests read.
        return Ok(serde_json::from_str(ModelSchema::GENERIC_OUTPUT).unwrap_or_default());
    }
    let none =
        || CliError::new(ExitStatus::Service, format!("the catalog has no schema for {}", arguments.model));
    entry.get_mut("input_schema").map(Value::take).filter(Value::is_object).ok_or_else(none)
}
