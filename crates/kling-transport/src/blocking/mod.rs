//! The blocking client: the same calls by the same names, on ureq, without an async runtime underneath.

mod client;
mod clock;
#[cfg(any(feature = "rustls", feature = "native-tls"))]
mod tls;
mod transport;
mod ureq_transport;

pub use self::client::Client;
pub use self::clock::{Clock, SystemClock};
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub use self::tls::tls_config;
pub use self::transport::{Streaming, Transport};
pub use self::ureq_transport::Ureq;
