//! The catalog: every model that is served, its schema, its rules and its made-up price.

use std::collections::HashMap;
use std::io;
use std::ops::RangeInclusive;
use std::path::Path;

use axum::extract::Query;
use axum::http::Uri;
use kling_schema::{ModelDocument, ModelSchema};
use kling_types::{MediaField, MediaKind, OutputKind};
use serde_json::{Value, json};

use crate::billing::dollars;
use crate::refusal::{Code, Refusal};

/// The most entries in a page.
const MAX_PAGE: usize = 500;
/// The largest offset of a page.
const MAX_OFFSET: usize = 1_000_000;
/// The entries in a page without a `limit`. The provider does not publish its own number.
const DEFAULT_PAGE: usize = 100;
/// The made-up price of a second of video, in microdollars.
const PRICE_PER_SECOND: i64 = 50_000;
/// The made-up price of any other output, in microdollars.
const PRICE_PER_OUTPUT: i64 = 100_000;
/// The seconds of a clip if neither schema nor input state them.
const DEFAULT_SECONDS: u64 = 5;
/// The longest clip.
const MAX_SECONDS: u64 = 60;

/// The endpoints, in order of their ids.
#[derive(Debug)]
pub(crate) struct Catalog(Vec<Endpoint>);

impl Catalog {
    /// Collects the compiled-in models and those of a schema folder. A model of the folder replaces a compiled-in one.
    pub(crate) fn new(schemas_dir: Option<&Path>) -> io::Result<Self> {
        let mut endpoints = schemas_dir.map_or_else(|| Ok(Vec::new()), read_folder)?;
        for model in kling_types::models::all() {
            let schema = ModelSchema::of(model).map_err(io::Error::other)?;
            endpoints.push(Endpoint::new(schema, model.input_schema));
        }
        endpoints.sort_by(|one, other| one.model.id.cmp(&other.model.id));
        // The sort is stable, so the model of the folder comes first.
        endpoints.dedup_by(|second, first| second.model.id == first.model.id);
        Ok(Self(endpoints))
    }

