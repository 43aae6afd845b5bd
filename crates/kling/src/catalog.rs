//! The live catalog: its pages and entries, and their changes against compiled-in models.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use kling_schema::{CatalogEntry as SchemaEntry, ChangeClass, Changes, ModelSchema, SchemaError};
pub use kling_transport::ListModels;
use kling_transport::{BoxFuture, Client as ApiClient, Error as CallError, ModelId};
use kling_types::{MediaKind, ModelInfo, OutputKind};
use serde_json::Value;

use crate::Error;

/// The API's limit for one page.
const PAGE: usize = 500;
/// Ends the reading of a server that repeats itself.
const MAX_ENTRIES: usize = 100_000;

/// The pages of the live catalog, a stream made by [`Client::catalog`](crate::Client::catalog).
///
/// ```no_run
/// # async fn run(client: kling::Client) -> Result<(), kling::Error> {
/// use kling::catalog::ListModels;
///
/// let query = ListModels { kind: Some("video".to_owned()), ..ListModels::default() };
/// for entry in client.catalog(query).all().await? {
///     println!("{}: {:?}", entry.id(), entry.price());
/// }
/// # Ok(())
/// # }
/// ```
#[must_use = "a stream does nothing unless it is read"]
pub struct Catalog {
    api: ApiClient,
    query: ListModels,
    /// The most entries.
    limit: usize,
    /// The entries so far.
    read: usize,
    is_over: bool,
    page: Option<BoxFuture<'static, Result<Value, CallError>>>,
}

impl Catalog {
    pub(crate) fn new(api: ApiClient, query: ListModels) -> Self {
        let limit = query.limit.map_or(MAX_ENTRIES, |limit| limit as usize);
        Self { api, query, limit, read: 0, is_over: false, page: None }
    }

    /// Returns the next page, or `None` after the last one.
    ///
    /// # Errors
    /// As for any call. No page follows an error.
    pub async fn next_page(&mut self) -> Result<Option<Vec<CatalogEntry>>, Error> {
        poll_fn(|context| self.poll_page(context)).await.transpose()
    }

    /// Returns the entries of all pages.
    ///
    /// # Errors
    /// As for any call. Then no entry is returned.
    pub async fn all(mut self) -> Result<Vec<CatalogEntry>, Error> {
        let mut entries = Vec::new();
        while let Some(page) = self.next_page().await? {
            entries.extend(page);
        }
        Ok(entries)
    }

    fn poll_page(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Vec<CatalogEntry>, Error>>> {
        if self.is_over || self.read >= self.limit {
            return Poll::Ready(None);
        }
        let page = self.page.get_or_insert_with(|| {
            let limit = Some((self.limit - self.read).min(PAGE) as u32);
            let offset = Some(self.query.offset.unwrap_or(0).saturating_add(self.read as u32));
            let (api, query) = (self.api.clone(), ListModels { limit, offset, ..self.query.clone() });
            Box::pin(async move { api.models(&query).await })
        });
        let page = ready!(page.as_mut().poll(context));
        self.page = None;
        Poll::Ready(self.take_page(page).transpose())
    }

    fn take_page(&mut self, page: Result<Value, CallError>) -> Result<Option<Vec<CatalogEntry>>, Error> {
        let mut page = page.inspect_err(|_| self.is_over = true)?;
        let models = page["models"].as_array_mut().map(std::mem::take).unwrap_or_default();
        self.read += models.len();
        let seen = u64::from(self.query.offset.unwrap_or(0)) + self.read as u64;
        self.is_over = models.is_empty() || page["total"].as_u64().is_some_and(|total| seen >= total);
        let is_empty = models.is_empty();
        Ok((!is_empty).then(|| models.into_iter().filter_map(CatalogEntry::new).collect()))
    }
}

#[cfg(feature = "async")]
impl futures_core::Stream for Catalog {
    type Item = Result<Vec<CatalogEntry>, Error>;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_page(context)
    }
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog")
            .field("query", &self.query)
            .field("read", &self.read)
            .finish_non_exhaustive()
    }
}

/// An entry of the live catalog. The API may leave any fact out.
#[derive(Clone, Debug, PartialEq)]
pub struct CatalogEntry {
    id: ModelId,
    json: Value,
}

/// A base price of the catalog, in its own words. It is no quote.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Price {
    /// The price of one unit in US dollars.
    pub usd: f64,
    /// The unit, such as `second` or `output`.
    pub unit: String,
    /// The remark of the provider, if there is one.
    pub note: Option<String>,
}

