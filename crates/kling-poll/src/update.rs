//! What a wait tells while it lasts.

use std::time::Duration;

use kling_transport::{Error, State};

/// News of a job: its state or its place in the queue changed, or an error was forgiven. Nothing is told twice.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Update {
    /// The last state seen, if any.
    pub state: Option<State>,
    /// The last place in the queue, where the API tells it.
    pub queue_position: Option<u32>,
    /// How long the wait lasts.
    pub elapsed: Duration,
    /// How often the status was asked for.
    pub polls: u32,
    /// The error that was just forgiven, if that is the news.
    pub error: Option<Error>,
}
