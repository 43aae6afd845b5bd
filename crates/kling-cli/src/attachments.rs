//! Local files in the media properties of an input: each goes inside the request.

use std::fs;
use std::path::Path;

use kling::media::{self, Reference};
use kling::schema::ModelSchema;
use kling::{MediaKind, Violations};
use serde_json::Value;

use crate::console::Console;
use crate::exit::{Exit, Stop};
use crate::picture;

/// The most bytes of a sound or a clip inside a request: the provider's own clients allow no more.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Puts the file itself in the place of every path.
pub(crate) fn inline(schema: &ModelSchema, input: &mut Value, console: Console) -> Result<(), Stop> {
    let violations = schema.validate_input(input).err().unwrap_or_default();
    for (kind, pointer, path) in paths(schema, input, &violations) {
        let uri = match kind {
            MediaKind::Image => picture::reference(&path, console)?,
            kind => recording(Path::new(&path), kind, console)?,
        };
        if let Some(place) = input.pointer_mut(&pointer) {
            *place = uri.into();
        }
    }
    Ok(())
}

/// The input as it would be with every file inside it, without reading them.
pub(crate) fn stand_in(schema: &ModelSchema, input: &Value) -> Result<Value, Stop> {
    const ANY: &str = "data:application/octet-stream;base64,AAAA";
    let mut whole = input.clone();
    let violations = schema.validate_input(input).err().unwrap_or_default();
    for (_, pointer, path) in paths(schema, input, &violations) {
        fs::metadata(&path).map_err(|error| picture::missing(Path::new(&path), &error))?;
        if let Some(place) = whole.pointer_mut(&pointer) {
            *place = ANY.into();
        }
    }
    Ok(whole)
}

/// The paths of an input with their places. A text that the model takes as it is, such as `auto`, is one only where there is
/// a file of that name.
fn paths(schema: &ModelSchema, input: &Value, violations: &Violations) -> Vec<(MediaKind, String, String)> {
    let is_broken = |pointer: &str| violations.iter().any(|violation| violation.pointer() == pointer);
    let mut found = Vec::new();
    for field in &schema.media {
        for (pointer, text) in field.references(input) {
            let Reference::Path(path) = Reference::parse(text) else { continue };
            if !text.is_empty() && (is_broken(&pointer) || path.exists()) {
                found.push((field.kind, pointer, text.to_owned()));
            }
        }
    }
    found
}

/// Reads a sound or a clip into a `data:` URI. Its own bytes say what it is, not its name.
fn recording(path: &Path, kind: MediaKind, console: Console) -> Result<String, Stop> {
    let name = path.display();
    let refuse = |why: &str| Stop::new(Exit::Input, format!("{name}: {why}"));
    let length = fs::metadata(path).map_err(|error| picture::missing(path, &error))?.len();
    if length > MAX_BYTES {
        return Err(refuse("too large to be sent inside the request; give an https url instead"));
    }
    let bytes = fs::read(path).map_err(|error| picture::missing(path, &error))?;
    let (wanted, what) = match kind {
        MediaKind::Audio => (infer::MatcherType::Audio, "found no sound of a known format"),
        _ => (infer::MatcherType::Video, "found no clip of a known format"),
    };
    let format =
        infer::get(&bytes).filter(|format| format.matcher_type() == wanted).ok_or_else(|| refuse(what))?;
    // The one name of it that the provider's own clients send.
    let media_type = if format.mime_type() == "audio/x-wav" { "audio/wav" } else { format.mime_type() };
    console.say(format!(
        "note: {name} is sent inside the request ({length} bytes); the provider documents https URLs only"
    ));
    Ok(media::encode_data_uri(media_type, &bytes))
}