impl CatalogEntry {
    /// Reads an entry. Returns `None` without a model id.
    #[must_use]
    pub fn new(json: Value) -> Option<Self> {
        let id = json["model_id"].as_str()?.parse().ok()?;
        Some(Self { id, json })
    }

    /// Returns the id of the model.
    #[must_use]
    pub const fn id(&self) -> &ModelId {
        &self.id
    }

    /// Returns the name for people.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.json["display_name"].as_str()
    }

    /// Returns the description.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.json["description"].as_str()
    }

    /// Returns the categories, such as `image-to-video`.
    pub fn categories(&self) -> impl Iterator<Item = &str> {
        self.json["categories"].as_array().into_iter().flatten().filter_map(Value::as_str)
    }

    /// Returns the base price, if the catalog names one.
    #[must_use]
    pub fn price(&self) -> Option<Price> {
        let usd = self.json["base_price_usd"].as_f64()?;
        let text = |key: &str| self.json[key].as_str().map(str::to_owned);
        Some(Price { usd, unit: text("price_unit").unwrap_or_default(), note: text("pricing_note") })
    }

    /// Returns the kind of the output. The catalog has no field for it, so it is inferred from words of the entry.
    #[must_use]
    pub fn output_kind(&self) -> OutputKind {
        SchemaEntry::output_kind(&self.json)
    }

    /// Returns the kinds of media that the input takes, each once.
    ///
    /// # Errors
    /// As [`CatalogEntry::schema`].
    pub fn media_kinds(&self) -> Result<Vec<MediaKind>, SchemaError> {
        let mut kinds: Vec<MediaKind> = Vec::new();
        for field in self.schema()?.media {
            if !kinds.contains(&field.kind) {
                kinds.push(field.kind);
            }
        }
        Ok(kinds)
    }

    /// Reads the input schema, by which any input can be checked.
    ///
    /// # Errors
    /// [`SchemaError`] if the entry has no schema, as in a list without [`ListModels::include_schema`], or if it cannot be read.
    pub fn schema(&self) -> Result<ModelSchema, SchemaError> {
        SchemaEntry::read(&self.json)?.schema()
    }

    /// Returns the entry as the API sent it.
    #[must_use]
    pub const fn as_json(&self) -> &Value {
        &self.json
    }
}

/// Returns the entry of one model.
pub(crate) async fn entry(api: &ApiClient, id: &ModelId) -> Result<CatalogEntry, Error> {
    let json = api.model(id).await?;
    match CatalogEntry::new(json) {
        Some(entry) if entry.id == *id => Ok(entry),
        found => {
            // The id of the schema is submitted and billed.
            let found = found.map_or_else(|| "no id".to_owned(), |entry| entry.id.to_string());
            let message = format!("got the catalog entry of {found}; expected {id}");
            Err(CallError::new(kling_transport::ErrorKind::Protocol, message).into())
        }
    }
}

/// Compares a compiled-in model with its live entry.
pub(crate) async fn drift(api: &ApiClient, model: &ModelInfo) -> Result<Drift, Error> {
    // The API's codes for an unknown model.
    const UNKNOWN: [i64; 2] = [400_001, 404_001];
    match api.model(&model.id.parse()?).await {
        Ok(entry) => Ok(Drift::of(model, &entry)),
        Err(error) if error.error_code().is_some_and(|code| UNKNOWN.contains(&code)) => Ok(Drift::Gone),
        Err(error) => Err(error.into()),
    }
}

/// The changes from the input schema of a compiled-in model to that of its live entry.
///
/// The catalog has no output schemas, so outputs are not compared. Texts are not compared if the compiled-in schema has
/// none of the provider's ([`ModelInfo::facts_only`]).
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

impl Drift {
    /// Compares a compiled-in model with an entry of the catalog.
    #[must_use]
    pub fn of(model: &ModelInfo, entry: &Value) -> Self {
        match SchemaEntry::read(entry).and_then(|entry| entry.drift(model)) {
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
            let entry = |number: usize| json!({"model_id": format!("maker/{number}")});
            let models: Vec<_> = (offset..self.size).take(limit.min(self.page)).map(entry).collect();
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
        let client = ApiClient::from_parts(Settings::new(Token::new("token").unwrap()), transport, NoClock);
        let reading = pin!(super::Catalog::new(client, query.clone()).all());
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
