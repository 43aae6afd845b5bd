//! `kling schema`: what a model takes, or what it gives, as the provider prints it.

use kling::ModelInfo;
use kling::schema::ModelSchema;
use serde_json::Value;

use crate::arguments::Schema;
use crate::connection::Connection;
use crate::console::{Answer, Console};
use crate::exit::{Exit, Stop};

pub(crate) async fn run(arguments: &Schema, console: Console) -> Result<Answer, Stop> {
    let schema = match kling::model(&arguments.model).filter(|_| !arguments.live) {
        Some(model) => compiled(model, arguments.output, console)?,
        None => live(arguments, console).await?,
    };
    Ok(Answer { text: format!("{schema:#}"), json: schema })
}

fn compiled(model: &ModelInfo, is_output: bool, console: Console) -> Result<Value, Stop> {
    if !model.not_on_file.is_empty() && !is_output {
        let names = model.not_on_file.join(", ");
        console.say(format!(
            "note: the live schema has more inputs, which are not on file: {names} (--live shows them)"
        ));
    }
    let text = if is_output { model.output_schema } else { model.input_schema };
    let broken = |error| Stop::new(Exit::Service, format!("the compiled-in schema is broken: {error}"));
    serde_json::from_str(text).map_err(broken)
}

async fn live(arguments: &Schema, console: Console) -> Result<Value, Stop> {
    let connection = Connection::free(console)?;
    let mut entry = connection.client.client().model(&arguments.model.parse()?).await?;
    if arguments.output {
        console.say("note: the catalog has no output schema; this one stands on every page of the provider");
        // A constant that the crate's own tests read.
        return Ok(serde_json::from_str(ModelSchema::GENERIC_OUTPUT).unwrap_or_default());
    }
    let none = || Stop::new(Exit::Service, format!("the catalog has no schema for {}", arguments.model));
    entry.get_mut("input_schema").map(Value::take).filter(Value::is_object).ok_or_else(none)
}
