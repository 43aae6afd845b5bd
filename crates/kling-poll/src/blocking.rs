//! The blocking face: the same waits on the caller's thread.

use kling_transport::blocking::{Client, block_on};
use kling_transport::{CancelReply, Error, Job, JobModel, RequestId};

use crate::{CompletedJob, Update, WaitError, WaitOptions};

pub use crate::job_set::blocking::JobSet;

/// Waits until a job is over, and returns its result. Makes no paid call, and starts no thread.
///
/// `on_update` is called on each change, and on each error that is retried.
///
/// # Errors
/// [`WaitError`], with the id, the last state and, if the job failed, the API's reason.
pub fn wait<M: JobModel>(
    client: &Client,
    job: &Job<M>,
    options: &WaitOptions,
    on_update: impl FnMut(&Update),
) -> Result<CompletedJob<M>, WaitError> {
    block_on(crate::wait(client.as_async(), job, options, on_update))
}

/// Cancels a job and finds out the outcome. If the reply to the cancel is lost or unclear, it gets the status once.
///
/// # Errors
/// If neither call brought a usable reply, or the API refused.
pub fn cancel(client: &Client, id: &RequestId) -> Result<CancelReply, Error> {
    block_on(crate::cancel(client.as_async(), id))
}
