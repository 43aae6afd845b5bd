//! Typed SDK for RunComfy's Model API: Kling and every other model of its catalog.
//!
//! Three promises: wrong input is refused **before** anything is paid; a paid job is **never submitted twice and never
//! lost**; one job or many run through the **same** code, async or blocking.
#![cfg_attr(
    all(feature = "async", feature = "kling-1-6-pro-image-to-video"),
    doc = r#"
```no_run
use kling::kling_1_6_pro_image_to_video::Input;
use kling::{Client, WaitOptions};

# async fn run() -> Result<(), Box<dyn std::error::Error>> {
let input = Input::builder()
    .image_url("https://example.com/start.jpg")
    .prompt("slow dolly-in, leaves moving")
    .negative_prompt("blur, text")
    .build()?; // every violation at once, nothing is sent

let client = Client::from_env()?;
let job = client.submit(&input).await.into_result()?; // one POST; the id is worth keeping
let clip = kling::wait(&client, &job, &WaitOptions::default(), |update| println!("{update:?}")).await?;
for url in clip.output().urls() {
    client.download(url, "clip.mp4", &Default::default(), |_| {}).await?;
}
# Ok(())
# }
```"#
)]
//!
//! This crate is the face: [`kling_types`] has the inputs, outputs and rules, [`kling_transport`] the calls, [`kling_poll`]
//! the wait; each can be used alone. Of its own it holds the joint between a client and a journal: `Journaled`, with which no
//! paid job is out of reach after a crash.
//!
//! # Tracing
//!
//! With the feature `tracing`, spans of the target `kling` tell what is done. Their fields hold no token, no input, and of
//! URLs the host alone. Waits of one job and fleets, async and blocking, tell the same.
//!
//! | span | level | one for each | fields |
//! |---|---|---|---|
//! | `submit` | info | paid submit, with all its attempts | `model`, `attempt`, `outcome` (`submitted`, `refused`, `unknown`), `request_id`, `delay_ms`, `warning`, `error` |
//! | `poll` | debug | question of a wait for the status | `request_id`, `attempt` (which poll of this wait), `state`, `delay_ms` until the next question, `warning`, `error` |
//! | `result` | info | question of a wait for the result | the same |
//! | `cancel` | info | question of a wait to cancel | the same |
//! | `call` | debug | free call outside a wait, with all its attempts | `call` (`status`, `result`, `cancel`, `balance`, `model`, `models`), `request_id`, `attempt`, `delay_ms`, `warning`, `error` |
//! | `download` | info | download, with all its attempts | `host`, `attempt`, `bytes`, `delay_ms`, `error` |
//!
//! Fields are recorded as they become known, so they are all there when the span closes; `delay_ms` and `error` are those of
//! the last attempt that had them. `warning` says what was wrong with an answer that was broken and could be read all the
//! same.

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

#[cfg(feature = "async")]
pub use kling_poll::JobSet;
pub use kling_poll::{
    Account, Action, Aim, CompletedJob, Event, Experience, ExponentialInterval, Fit, FixedInterval, JobKey,
    JobMachine, JobSetEvent, JobSetStats, JobSetUpdate, Learned, OnDeadline, OnDrop, PollContext, RateLimit,
    Record, Schedule, Step, Update, WaitError, WaitOptions, WaitOutcome, cancel, wait,
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
