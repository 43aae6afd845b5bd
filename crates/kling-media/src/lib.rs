//! Facts of a picture before it is sent: format, width, height and bytes, read from its header alone.
//!
//! The header reader is the `imagesize` crate, which has no dependencies and decodes nothing. Facts are what the rules
//! of a model are judged by: [`kling_types::MediaField::judge`].
//!
//! ```
//! let facts = kling_media::from_bytes(b"GIF89a\x40\x01\xf0\x00\x00\x00\x00")?;
//! assert_eq!((facts.format, facts.width, facts.height), (Some("gif"), Some(320), Some(240)));
//! # Ok::<(), kling_media::Error>(())
//! ```

mod data_uri;
mod error;
mod header;

pub use data_uri::{DataUri, encode_data_uri};
pub use error::Error;
pub use header::{from_bytes, from_path, media_type};
