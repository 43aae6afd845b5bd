//! RunComfy's Model API on the wire: requests and replies as plain values, and two thin clients that carry them.
//!
//! `Client` is async, on reqwest; `blocking::Client` has the same methods on ureq, without an async runtime underneath.
//! Neither decides anything: what a request says, what an answer means and when there is another attempt is told by values
//! that know no socket and no clock ([`PendingSubmit`], [`Asking`], [`Call`]), so the two cannot drift apart.
//!
//! ```no_run
//! use kling_transport::{ModelId, Settings, SubmitOutcome};
//!
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = kling_transport::blocking::Client::from_env()?;
//! let model: ModelId = "kling/kling-1-6/pro/image-to-video".parse()?;
//! match client.submit_json(&model, &serde_json::json!({"image_url": "https://example.com/start.jpg"})) {
//!     SubmitOutcome::Accepted(job) => println!("{} is queued", job.id()),
//!     SubmitOutcome::Rejected(error) => println!("nothing was submitted: {error}"),
//!     SubmitOutcome::Unknown(receipt) => println!("look before you pay again: {receipt}"),
//! }
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```
//!
//! # What it promises
//! - A paid request is sent again only where it is proven that no job was made: the connection never opened, or the server
//!   answered 429. Anything else that brings no usable answer is [`SubmitOutcome::Unknown`], with a [`UnknownOutcome`].
//! - The token goes to the API's own origin only: not to URLs that answers name, not across redirects, which are never
//!   followed, and not into any `Debug`, `Display` or error.
//! - Calls are bounded in time, attempts and bodies ([`MAX_REPLY_BYTES`]); downloads in size, redirects, the silence between two
//!   pieces and the lowest rate.
//! - A file appears whole or not at all, and only if it begins as media does.
//! - Words and keys never seen before reach the caller.
//! - Answers that were paid for are read as leniently as can be. Broken JSON is repaired, and whole members of a torn answer
//!   are kept: a whole request id in any answer to a submit is a job. [`Job::warning`], [`StatusReply::warning`] and
//!   [`ResultReply::warning`] say what was wrong.
//!
//! # Features
//! `async` and `blocking` for the clients; without both, the crate is values only. `rustls` (aws-lc-rs, the platform's
//! certificates) or `native-tls` for TLS, the same for both clients; without both, only `http` to loopback works.

mod answer;
#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
#[cfg(feature = "async")]
mod client;
#[cfg(any(feature = "async", feature = "blocking"))]
mod content;
#[cfg(any(feature = "async", feature = "blocking"))]
mod download;
mod error;
mod error_kind;
mod excerpt;
mod fingerprint;
#[cfg(any(feature = "async", feature = "blocking"))]
mod host_gate;
mod http_reply;
mod http_request;
mod job;
mod lenient;
#[cfg(any(feature = "async", feature = "blocking"))]
mod part;
#[cfg(any(feature = "async", feature = "blocking"))]
mod partial_file;
mod redacted;
mod replies;
mod retry;
mod settings;
mod span;
mod spellings;
mod state;
mod submission;
mod submitting;
mod token;
#[cfg(feature = "async")]
mod transport;
#[cfg(any(feature = "async", feature = "blocking"))]
mod watch;

pub use crate::call::{Asking, Call, GetBalance, GetModel, GetResult, GetStatus, ListModels, PostCancel};
#[cfg(feature = "async")]
pub use crate::client::Client;
#[cfg(any(feature = "async", feature = "blocking"))]
pub use crate::content::ExpectedContent;
pub use crate::error::Error;
#[doc(hidden)]
pub use crate::excerpt::is_unsafe_on_terminal;
pub use crate::fingerprint::Fingerprint;
pub use crate::http_reply::{ContentRange, HttpHead, HttpReply, Phase, TransportError, TransportErrorKind};
pub use crate::http_request::{HttpRequest, Limits, MAX_REPLY_BYTES, Method};
pub use crate::job::{DynModel, Job, JobModel, ModelId, RequestId};
#[cfg(any(feature = "async", feature = "blocking"))]
pub use crate::partial_file::{DownloadOptions, Downloaded, Progress};
pub use crate::replies::{Balance, CancelOutcome, CancelReply, ResultReply, StatusReply, Verdict};
pub use crate::retry::{Backoff, Retry, RetryNotice, RetryPolicy};
pub use crate::settings::{ApiBase, BASE_VARIABLE, Settings};
#[doc(hidden)]
pub use crate::span::Span;
pub use crate::state::State;
pub use crate::submission::{SubmitError, SubmitOutcome, UnknownOutcome};
pub use crate::submitting::PendingSubmit;
pub use crate::token::{TOKEN_VARIABLES, Token};
#[cfg(feature = "async")]
pub use crate::transport::{Chunks, Incoming, Reqwest, Streaming, Transport};
