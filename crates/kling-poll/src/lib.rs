//! Waits for RunComfy jobs: a state machine without clock or socket, and two thin shells that drive it.
//!
//! [`JobMachine`] holds every rule of a wait: `completed` is not success, unknown words go on, bad answers are forgiven under
//! a budget apart from the deadline. `wait` drives it on tokio, `blocking::wait` on the caller's thread, and `JobSet`
//! and `blocking::JobSet` wait for any number of jobs at once: one [`JobSetMachine`] over the same job machines, each of 32 bytes,
//! which a scheduler of one's own or a simulation can drive too. When to ask is told by a [`Schedule`]: [`ExponentialInterval`], [`FixedInterval`], or
//! [`Learned`] from the jobs that were waited for.
//!
//! ```no_run
//! # #[cfg(feature = "blocking")]
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use kling_poll::WaitOptions;
//! use kling_transport::{Job, blocking::Client};
//!
//! let client = Client::from_env()?;
//! let job: Job = Job::from_id("5e1f-09c".parse()?); // submitted earlier, perhaps by another process
//! let done = kling_poll::blocking::wait(&client, &job, &WaitOptions::default(), |update| {
//!     println!("{:?} after {:?}", update.state, update.elapsed);
//! })?;
//! println!("{} for {:?} USD", done.output(), done.cost_usd());
//! # Ok(())
//! # }
//! # #[cfg(not(feature = "blocking"))]
//! # fn main() {}
//! ```

#[cfg(feature = "blocking")]
pub mod blocking;
mod cancelling;
mod fleet;
mod learning;
mod machine;
mod options;
mod schedule;
#[cfg(feature = "async")]
mod wait;
mod wait_error;

#[cfg(any(feature = "async", feature = "blocking"))]
pub use crate::fleet::Account;
#[cfg(feature = "async")]
pub use crate::fleet::JobSet;
pub use crate::fleet::{
    CallKind, CallRequest, CallResponse, FleetAction, JobKey, JobSetEvent, JobSetMachine, JobSetStats,
    JobSetUpdate, LaneId, RateLimit,
};
pub use crate::learning::{Aim, Experience, Fit, Learned, Record};
pub use crate::machine::{Action, Event, JobMachine, Step, Update, WaitOutcome};
pub use crate::options::{OnDeadline, OnDrop, WaitOptions};
pub use crate::schedule::{DEFAULT_JOB_DURATION, ExponentialInterval, FixedInterval, PollContext, Schedule};
#[cfg(feature = "async")]
pub use crate::wait::{cancel, wait};
pub use crate::wait_error::{CompletedJob, WaitError};
