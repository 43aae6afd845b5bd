//! Waits for RunComfy jobs: a state machine without clock or socket, driven by an async or a blocking client.
//!
//! [`JobMachine`] holds every rule of a wait: `completed` is not success, an unknown state means that the job runs, and bad
//! replies are retried within a budget apart from the deadline. `wait` drives it on tokio, `blocking::wait` on the caller's
//! thread. `JobSet` and `blocking::JobSet` wait for any number of jobs at once, by one [`JobSetMachine`] that a simulation can
//! drive as well. A [`Schedule`] decides when to poll: [`ExponentialInterval`], [`FixedInterval`], or [`Learned`] from earlier
//! jobs.
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
mod cancel;
mod job_machine;
mod job_set;
mod learning;
mod options;
mod schedule;
mod wait;
mod wait_error;

pub use crate::cancel::cancel;
pub use crate::job_machine::{Action, Event, JobMachine, Step, Update, WaitOutcome};
#[cfg(feature = "async")]
pub use crate::job_set::JobSet;
pub use crate::job_set::{
    Account, AccountKey, CallRequest, JobKey, JobSetEvent, JobSetMachine, JobSetStats, JobSetUpdate,
    NextStep, RateLimit,
};
pub use crate::learning::{Aim, Experience, Fit, Learned, Record};
pub use crate::options::{OnDeadline, OnDrop, WaitOptions};
pub use crate::schedule::{DEFAULT_JOB_DURATION, ExponentialInterval, FixedInterval, PollContext, Schedule};
pub use crate::wait::wait;
pub use crate::wait_error::{CompletedJob, WaitError};
