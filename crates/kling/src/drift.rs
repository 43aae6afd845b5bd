//! What moved in the live catalog since a model's schema was compiled in.

use std::fmt;

use kling_schema::{CatalogEntry, ChangeClass, Changes, SchemaError};
use kling_transport::Error;
#[cfg(feature = "async")]
use kling_transport::{Client, Transport};
use kling_types::ModelInfo;
use serde_json::Value;

/// The input schema of a compiled-in model beside that of its live entry.
///
/// The output is not compared, since the catalog has no output schema; nor is prose where the schema on file was written from
/// facts ([`ModelInfo::facts_only`]).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Drift {
    /// Both were read; where nothing moved, there are no changes.
    Compared(Changes),
    /// The catalog has no such model any more.
    Gone,
    /// The live schema says something that this version does not understand.
    Unreadable(SchemaError),
}

/// Compares the schema of a compiled-in model with its entry in the live catalog; `blocking::drift` is its like.
///
/// ```no_run
/// # async fn run() -> Result<(), kling::Error> {
/// let client = kling::Client::from_env()?;
/// for model in kling::models() {
///     println!("{}: {}", model.id, kling::drift(&client, model).await?);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// See [`Error`]: the catalog could not be asked.
#[cfg(feature = "async")]
pub async fn drift<T: Transport>(client: &Client<T>, model: &ModelInfo) -> Result<Drift, Error> {
    let entry = client.model(&model.id.parse()?).await;
    Drift::read(model, entry)
}

impl Drift {
    /// Compares a compiled-in model with an entry of the catalog that is at hand.
    #[must_use]
    pub fn of(model: &ModelInfo, entry: &Value) -> Self {
        match CatalogEntry::read(entry).and_then(|entry| entry.drift(model)) {
            Ok(changes) => Self::Compared(changes),
            Err(error) => Self::Unreadable(error),
        }
    }

    /// Reads the answer of the catalog; that it has no such model is an answer too.
    pub(crate) fn read(model: &ModelInfo, entry: Result<Value, Error>) -> Result<Self, Error> {
        // The codes that the API has for an id that it does not know.
        const UNKNOWN: [i64; 2] = [400_001, 404_001];
        match entry {
            Ok(entry) => Ok(Self::of(model, &entry)),
            Err(error) if error.error_code().is_some_and(|code| UNKNOWN.contains(&code)) => Ok(Self::Gone),
            Err(error) => Err(error),
        }
    }

    /// The gravest class; none where nothing moved. A model that is gone, and a schema that cannot be read, are breaking.
    #[must_use]
    pub fn class(&self) -> Option<ChangeClass> {
        match self {
            Self::Compared(changes) => changes.class(),
            Self::Gone | Self::Unreadable(_) => Some(ChangeClass::Breaking),
        }
    }
}

impl fmt::Display for Drift {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Compared(changes) if changes.is_empty() => f.write_str("nothing moved"),
            Self::Compared(changes) => changes.fmt(f),
            Self::Gone => f.write_str("breaking: the catalog has no such model any more"),
            Self::Unreadable(error) => write!(f, "breaking: the live schema cannot be read: {error}"),
        }
    }
}
