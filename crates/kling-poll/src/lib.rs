//! Waits for RunComfy jobs: a state machine without clock or socket, and two thin shells that drive it.
//!
//! [`JobMachine`] holds every rule of a wait. [`wait`] drives it on tokio, [`blocking::wait`] on the caller's thread, and a
//! scheduler of one's own can drive any number of machines at once.
#[cfg(feature = "blocking")]
pub mod blocking;
#[cfg(any(feature = "async", feature = "blocking"))]
mod cancelling;
mod finished;
mod machine;
mod options;
mod schedule;
mod step;
mod update;
#[cfg(feature = "async")]
mod wait;
mod wait_error;

pub use crate::finished::Finished;
pub use crate::machine::JobMachine;
pub use crate::options::WaitOptions;
pub use crate::schedule::{Fixed, Growing, Schedule, Seen};
pub use crate::step::{Action, Ending, Event, Step};
pub use crate::update::Update;
#[cfg(feature = "async")]
pub use crate::wait::{cancel, wait};
pub use crate::wait_error::WaitError;
