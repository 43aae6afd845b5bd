//! Local files in the media properties of an input. Each file is sent inside the request.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use bytesize::ByteSize;
use kling::media::{self, Image, MediaField, MediaKind, Reference};
use kling::validation::ModelSchema;
use serde_json::Value;

use crate::console::{CliError, Console};
use crate::input;
use crate::media_checker::MediaChecker;

/// The most bytes of an audio or video file inside a request, as in the provider's own clients.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// The most bytes of an image inside a request.
const MAX_IMAGE_BYTES: u64 = Image::MAX_BYTES;
/// The advice for a file that is too large.
const TOO_LARGE: &str = "; use an https URL instead";
/// The bytes that are enough to recognise an audio or video format.
const HEAD: u64 = 8 * 1024;
/// The media type of a file of unknown format.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// Replaces every path in the input by a `data:` URI of its file.
pub(crate) fn inline(
    schema: &ModelSchema,
    input: &mut Value,
    checker: &mut MediaChecker,
    console: Console,
) -> Result<(), CliError> {
    for (field, pointer, path) in paths(schema, input) {
        let path = Path::new(&path);
        let uri = match field.kind {
            MediaKind::Image => inline_image(path, &pointer, checker, console)?,
            kind => inline_recording(path, kind, checker.is_on, console)?,
        };
        if let Some(place) = input.pointer_mut(&pointer) {
            *place = uri.into();
        }
    }
    Ok(())
}

/// Returns the input as it would be with every file inside it. Reads only the headers of regular files, and refuses the same
/// files as [`inline`].
pub(crate) fn with_placeholders(
    schema: &ModelSchema,
    input: &Value,
    checker: &mut MediaChecker,
) -> Result<Value, CliError> {
    let mut whole = input.clone();
    for (field, pointer, path) in paths(schema, input) {
        let content = placeholder(Path::new(&path), field, &pointer, checker)?;
        if let Some(place) = whole.pointer_mut(&pointer) {
            *place = format!("data:{UNKNOWN_TYPE};base64,{content}").into();
        }
    }
    Ok(whole)
}

/// Returns the paths of an input with their fields and pointers. A text that the model accepts as it is, such as `auto`, is a
/// path only if there is such a file.
fn paths<'s>(schema: &'s ModelSchema, input: &Value) -> Vec<(&'s MediaField, String, String)> {
    let mut found = Vec::new();
    for field in &schema.media {
        for (pointer, text) in field.references(input) {
            if !text.is_empty() && matches!(Reference::parse(text), Reference::Path(_)) {
                found.push((field, pointer, text.to_owned()));
            }
        }
    }
    if !found.is_empty() {
        let violations = schema.validate_input(input).err().unwrap_or_default();
        let is_broken = |pointer: &str| violations.iter().any(|violation| violation.pointer() == pointer);
        found.retain(|(_, pointer, path)| is_broken(pointer) || Path::new(path).exists());
    }
    found
}

/// Reads an image into a `data:` URI, and measures it. Its bytes decide its media type, not its name.
fn inline_image(
    path: &Path,
    pointer: &str,
    checker: &mut MediaChecker,
    console: Console,
) -> Result<String, CliError> {
    let bytes = input::read_file(path, MAX_IMAGE_BYTES, TOO_LARGE)?;
    let media_type = match media::measure_bytes(&bytes) {
        Ok(measured) => {
            let format = measured.facts.format;
            checker.add_measured(pointer.to_owned(), Ok(measured));
            format.map(|format| format.media_type())
        }
        Err(error) if checker.is_on => {
            let advice = if error.is_not_an_image() { "" } else { "\n  to send it anyway: --no-media-check" };
            return Err(CliError::input(format!("{}: {error}{advice}", input::file_name(path))));
        }
        Err(_) => infer::get(&bytes).map(|format| format.mime_type()),
    };
    Ok(data_uri(path, media_type.unwrap_or(UNKNOWN_TYPE), &bytes, console))
}

/// Reads a sound or a clip into a `data:` URI. Its bytes decide its media type, not its name.
fn inline_recording(
    path: &Path,
    kind: MediaKind,
    is_checked: bool,
    console: Console,
) -> Result<String, CliError> {
    let bytes = input::read_file(path, MAX_BYTES, TOO_LARGE)?;
    let media_type = match recording_type(path, kind, &bytes) {
        Err(error) if is_checked => return Err(error),
        Err(_) => infer::get(&bytes).map_or(UNKNOWN_TYPE, |format| format.mime_type()),
        // The provider's own clients send this name only.
        Ok("audio/x-wav") => "audio/wav",
        Ok(media_type) => media_type,
    };
    Ok(data_uri(path, media_type, &bytes, console))
}

/// Encodes a file, and notes that it is sent inside the request.
fn data_uri(path: &Path, media_type: &str, bytes: &[u8], console: Console) -> String {
    console.note(format!(
        "note: uploading {} inline ({}); hosted https URLs are the documented way",
        input::file_name(path),
        ByteSize(bytes.len() as u64).display().si()
    ));
    media::encode_data_uri(media_type, bytes)
}

/// Returns the media type of a sound or a clip.
fn recording_type(path: &Path, kind: MediaKind, bytes: &[u8]) -> Result<&'static str, CliError> {
    let (wanted, problem) = match kind {
        MediaKind::Audio => (infer::MatcherType::Audio, "not an audio file of a known format"),
        _ => (infer::MatcherType::Video, "not a video file of a known format"),
    };
    let found = infer::get(bytes).filter(|format| format.matcher_type() == wanted);
    found
        .map(|format| format.mime_type())
        .ok_or_else(|| CliError::input(format!("{}: {problem}", input::file_name(path))))
}

/// Returns some base64 for the content of a file, or none if the file is empty. Measures an image if its field is checked.
fn placeholder(
    path: &Path,
    field: &MediaField,
    pointer: &str,
    checker: &mut MediaChecker,
) -> Result<&'static str, CliError> {
    const SOME: &str = "AAAA";
    let unreadable = |error: std::io::Error| input::unreadable(path, &error);
    let is_measured = checker.checks(field);
    if input::is_stdin(path) || !fs::metadata(path).map_err(unreadable)?.is_file() {
        // A pipe can be read only once, as a whole.
        if is_measured {
            let bytes = input::read_file(path, MAX_IMAGE_BYTES, TOO_LARGE)?;
            checker.add_measured(pointer.to_owned(), media::measure_bytes(&bytes));
        }
        return Ok(SOME);
    }
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    let limit = if field.kind == MediaKind::Image { MAX_IMAGE_BYTES } else { MAX_BYTES };
    if length > limit {
        return Err(input::too_large(path, limit, TOO_LARGE));
    }
    if is_measured {
        let measured = media::measure_file(file);
        if let Some(error) = measured.as_ref().err().filter(|error| error.is_io()) {
            return Err(CliError::no_input(format!("{}: {error}", input::file_name(path))));
        }
        checker.add_measured(pointer.to_owned(), measured);
    } else if checker.is_on && field.kind != MediaKind::Image {
        let mut head = Vec::new();
        file.take(HEAD).read_to_end(&mut head).map_err(unreadable)?;
        recording_type(path, field.kind, &head)?;
    }
    Ok(if length == 0 { "" } else { SOME })
}
