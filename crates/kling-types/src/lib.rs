#![doc = include_str!("../README.md")]

// Generated code names this crate as other crates do, so that the code compiles in any crate.
extern crate self as kling_types;

#[doc(hidden)]
pub mod any_of;
pub mod bounds;
pub mod check;
mod collection;
#[cfg(test)]
#[rustfmt::skip]
#[allow(missing_docs, reason = "a list of modules for tests")]
pub mod fixtures;
#[rustfmt::skip]
mod generated;
pub mod json;
#[doc(hidden)]
pub mod json_schema;
mod leaf;
mod media_field;
mod media_ref;
mod media_rule;
mod model;
#[doc(hidden)]
pub mod number;
#[doc(hidden)]
pub mod object;
#[doc(hidden)]
pub mod output;
mod violation;

pub use any_of::Null;
pub use check::Validate;
pub use collection::{Dictionary, List, UNBOUNDED};
pub use generated::*;
pub use media_field::{MediaField, MediaKind, MediaReport};
pub use media_ref::MediaRef;
pub use media_rule::{
    BYTES_PER_MEGABYTE, Comparison, ImageFormat, MediaFacts, MediaRule, Megabyte, Metric, RuleResult,
    RuleSource,
};
pub use model::{Model, ModelInfo, ModelInput, ModelOutput};
pub use number::{Integer, Number};
pub use object::Extra;
pub use output::OutputKind;
pub use violation::{Keyword, Pointer, Violation, Violations};

/// Returns the compiled-in model with this id.
#[must_use]
pub fn model(id: &str) -> Option<&'static ModelInfo> {
    models().iter().find(|model| model.id == id)
}

/// Items of other crates for generated code, which depends on this crate only.
#[doc(hidden)]
pub mod export {
    pub use serde::{self, Deserialize, Deserializer, Serialize, Serializer};
    pub use serde_json::{Map, Value};

    #[cfg(feature = "schemars")]
    pub use schemars;

    /// A violation as the error of any deserializer.
    pub fn de_error<E: serde::de::Error>(violation: impl std::fmt::Display) -> E {
        E::custom(violation)
    }
}
