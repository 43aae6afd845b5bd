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
//! The generated folder has one module per model and a `mod.rs` over them; a build script writes it below `OUT_DIR`, and
//! `include!(concat!(env!("OUT_DIR"), "/models/mod.rs"));` takes it up.
//!
//! # Names
//! - A **module** is the model's id in snake case, its segments joined, without the maker where the second segment says it
//!   again: `kling/kling-3.0/4k/text-to-video` is `kling_3_0_4k_text_to_video`. What would be one word or start with a digit
//!   has `model_` before it. The model's type is the same in camel case. Two models with one module are an error that names
//!   both.
//! - A **feature** is the family of models that share the second segment of the id, in lower case with dashes: `kling-3-0`. If
//!   the second segment is one word, the maker is before it. A family that is another feature of the manifest is an error.
//! - A **field** is the property in snake case; names that builders use themselves (`build`, `extra`, `faults`) and keywords get
//!   an ending. Its **type**, where it needs one, is the property in camel case, after its parent's in nested objects.
//! - A **variant** is `R16x9` for a ratio, `Seconds5` for a number whose property names a unit, `N4` where it does not, `R480p`
//!   for what starts with a digit, else camel case. Of values that make one name the first has it, and the next is spelled out.
//!
//! # `model.toml`
//! `output_kind` is `"audio"`, `"image"` or `"video"`; the rest is optional: `price_unit`; `output_assumed` and `facts_only` (marks);
//! `not_on_file`, `ignore_required` and `annotations` (lists of names); `module`; `[[prose_rules]]` with `property`,
//! `validation_rule`, `validation_value` and `validation_error`; `[[overrides]]` with `property` (`camera/zoom` for a nested one)
//! and any of `field`, `type`, `media` (a kind or `"none"`) and `variants` (a table of names by values). What each means is said
//! at the fields of [`kling_schema::ModelNotes`] and [`kling_schema::Override`]. An override that changes nothing is an error.
//!
//! The way of a schema: [`kling_schema`] reads the dialect, `typify` makes the objects, the emitters here make all that
//! typify drops (bounds, media rules, the order of fields), and `prettyplease` prints it.

mod docs;
mod error;
mod file_set;
mod generator;
mod leaves;
mod module;
mod names;
mod objects;
mod plan;

pub use error::Error;
pub use file_set::FileSet;
pub use generator::Generator;
pub use kling_schema::ModelDocument;
