//! Many waits at once: one order of calls over any number of job machines.

#[cfg(any(feature = "async", feature = "blocking"))]
mod account;
#[cfg(feature = "async")]
mod callers;
mod cancels;
#[cfg(feature = "async")]
mod exchange;
mod lane;
mod lanes;
mod machine;
mod news;
mod pace;
mod packed_id;
mod question;
#[cfg(any(feature = "async", feature = "blocking"))]
mod shared;
#[cfg(feature = "async")]
mod shell;
mod slot;
mod stats;
mod ticket;

#[cfg(any(feature = "async", feature = "blocking"))]
pub use self::account::Account;
pub use self::machine::{FleetAction, JobSetMachine};
pub use self::news::{JobSetEvent, JobSetUpdate};
pub use self::pace::RateLimit;
pub use self::question::{CallKind, CallRequest, CallResponse, LaneId};
#[cfg(any(feature = "async", feature = "blocking"))]
pub(crate) use self::shared::{Shared, Turn};
#[cfg(feature = "async")]
pub use self::shell::JobSet;
pub use self::stats::JobSetStats;
pub use self::ticket::JobKey;
