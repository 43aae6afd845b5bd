#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod catalog;
mod compare;
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
pub use compare::{Change, ChangeClass, Changes, compare, compare_inputs};
#[cfg(feature = "folder")]
pub use folder::ModelDocument;
pub use keywords::SchemaError;
pub use model::ModelSchema;
pub use notes::{MediaChoice, ModelNotes, Override};
pub use shape::{Annotation, ObjectSchema, Property, Shape};
