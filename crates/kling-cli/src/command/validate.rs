//! `kling validate`: every rule of a model, and nothing sent. Of files only the headers are read.

use serde_json::json;

use crate::arguments::Validate;
use crate::console::{Answer, Console};
use crate::exit::Stop;
use crate::pictures::Pictures;
use crate::{attachments, catalog, input};

pub(crate) async fn run(arguments: &Validate, console: Console) -> Result<Answer, Stop> {
    let model = input::known_model(&arguments.model.model)?;
    let pictures = Pictures::new(&arguments.media, true);
    let body = input::read(&arguments.input)?;
    let verdict = (model.validate_input)(&attachments::stand_in(&catalog::compiled_schema(model)?, &body)?);
    let report = input::judge(verdict, model.media, &body, pictures.as_ref()).await?;
    report.warn(console);
    let json = json!({ "valid": true, "model": model.id, "checks": report.json() });
    Ok(Answer { text: "valid".to_owned(), json })
}
