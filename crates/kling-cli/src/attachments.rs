//! Local files in the media properties of an input, and images given on the command line: each file goes inside the request.

use std::fs::{self, File};
use std::io::Read;
use std::path::Path;

use kling::media::{self, DataUri, Measured, Reference};
use kling::schema::ModelSchema;
use kling::{MediaKind, Violations};
use serde_json::Value;

use crate::arguments::MediaCheck;
use crate::console::{CliError, Console, ExitStatus};
use crate::{file, shown};

/// The most bytes of a sound or a clip inside a request: the provider's own clients allow no more.
const MAX_BYTES: u64 = 32 * 1024 * 1024;
/// The bytes that tell the format of a sound or a clip.
const HEAD: u64 = 8 * 1024;

/// Puts the file itself in the place of every path.
pub(crate) fn inline(
    schema: &ModelSchema,
    input: &mut Value,
    media: &MediaCheck,
    console: Console,
) -> Result<(), CliError> {
    let is_checked = !media.no_media_check;
    let violations = schema.validate_input(input).err().unwrap_or_default();
    for (kind, pointer, path) in paths(schema, input, &violations) {
        let uri = match kind {
            MediaKind::Image => reference(&path, is_checked, console)?,
            kind => recording(Path::new(&path), kind, is_checked, console)?,
        };
        if let Some(place) = input.pointer_mut(&pointer) {
            *place = uri.into();
        }
    }
    Ok(())
}

/// The input as it would be with every file inside it, without reading them whole. What refuses a file here refuses it in
/// [`inline`] too.
pub(crate) fn stand_in(schema: &ModelSchema, input: &Value, media: &MediaCheck) -> Result<Value, CliError> {
    let mut whole = input.clone();
    let violations = schema.validate_input(input).err().unwrap_or_default();
    for (kind, pointer, path) in paths(schema, input, &violations) {
        let content = content(Path::new(&path), kind, !media.no_media_check)?;
        if let Some(place) = whole.pointer_mut(&pointer) {
            *place = format!("data:{};base64,{content}", UNKNOWN_TYPE).into();
        }
    }
    Ok(whole)
}

/// Some content in the place of a file's, or none if the file is empty. A pipe is left for the check of its rules.
fn content(path: &Path, kind: MediaKind, is_checked: bool) -> Result<&'static str, CliError> {
    const SOME: &str = "AAAA";
    if file::is_stdin(path) {
        return Ok(SOME);
    }
    let unreadable = |error: std::io::Error| file::unreadable(path, &error);
    let facts = fs::metadata(path).map_err(unreadable)?;
    if !facts.is_file() {
        return Ok(SOME);
    }
    let limit = if kind == MediaKind::Image { MAX_IMAGE_BYTES } else { MAX_BYTES };
    if facts.len() > limit {
        return Err(file::too_large(path, limit, TOO_LARGE));
    }
    let mut head = Vec::new();
    File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head)).map_err(unreadable)?;
    if is_checked && kind != MediaKind::Image {
        format(path, kind, &head)?;
    }
    Ok(if head.is_empty() { "" } else { SOME })
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
fn recording(path: &Path, kind: MediaKind, is_checked: bool, console: Console) -> Result<String, CliError> {
    let bytes = file::read(path, MAX_BYTES, TOO_LARGE)?;
    let media_type = match format(path, kind, &bytes) {
        Err(stop) if is_checked => return Err(stop),
        Err(_) => infer::get(&bytes).map_or(UNKNOWN_TYPE, |format| format.mime_type()),
        // The one name of it that the provider's own clients send.
        Ok("audio/x-wav") => "audio/wav",
        Ok(media_type) => media_type,
    };
    uploads(path, bytes.len() as u64, console);
    Ok(media::encode_data_uri(media_type, &bytes))
}

/// The media type of a sound or a clip.
fn format(path: &Path, kind: MediaKind, bytes: &[u8]) -> Result<&'static str, CliError> {
    let (wanted, problem) = match kind {
        MediaKind::Audio => (infer::MatcherType::Audio, "found no sound of a known format"),
        _ => (infer::MatcherType::Video, "found no clip of a known format"),
    };
    let found = infer::get(bytes).filter(|format| format.matcher_type() == wanted);
    found
        .map(|format| format.mime_type())
        .ok_or_else(|| CliError::new(ExitStatus::Input, format!("{}: {problem}", file::name(path))))
}

/// The most bytes of an image inside a request: in base64 they stay below the 64 MiB that the provider's own clients allow
/// a whole request.
pub(crate) const MAX_IMAGE_BYTES: u64 = 47 * 1024 * 1024;
/// What to do about a file that is too large.
pub(crate) const TOO_LARGE: &str = "; give an https URL instead";
/// The media type of a file that nothing is known of.
pub(crate) const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The text for `IMAGE` on the wire; the input's own rules judge a URL. Without `is_checked` any file is taken for an image.
pub(crate) fn reference(image: &str, is_checked: bool, console: Console) -> Result<String, CliError> {
    match Reference::parse(image) {
        Reference::Base64(text) => {
            let message = format!(
                "the image looks like raw base64 ({} characters); expected a path, an https URL or a data: URI",
                text.len()
            );
            Err(CliError::new(ExitStatus::Input, message))
        }
        Reference::DataUri(_) | Reference::Url(_) => Ok(image.to_owned()),
        Reference::Path(path) => inline_image(path, is_checked, console),
    }
}

/// Reads a file into a `data:` URI. Its own bytes say what it is, not its name.
fn inline_image(path: &Path, is_checked: bool, console: Console) -> Result<String, CliError> {
    let bytes = file::read(path, MAX_IMAGE_BYTES, TOO_LARGE)?;
    let media_type = match media::from_bytes(&bytes) {
        Ok(facts) => facts.format.map(|format| format.media_type()),
        Err(error) if is_checked => return Err(unusable(path, &error)),
        Err(_) => infer::get(&bytes).map(|format| format.mime_type()),
    };
    uploads(path, bytes.len() as u64, console);
    Ok(media::encode_data_uri(media_type.unwrap_or(UNKNOWN_TYPE), &bytes))
}

/// The facts of a local file. A regular file is read as little as possible; a pipe is read once, as a whole.
pub(crate) fn measure(path: &Path) -> Result<Result<Measured, media::Error>, CliError> {
    let is_regular = |path| {
        fs::metadata(path).map(|facts| facts.is_file()).map_err(|error| file::unreadable(path, &error))
    };
    if file::is_stdin(path) || !is_regular(path)? {
        let bytes = file::read(path, MAX_IMAGE_BYTES, TOO_LARGE)?;
        return Ok(DataUri { media_type: UNKNOWN_TYPE.to_owned(), bytes }.measure());
    }
    match media::measure_path(path) {
        Err(error) if error.is_io() => {
            Err(CliError::new(ExitStatus::NoInput, format!("{}: {error}", shown::path(path))))
        }
        outcome => Ok(outcome),
    }
}

/// Says that a file goes inside the request.
pub(crate) fn uploads(path: &Path, bytes: u64, console: Console) {
    console.note(format!(
        "note: uploading {} inline ({bytes} bytes); hosted https URLs are the documented way",
        file::name(path)
    ));
}

fn unusable(path: &Path, error: &media::Error) -> CliError {
    let advice = if error.is_not_an_image() { "" } else { "\n  to send it anyway: --no-media-check" };
    CliError::new(ExitStatus::Input, format!("{}: {error}{advice}", file::name(path)))
}
