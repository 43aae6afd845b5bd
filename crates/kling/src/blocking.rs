//! The blocking client and the blocking wait, with the names of the async ones.
//!
//! ```no_run
//! use kling::blocking::{Client, wait};
//! use kling::{Job, WaitOptions};
//!
//! let client = Client::from_env()?;
//! let job: Job = Job::from_id("5e1f-09c".parse()?);
//! let clip = wait(&client, &job, &WaitOptions::default(), |_| {})?;
//! println!("{}", clip.output());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod catalog;
#[cfg(feature = "journal")]
mod journaled;

pub use self::catalog::catalog;
#[cfg(feature = "schema")]
pub use self::catalog::drift;
#[cfg(feature = "journal")]
pub use self::journaled::Journaled;
pub use kling_poll::blocking::{Fleet, cancel, wait};
#[cfg(any(feature = "rustls", feature = "native-tls"))]
pub use kling_transport::blocking::tls_config;
pub use kling_transport::blocking::{Client, Clock, SystemClock};
