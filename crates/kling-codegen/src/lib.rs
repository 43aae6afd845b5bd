//! Generates Rust types and validators from RunComfy model schemas.
//!
//! A folder of schemas goes in, a folder of Rust modules comes out, one per model: a typed input with a builder, an output,
//! leaf types that cannot hold a wrong value, a validator of raw JSON, and the table of media rules. The generated code
//! depends on `kling-types` only. It can be called from an xtask or a build script:
//!
//! ```no_run
//! kling_codegen::Generator::new().schema_dir("schemas").out_dir("src/generated").generate()?;
//! # Ok::<(), kling_codegen::Error>(())
//! ```
//!
//! The way of a schema: [`kling_schema`] reads the dialect, `typify` makes the objects, the emitters here make all that
//! typify drops (bounds, media rules, the order of fields), and `prettyplease` prints it.

mod checks;
mod docs;
mod document;
mod error;
mod features;
mod file_set;
mod folder;
mod generator;
mod input;
mod leaves;
mod literal;
mod media;
mod module;
mod names;
mod objects;
mod output;
mod plan;
mod prose;
mod registry;
mod type_ref;
mod variants;

pub use document::ModelDocument;
pub use error::Error;
pub use file_set::FileSet;
pub use generator::Generator;
