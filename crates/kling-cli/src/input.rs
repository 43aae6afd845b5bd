//! An input before it is sent: against the model's schema, then its pictures against the media rules.

use std::fs;
use std::io::Read;
use std::path::Path;

use kling::{MediaField, ModelInfo, Violations, json, model, models};
use serde_json::Value;

use crate::arguments::InputSource;
use crate::exit::{Exit, Stop};
use crate::picture::missing;
use crate::pictures::{Pictures, Report};

/// The API takes bodies up to 64 MiB from the provider's own clients.
pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The compiled-in model of this id.
pub(crate) fn known_model(id: &str) -> Result<&'static ModelInfo, Stop> {
    let known = || models().iter().map(|model| model.id).collect::<Vec<_>>().join(", ");
    model(id).ok_or_else(|| {
        Stop::new(Exit::Usage, format!("the model {id:?} is not compiled in; there are: {}", known()))
    })
}

/// Reads the input that the command line names.
pub(crate) fn read(source: &InputSource) -> Result<Value, Stop> {
    let bytes = match (&source.input, &source.input_file) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(path)) if path == Path::new("-") => {
            let mut bytes = Vec::new();
            // One byte more than allowed is enough to know that it is too much.
            let mut stdin = std::io::stdin().lock().take(MAX_BYTES as u64 + 1);
            stdin.read_to_end(&mut bytes).map_err(|error| missing(path, &error))?;
            bytes
        }
        (None, Some(path)) => fs::read(path).map_err(|error| missing(path, &error))?,
        (None, None) => return Err(Stop::new(Exit::Usage, "an input is needed: --input or --input-file")),
    };
    if bytes.len() > MAX_BYTES {
        return Err(Stop::new(Exit::Input, format!("the input is over {MAX_BYTES} bytes")));
    }
    Ok(json::from_slice(&bytes).map_err(Violations::from)?)
}

/// Checks an input by every rule of its model, and its pictures where `media` is given.
pub(crate) async fn check(
    model: &ModelInfo,
    input: &Value,
    media: Option<&Pictures>,
) -> Result<Report, Stop> {
    judge((model.validate_input)(input), model.media, input, media).await
}

/// Joins what the schema says of an input with what the rules on its pictures say, where `media` is given.
pub(crate) async fn judge(
    verdict: Result<(), Violations>,
    fields: &[MediaField],
    input: &Value,
    media: Option<&Pictures>,
) -> Result<Report, Stop> {
    let mut violations = verdict.err().unwrap_or_default();
    let mut report = Report::default();
    if let Some(pictures) = media {
        for field in fields {
            for (pointer, reference) in field.references(input) {
                // What is no reference at all has been found by the schema.
                if violations.iter().all(|violation| violation.pointer() != pointer) {
                    violations.extend(pictures.judge(field, &pointer, reference, &mut report).await);
                }
            }
        }
    }
    violations.into_result().map_err(|violations| Stop::from(violations).with("checks", report.json()))?;
    Ok(report)
}
