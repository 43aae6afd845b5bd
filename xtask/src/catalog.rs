//! Replies of the catalog: from a file, from standard input, or from the live catalog.

use std::io::Read;
use std::path::Path;

use kling_types::json;
use serde_json::Value;

/// Reads a reply. Without a file, reads the entries of `ids` from the live catalog, or all entries if there are no ids.
pub(crate) fn read(file: Option<&Path>, ids: &[String]) -> Result<Value, String> {
    let Some(file) = file else { return fetch(ids) };
    let name = file.display();
    let mut bytes = Vec::new();
    let read = match file == Path::new("-") {
        true => std::io::stdin().lock().read_to_end(&mut bytes).map(|_| ()),
        false => std::fs::read(file).map(|content| bytes = content),
    };
    read.map_err(|error| format!("{name}: {error}"))?;
    json::from_slice(&bytes).map_err(|violation| format!("{name}: {violation}"))
}

#[cfg(feature = "live")]
fn fetch(ids: &[String]) -> Result<Value, String> {
    use kling::blocking::Client;
    use kling::catalog::{CatalogEntry, ListModels};

    let client = Client::builder().without_journal().build_blocking().map_err(|error| error.to_string())?;
    let entries = if ids.is_empty() {
        let query = ListModels { include_schema: Some(true), ..ListModels::default() };
        client.catalog(query).map_err(|error| error.to_string())?
    } else {
        let entry = |id: &String| {
            let model = id.parse().map_err(|error| format!("{id}: {error}"))?;
            client.model(&model).map_err(|error| format!("{id}: {error}"))
        };
        ids.iter().map(entry).collect::<Result<Vec<_>, String>>()?
    };
    let entries: Vec<Value> = entries.iter().map(CatalogEntry::as_json).cloned().collect();
    Ok(serde_json::json!({ "models": entries }))
}

/// Not called: the command runs again with the feature first.
#[cfg(not(feature = "live"))]
fn fetch(_: &[String]) -> Result<Value, String> {
    Err("this build cannot read the live catalog; build xtask with the feature `live`".to_owned())
}
