#![doc = include_str!("../README.md")]

#[cfg(feature = "blocking")]
pub mod blocking;
mod catalog;
#[cfg(feature = "journal")]
mod journal_writer;
#[cfg(feature = "journal")]
mod journaled;

pub use crate::catalog::catalog;
#[cfg(feature = "schema")]
pub use crate::catalog::{Drift, drift};
#[cfg(feature = "journal")]
pub use crate::journaled::Journaled;
#[cfg(feature = "journal")]
pub use kling_journal::{self, Journal, OnDuplicate};

#[cfg(any(feature = "async", feature = "blocking"))]
pub use kling_poll::Account;
#[cfg(feature = "async")]
pub use kling_poll::JobSet;
pub use kling_poll::{
    Action, CompletedJob, DurationHistory, Event, ExponentialInterval, FixedInterval, JobKey, JobMachine,
    JobSetEvent, JobSetStats, JobSetUpdate, LearnedInterval, OnDeadline, OnDrop, PollContext, RateLimit,
    Schedule, Step, TimeLeft, Update, WaitError, WaitOptions, WaitOutcome, cancel, wait,
};
pub use kling_transport::{
    ApiBase, BASE_VARIABLE, Backoff, Balance, CancelOutcome, CancelReply, Client, DownloadOptions,
    Downloaded, DynModel, Error, ErrorKind, ExpectedContent, Fingerprint, Job, JobModel, ListModels, ModelId,
    Phase, Progress, RequestId, ResultReply, RetryNotice, RetryPolicy, Settings, State, StatusReply,
    SubmitError, SubmitOutcome, TOKEN_VARIABLES, Token, UnknownOutcome,
};
pub use kling_types::*;

#[cfg(feature = "media")]
pub use kling_media as media;
#[cfg(feature = "schema")]
pub use kling_schema as schema;
pub use {kling_poll, kling_transport, kling_types};