    /// Returns one endpoint. An unknown id is refused as a wrong or malformed one.
    pub(crate) fn find(&self, id: &str) -> Result<&Endpoint, Refusal> {
        let found = self.0.binary_search_by(|endpoint| endpoint.model.id.as_str().cmp(id));
        let index = found.map_err(|_| {
            let served =
                self.0.iter().map(|endpoint| endpoint.model.id.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("no model has this id; this simulator serves: {served}");
            Refusal::new(Code::InvalidResourceIdentifier, message)
        })?;
        Ok(&self.0[index])
    }

    /// Returns the page that the query of a URL asks for. Unknown keys are ignored.
    pub(crate) fn page(&self, uri: &Uri) -> Result<Value, Refusal> {
        let Query(query) = Query::<HashMap<String, String>>::try_from_uri(uri)
            .map_err(|_| Refusal::new(Code::Mismatch, "the query must consist of pairs"))?;
        let limit = number(&query, "limit", 1..=MAX_PAGE)?.unwrap_or(DEFAULT_PAGE);
        let offset = number(&query, "offset", 0..=MAX_OFFSET)?.unwrap_or(0);
        let include_schema = query.get("include_schema").is_some_and(|value| value == "true");
        let found: Vec<&Endpoint> = self.0.iter().filter(|endpoint| endpoint.matches(&query)).collect();
        let page = found.iter().skip(offset).take(limit);
        let models: Vec<Value> = page.map(|endpoint| endpoint.entry(include_schema)).collect();
        Ok(json!({"models": models, "total": found.len(), "limit": limit, "offset": offset}))
    }

    /// Returns every category once.
    pub(crate) fn categories(&self) -> Value {
        let mut categories: Vec<String> = self.0.iter().map(Endpoint::category).collect();
        categories.sort();
        categories.dedup();
        json!({"categories": categories})
    }
}

/// Reads every model of a schema folder, or returns all errors at once.
fn read_folder(folder: &Path) -> io::Result<Vec<Endpoint>> {
    let refuse = |reasons: String| {
        let message = format!("the schema folder {} cannot be served: {reasons}", folder.display());
        io::Error::new(io::ErrorKind::InvalidInput, message)
    };
    let documents = ModelDocument::all_in(folder).map_err(|error| refuse(error.to_string()))?;
    if documents.is_empty() {
        let expected = "one folder per model, named by its id, with input.json, output.json and model.toml";
        return Err(refuse(format!("found no input.json in it; expected {expected}")));
    }
    let (mut endpoints, mut reasons) = (Vec::new(), Vec::new());
    for document in documents {
        let read = |document: ModelDocument| Ok(Endpoint::new(document.read()?, &document.input));
        match document.and_then(read) {
            Ok(endpoint) => endpoints.push(endpoint),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    if reasons.is_empty() { Ok(endpoints) } else { Err(refuse(reasons.join("; "))) }
}

fn number(
    query: &HashMap<String, String>,
    key: &str,
    bounds: RangeInclusive<usize>,
) -> Result<Option<usize>, Refusal> {
    let Some(text) = query.get(key) else { return Ok(None) };
    let number = text.parse().ok().filter(|number| bounds.contains(number));
    let (least, most) = bounds.into_inner();
    let expected = format!("the query's {key} must be a whole number from {least} to {most}");
    number.map(Some).ok_or_else(|| Refusal::new(Code::Mismatch, expected))
}

/// A model of the catalog, compiled in or read from a schema folder.
#[derive(Debug)]
pub(crate) struct Endpoint {
    pub(crate) model: ModelSchema,
    /// The schema of the input, as printed.
    schema: Value,
}

impl Endpoint {
    fn new(model: ModelSchema, input: &str) -> Self {
        // The model was read from this text, so it is JSON.
        Self { model, schema: serde_json::from_str(input).unwrap_or_default() }
    }

    /// The seconds of the clip that an input asks for.
    pub(crate) fn seconds(&self, input: &Value) -> u32 {
        let asked = input.get("duration").or_else(|| self.schema.pointer("/properties/duration/default"));
        let seconds = asked.and_then(whole_seconds).unwrap_or(DEFAULT_SECONDS).clamp(1, MAX_SECONDS);
        u32::try_from(seconds).unwrap_or(u32::MAX)
    }

    /// The price of a job, in microdollars.
    pub(crate) fn price(&self, input: &Value) -> i64 {
        match self.model.output_kind {
            OutputKind::Video => PRICE_PER_SECOND * i64::from(self.seconds(input)),
            _ => PRICE_PER_OUTPUT,
        }
    }

    const fn kind(&self) -> &'static str {
        self.model.output_kind.singular()
    }

    /// The task of the model, such as `image-to-video`.
    fn category(&self) -> String {
        let named = self.model.id.split('/').rev().find(|segment| segment.contains("-to-"));
        named.map_or_else(|| format!("{}-generation", self.kind()), str::to_lowercase)
    }

    /// The entry in the catalog. Its schema is null if not included.
    pub(crate) fn entry(&self, include_schema: bool) -> Value {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        let inputs: Vec<&String> = properties.into_iter().flat_map(|properties| properties.keys()).collect();
        let (price, unit) = match self.model.output_kind {
            OutputKind::Video => (PRICE_PER_SECOND, "second"),
            _ => (PRICE_PER_OUTPUT, "output"),
        };
        json!({
            "model_id": self.model.id,
            "display_name": self.display_name(),
            "description": "Simulated: nothing is generated, prices are made up.",
            "categories": [self.category()],
            "kind": self.kind(),
            "base_price_usd": dollars(price),
            "price_unit": unit,
            "pricing_note": "A made-up price of the simulator.",
            "model_url": format!("https://www.runcomfy.com/models/{}", self.model.id),
            "inputs": inputs,
            "required_inputs": self.schema.get("required").cloned().unwrap_or_else(|| json!([])),
            "input_schema": if include_schema { self.schema.clone() } else { Value::Null },
        })
    }

    /// Whether the model fits a query. A search looks for a part of the id or of the display name, ignoring case.
    fn matches(&self, query: &HashMap<String, String>) -> bool {
        let has = |text: &str, part: &str| text.to_lowercase().contains(&part.to_lowercase());
        query.get("search").is_none_or(|part| has(&self.model.id, part) || has(&self.display_name(), part))
            && query.get("category").is_none_or(|category| self.category() == *category)
            && query.get("kind").is_none_or(|kind| self.kind() == kind)
    }

    /// The properties that hold images.
    pub(crate) fn image_fields(&self) -> impl Iterator<Item = &MediaField> {
        self.model.media.iter().filter(|field| field.kind == MediaKind::Image)
    }

    fn display_name(&self) -> String {
        self.model.id.split('/').skip(1).collect::<Vec<_>>().join(" ")
    }
}

/// Reads seconds from a number or, as in some schemas, from a string of digits. Fractions round up.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the conversion saturates")]
fn whole_seconds(value: &Value) -> Option<u64> {
    match value {
        Value::Number(number) => number.as_f64().map(|seconds| seconds.ceil() as u64),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_bounds_and_defaults() {
        let catalog = Catalog::new(None).unwrap();
        let page = |query: &str| catalog.page(&format!("/v1/models?{query}").parse().unwrap());
        assert_eq!(page("limit=500").unwrap()["limit"], 500);
        assert!(page("limit=501").is_err());
        assert!(page("limit=0").is_err());
        assert!(page("offset=-1").is_err());
        assert!(page("limit=1&include_schema=true").unwrap()["models"][0]["input_schema"].is_object());
        assert_eq!(page("unknown=x").unwrap(), page("").unwrap());
        assert_eq!((&page("").unwrap()["limit"], &page("").unwrap()["offset"]), (&json!(100), &json!(0)));
    }
}
