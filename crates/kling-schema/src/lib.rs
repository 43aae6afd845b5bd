//! RunComfy's JSON-Schema dialect: reading, normalising, and validating at run time.
//!
//! The provider prints schemas with rules of its own: `validations` over the pixels and bytes of a picture, formats such
//! as `image_uris`, a type `float`, an output schema wrapped in a key. [`ModelSchema::read`] turns them into plain values,
//! where every keyword has either been understood or is an error that names it: nothing is ignored in silence.
//!
//! The generator of `kling-types` reads schemas through this crate, and programs that learn a model at run time validate
//! with it; both use the checks of [`kling_types::check`].
//!
//! ```
//! use kling_schema::{ModelNotes, ModelSchema};
//! use kling_types::OutputKind;
//!
//! let input = r#"{"type": "object", "required": ["n"], "properties": {"n": {"type": "integer", "enum": [5, 10]}}}"#;
//! let schema = ModelSchema::read("maker/model", input, ModelSchema::GENERIC_OUTPUT, ModelNotes::new(OutputKind::Video))?;
//! let violations = schema.validate_input(&serde_json::json!({"n": 7})).unwrap_err();
//! assert_eq!(violations.to_string(), "/n: found 7, allowed 5 or 10");
//! # Ok::<(), kling_schema::SchemaError>(())
//! ```

mod catalog;
mod compare;
mod error;
#[cfg(feature = "folder")]
mod folder;
mod keywords;
mod model;
mod notes;
mod reader;
mod references;
mod rule;
mod shape;

pub use catalog::CatalogEntry;
pub use compare::{Change, ChangeClass, Changes, SemverStep, compare, compare_inputs};
pub use error::SchemaError;
#[cfg(feature = "folder")]
pub use folder::ModelDocument;
pub use model::ModelSchema;
pub use notes::{MediaChoice, ModelNotes, Override};
pub use rule::parse_rules;
pub use shape::{Annotation, ObjectSchema, Property, Shape};
