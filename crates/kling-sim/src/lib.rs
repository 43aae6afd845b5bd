#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod billing;
mod catalog;
#[cfg(feature = "clip")]
mod clip;
mod connection;
mod corrupt;
mod fault;
mod jobs;
mod output;
mod queue;
mod refusal;
mod reply;
mod server;
mod service;
mod settings;
mod sim;
mod submit;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use billing::Bill;
pub use fault::{Fault, FaultPlan};
pub use kling_types::Megabyte;
pub use reply::{Call, Reply};
pub use service::RecordedCall;
pub use settings::{
    ApiVariant, DEFAULT_TOKEN, ErrorStatus, MediaRules, MismatchBody, OutputForm, StatusWords, SubmitStatus,
    UnfinishedResult, UnknownInputs,
};
pub use sim::{Builder, Sim};

/// The header of every reply, with the value `true`.
pub const SIMULATED_HEADER: &str = "x-kling-simulated";

/// The header of a submit's reply that lists the JSON pointers of images with unchecked rules.
pub const UNCHECKED_HEADER: &str = "x-kling-unchecked";

/// Locks a mutex, even after a panic: no change under a lock can fail halfway.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
