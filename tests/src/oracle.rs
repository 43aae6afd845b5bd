//! An independent validator: the `jsonschema` crate with the provider's schema.

use std::collections::BTreeSet;

use jsonschema::{ValidationError, Validator, error::ValidationErrorKind};
use kling_types::{Keyword, ModelInfo, Violations};
use serde_json::Value;

use crate::standard;

/// The `jsonschema` validator of a model's input.
pub struct Oracle(Validator);

impl Oracle {
    /// Reads the provider's schema after the edits of [`standard`].
    ///
    /// # Panics
    /// If the schema is invalid.
    #[must_use]
    pub fn of(model: &ModelInfo) -> Self {
        let schema = standard::input_schema(model);
        Self(jsonschema::validator_for(&schema).expect("the schema is one"))
    }

    /// Returns the pointers of the violations of a document.
    #[must_use]
    pub fn failing_pointers(&self, document: &Value) -> BTreeSet<String> {
        self.0.iter_errors(document).map(|error| pointer(&error)).collect()
    }
}

/// Returns the pointers of our violations of standard keywords. Missing and unknown properties have the pointer of their
/// parent, as in the standard. Media references are omitted, since the standard has no rule for them.
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
