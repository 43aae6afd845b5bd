//! A judge that is not ours: the `jsonschema` crate on the provider's own file.

use std::collections::BTreeSet;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use kling_types::{Keyword, ModelInfo, Violations};
use serde_json::Value;

use crate::standard;

/// The `jsonschema` validator of a model's input.
pub struct Oracle(Validator);

impl Oracle {
    /// Reads the provider's schema through the edits of [`standard`], the first of which is: no unknown properties.
    ///
    /// # Panics
    /// When the schema is none.
    #[must_use]
    pub fn of(model: &ModelInfo) -> Self {
        let schema = standard::input_schema(model);
        Self(jsonschema::validator_for(&schema).expect("the schema is one"))
    }

    /// The pointers at which a document breaks the schema.
    #[must_use]
    pub fn failing_pointers(&self, document: &Value) -> BTreeSet<String> {
        self.0.iter_errors(document).map(|error| pointer(&error)).collect()
    }
}

/// Our violations of the standard's keywords by pointer, with those of missing and unknown properties at their parent, where
/// the standard sees them. Media references are rules of ours, which the standard does not have.
#[must_use]
pub fn standard_pointers(result: &Result<(), Violations>) -> BTreeSet<String> {
    let Err(violations) = result else { return BTreeSet::new() };
    let standard = violations.iter().filter(|violation| violation.keyword() != Keyword::MediaReference);
    let pointers = standard.map(|violation| match violation.keyword() {
        Keyword::AdditionalProperties | Keyword::Required => {
            violation.pointer().rsplit_once('/').map_or("", |(parent, _)| parent).to_owned()
        }
        _ => violation.pointer().to_owned(),
    });
    pointers.collect()
}

fn pointer(error: &ValidationError<'_>) -> String {
    debug_assert!(!matches!(error.kind(), ValidationErrorKind::Custom { .. }), "{error}");
    error.instance_path().to_string()
}
