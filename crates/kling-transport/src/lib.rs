#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(not(any(feature = "async", feature = "blocking")))]
compile_error!("enable the feature `async` or `blocking`: each brings a client");

mod allowed_hosts;
mod api_reply;
#[cfg(feature = "blocking")]
pub mod blocking;
mod call;
mod client;
mod content;
mod download;
mod error;
mod fingerprint;
mod http_reply;
mod http_request;
mod id;
mod job;
mod lenient_json;
mod part_file;
mod partial_file;
mod pending_submit;
mod redact;
mod replies;
#[cfg(feature = "async")]
mod reqwest_transport;
mod retry;
mod sanitize;
mod settings;
mod span;
mod state;
mod submit_outcome;
mod token;
mod transport;
mod upload_progress;
#[cfg(feature = "blocking")]
mod ureq_transport;

/// Crates whose types are in public signatures.
pub use {bytes, serde_json, url};

pub use crate::call::{Call, GetBalance, GetModel, GetResult, GetStatus, ListModels, PostCancel};
pub use crate::client::Client;
pub use crate::content::ExpectedContent;
pub use crate::error::{Error, ErrorKind};
pub use crate::fingerprint::Fingerprint;
pub use crate::http_reply::{ContentRange, HttpHead, HttpReply, Phase, TransportError, TransportErrorKind};
pub use crate::http_request::{HttpRequest, Limits, MAX_REPLY_BYTES, Method};
pub use crate::id::{ModelId, RequestId};
pub use crate::job::{DynModel, Job, JobModel};
pub use crate::partial_file::{DownloadOptions, Downloaded, Progress};
pub use crate::pending_submit::PendingSubmit;
pub use crate::replies::{Balance, CancelOutcome, CancelReply, JobOutcome, ResultReply, StatusReply};
#[cfg(feature = "async")]
pub use crate::reqwest_transport::{Reqwest, TokioRuntime};
pub use crate::retry::{Backoff, RetryNotice, RetryPolicy};
#[doc(hidden)]
pub use crate::sanitize::is_unsafe_on_terminal;
pub use crate::settings::{ApiBase, BASE_VARIABLE, Settings};
#[doc(hidden)]
pub use crate::span::Span;
pub use crate::state::State;
pub use crate::submit_outcome::{SubmitError, SubmitOutcome, UnknownOutcome};
pub use crate::token::{TOKEN_VARIABLES, Token};
pub use crate::transport::{BodyStream, BoxFuture, OpenResult, Runtime, Transport};
