//! The live catalog by the blocking client.

use kling_transport::blocking::{Client, Transport};
use kling_transport::{Error, ListModels};
use serde_json::Value;

use crate::catalog::Pages;

/// Every entry of the live catalog that `query` finds, as the API sends them. The query's own `limit` is a bound on all of
/// them.
///
/// # Errors
/// See [`Error`]; then nothing of what was read so far is given.
pub fn catalog<T: Transport>(client: &Client<T>, query: &ListModels) -> Result<Vec<Value>, Error> {
    let mut pages = Pages::new(query);
    while let Some(query) = pages.next() {
        pages.add(client.models(&query)?);
    }
    Ok(pages.entries)
}

/// Compares the schema of a compiled-in model with its entry in the live catalog.
///
/// # Errors
/// See [`Error`]: the catalog could not be asked.
#[cfg(feature = "schema")]
pub fn drift<T: Transport>(
    client: &Client<T>,
    model: &kling_types::ModelInfo,
) -> Result<crate::Drift, Error> {
    let entry = client.model(&model.id.parse()?);
    crate::Drift::read(model, entry)
}
