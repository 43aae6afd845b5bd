//! An input before it is sent: against the model's schema, then its pictures against the media rules.

use kling::{MediaField, ModelInfo, Violations, json, model, models};
use serde_json::Value;

use crate::arguments::InputSource;
use crate::exit::{Exit, Stop};
use crate::pictures::{Pictures, Report};
use crate::{file, shown};

/// The API takes bodies up to 64 MiB from the provider's own clients.
pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// The compiled-in model of this id.
pub(crate) fn known_model(id: &str) -> Result<&'static ModelInfo, Stop> {
    let known = || models().iter().map(|model| model.id).collect::<Vec<_>>().join(", ");
    model(id).ok_or_else(|| {
        Stop::new(
            Exit::Usage,
            format!("the model {:?} is not compiled in; there are: {}", shown::name(id), known()),
        )
    })
}

/// Reads the input that the command line names.
pub(crate) fn read(source: &InputSource) -> Result<Value, Stop> {
    let bytes = match (&source.input, &source.input_file) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(path)) => file::read(path, MAX_BYTES as u64, "")?,
        (None, None) => return Err(Stop::new(Exit::Usage, "an input is needed: --input or --input-file")),
    };
    Ok(json::from_slice(&utf8(bytes)?).map_err(Violations::from)?)
}

/// JSON in UTF-8. Windows' editors and shells write UTF-16, or a byte order mark first.
fn utf8(bytes: Vec<u8>) -> Result<Vec<u8>, Stop> {
    match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, text @ ..] => Ok(text.to_owned()),
        [0xff, 0xfe, text @ ..] => utf16(text, u16::from_le_bytes),
        [0xfe, 0xff, text @ ..] => utf16(text, u16::from_be_bytes),
        _ => Ok(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Vec<u8>, Stop> {
    let (units, rest) = bytes.as_chunks();
    let text = String::from_utf16(&units.iter().copied().map(unit).collect::<Vec<_>>()).ok();
    let text = text.filter(|_| rest.is_empty()).map(String::into_bytes);
    text.ok_or_else(|| Stop::new(Exit::Input, "the input begins as UTF-16 and is not valid UTF-16"))
}

/// Refuses a body that the API does not take: the files inside a request add up.
pub(crate) fn bound(body: &Value) -> Result<(), Stop> {
    let length = serde_json::to_vec(body).map_or(usize::MAX, |bytes| bytes.len());
    if length <= MAX_BYTES {
        return Ok(());
    }
    let message = format!(
        "the request has {length} bytes; at most {MAX_BYTES} are allowed: give https URLs instead of files"
    );
    Err(Stop::new(Exit::Input, message))
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
                    violations.extend(pictures.judge(field, &pointer, reference, &mut report).await?);
                }
            }
        }
    }
    violations.into_result().map_err(|violations| Stop::from(violations).with("checks", report.json()))?;
    Ok(report)
}
