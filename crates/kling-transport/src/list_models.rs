//! The question for a part of the catalog.

use serde::Serialize;
use serde_json::Value;

use crate::call::sealed;
use crate::{Call, Error, HttpReply, HttpRequest, Settings, envelope};

/// Asks for a part of the catalog, as the API sends it: `GET /models` → `{"models", "total", "limit", "offset"}`.
///
/// What is left out is not sent.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ListModels {
    /// Words to look for.
    pub search: Option<String>,
    /// One of `GET /models/categories`.
    pub category: Option<String>,
    /// The kind of output.
    pub kind: Option<String>,
    /// Whether each entry carries its input schema.
    pub include_schema: Option<bool>,
    /// How many entries, 1 to 500.
    pub limit: Option<u32>,
    /// How many entries to skip.
    pub offset: Option<u32>,
}

impl sealed::Free for ListModels {}

impl Call for ListModels {
    const NAME: &'static str = "models";
    type Reply = Value;

    fn request(&self, settings: &Settings) -> HttpRequest {
        let mut url = settings.base.join(&["models"]);
        let numbers = [("limit", self.limit), ("offset", self.offset)];
        let texts = [("search", &self.search), ("category", &self.category), ("kind", &self.kind)];
        let pairs: Vec<(&str, String)> = texts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text.clone()?)))
            .chain(self.include_schema.map(|flag| ("include_schema", flag.to_string())))
            .chain(numbers.into_iter().filter_map(|(name, number)| Some((name, number?.to_string()))))
            .collect();
        if !pairs.is_empty() {
            url.query_pairs_mut().extend_pairs(pairs);
        }
        HttpRequest::get(url, Some(&settings.token))
    }

    fn read(&self, reply: &HttpReply) -> Result<Value, Error> {
        envelope::open(reply).map(Value::Object)
    }
}
