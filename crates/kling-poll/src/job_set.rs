//! Waits for many jobs at once: a machine without clock or socket, and the sets that drive it.

mod account_queue;
#[cfg(feature = "blocking")]
pub(crate) mod blocking;
mod event;
mod machine;
mod shared;
#[cfg(feature = "async")]
mod stream;

pub use self::account_queue::{AccountKey, RateLimit};
pub use self::event::{JobKey, JobSetEvent, JobSetStats, JobSetUpdate};
pub use self::machine::{CallRequest, JobSetMachine, NextStep};
pub use self::shared::Account;
#[cfg(feature = "async")]
pub use self::stream::JobSet;
