//! The blocking client: the same calls by the same names, on ureq, without an async runtime underneath.

mod client;
mod transport;

pub use self::client::{Client, Clock, SystemClock};
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub use self::transport::tls_config;
pub use self::transport::{Streaming, Transport, Ureq};
