//! An input before it is sent: against the model's schema, then its pictures against the media rules.

use std::fs;
use std::io::Read;
use std::path::Path;

use kling::media::DataUri;
use kling::{MediaFacts, MediaField, ModelInfo, Violation, Violations, json, model, models};
use serde_json::{Value, json as object};

use crate::arguments::InputSource;
use crate::console::Console;
use crate::exit::{Exit, Stop};
use crate::picture::missing;

/// The API takes bodies up to 64 MiB from the provider's own clients.
const MAX_BYTES: usize = 64 * 1024 * 1024;

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

/// What was found out about an input that breaks no rule.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// For each picture that was measured: where it stands and its facts.
    facts: Vec<(String, MediaFacts)>,
    /// What could not be checked, in words.
    unchecked: Vec<String>,
}

impl Report {
    /// Says what could not be checked: a warning, never an error.
    pub(crate) fn warn(&self, console: Console) {
        self.unchecked.iter().for_each(|what| console.say(format!("warning: {what}")));
    }

    pub(crate) fn json(&self) -> Value {
        let media = self.facts.iter().map(|(pointer, facts)| object!({ "pointer": pointer, "facts": facts }));
        object!({ "media": media.collect::<Value>(), "unchecked": self.unchecked })
    }
}

/// Checks an input by every rule of its model.
pub(crate) fn check(model: &ModelInfo, input: &Value, with_media: bool) -> Result<Report, Stop> {
    let mut violations = (model.validate_input)(input).err().unwrap_or_default();
    let mut report = Report::default();
    if with_media {
        for field in model.media {
            for (pointer, reference) in field.references(input) {
                violations.extend(judge(field, &pointer, reference, &mut report));
            }
        }
    }
    violations.into_result()?;
    Ok(report)
}

fn judge(field: &MediaField, pointer: &str, reference: &str, report: &mut Report) -> Violations {
    if !reference.starts_with("data:") {
        // Broken references have been found by the schema; good ones are the provider's to fetch.
        if !field.rules.is_empty() && reference.starts_with("https:") {
            report
                .unchecked
                .push(format!("{pointer}: the rules on the picture behind a URL were not checked"));
        }
        return Violations::new();
    }
    let Ok(uri) = DataUri::decode(reference) else { return Violations::new() };
    match uri.facts() {
        Ok(facts) => {
            let judgement = field.judge(pointer, &facts);
            let unchecked =
                judgement.unchecked.iter().map(|rule| format!("{pointer}: {rule} was not checked"));
            report.unchecked.extend(unchecked);
            report.facts.push((pointer.to_owned(), facts));
            judgement.violations
        }
        Err(error) if error.is_not_an_image() => {
            let allowed = "an image: jpeg, png, webp, gif, bmp, tiff, heic or avif";
            Violation::new(pointer, kling::Keyword::Validations, "a data: uri that holds no image", allowed)
                .into()
        }
        Err(error) => {
            report.unchecked.push(format!("{pointer}: {error}"));
            Violations::new()
        }
    }
}
