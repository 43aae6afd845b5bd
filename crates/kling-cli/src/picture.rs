//! A picture given on the command line: a URL as it is, or a file that goes inside the request.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use kling::media::{self, Reference};

use crate::console::Console;
use crate::exit::{Exit, Stop};

/// The most bytes of a file inside a request: in base64 they stay below the 64 MiB that the provider's own clients allow
/// a whole request.
const MAX_BYTES: u64 = 47 * 1024 * 1024;

/// What `IMAGE` stands for on the wire; whether a URL is a good one, the input's own rules say.
pub(crate) fn reference(image: &str, console: Console) -> Result<String, Stop> {
    match Reference::parse(image) {
        Reference::Path(path) => inline(path, console),
        Reference::DataUri(_) | Reference::Url(_) => Ok(image.to_owned()),
    }
}

/// Reads a file into a `data:` URI. Its own bytes say what it is, not its name.
fn inline(path: &Path, console: Console) -> Result<String, Stop> {
    let facts = media::from_path(path).map_err(|error| unreadable(path, &error))?;
    let Some(format) = facts.format else {
        return Err(Stop::new(Exit::Input, format!("{}: found no image of a known format", path.display())));
    };
    if facts.bytes.is_some_and(|bytes| bytes > MAX_BYTES) {
        let message =
            format!("{}: too large to be sent inside the request; give an https url instead", path.display());
        return Err(Stop::new(Exit::Input, message));
    }
    let bytes = fs::read(path).map_err(|error| missing(path, &error))?;
    let name = path.display();
    console.say(format!(
        "note: {name} is sent inside the request ({} bytes); the provider documents https URLs only",
        bytes.len()
    ));
    Ok(media::encode_data_uri(format.media_type(), &bytes))
}

fn unreadable(path: &Path, error: &media::Error) -> Stop {
    match fs::metadata(path) {
        Err(error) => missing(path, &error),
        Ok(_) => {
            let exit = if error.is_io() { Exit::NoInput } else { Exit::Input };
            Stop::new(exit, format!("{}: {error}", path.display()))
        }
    }
}

/// An input file that cannot be read.
pub(crate) fn missing(path: &Path, error: &std::io::Error) -> Stop {
    let what = match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    Stop::new(Exit::NoInput, format!("{}: {what}", path.display()))
}
