//! `kling submit`: raw JSON to a model, checked unless asked otherwise.

use kling::ModelId;
use serde_json::json;

use crate::arguments::{AtEnd, Submit};
use crate::connection::Connection;
use crate::console::{Answer, Console};
use crate::exit::Stop;
use crate::input;
use crate::interrupts::Interrupts;
use crate::live::Live;
use crate::pictures::Pictures;
use crate::submitting;

pub(crate) async fn run(arguments: &Submit, console: Console) -> Result<Answer, Stop> {
    let body = input::read(&arguments.input)?;
    if !arguments.unchecked {
        let model = input::known_model(&arguments.model.model)?;
        let pictures = Pictures::new(&arguments.media, true);
        input::check(model, &body, pictures.as_ref()).await?.warn(console);
    }
    let model: ModelId = arguments.model.model.parse()?;
    let connection = Connection::paying(&arguments.noting, console)?;
    let live = Live::new(console);
    let mut interrupts = Interrupts::new(arguments.interrupting, AtEnd::Cancel);
    let job = submitting::submit(&connection.client, &model, body, &live, &mut interrupts).await?;
    let id = job.id().as_str();
    Ok(Answer {
        text: id.to_owned(),
        json: json!({ "request_id": id, "model": model.as_str(), "status": "submitted" }),
    })
}
