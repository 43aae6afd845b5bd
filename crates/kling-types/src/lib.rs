//! Typed inputs and outputs of RunComfy models, with validators generated from the provider's schemas.
//!
//! Each model is a module, and each family of models a cargo feature. An `Input` is valid by construction: its builder reports every
//! violation at once, with the JSON pointer of each, and the same rules check raw JSON. Nothing here knows HTTP, files,
//! clocks or async.
#![cfg_attr(
    feature = "kling-1-6",
    doc = r#"
```
use kling_types::kling_1_6_pro_image_to_video::{Duration, Input};

let input = Input::builder()
    .image_url("https://example.com/start.jpg")
    .prompt("slow dolly-in, leaves moving")
    .duration(Duration::default())
    .build()?;
assert_eq!(serde_json::to_value(&input)?["duration"], Duration::default().value());

let violations = Input::builder().duration(-1).cfg_scale(f64::NAN).build().unwrap_err();
let pointers: Vec<_> = violations.iter().map(|violation| violation.pointer()).collect();
assert_eq!(pointers, ["/image_url", "/duration", "/cfg_scale"]);
# Ok::<(), Box<dyn std::error::Error>>(())
```"#
)]
//!
//! # Features
//! One per family of models, such as `kling-1-6` or `kling-3-0`; `all-models` for all of them; `schemars` to derive JSON Schema
//! from the types.

// Generated code names this crate as others do, so that it compiles in any crate.
extern crate self as kling_types;

#[doc(hidden)]
pub mod any_of;
#[doc(hidden)]
pub mod builder;
pub mod check;
mod checked;
mod dictionary;
mod extra;
pub mod fault;
#[cfg(test)]
#[rustfmt::skip]
#[allow(missing_docs, reason = "a list of modules for tests")]
pub mod fixtures;
#[rustfmt::skip]
mod generated;
mod image_format;
mod integer;
pub mod json;
#[doc(hidden)]
pub mod json_schema;
mod keyword;
mod leaf;
mod leaf_conversion;
mod leaf_enum;
mod list;
mod media_facts;
mod media_field;
mod media_ref;
mod media_rule;
mod media_table;
mod model;
#[doc(hidden)]
pub mod number;
mod object;
#[doc(hidden)]
pub mod object_reader;
#[doc(hidden)]
pub mod output;
mod pointer;
mod violation;
mod violations;
mod wording;
mod words;

pub use any_of::Null;
pub use checked::Validate;
pub use dictionary::Dictionary;
pub use extra::Extra;
pub use generated::*;
pub use image_format::ImageFormat;
pub use integer::Integer;
pub use keyword::Keyword;
pub use list::{List, UNBOUNDED};
pub use media_facts::MediaFacts;
pub use media_field::{MediaField, MediaKind, MediaReport, OutputKind};
pub use media_ref::MediaRef;
pub use media_rule::{BYTES_PER_MEGABYTE, Comparison, MediaRule, Megabyte, Metric, RuleResult, RuleSource};
pub use model::{Model, ModelInfo, ModelInput, ModelOutput};
pub use number::Number;
pub use pointer::{Pointer, PropertyName};
pub use violation::Violation;
pub use violations::Violations;

/// The compiled-in model with this id.
#[must_use]
pub fn model(id: &str) -> Option<&'static ModelInfo> {
    models().iter().find(|model| model.id == id)
}

/// What generated code needs of other crates, so that it depends on this one only.
#[doc(hidden)]
pub mod export {
    pub use serde::{self, Deserialize, Deserializer, Serialize, Serializer};
    pub use serde_json::{Map, Value};

    #[cfg(feature = "schemars")]
    pub use schemars;

    /// What is wrong with a value as the error of any deserializer.
    pub fn de_error<E: serde::de::Error>(fault: impl std::fmt::Display) -> E {
        E::custom(fault)
    }
}
