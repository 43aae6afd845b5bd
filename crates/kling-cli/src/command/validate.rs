//! `kling validate`: every rule of a model, and nothing sent.

use serde_json::json;

use crate::arguments::Validate;
use crate::console::{Answer, Console};
use crate::exit::Stop;
use crate::input;

pub(crate) fn run(arguments: &Validate, console: Console) -> Result<Answer, Stop> {
    let model = input::known_model(&arguments.model.model)?;
    let report = input::check(model, &input::read(&arguments.input)?, !arguments.no_media_check)?;
    report.warn(console);
    let json = json!({ "valid": true, "model": model.id, "checks": report.json() });
    Ok(Answer { text: "valid".to_owned(), json })
}
