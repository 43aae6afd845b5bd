//! An image given on the command line: a URL as it is, or a file that goes inside the request.

use std::fs;
use std::path::Path;

use kling::media::{self, DataUri, Measured, Reference};

use crate::console::Console;
use crate::exit::{Exit, Stop};
use crate::{file, shown};

/// The most bytes of an image inside a request: in base64 they stay below the 64 MiB that the provider's own clients allow
/// a whole request.
pub(crate) const MAX_BYTES: u64 = 47 * 1024 * 1024;
/// What to do about a file that is too large.
pub(crate) const TOO_LARGE: &str = "; give an https URL instead";
/// The media type of a file that nothing is known of.
pub(crate) const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The text for `IMAGE` on the wire; the input's own rules judge a URL. Without `is_checked` any file is taken for an image.
pub(crate) fn reference(image: &str, is_checked: bool, console: Console) -> Result<String, Stop> {
    match Reference::parse(image) {
        Reference::Base64(text) => {
            let message = format!(
                "the image looks like raw base64 ({} characters); expected a path, an https URL or a data: URI",
                text.len()
            );
            Err(Stop::new(Exit::Input, message))
        }
        Reference::DataUri(_) | Reference::Url(_) => Ok(image.to_owned()),
        Reference::Path(path) => inline(path, is_checked, console),
    }
}

/// Reads a file into a `data:` URI. Its own bytes say what it is, not its name.
fn inline(path: &Path, is_checked: bool, console: Console) -> Result<String, Stop> {
    let bytes = file::read(path, MAX_BYTES, TOO_LARGE)?;
    let media_type = match media::from_bytes(&bytes) {
        Ok(facts) => facts.format.map(|format| format.media_type()),
        Err(error) if is_checked => return Err(unusable(path, &error)),
        Err(_) => infer::get(&bytes).map(|format| format.mime_type()),
    };
    uploads(path, bytes.len() as u64, console);
    Ok(media::encode_data_uri(media_type.unwrap_or(UNKNOWN_TYPE), &bytes))
}

/// The facts of a local file. A regular file is read as little as possible; a pipe is read once, as a whole.
pub(crate) fn measure(path: &Path) -> Result<Result<Measured, media::Error>, Stop> {
    let is_regular = |path| {
        fs::metadata(path).map(|facts| facts.is_file()).map_err(|error| file::unreadable(path, &error))
    };
    if file::is_stdin(path) || !is_regular(path)? {
        let bytes = file::read(path, MAX_BYTES, TOO_LARGE)?;
        return Ok(DataUri { media_type: UNKNOWN_TYPE.to_owned(), bytes }.measure());
    }
    match media::measure_path(path) {
        Err(error) if error.is_io() => {
            Err(Stop::new(Exit::NoInput, format!("{}: {error}", shown::path(path))))
        }
        outcome => Ok(outcome),
    }
}

/// Says that a file goes inside the request.
pub(crate) fn uploads(path: &Path, bytes: u64, console: Console) {
    console.say(format!(
        "note: uploading {} inline ({bytes} bytes); hosted https URLs are the documented way",
        file::name(path)
    ));
}

fn unusable(path: &Path, error: &media::Error) -> Stop {
    let advice = if error.is_not_an_image() { "" } else { "\n  to send it anyway: --no-media-check" };
    Stop::new(Exit::Input, format!("{}: {error}{advice}", file::name(path)))
}
