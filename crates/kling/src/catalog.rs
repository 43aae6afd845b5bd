//! Reads the live catalog, and compares its schemas with those of compiled-in models.

#[cfg(feature = "schema")]
use std::fmt;

#[cfg(feature = "schema")]
use kling_schema::{CatalogEntry, ChangeClass, Changes, SchemaError};
use kling_transport::{Client, Error, ListModels};
#[cfg(feature = "schema")]
use kling_types::ModelInfo;
use serde_json::Value;

/// The API's limit for one page.
const PAGE: usize = 500;
/// Ends the reading of a server that repeats itself.
const MAX_ENTRIES: usize = 100_000;

/// Returns every entry of the live catalog that matches `query`, as sent by the API. The query's `limit` bounds the whole.
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
/// See [`Error`]. Then no entry is returned.
pub async fn catalog(client: &Client, query: &ListModels) -> Result<Vec<Value>, Error> {
    let (most, skipped) =
        (query.limit.map_or(MAX_ENTRIES, |limit| limit as usize), query.offset.unwrap_or(0));
    let mut entries = Vec::new();
    while entries.len() < most {
        let limit = (most - entries.len()).min(PAGE) as u32;
        let offset = skipped.saturating_add(entries.len() as u32);
        let query = ListModels { limit: Some(limit), offset: Some(offset), ..query.clone() };
        let mut page = client.models(&query).await?;
        let models = page["models"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let is_empty = models.is_empty();
        entries.extend(models);
        let seen = u64::from(skipped) + entries.len() as u64;
        if is_empty || page["total"].as_u64().is_some_and(|total| seen >= total) {
            break;
        }
    }
    Ok(entries)
}

/// Compares the schema of a compiled-in model with its entry in the live catalog.
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
/// See [`Error`]. An unknown model is no error, but [`Drift::Gone`].
#[cfg(feature = "schema")]
pub async fn drift(client: &Client, model: &ModelInfo) -> Result<Drift, Error> {
    // The API's codes for an unknown model.
    const UNKNOWN: [i64; 2] = [400_001, 404_001];
    match client.model(&model.id.parse()?).await {
        Ok(entry) => Ok(Drift::of(model, &entry)),
        Err(error) if error.error_code().is_some_and(|code| UNKNOWN.contains(&code)) => Ok(Drift::Gone),
        Err(error) => Err(error),
    }
}

/// The changes from the input schema of a compiled-in model to that of its live entry.
///
/// The catalog has no output schemas, so outputs are not compared. Texts are not compared if the compiled-in schema has
/// none of the provider's ([`ModelInfo::facts_only`]).
#[cfg(feature = "schema")]
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Drift {
    /// The changes, if there are any.
    Compared(Changes),
    /// The model is no longer in the catalog.
    Gone,
    /// The live schema cannot be read by this version.
    Unreadable(SchemaError),
}

#[cfg(feature = "schema")]
impl Drift {
    /// Compares a compiled-in model with an entry of the catalog.
    #[must_use]
    pub fn of(model: &ModelInfo, entry: &Value) -> Self {
        match CatalogEntry::read(entry).and_then(|entry| entry.drift(model)) {
            Ok(changes) => Self::Compared(changes),
            Err(error) => Self::Unreadable(error),
        }
    }

    /// Returns the most severe class of change, if anything changed. A missing model and an unreadable schema are breaking.
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
            Self::Compared(changes) if changes.is_empty() => f.write_str("unchanged"),
            Self::Compared(changes) => changes.fmt(f),
            Self::Gone => f.write_str("breaking: the model is no longer in the catalog"),
            Self::Unreadable(error) => write!(f, "breaking: the live schema cannot be read: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{Future, ready};
    use std::pin::pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, Waker};
    use std::time::{Duration, Instant, SystemTime};

    use kling_transport::{
        BoxFuture, HttpHead, HttpReply, HttpRequest, Limits, Runtime, Settings, Token, Transport,
        TransportError,
    };
    use serde_json::json;

    use super::*;

    type Queries = Arc<Mutex<Vec<(usize, usize)>>>;

    /// A catalog with pages of its own size. It counts its entries, unless it is endless.
    struct Catalog {
        size: usize,
        page: usize,
        is_endless: bool,
        queries: Queries,
    }

    impl Transport for Catalog {
        fn send(&self, request: HttpRequest, _: Limits) -> BoxFuture<'_, Result<HttpReply, TransportError>> {
            let number = |name: &str| {
                let mut pairs = request.url().query_pairs();
                pairs.find(|pair| pair.0 == name).and_then(|pair| pair.1.parse::<usize>().ok()).unwrap()
            };
            let (offset, limit) = (number("offset"), number("limit"));
            self.queries.lock().unwrap().push((offset, limit));
            let models: Vec<_> = (offset..self.size).take(limit.min(self.page)).collect();
            let total = if self.is_endless { json!(null) } else { json!(self.size) };
            let body = json!({"models": models, "total": total}).to_string();
            let head = HttpHead::new(200, |_| None, SystemTime::UNIX_EPOCH);
            Box::pin(ready(Ok(HttpReply::new(head, body.into()))))
        }
    }

    #[derive(Debug)]
    struct NoClock;

    impl Runtime for NoClock {
        fn now(&self) -> Instant {
            Instant::now()
        }

        fn sleep(&self, _: Duration) -> BoxFuture<'_, ()> {
            Box::pin(ready(()))
        }

        fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) -> BoxFuture<'_, ()> {
            work();
            Box::pin(ready(()))
        }
    }

    /// Returns the offsets and limits of the queries, and the number of entries.
    fn read(query: &ListModels, size: usize, page: usize, is_endless: bool) -> (Vec<(usize, usize)>, usize) {
        let queries = Queries::default();
        let transport = Catalog { size, page, is_endless, queries: Arc::clone(&queries) };
        let client = Client::from_parts(Settings::new(Token::new("token").unwrap()), transport, NoClock);
        let reading = pin!(catalog(&client, query));
        let Poll::Ready(entries) = reading.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("each reply is there")
        };
        let queries = queries.lock().unwrap().clone();
        (queries, entries.unwrap().len())
    }

    #[test]
    fn a_catalog_is_read_to_its_end_whatever_the_size_of_its_pages() {
        let all = ListModels::default();
        assert_eq!(read(&all, 384, 500, false), (vec![(0, 500)], 384));
        assert_eq!(read(&all, 384, 200, false), (vec![(0, 500), (200, 500)], 384));
        assert_eq!(read(&all, 0, 500, false), (vec![(0, 500)], 0));
        let some = ListModels { limit: Some(3), offset: Some(2), ..ListModels::default() };
        assert_eq!(read(&some, 384, 2, false), (vec![(2, 3), (4, 1)], 3));
    }

    #[test]
    fn without_a_total_an_empty_page_is_the_last_and_an_endless_catalog_is_left() {
        let all = ListModels::default();
        assert_eq!(read(&all, 1, 500, true), (vec![(0, 500), (1, 500)], 1));
        assert_eq!(read(&all, usize::MAX, 500, true).1, MAX_ENTRIES);
    }
}
