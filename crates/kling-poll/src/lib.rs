#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "blocking")]
pub mod blocking;
mod cancel;
mod job_machine;
mod job_set;
mod learning;
mod options;
mod schedule;
mod wait;
mod wait_error;

pub use crate::cancel::cancel;
pub use crate::job_machine::{Action, Event, JobMachine, Step, Update};
#[cfg(any(feature = "async", feature = "blocking"))]
pub use crate::job_set::Account;
#[cfg(feature = "async")]
pub use crate::job_set::JobSet;
pub use crate::job_set::{JobKey, JobSetEvent, JobSetStats, JobSetUpdate, RateLimit};
pub use crate::learning::{DurationHistory, LearnedInterval};
pub use crate::options::{OnDeadline, OnDrop, WaitOptions};
pub use crate::schedule::{ExponentialInterval, FixedInterval, PollContext, Schedule, TimeLeft};
pub use crate::wait::wait;
pub use crate::wait_error::{CompletedJob, WaitError, WaitOutcome};
