//! `kling validate`: every rule of a model, and nothing sent.

use serde_json::json;

use crate::arguments::Validate;
use crate::console::{Answer, Console};
use crate::exit::Stop;
use crate::input;
use crate::pictures::Pictures;

pub(crate) async fn run(arguments: &Validate, console: Console) -> Result<Answer, Stop> {
    let model = input::known_model(&arguments.model.model)?;
    let pictures = Pictures::new(&arguments.media, true);
    let report = input::check(model, &input::read(&arguments.input)?, pictures.as_ref()).await?;
    report.warn(console);
    let json = json!({ "valid": true, "model": model.id, "checks": report.json() });
    Ok(Answer { text: "valid".to_owned(), json })
}
