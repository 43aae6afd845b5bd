#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod docs;
mod error;
mod file_set;
mod generator;
mod leaves;
mod module;
mod names;
mod plan;

pub use error::Error;
pub use file_set::FileSet;
pub use generator::Generator;
pub use kling_schema::ModelDocument;
