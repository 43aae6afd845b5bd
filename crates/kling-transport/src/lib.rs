//! RunComfy's Model API on the wire: requests and replies as plain values, and two thin clients that carry them.
mod api_base;
mod asking;
#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
#[cfg(feature = "async")]
mod client;
#[cfg(any(feature = "async", feature = "blocking"))]
mod download;
mod envelope;
mod error;
mod error_kind;
mod excerpt;
mod fingerprint;
#[cfg(any(feature = "async", feature = "blocking"))]
mod host_gate;
mod http_reply;
mod http_request;
mod job;
mod model_id;
mod phase;
mod receipt;
mod reply;
mod request_id;
#[cfg(feature = "async")]
mod reqwest_transport;
mod retry;
mod retry_after;
mod settings;
mod state;
mod submission;
mod submitting;
mod token;
#[cfg(feature = "async")]
mod transport;
#[cfg(any(feature = "async", feature = "blocking"))]
mod watch;

pub use crate::api_base::{ApiBase, BASE_VARIABLE};
pub use crate::asking::Asking;
pub use crate::call::{Call, GetBalance, GetModel, GetResult, GetStatus, ListModels, PostCancel};
#[cfg(feature = "async")]
pub use crate::client::Client;
#[cfg(any(feature = "async", feature = "blocking"))]
pub use crate::download::{DownloadOptions, Downloaded, Progress};
pub use crate::error::Error;
pub use crate::fingerprint::Fingerprint;
pub use crate::http_reply::{Failure, FailureKind, HttpHead, HttpReply};
pub use crate::http_request::{HttpRequest, Limits, MAX_REPLY_BYTES, Method};
pub use crate::job::{AnyModel, Job, Makes};
pub use crate::model_id::ModelId;
pub use crate::phase::Phase;
pub use crate::receipt::Receipt;
pub use crate::reply::{Balance, CancelOutcome, CancelReply, ResultReply, StatusReply, Verdict};
pub use crate::request_id::RequestId;
#[cfg(feature = "async")]
pub use crate::reqwest_transport::{Incoming, Reqwest};
pub use crate::retry::{Backoff, Retry, RetryPolicy};
pub use crate::settings::Settings;
pub use crate::state::State;
pub use crate::submission::{Submission, SubmitError};
pub use crate::submitting::Submitting;
pub use crate::token::{TOKEN_VARIABLES, Token};
#[cfg(feature = "async")]
pub use crate::transport::{Chunks, Streaming, Transport};
