//! `kling generate`: a picture becomes a clip.

use kling::{MediaKind, ModelInfo};
use serde_json::{Map, Value, json};

use crate::arguments::Generate;
use crate::connection::Connection;
use crate::console::{Answer, Console};
use crate::exit::{Exit, Stop};
use crate::input;
use crate::interrupts::Interrupts;
use crate::live::Live;
use crate::pictures::Pictures;
use crate::target::Target;
use crate::{picture, submitting, waiting};

/// Everything that can be wrong is found before the one request that costs.
pub(crate) async fn run(arguments: &Generate, console: Console) -> Result<Answer, Stop> {
    let model = input::known_model(&arguments.model.model)?;
    let target = Target::check(arguments.output.as_deref(), model.output_kind)?;
    let body = assemble(arguments, model, console)?;
    let pictures = Pictures::new(&arguments.media, !is_offline(arguments));
    let report = input::check(model, &body, pictures.as_ref()).await?;
    let connection = connect(arguments, console)?;
    report.warn(console);
    if connection.is_simulated {
        console.say(
            "SIMULATED: a simulator inside this program answers; nothing is generated and nothing costs",
        );
    }

    let client = connection.client.clone().for_output(target.noted());
    let mut interrupts = Interrupts::new();
    let live = Live::new(console);
    let id = model.id.parse()?;
    let job = submitting::submit(&client, &id, body, &live, &mut interrupts).await?;
    let mut json = json!({
        "simulated": connection.is_simulated, "model": model.id, "request_id": job.id().as_str(),
        "checks": report.json(),
    });
    if arguments.no_wait {
        json["status"] = "submitted".into();
        return Ok(Answer { text: job.id().to_string(), json });
    }
    let patience = &arguments.patience;
    let finished = waiting::wait(&client, &job, patience.timeout, &live, &mut interrupts).await?;
    let saved = waiting::download(&client, &finished, &target, patience, &live, &mut interrupts).await?;
    json["status"] = "succeeded".into();
    json["cost_usd"] = finished.cost_usd().into();
    json["files"] = saved.iter().map(waiting::Saved::json).collect();
    let text = saved.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join("\n");
    Ok(Answer { text, json })
}

/// The body, with nothing in it that was not asked for. What the model does not take is found by its own rules.
fn assemble(arguments: &Generate, model: &ModelInfo, console: Console) -> Result<Value, Stop> {
    let [image, tail_image] = image_fields(model);
    let image =
        image.ok_or_else(|| Stop::new(Exit::Usage, format!("the model {} takes no image", model.id)))?;
    let mut body = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            body.insert(name.to_owned(), value);
        }
    };
    set("prompt", arguments.prompt.clone().map(Value::from));
    set(image, Some(picture::reference(&arguments.image, console)?.into()));
    if let Some(tail) = &arguments.tail_image {
        let no_tail = || Stop::new(Exit::Usage, format!("the model {} takes no second image", model.id));
        let name = tail_image.ok_or_else(no_tail)?;
        set(name, Some(picture::reference(tail, console)?.into()));
    }
    set("duration", arguments.duration.as_deref().map(number_or_text));
    set("negative_prompt", arguments.negative_prompt.clone().map(Value::from));
    set("cfg_scale", arguments.cfg_scale.map(Value::from));
    Ok(body.into())
}

/// The first and the second property that holds one image.
fn image_fields(model: &ModelInfo) -> [Option<&str>; 2] {
    let mut names = model
        .media
        .iter()
        .filter(|field| field.kind == MediaKind::Image && !field.plural)
        .map(|field| field.name.as_ref());
    [names.next(), names.next()]
}

/// Durations are integers in most models, and words such as `auto` in some.
fn number_or_text(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| text.into(), Value::from)
}

#[cfg(feature = "offline")]
fn connect(arguments: &Generate, console: Console) -> Result<Connection, Stop> {
    if arguments.offline { Connection::offline() } else { Connection::paying(&arguments.noting, console) }
}

#[cfg(not(feature = "offline"))]
fn connect(arguments: &Generate, console: Console) -> Result<Connection, Stop> {
    Connection::paying(&arguments.noting, console)
}

#[cfg(feature = "offline")]
const fn is_offline(arguments: &Generate) -> bool {
    arguments.offline
}

#[cfg(not(feature = "offline"))]
const fn is_offline(_: &Generate) -> bool {
    false
}
