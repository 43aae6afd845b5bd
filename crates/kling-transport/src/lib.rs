//! RunComfy's Model API on the wire: requests and replies as plain values, and the client that sends them.
//!
//! [`Client`] is async, on reqwest and tokio. `blocking::Client` has the same methods on ureq, without an async runtime. Both
//! run the same code: a client is built from a [`Transport`] and a [`Runtime`], and the blocking client drives futures that
//! are ready at their first poll.
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
//! `async` and `blocking` for the clients; without both, bring a [`Transport`] and a [`Runtime`]. `rustls` (aws-lc-rs, the platform's
//! certificates) or `native-tls` for TLS, the same for both clients; without both, only `http` to loopback works.

mod allowed_hosts;
mod answer;
#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
mod client;
mod content;
mod download;
mod error;
mod error_kind;
mod excerpt;
mod fingerprint;
mod http_reply;
mod http_request;
mod job;
mod lenient;
mod part;
mod partial_file;
mod redacted;
mod replies;
#[cfg(feature = "async")]
mod reqwest_transport;
mod retry;
mod settings;
mod span;
mod spellings;
mod state;
mod submission;
mod submitting;
mod token;
mod transport;
#[cfg(any(feature = "async", feature = "blocking"))]
mod upload_progress;
#[cfg(feature = "blocking")]
mod ureq_transport;

pub use crate::call::{Call, GetBalance, GetModel, GetResult, GetStatus, ListModels, PostCancel};
pub use crate::client::Client;
pub use crate::content::ExpectedContent;
pub use crate::error::Error;
pub use crate::error_kind::ErrorKind;
#[doc(hidden)]
pub use crate::excerpt::is_unsafe_on_terminal;
pub use crate::fingerprint::Fingerprint;
pub use crate::http_reply::{ContentRange, HttpHead, HttpReply, Phase, TransportError, TransportErrorKind};
pub use crate::http_request::{HttpRequest, Limits, MAX_REPLY_BYTES, Method};
pub use crate::job::{DynModel, Job, JobModel, ModelId, RequestId};
pub use crate::partial_file::{DownloadOptions, Downloaded, Progress};
pub use crate::replies::{Balance, CancelOutcome, CancelReply, ResultReply, StatusReply, Verdict};
#[cfg(feature = "async")]
pub use crate::reqwest_transport::{Reqwest, TokioRuntime};
pub use crate::retry::{Backoff, Retry, RetryNotice, RetryPolicy};
pub use crate::settings::{ApiBase, BASE_VARIABLE, Settings};
#[doc(hidden)]
pub use crate::span::Span;
pub use crate::state::State;
pub use crate::submission::{SubmitError, SubmitOutcome, UnknownOutcome};
pub use crate::submitting::PendingSubmit;
pub use crate::token::{TOKEN_VARIABLES, Token};
pub use crate::transport::{BodyStream, BoxFuture, OpenResult, Runtime, Transport};
