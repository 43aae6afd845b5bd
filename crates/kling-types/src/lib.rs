#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

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
pub mod json;
#[doc(hidden)]
pub mod json_schema;
mod leaf;
mod media_field;
mod media_ref;
mod media_rule;
mod model;
/// The compiled-in models, each as a module of its own.
#[rustfmt::skip]
#[path = "generated/mod.rs"]
pub mod models;
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
pub use media_field::{MediaField, MediaKind, MediaReport};
pub use media_ref::MediaRef;
pub use media_rule::{
    Comparison, ImageFormat, MediaFacts, MediaRule, Megabyte, Metric, RuleResult, RuleSource,
};
pub use model::{Model, ModelInfo, ModelInput, ModelOutput};
pub use number::{Integer, Number};
pub use object::Extra;
pub use output::OutputKind;
pub use violation::{Keyword, Pointer, Violation, Violations};

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
