//! `kling validate`: every rule of a model, and nothing sent. Of files only the headers are read.

use serde_json::json;

use crate::arguments::Validate;
use crate::console::{Answer, Console};
use crate::exit::Stop;
use crate::pictures::Pictures;
use crate::{attachments, catalog, input};

pub(crate) async fn run(arguments: &Validate, console: Console) -> Result<Answer, Stop> {
    let body = input::read(&arguments.input)?;
    let schema = catalog::schema(&arguments.model.model, console).await?;
    catalog::warn_unchecked(&schema, console);
    let pictures = Pictures::new(&arguments.media, true);
    let verdict = schema.validate_input(&attachments::stand_in(&schema, &body, &arguments.media)?);
    let report = input::judge(verdict, &schema.media, &body, pictures.as_ref()).await?;
    report.warn(console);
    let json = json!({ "valid": true, "model": schema.id, "checks": report.json() });
    Ok(Answer { text: "valid".to_owned(), json })
}
