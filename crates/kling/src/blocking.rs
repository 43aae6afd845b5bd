//! The blocking client, its wait and its view of the catalog, with the names of the async ones.
//!
//! ```no_run
//! use kling::blocking::{Client, wait};
//! use kling::{Job, WaitOptions};
//!
//! let client = Client::from_env()?;
//! let job: Job = Job::from_id("5e1f-09c".parse()?);
//! let clip = wait(&client, &job, &WaitOptions::default(), |_| {})?;
//! println!("{}", clip.output());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

#[cfg(feature = "journal")]
mod journaled;

use kling_transport::blocking::Transport;
use kling_transport::{Error, ListModels};
use serde_json::Value;

use crate::catalog::Pages;

#[cfg(feature = "journal")]
pub use self::journaled::Journaled;
pub use kling_poll::blocking::{JobSet, cancel, wait};
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub use kling_transport::blocking::tls_config;
pub use kling_transport::blocking::{Client, Clock, SystemClock};

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
