#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "blocking")]
pub mod blocking;
mod builder;
pub mod catalog;
mod client;
mod completed_job;
mod error;
pub mod guide;
mod job;
mod job_set;
mod journal_writer;
mod media_check;
mod output_file;
#[cfg(feature = "testing")]
pub mod testing;
mod unknown_submit;

pub use crate::builder::ClientBuilder;
pub use crate::client::Client;
pub use crate::completed_job::{CompletedJob, Save};
pub use crate::error::Error;
pub use crate::job::{Job, Wait};
#[cfg(feature = "async")]
pub use crate::job_set::JobSet;
pub use crate::job_set::{JobSetEvent, JobUpdate};
pub use crate::media_check::MediaPolicy;
pub use crate::unknown_submit::UnknownSubmit;
pub use kling_media::Image;
pub use kling_poll::{Update, WaitOptions};
pub use kling_transport::{DynModel, ErrorKind, ModelId, RequestId, State, Token, UnknownOutcome};
pub use kling_types::Violations;

/// The models that are compiled in, each as a module with its input and output.
pub use kling_types::models;

/// The journal: the durable record of paid jobs.
pub mod journal {
    #[cfg(feature = "journal")]
    pub use kling_journal::{CheckReport, JOURNAL_VARIABLE, RETENTION, SqliteStore, journal_file};
    pub use kling_journal::{
        Cursor, Entry, EntryLock, EntryStatus, Error as JournalError, ErrorKind as JournalErrorKind, Event,
        FinalStatus, Intent, IntentId, Journal, OnDuplicate, Outputs, Page, Query, Selection, Store,
    };
}

/// Images and their facts, and the rules of the models about them.
pub mod media {
    #[cfg(any(feature = "media-remote", feature = "media-remote-blocking"))]
    pub use kling_media::remote;
    pub use kling_media::{
        DataUri, Error as MediaError, Image, Measured, Reference, encode_data_uri, measure_bytes,
        measure_file, measure_path,
    };
    pub use kling_types::{
        ImageFormat, MediaFacts, MediaField, MediaKind, MediaRef, MediaReport, MediaRule, Megabyte, Metric,
        OutputKind, RuleResult, RuleSource,
    };
}

/// Calls, their settings and errors, and the HTTP client below.
pub mod transport {
    #[cfg(feature = "unstable-reqwest")]
    pub use kling_transport::Reqwest;
    /// Crates whose types are in public signatures.
    pub use kling_transport::{bytes, serde_json, url};

    #[doc(hidden)]
    pub use crate::output_file::numbered;
    #[doc(hidden)]
    pub use kling_transport::is_unsafe_on_terminal;
    pub use kling_transport::{
        ApiBase, BASE_VARIABLE, Backoff, Balance, BodyStream, BoxFuture, Call, CancelOutcome, CancelReply,
        Client as ApiClient, DownloadOptions, Downloaded, Error as CallError, ExpectedContent, Fingerprint,
        HttpHead, HttpReply, HttpRequest, Job as JobRef, JobModel, JobOutcome, Limits, OpenResult, Phase,
        Progress, ResultReply, RetryNotice, RetryPolicy, Runtime, Settings, StatusReply, SubmitError,
        SubmitOutcome, TOKEN_VARIABLES, Transport, TransportError, TransportErrorKind,
    };
}

/// Checks of inputs: violations, and schemas that are read at run time.
pub mod validation {
    pub use kling_schema::{
        ChangeClass, Changes, ModelNotes, ModelSchema, ObjectSchema, Property, SchemaError, Shape,
    };
    pub use kling_types::{Keyword, Pointer, Validate, Violation, json};
}

/// Waits: schedules, deadlines, learned durations.
pub mod wait {
    pub use kling_poll::{
        DurationHistory, ExponentialInterval, FixedInterval, JobSetStats, LearnedInterval, OnDeadline,
        OnDrop, PollContext, RateLimit, Schedule, TimeLeft, WaitError,
    };
}
