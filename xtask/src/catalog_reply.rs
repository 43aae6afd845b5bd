//! A catalog reply: from a file, from standard input, or from the live catalog.

use std::io::Read;
use std::path::Path;

use kling_types::json;
use serde_json::Value;

/// Reads a reply; without a file, the live catalog's: the entries of `ids`, or all of them.
pub(crate) fn read(file: Option<&Path>, ids: &[String]) -> Result<Value, String> {
    let Some(file) = file else { return crate::live::fetch(ids) };
    let name = file.display();
    let mut bytes = Vec::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ()),
        false => std::fs::read(file).map(|content| bytes = content),
    };
    read.map_err(|error| format!("{name}: {error}"))?;
    json::from_slice(&bytes).map_err(|violation| format!("{name}: {violation}"))
}
