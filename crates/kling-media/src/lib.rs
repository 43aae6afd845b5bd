#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod error;
mod header;
mod image;
mod reference;
#[cfg(any(feature = "remote", feature = "remote-blocking"))]
pub mod remote;

pub use error::Error;
pub use header::{Measured, from_bytes, from_path, measure_bytes, measure_file, measure_path};
pub use image::Image;
#[doc(hidden)]
pub use image::OfImage;
pub use reference::{DataUri, Reference, encode_data_uri};
