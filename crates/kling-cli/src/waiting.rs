//! The wait, the download after it, and what a Ctrl-C does to both.

use std::time::Duration;

use kling::{Client, DownloadOptions, Finished, Job, ModelOutput, RequestId, WaitOptions};
use serde_json::{Value, json};

use crate::arguments::Patience;
use crate::exit::{Exit, Stop};
use crate::interrupts::Interrupts;
use crate::live::Live;
use crate::target::Target;

/// Waits until a job is over. Ctrl-C cancels it where that is still possible, and tells what became of it.
pub(crate) async fn wait(
    client: &Client,
    job: &Job,
    timeout: Duration,
    live: &Live,
    interrupts: &mut Interrupts,
) -> Result<Finished, Stop> {
    let options = WaitOptions::default().with_deadline(timeout);
    let waiting = kling::wait(client, job, &options, |update| live.update(update));
    tokio::select! {
        outcome = waiting => outcome.map_err(|error| {
            let stop = Stop::from(&error);
            if stop.exit() == Exit::Failed { stop } else { stop.resumable(job.id(), &resume(job.id())) }
        }),
        () = interrupts.next() => Err(cancel(client, job.id(), interrupts).await),
    }
}

/// Cancels after a Ctrl-C, and says how that ended; a second Ctrl-C ends it at once.
pub(crate) async fn cancel(client: &Client, id: &RequestId, interrupts: &mut Interrupts) -> Stop {
    let cancelling = async { Some(kling::cancel(client, id).await) };
    let outcome = tokio::select! {
        outcome = cancelling => outcome,
        () = interrupts.next() => None,
    };
    match outcome {
        Some(Ok(reply)) => cancelled(id, reply.outcome),
        Some(Err(error)) => {
            Stop::new(Exit::TryAgain, format!("request {id} was left; cancelling it failed: {error}"))
                .resumable(id, &resume(id))
        }
        None => Stop::new(Exit::TryAgain, format!("request {id} was left; it may run and be billed"))
            .resumable(id, &resume(id)),
    }
}

fn cancelled(id: &RequestId, outcome: kling::CancelOutcome) -> Stop {
    use kling::CancelOutcome::{AlreadyOver, Cancelled, NotCancellable, NotConfirmed};
    let (exit, text) = match outcome {
        Cancelled => {
            return Stop::new(Exit::Failed, format!("request {id} was cancelled while it was in the queue"))
                .with("request_id", id.as_str());
        }
        NotCancellable => {
            (Exit::TryAgain, "runs on and may be billed: only requests in the queue can be cancelled")
        }
        AlreadyOver => (Exit::TryAgain, "had ended before it could be cancelled"),
        NotConfirmed => (Exit::TryAgain, "was asked to be cancelled, which is not confirmed"),
    };
    Stop::new(exit, format!("request {id} {text}")).resumable(id, &resume(id))
}

/// The command that takes a request up again.
fn resume(id: &RequestId) -> String {
    format!("kling wait {id} -o FILE")
}

/// A file that was downloaded, for a report.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) path: String,
    bytes: u64,
}

impl Saved {
    pub(crate) fn json(&self) -> Value {
        json!({ "path": self.path, "bytes": self.bytes })
    }
}

/// Downloads every output. The job is paid for, so whatever goes wrong, its id and its URLs are told.
pub(crate) async fn download(
    client: &Client,
    finished: &Finished,
    target: &Target,
    patience: &Patience,
    live: &Live,
    interrupts: &mut Interrupts,
) -> Result<Vec<Saved>, Stop> {
    let id = finished.request_id();
    let urls = urls(finished);
    if urls.is_empty() {
        let message = format!("request {id} succeeded, and its output names no file");
        return Err(Stop::new(Exit::Service, message)
            .with("request_id", id.as_str())
            .with("output", finished.output()));
    }
    let options =
        patience.allow_host.iter().fold(DownloadOptions::default(), DownloadOptions::with_allowed_host);
    let mut saved = Vec::new();
    for (index, url) in urls.iter().enumerate() {
        let path = target.path(id, index, url);
        live.show(&format!("downloading {}", path.display()));
        let downloading = client.download(url, &path, &options, |progress| live.progress(progress));
        let outcome = tokio::select! {
            outcome = downloading => outcome,
            () = interrupts.next() => {
                return Err(Stop::new(Exit::TryAgain, "the download was interrupted").resumable(id, &resume(id)));
            }
        };
        let downloaded = outcome.map_err(|error| stranded(&error, id, url))?;
        saved.push(Saved { path: downloaded.path.display().to_string(), bytes: downloaded.bytes });
    }
    Ok(saved)
}

/// The URLs of an output in any of its forms.
pub(crate) fn urls(finished: &Finished) -> Vec<String> {
    let output = kling::kling_1_6_pro_image_to_video::Output::from_json(finished.output());
    output.urls().into_iter().map(str::to_owned).collect()
}

/// What was paid for is named in full, so that it can be fetched by other means.
fn stranded(error: &kling::Error, id: &RequestId, url: &str) -> Stop {
    let mut command = resume(id);
    if let (true, Some(host)) = (error.is_host(), error.host()) {
        command.push_str(&format!(" --allow-host {host}"));
    }
    let exit = Stop::from(error.clone()).exit();
    Stop::new(exit, format!("the output was not downloaded: {error}\n  it lies at {url}"))
        .with("url", url)
        .resumable(id, &command)
}
