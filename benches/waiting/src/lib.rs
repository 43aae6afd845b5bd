//! What the measurements of waiting share: durations of jobs, the simulation in virtual time, the optimum.

pub mod durations;
pub mod optimum;
pub mod plot;
#[cfg(feature = "loopback")]
pub mod server;
pub mod simulation;
