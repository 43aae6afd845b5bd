//! RunComfy's Model API, simulated over real HTTP on loopback.
//!
//! Point any client at [`Sim::base_url`] with [`Sim::token`]: submits are checked against the schemas, compiled in or read
//! from a folder ([`Builder::schemas_dir`]), and the rules on pictures; jobs wait in a queue, run and finish in simulated
//! time, and what would have been billed is counted. Nothing is generated and nothing costs anything. Every reply carries
//! the header [`SIMULATED_HEADER`], every clip and every picture the word SIMULATED in it.
//!
//! ```
//! use std::time::Duration;
//! use kling_sim::Sim;
//! use serde_json::{Value, json};
//!
//! let sim = Sim::builder().manual_time().start()?;
//! let (base, token) = (sim.base_url(), format!("Bearer {}", sim.token()));
//!
//! // Any client will do; this is ureq.
//! let job: Value = ureq::post(format!("{base}/models/kling/kling-1-6/pro/image-to-video"))
//!     .header("authorization", &token)
//!     .send_json(json!({"image_url": "https://example.com/start.jpg"}))?
//!     .body_mut()
//!     .read_json()?;
//! assert_eq!(sim.billed().len(), 1);
//!
//! sim.advance(Duration::from_secs(24)); // a job waits 4 s and runs 20 s
//! let result: Value = ureq::get(job["result_url"].as_str().unwrap_or_default())
//!     .header("authorization", &token)
//!     .call()?
//!     .body_mut()
//!     .read_json()?;
//! assert_eq!(result["status"], "succeeded");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Faults
//! [`Sim::fault_next`] does one thing wrong to one call, [`Builder::faults`] follows a plan, by count or by chance: dropped and
//! reset connections, stalls, torn JSON, refusals, foreign words. [`Sim::billed`] stays the truth about what was paid for:
//!
//! ```
//! use kling_sim::{Call, Fault, Sim};
//!
//! let sim = Sim::start()?;
//! sim.fault_next(Call::Submit, Fault::DropProcessed);
//! let outcome = ureq::post(format!("{}/models/kling/kling-1-6/pro/image-to-video", sim.base_url()))
//!     .header("authorization", format!("Bearer {}", sim.token()))
//!     .send_json(serde_json::json!({"image_url": "https://example.com/start.jpg"}));
//! assert!(outcome.is_err(), "the answer is lost");
//! assert_eq!(sim.billed().len(), 1, "the money is not there any more: a client that tries again pays twice");
//! assert_eq!(sim.requests()[0].fault.as_deref(), Some("drop, processed"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Readings
//! What the provider leaves open is a setting of [`Builder`], one type a question; each default is the better
//! documented reading. Prices are made up: 5 cents a second of video, 10 cents any other output.

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
