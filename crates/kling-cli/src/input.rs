//! The input of a command, and the files that it is read from.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use kling::Violations;
use kling::validation::{ObjectSchema, Pointer, Shape, json};
use serde_json::{Map, Value};

use crate::arguments::{InputSource, Setting};
use crate::console::{CliError, name, path_name};

/// The most bytes of a request, as in the provider's own clients.
pub(crate) const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Reads the input that the command line names.
pub(crate) fn read(source: &InputSource) -> Result<Value, CliError> {
    let bytes = match (&source.input, &source.input_file) {
        (Some(text), _) => text.clone().into_bytes(),
        (None, Some(path)) => read_file(path, MAX_BYTES as u64, "")?,
        (None, None) => {
            return Err(CliError::usage("no input; expected --input or --input-file"));
        }
    };
    Ok(json::from_slice(&utf8(bytes)?).map_err(Violations::from)?)
}

/// Converts JSON to UTF-8. Editors and shells of Windows write UTF-16 or a byte order mark.
fn utf8(bytes: Vec<u8>) -> Result<Vec<u8>, CliError> {
    match bytes.as_slice() {
        [0xef, 0xbb, 0xbf, text @ ..] => Ok(text.to_owned()),
        [0xff, 0xfe, text @ ..] => utf16(text, u16::from_le_bytes),
        [0xfe, 0xff, text @ ..] => utf16(text, u16::from_be_bytes),
        _ => Ok(bytes),
    }
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Vec<u8>, CliError> {
    let (units, rest) = bytes.as_chunks();
    let text = String::from_utf16(&units.iter().copied().map(unit).collect::<Vec<_>>()).ok();
    let text = text.filter(|_| rest.is_empty()).map(String::into_bytes);
    text.ok_or_else(|| CliError::input("the input has a UTF-16 byte order mark, but is not valid UTF-16"))
}

/// Refuses a body that is too large for the API.
pub(crate) fn bound(body: &Value) -> Result<(), CliError> {
    let length = serde_json::to_vec(body).map_or(usize::MAX, |bytes| bytes.len());
    if length <= MAX_BYTES {
        return Ok(());
    }
    let message = format!(
        "the request has {length} bytes; expected at most {MAX_BYTES}; use https URLs instead of files"
    );
    Err(CliError::input(message))
}

/// Puts the settings into the input, each with the type of its property. The later check reports an unknown name, and an input
/// that is not an object.
pub(crate) fn apply(settings: &[Setting], schema: &ObjectSchema, input: &mut Value) -> Result<(), CliError> {
    let Value::Object(input) = input else { return Ok(()) };
    for (index, Setting { key, text }) in settings.iter().enumerate() {
        let is_again = settings[..index].iter().any(|before| before.key == *key);
        let shape = schema.property(key).map(|property| &property.shape);
        let value = shape.map_or_else(|| Ok(Value::from(text.as_str())), |shape| shape.read_text(text));
        let value = value.map_err(|violation| Violations::from(violation.within(Pointer::ROOT.key(key))))?;
        match (is_again, shape) {
            (false, _) => drop(input.insert(key.clone(), value)),
            (true, Some(Shape::List { .. })) => add(input, key, value),
            (true, _) => {
                return Err(CliError::usage(format!(
                    "--set {} was given twice; only lists can be repeated",
                    name(key)
                )));
            }
        }
    }
    Ok(())
}

fn add(input: &mut Map<String, Value>, key: &str, value: Value) {
    if let (Some(Value::Array(elements)), Value::Array(more)) = (input.get_mut(key), value) {
        elements.extend(more);
    }
}

/// The name of stdin.
const STDIN: &str = "-";

/// Reads a file whole. `advice` follows the message about a file that is larger than `limit` bytes.
pub(crate) fn read_file(path: &Path, limit: u64, advice: &str) -> Result<Vec<u8>, CliError> {
    // One byte over the limit proves that the file is too large.
    let read = |source: &mut dyn Read, length: u64| {
        let mut bytes = Vec::new();
        if length <= limit {
            source.take(limit + 1).read_to_end(&mut bytes)?;
        }
        Ok((length > limit || bytes.len() as u64 > limit, bytes))
    };
    let outcome = if is_stdin(path) {
        take_stdin()?;
        read(&mut io::stdin().lock(), 0)
    } else {
        File::open(path).and_then(|mut file| {
            let length = file.metadata()?.len();
            read(&mut file, length)
        })
    };
    match outcome {
        Ok((false, bytes)) => Ok(bytes),
        Ok((true, _)) => Err(too_large(path, limit, advice)),
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// Whether a path names stdin.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path == Path::new(STDIN)
}

/// Returns the name of a file for messages.
pub(crate) fn file_name(path: &Path) -> String {
    if is_stdin(path) { "stdin".to_owned() } else { path_name(path) }
}

/// Returns the error for an input file over its limit.
pub(crate) fn too_large(path: &Path, limit: u64, advice: &str) -> CliError {
    CliError::input(format!("{}: larger than {limit} bytes{advice}", file_name(path)))
}

/// Returns the error for an input file that cannot be read.
pub(crate) fn unreadable(path: &Path, error: &io::Error) -> CliError {
    let problem = match error.kind() {
        ErrorKind::NotFound => "no such file".to_owned(),
        _ => format!("cannot be read: {error}"),
    };
    CliError::no_input(format!("{}: {problem}", file_name(path)))
}

/// Refuses a second input from stdin, which has one content.
fn take_stdin() -> Result<(), CliError> {
    static IS_TAKEN: AtomicBool = AtomicBool::new(false);
    if IS_TAKEN.swap(true, Ordering::Relaxed) {
        return Err(CliError::usage("stdin (-) is given twice; only one input can be read from it"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use kling::media::OutputKind;
    use kling::validation::{ModelNotes, ModelSchema};
    use serde_json::json;

    use super::*;
    use crate::console::ExitStatus;

    fn applied(settings: &[&str]) -> Result<Value, CliError> {
        let input = r#"{"type": "object", "properties": {"n": {"type": "integer"}, "prompt": {"type": "string"},
            "images": {"type": "array", "format": "image_uris"}, "camera": {"type": "object"}}}"#;
        let notes = ModelNotes::new(OutputKind::Video);
        let schema = ModelSchema::read("maker/model", input, ModelSchema::GENERIC_OUTPUT, notes).unwrap();
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        let mut input = json!({"n": 1});
        apply(&settings, &schema.input, &mut input).map(|()| input)
    }

    #[test]
    fn a_setting_is_read_as_what_its_property_takes() {
        let input = applied(&["n=5", "prompt=5", "camera={\"zoom\": 3}", "strange=7"]).unwrap();
        assert_eq!(input, json!({"n": 5, "prompt": "5", "camera": {"zoom": 3}, "strange": "7"}));
        assert_eq!(applied(&["prompt=a=b", "n=five"]).unwrap(), json!({"n": "five", "prompt": "a=b"}));
    }

    #[test]
    fn a_duplicate_key_is_refused_by_its_pointer() {
        let error = applied(&["camera={\"zoom\": 1, \"zoom\": 2}"]).unwrap_err();
        assert_eq!(error.exit(), ExitStatus::Input);
        assert!(error.message().contains("/camera/zoom: duplicate key"), "{}", error.message());
    }

    #[test]
    fn a_list_grows_and_anything_else_is_set_once() {
        assert_eq!(applied(&["images=a.jpg", "images=b.jpg"]).unwrap()["images"], json!(["a.jpg", "b.jpg"]));
        assert_eq!(applied(&["n=5", "n=6"]).unwrap_err().exit(), ExitStatus::Usage);
    }

    #[test]
    fn a_setting_without_a_key_is_refused() {
        assert!("prompt".parse::<Setting>().is_err() && "=x".parse::<Setting>().is_err());
    }
}
