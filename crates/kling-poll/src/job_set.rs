//! Waits for many jobs at once: a machine without clock or socket, and the sets that drive it.

mod account_queue;
#[cfg(feature = "blocking")]
pub(crate) mod blocking;
mod event;
mod machine;
mod shared;
#[cfg(feature = "async")]
mod stream;

use self::account_queue::AccountKey;
pub use self::account_queue::RateLimit;
pub use self::event::{JobKey, JobSetEvent, JobSetStats, JobSetUpdate};
pub use self::shared::Account;
#[cfg(feature = "async")]
pub use self::stream::JobSet;
