//! Facts of a picture before it is sent: format, width, height and bytes, read from its header. A file that is at hand is also
//! refused if it ends before its picture does, which its last bytes tell; of a picture behind a URL they are not read.
//!
//! Formats are recognised by the `imagesize` crate, which has no dependencies and decodes nothing, and read by it too, or here
//! for a reason that stands in the format's module. Facts are what the rules of a model are judged by:
//! [`kling_types::MediaField::judge`].
//!
//! ```
//! use kling_types::ImageFormat;
//! let facts = kling_media::from_bytes(b"GIF89a\x40\x01\xf0\x00\x00\x00\x00;")?;
//! assert_eq!((facts.format, facts.width, facts.height), (Some(ImageFormat::Gif), Some(320), Some(240)));
//! # Ok::<(), kling_media::Error>(())
//! ```
//!
//! # Sides
//! Width and height are those that a decoder gives. A photo that was taken upright may be stored lying, with the turn in
//! its EXIF: its sides are as stored, and the turn is [`MediaFacts::orientation`](kling_types::MediaFacts::orientation).
//! HEIC and AVIF keep crop and turn in the container, where the standard has decoders follow them: their sides are as shown.
//!
//! # Features
//! Without any, only local files, bytes and `data:` URIs are measured. `remote` adds URLs by an async client, on reqwest;
//! `remote-blocking` adds them by a blocking one, on ureq; `rustls` or `native-tls` lets both speak `https`.

mod error;
mod header;
mod reference;
#[cfg(any(feature = "remote", feature = "remote-blocking"))]
pub mod remote;

pub use error::Error;
pub use header::{Measured, from_bytes, from_path, measure_path};
pub use reference::{DataUri, Reference, encode_data_uri};
