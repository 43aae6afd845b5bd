//! The live catalog: read to its end, page by page, and compared with the schema of a compiled-in model.

#[cfg(feature = "schema")]
use std::fmt;

#[cfg(feature = "schema")]
use kling_schema::{CatalogEntry, ChangeClass, Changes, SchemaError};
#[cfg(any(feature = "async", feature = "schema"))]
use kling_transport::Error;
use kling_transport::ListModels;
#[cfg(feature = "async")]
use kling_transport::{Client, Transport};
#[cfg(feature = "schema")]
use kling_types::ModelInfo;
use serde_json::Value;

/// The most entries of one page that the API gives.
const PAGE: u32 = 500;

/// Every entry of the live catalog that `query` finds, as the API sends them; `blocking::catalog` is its
/// like. The query's own `limit` is a bound on all of them.
///
/// ```no_run
/// # async fn run() -> Result<(), kling::Error> {
/// use kling::{Client, ListModels, catalog};
/// let client = Client::from_env()?;
/// let query = ListModels { kind: Some("video".to_owned()), ..ListModels::default() };
/// for entry in catalog(&client, &query).await? {
///     println!("{} {}", entry["model_id"], entry["base_price_usd"]);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// See [`Error`]; then nothing of what was read so far is given.
#[cfg(feature = "async")]
pub async fn catalog<T: Transport>(client: &Client<T>, query: &ListModels) -> Result<Vec<Value>, Error> {
    let mut pages = Pages::new(query);
    while let Some(query) = pages.next() {
        pages.add(client.models(&query).await?);
    }
    Ok(pages.entries)
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
#[cfg(all(feature = "async", feature = "schema"))]
pub async fn drift<T: Transport>(client: &Client<T>, model: &ModelInfo) -> Result<Drift, Error> {
    let entry = client.model(&model.id.parse()?).await;
    Drift::read(model, entry)
}

/// The input schema of a compiled-in model beside that of its live entry.
///
/// The output is not compared, since the catalog has no output schema; nor is prose where the schema on file was written from
/// facts ([`ModelInfo::facts_only`]).
#[cfg(feature = "schema")]
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

#[cfg(feature = "schema")]
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

#[cfg(feature = "schema")]
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

/// The way through the pages, without a socket.
#[derive(Debug)]
pub(crate) struct Pages<'q> {
    query: &'q ListModels,
    pub(crate) entries: Vec<Value>,
    is_over: bool,
}

impl<'q> Pages<'q> {
    /// More entries than any catalog has: a server that repeats itself is not followed for ever.
    const MOST: usize = 100_000;

    pub(crate) const fn new(query: &'q ListModels) -> Self {
        Self { query, entries: Vec::new(), is_over: false }
    }

    /// What to ask for next, until there is nothing more.
    pub(crate) fn next(&self) -> Option<ListModels> {
        let most = self.query.limit.map_or(Self::MOST, |limit| limit as usize);
        let left = most.saturating_sub(self.entries.len());
        if self.is_over || left == 0 {
            return None;
        }
        let limit = u32::try_from(left).map_or(PAGE, |left| left.min(PAGE));
        let offset = self.query.offset.unwrap_or(0).saturating_add(u32::try_from(self.entries.len()).ok()?);
        Some(ListModels { limit: Some(limit), offset: Some(offset), ..self.query.clone() })
    }

    /// Takes one page. The last one is empty, or has the entry that `total` counts last.
    pub(crate) fn add(&mut self, mut page: Value) {
        let models = page["models"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let skipped = u64::from(self.query.offset.unwrap_or(0));
        let seen = skipped + (self.entries.len() + models.len()) as u64;
        self.is_over = models.is_empty() || page["total"].as_u64().is_some_and(|total| seen >= total);
        self.entries.extend(models);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The offsets and limits that a catalog of `size` entries is asked for, where a page has at most `page` of them.
    fn asked(query: &ListModels, size: usize, page: usize) -> (Vec<(u32, u32)>, usize) {
        let (mut pages, mut asked) = (Pages::new(query), Vec::new());
        while let Some(ListModels { limit: Some(limit), offset: Some(offset), .. }) = pages.next() {
            asked.push((offset, limit));
            let models = (offset as usize..size).take((limit as usize).min(page)).collect::<Vec<_>>();
            pages.add(json!({"models": models, "total": size}));
        }
        (asked, pages.entries.len())
    }

    #[test]
    fn a_catalog_is_read_to_its_end_whatever_the_pages_hold() {
        let all = ListModels::default();
        assert_eq!(asked(&all, 384, 500), (vec![(0, 500)], 384));
        assert_eq!(asked(&all, 384, 200), (vec![(0, 500), (200, 500)], 384));
        assert_eq!(asked(&all, 0, 500), (vec![(0, 500)], 0));
        let some = ListModels { limit: Some(3), offset: Some(2), ..ListModels::default() };
        assert_eq!(asked(&some, 384, 2), (vec![(2, 3), (4, 1)], 3));
    }

    #[test]
    fn without_a_total_an_empty_page_is_the_last_and_a_catalog_without_end_is_left() {
        let query = ListModels::default();
        let mut pages = Pages::new(&query);
        pages.add(json!({"models": [1]}));
        assert!(pages.next().is_some());
        pages.add(json!({"models": []}));
        assert!(pages.next().is_none());
        let mut endless = Pages::new(&query);
        while endless.next().is_some() {
            endless.add(json!({"models": vec![0; 500]}));
        }
        assert_eq!(endless.entries.len(), Pages::MOST);
    }
}
