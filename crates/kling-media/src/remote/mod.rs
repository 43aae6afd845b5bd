//! Facts of an image behind a URL, from a few kilobytes of it: ranges are asked for until the size is known.
//!
//! [`Checker`] asks by an async client, [`blocking::Checker`] by a blocking one; what is asked next, and when it is
//! enough, is decided by one planner under both, which has neither clock nor socket.
//!
//! # What a check may do
//! It follows redirects by itself, at most five of them, and every one has to lead to an `https` URL. It connects to public
//! addresses only: a name is resolved once, its addresses are judged, and those judged are the ones connected to, so a
//! server cannot answer one address to the judge and another to the connection. [`Options::with_private_allowed`] lifts
//! that for the server that the URL names, never for one that it redirects to. No proxy is used, since it would resolve
//! names where they cannot be judged. Nothing secret is sent: no cookies, no referrer, no credentials.
//!
//! It ends: after the deadline, and after a number of bytes and requests. What ends so is an
//! [unchecked](crate::Error::is_unchecked) image rather than a wrong one.

mod address;
#[cfg(feature = "remote-blocking")]
pub mod blocking;
#[cfg(feature = "remote")]
mod checker;
mod gate;
mod head;
mod options;
mod probe;
mod resolve;
mod sparse;
#[cfg(all(feature = "remote-blocking", any(feature = "rustls", feature = "native-tls")))]
mod tls;

#[cfg(feature = "remote")]
pub use self::checker::Checker;
pub use self::options::Options;
pub use self::resolve::{Resolve, SystemResolver};

/// What the requests call themselves: some servers refuse those that do not say.
const USER_AGENT: &str = concat!("kling-media/", env!("CARGO_PKG_VERSION"));
