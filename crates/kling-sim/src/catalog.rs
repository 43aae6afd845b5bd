//! The catalog: every endpoint that is served, listed and searched.

use std::io;
use std::path::Path;

use kling_schema::ModelDocument;
use serde_json::{Value, json};

use crate::endpoint::Endpoint;
use crate::refusal::{Code, Refusal};

/// The most entries in one page.
const LARGEST_PAGE: usize = 500;
/// The furthest that a page may start.
const LARGEST_OFFSET: usize = 1_000_000;
/// The entries in a page when nothing is asked for; the provider does not say its own number.
const USUAL_PAGE: usize = 100;

/// The endpoints, in order of their ids.
#[derive(Debug)]
pub(crate) struct Catalog(Vec<Endpoint>);

impl Catalog {
    /// Every model that is compiled in, and those of a schema folder, which come first where both have one.
    pub(crate) fn new(schemas_dir: Option<&Path>) -> io::Result<Self> {
        let mut endpoints = schemas_dir.map_or_else(|| Ok(Vec::new()), read_folder)?;
        endpoints.extend(kling_types::models().iter().map(Endpoint::from));
        endpoints.sort_by(|one, other| one.id.cmp(&other.id));
        // Sorting is stable, so that the first of two is the folder's.
        endpoints.dedup_by(|second, first| second.id == first.id);
        Ok(Self(endpoints))
    }

    /// One endpoint; an id that is not served is a wrong or malformed one.
    pub(crate) fn find(&self, id: &str) -> Result<&Endpoint, Refusal> {
        let found = self.0.binary_search_by(|endpoint| endpoint.id.as_str().cmp(id));
        let index = found.map_err(|_| {
            let served = self.0.iter().map(|endpoint| endpoint.id.as_str()).collect::<Vec<_>>().join(", ");
            let message = format!("no model has this id; this simulator serves: {served}");
            Refusal::new(Code::InvalidResourceIdentifier, message)
        })?;
        Ok(&self.0[index])
    }

    /// One page of the list.
    pub(crate) fn page(&self, filter: &Filter) -> Value {
        let found: Vec<&Endpoint> = self.0.iter().filter(|endpoint| filter.keeps(endpoint)).collect();
        let page = found.iter().skip(filter.offset).take(filter.limit);
        let models: Vec<Value> = page.map(|endpoint| endpoint.entry(filter.include_schema)).collect();
        json!({"models": models, "total": found.len(), "limit": filter.limit, "offset": filter.offset})
    }

    /// Every category, once.
    pub(crate) fn categories(&self) -> Value {
        let mut categories: Vec<String> = self.0.iter().map(Endpoint::category).collect();
        categories.sort();
        categories.dedup();
        json!({"categories": categories})
    }
}

/// Every model of a schema folder, or every reason why not.
fn read_folder(folder: &Path) -> io::Result<Vec<Endpoint>> {
    let refuse = |reasons: String| {
        let message = format!("the schema folder {} cannot be served: {reasons}", folder.display());
        io::Error::new(io::ErrorKind::InvalidInput, message)
    };
    let documents = ModelDocument::all_in(folder).map_err(|error| refuse(error.to_string()))?;
    if documents.is_empty() {
        let allowed = "a folder for each model, its path being the model's id, with input.json, output.json and model.toml";
        return Err(refuse(format!("found no input.json in it, allowed is {allowed}")));
    }
    let (mut endpoints, mut reasons) = (Vec::new(), Vec::new());
    for document in documents {
        match document.and_then(|document| Endpoint::try_from(&document)) {
            Ok(endpoint) => endpoints.push(endpoint),
            Err(error) => reasons.push(error.to_string()),
        }
    }
    if reasons.is_empty() { Ok(endpoints) } else { Err(refuse(reasons.join("; "))) }
}

/// The query of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Filter {
    search: Option<String>,
    category: Option<String>,
    kind: Option<String>,
    include_schema: bool,
    limit: usize,
    offset: usize,
}

impl Filter {
    /// Reads a query by pairs; a number out of bounds is refused, an unknown key is not looked at.
    pub(crate) fn read<'q>(pairs: impl IntoIterator<Item = (&'q str, &'q str)>) -> Result<Self, Refusal> {
        let mut filter = Self::default();
        for (key, value) in pairs {
            match key {
                "search" => filter.search = Some(value.to_owned()),
                "category" => filter.category = Some(value.to_owned()),
                "kind" => filter.kind = Some(value.to_owned()),
                "include_schema" => filter.include_schema = value == "true",
                "limit" => filter.limit = within("limit", value, 1, LARGEST_PAGE)?,
                "offset" => filter.offset = within("offset", value, 0, LARGEST_OFFSET)?,
                _ => {}
            }
        }
        Ok(filter)
    }

    fn keeps(&self, endpoint: &Endpoint) -> bool {
        self.search.as_ref().is_none_or(|search| endpoint.matches(search))
            && self.category.as_ref().is_none_or(|category| endpoint.category() == *category)
            && self.kind.as_ref().is_none_or(|kind| endpoint.kind() == kind)
    }
}

impl Default for Filter {
    fn default() -> Self {
        let (search, category, kind) = (None, None, None);
        Self { search, category, kind, include_schema: false, limit: USUAL_PAGE, offset: 0 }
    }
}

fn within(key: &str, value: &str, least: usize, most: usize) -> Result<usize, Refusal> {
    let number = value.parse().ok().filter(|number| (least..=most).contains(number));
    let allowed = format!("the query's {key} has to be a whole number from {least} to {most}");
    number.ok_or_else(|| Refusal::new(Code::Mismatch, allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_reads_its_bounds() {
        assert_eq!(Filter::read([("limit", "500")]).unwrap().limit, 500);
        assert!(Filter::read([("limit", "501")]).is_err());
        assert!(Filter::read([("limit", "0")]).is_err());
        assert!(Filter::read([("offset", "-1")]).is_err());
        assert!(Filter::read([("include_schema", "true")]).unwrap().include_schema);
        assert_eq!(Filter::read([("unknown", "x")]).unwrap(), Filter::default());
    }
}
